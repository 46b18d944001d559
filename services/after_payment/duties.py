"""Non-cash duties (鼓励…): the yearly line of progress from each bureau."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Cycle, CycleStatus, DutyReport, Role, User
from policy import Policy
from policy.schema import Duty
from services.access.actors import Actor
from services.access.people import active_users
from services.clock import Clock, today
from services.cycle import cycles
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.law import policies
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.record.operation import operation

MOST_CHARACTERS = 1000


@dataclass(frozen=True)
class Told:
    """One line of progress, and who wrote it."""

    report: DutyReport
    by: str


@dataclass(frozen=True)
class Part:
    """A bureau's part in a duty, with its lines, the newest first. `open`: the reader may add one."""

    bureau: str
    name: str
    leads: bool
    told: tuple[Told, ...]
    open: bool


class Show(StrEnum):
    """Which parts are shown."""

    ALL = "all"
    SILENT = "silent"  # 未填报
    DONE = "done"  # 已填报


class By(StrEnum):
    """What the parts are gathered by."""

    CLAUSE = "clause"
    BUREAU = "bureau"


@dataclass(frozen=True)
class DutyShown:
    """A duty of the policy with every bureau's part in it."""

    duty: Duty
    parts: tuple[Part, ...]


@dataclass(frozen=True)
class Group:
    """Parts of one clause or one bureau. `total` and `done` count all of it, `rows` those that are shown."""

    title: str
    rows: tuple[tuple[Duty, Part], ...]
    total: int
    done: int


def grouped(found: Iterable[DutyShown], by: By, show: Show) -> list[Group]:
    """The parts by clause or by bureau, in the policy's order; groups of which nothing is shown are left out."""
    groups: dict[str, list[tuple[Duty, Part]]] = {}
    for each in found:
        for part in each.parts:
            groups.setdefault(each.duty.clause if by is By.CLAUSE else part.name, []).append((each.duty, part))
    shown = [
        Group(
            title,
            tuple(row for row in rows if show is Show.ALL or bool(row[1].told) == (show is Show.DONE)),
            len(rows),
            sum(bool(part.told) for _, part in rows),
        )
        for title, rows in groups.items()
    ]
    return [group for group in shown if group.rows]


def untold(actor: Actor, found: Iterable[DutyShown]) -> int:
    """How many parts have no line yet: of its own bureau to a verifier, of all to everybody else."""
    own_only = actor.role is Role.BUREAU_VERIFIER
    parts = (part for each in found for part in each.parts if not own_only or part.bureau == actor.bureau)
    return sum(not part.told for part in parts)


def silent(session: Session, law: Policy, cycle: Cycle) -> dict[str, int]:
    """For each bureau that still has lines to give, how many."""
    reported = set(
        session.exec(select(DutyReport.duty, DutyReport.bureau).where(DutyReport.cycle_id == cycle.id)).all()
    )
    counts: dict[str, int] = {}
    for duty in law.duties:
        for bureau in _bureaus(duty):
            if (duty.id, bureau) not in reported:
                counts[bureau] = counts.get(bureau, 0) + 1
    return counts


@operation("duty.remind")
def remind(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
) -> int:
    """Remind the people of every bureau that has not given all its lines, at most once a day.

    Returns how many notices were new. Raises StateError when nobody can be told or the year has ended.
    """
    cycle = cycles.open_one(session, cycle_id)
    law = policies.policy_of(session, cycle)
    common = about_cycle(session, cycle, "duties")
    counts = silent(session, law, cycle)
    told = [(bureau, user) for bureau in counts for user in active_users(session, Role.BUREAU_VERIFIER, bureau=bureau)]
    if counts and not told:
        raise StateError("未填报的部门都没有核验人账号，没有人可以催报；请先添加用户。")
    return sum(
        queue(
            session,
            clock,
            cycle_id,
            "duty_reminder",
            user.email or "",
            user.name,
            f"{bureau}/{today(clock)}",
            common | {"bureau": law.bureau_name(bureau), "count": counts[bureau]},
            domain=settings.message_domain,
        )
        for bureau, user in told
    )


