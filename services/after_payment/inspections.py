"""检查、审计: a light record of a look at a paid award, with files; it ends closed, or in a clawback."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from config.settings import Settings
from models import AwardListEntry, Inspection, InspectionFile, InspectionKind, User
from services.access.actors import Actor
from services.after_payment import awards
from services.application import attachments, file_kinds
from services.clock import Clock, today
from services.errors import InputError, NotFoundError, StateError
from services.record.operation import operation

KIND_NAMES = {
    InspectionKind.AUDIT: "审计",
    InspectionKind.FINANCE: "财政监督检查",
    InspectionKind.BUREAU: "主管部门检查",
    InspectionKind.THIRD_PARTY: "第三方核查",
}
MOST_FILES, MOST_BYTES = 10, 100 * file_kinds.MEGABYTE
File = tuple[str, bytes]  # name and content


@dataclass(frozen=True)
class Look:
    """What was looked at, by whom, when, and what was found."""

    kind: InspectionKind
    inspector: str
    on: date
    finding: str


@dataclass(frozen=True)
class Shown:
    """An inspection with the award that it is about, its files, and who recorded and closed it."""

    inspection: Inspection
    entry: AwardListEntry
    files: tuple[InspectionFile, ...]
    by: str
    closed_by: str

    @property
    def kind(self) -> str:
        """What sort of a look it was."""
        return KIND_NAMES[self.inspection.kind]


@operation("inspection.record")
def record(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    number: str,
    look: Look,
    files: Sequence[File] = (),
) -> Inspection:
    """Record a look at the paid award of an application. Raises InputError, also for files as file_kinds does."""
    award = awards.of_number(session, actor, cycle_id, number)
    if not look.inspector.strip() or not look.finding.strip():
        raise InputError("检查人（单位）和检查情况都要填写。")
    if look.on > today(clock):
        raise InputError(f"检查日期 {look.on} 晚于今天；请核对。")
    made = Inspection(
        cycle_id=cycle_id,
        entry_id=award.entry.id or 0,
        kind=look.kind,
        inspector=look.inspector.strip(),
        inspected_on=look.on,
        finding=look.finding.strip(),
        user_id=actor.user_id,
        recorded_at=clock.now(),
    )
    session.add(made)
    session.flush()
    _keep(session, settings, made, files)
    return made


@operation("inspection.close")
def close(session: Session, clock: Clock, actor: Actor, *, inspection_id: int, conclusion: str) -> Inspection:
    """Close an inspection without a clawback. Raises StateError when it is closed, InputError without a conclusion."""
    found = get(session, inspection_id)
    if found.closed_at is not None:
        raise StateError("这次检查已经办结，不需要再办。")
    if not conclusion.strip():
        raise InputError("办结检查必须写明结论。")
    return end(clock, actor, found, conclusion.strip())


def end(clock: Clock, actor: Actor, found: Inspection, conclusion: str) -> Inspection:
    """End an inspection in the caller's operation."""
    found.conclusion, found.closed_by, found.closed_at = conclusion, actor.user_id, clock.now()
    return found


def reopen(found: Inspection) -> None:
    """Have an inspection open again in the caller's operation."""
    found.conclusion, found.closed_by, found.closed_at = "", None, None


def get(session: Session, inspection_id: int) -> Inspection:
    """The inspection with this id. Raises NotFoundError."""
    found = session.get(Inspection, inspection_id)
    if found is None:
        raise NotFoundError("没有这次检查。")
    return found


def file(session: Session, inspection_id: int, file_id: int) -> InspectionFile:
    """A file of an inspection. Raises NotFoundError."""
    found = session.get(InspectionFile, file_id)
    if found is None or found.inspection_id != inspection_id:
        raise NotFoundError("没有这份检查材料。")
    return found


def shown(session: Session, inspection_id: int) -> Shown:
    """One inspection. Raises NotFoundError."""
    return _shown(session, get(session, inspection_id))


def of_year(session: Session, cycle_id: int) -> list[Shown]:
    """The inspections of a year's awards, those that are open first, then the newest first."""
    query = select(Inspection).where(Inspection.cycle_id == cycle_id).order_by(col(Inspection.id).desc())
    found = [_shown(session, each) for each in session.exec(query)]
    return sorted(found, key=lambda each: each.inspection.closed_at is not None)


def _shown(session: Session, found: Inspection) -> Shown:
    files = session.exec(
        select(InspectionFile).where(InspectionFile.inspection_id == found.id).order_by(col(InspectionFile.id))
    ).all()
    return Shown(
        found,
        session.get_one(AwardListEntry, found.entry_id),
        tuple(files),
        session.get_one(User, found.user_id).name,
        session.get_one(User, found.closed_by).name if found.closed_by is not None else "",
    )


def _keep(session: Session, settings: Settings, made: Inspection, files: Sequence[File]) -> None:
    """Keep the files, the same one once; nothing is kept of any unless all can be taken."""
    sizes: list[int] = []
    for name, data in files:
        checked = file_kinds.check_file(settings, name, data)
        file_kinds.check_room(sizes, checked, len(data), files=MOST_FILES, total=MOST_BYTES)
        sizes.append(len(data))
    kept = {attachments.keep(settings, data): (name, len(data)) for name, data in files}
    session.add_all(
        InspectionFile(inspection_id=made.id or 0, filename=file_kinds.plain_name(name), sha256=sha256, size=size)
        for sha256, (name, size) in kept.items()
    )