def of_year(session: Session, actor: Actor, law: Policy, cycle: Cycle) -> list[DutyShown]:
    """Every duty of the policy; to a bureau only those in which it has a part."""
    told: dict[tuple[str, str], list[Told]] = {}
    query = select(DutyReport, User.name).join(User).where(DutyReport.cycle_id == cycle.id)
    for line, name in session.exec(query.order_by(col(DutyReport.seq).desc())):
        told.setdefault((line.duty, line.bureau), []).append(Told(line, name))

    def shown(duty: Duty, bureau: str) -> Part:
        mine = cycle.status is CycleStatus.OPEN and _may_report(actor, bureau)
        lines = tuple(told.get((duty.id, bureau), ()))
        return Part(bureau, law.bureau_name(bureau), bureau == duty.lead, lines, mine)

    found = [DutyShown(each, tuple(shown(each, bureau) for bureau in _bureaus(each))) for each in law.duties]
    if actor.role is not Role.BUREAU_VERIFIER:
        return found
    return [each for each in found if any(part.bureau == actor.bureau for part in each.parts)]


@operation("duty.report")
def report(
    session: Session, clock: Clock, actor: Actor, *, cycle_id: int, duty: str, bureau: str, progress: str
) -> DutyReport:
    """Record a bureau's progress on a duty in the cycle's year; an earlier line is kept, the newest counts.

    Raises NotFoundError for an unknown duty, InputError for a bureau without part in it or an empty line,
    NotAllowedError for another bureau's line.
    """
    law = policies.policy_of(session, cycles.open_one(session, cycle_id))
    _check_bureau(law, _duty(law, duty), bureau)
    if not _may_report(actor, bureau):
        raise NotAllowedError(f"只能填报本部门的进展，不能代“{law.bureau_name(bureau)}”填报；请由该部门办理。")
    if not progress.strip():
        raise InputError("进展情况没有填写；请写一句话说明本年度做了什么。")
    if len(progress.strip()) > MOST_CHARACTERS:
        raise InputError(f"进展情况最多 {MOST_CHARACTERS} 字，填写了 {len(progress.strip())} 字；请精简。")
    last = session.exec(
        select(func.max(DutyReport.seq)).where(
            DutyReport.cycle_id == cycle_id, DutyReport.duty == duty, DutyReport.bureau == bureau
        )
    ).one()
    line = DutyReport(
        cycle_id=cycle_id,
        duty=duty,
        bureau=bureau,
        seq=(last or 0) + 1,
        progress=progress.strip(),
        user_id=actor.user_id,
        reported_at=clock.now(),
    )
    session.add(line)
    session.flush()
    return line


def _duty(law: Policy, duty_id: str) -> Duty:
    for duty in law.duties:
        if duty.id == duty_id:
            return duty
    known = "、".join(duty.id for duty in law.duties)
    raise NotFoundError(f"{law.number} 没有编号为“{duty_id}”的职责；已有的是：{known}。")


def _check_bureau(law: Policy, duty: Duty, bureau: str) -> None:
    if bureau not in _bureaus(duty):
        names = "、".join(law.bureau_name(each) for each in _bureaus(duty))
        raise InputError(f"“{law.bureau_name(bureau)}”不承担职责“{duty.title or duty.id}”；应由{names}填报。")


def _bureaus(duty: Duty) -> list[str]:
    return list(dict.fromkeys([duty.lead, *duty.responsible]))


def _may_report(actor: Actor, bureau: str) -> bool:
    """Whether the actor may write a bureau's line: its own people, and the operator for anybody."""
    return actor.role is Role.OPERATOR or (actor.role is Role.BUREAU_VERIFIER and actor.bureau == bureau)
