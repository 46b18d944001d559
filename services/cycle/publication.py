"""What everybody may read of the cycles: guides that were published, and public notices while they run."""

import hmac
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, select

from config.settings import Settings
from models import Cycle, CycleStatus, Document, Objection, PublicNotice, VisitResult
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.errors import NotFoundError
from services.law.policies import policy_of

_GUIDE_STAGE = "guide"


@dataclass(frozen=True)
class Guide:
    """A published guide. The intake's days are None before it has begun."""

    cycle_id: int
    year: int
    policy: str
    opens: date | None
    closes: date | None


@dataclass(frozen=True)
class Running:
    """A public notice that runs; `days_left` counts today."""

    cycle_id: int
    year: int
    policy: str
    starts_on: date
    ends_on: date
    days_left: int


def guides(session: Session) -> list[Guide]:
    """The published guides, the newest year first."""
    running = session.exec(
        select(Cycle)
        .where(Cycle.status != CycleStatus.CANCELLED)
        .order_by(col(Cycle.year).desc(), col(Cycle.id).desc())
    )
    return [_guide(session, cycle) for cycle in running if _is_published(session, cycle)]


def notices(session: Session, clock: Clock) -> list[Running]:
    """The public notices that run today."""
    rows = session.exec(
        select(PublicNotice, Cycle)
        .join(Cycle)
        .where(Cycle.status == CycleStatus.OPEN, col(PublicNotice.published_at) >= Cycle.opened_at)
        .order_by(col(PublicNotice.id))
    )
    found = []
    for notice, cycle in rows:
        last = notice.ends_on
        if notice.starts_on <= today(clock) <= last:
            left = (last - today(clock)).days + 1
            title = policy_of(session, cycle).title
            found.append(Running(cycle.id or 0, cycle.year, title, notice.starts_on, last, left))
    return found


def file(session: Session, clock: Clock, settings: Settings, cycle_id: int, kind: str, form: str) -> bytes:
    """The newest public file of a cycle (`guide`, or `public_list` while its notice runs).

    Raises NotFoundError, the same for what does not exist as for what is not public (any more).
    """
    public = {
        "guide": any(guide.cycle_id == cycle_id for guide in guides(session)),
        "public_list": any(notice.cycle_id == cycle_id for notice in notices(session, clock)),
    }
    row = session.exec(
        select(Document)
        .where(Document.cycle_id == cycle_id, Document.kind == kind, Document.format == form)
        .order_by(col(Document.written_at).desc(), col(Document.id).desc())
    ).first()
    path = settings.output_dir / row.path if row is not None else None
    if not public.get(kind) or path is None or not path.is_file():
        raise NotFoundError("没有这份文件，或者它现在不公开。")
    return path.read_bytes()


def listed(session: Session, clock: Clock, cycle_id: int) -> int:
    """The id of the list whose public notice runs. Raises NotFoundError when none does."""
    if not any(notice.cycle_id == cycle_id for notice in notices(session, clock)):
        raise NotFoundError("这个年度现在没有公示中的名单。")
    newest = select(PublicNotice.list_id).where(PublicNotice.cycle_id == cycle_id).order_by(col(PublicNotice.id).desc())
    return session.exec(newest.limit(1)).one()


def objection(session: Session, number: str, contact: str) -> Objection:
    """An objection by its receipt number and the contact that was left with it. Raises NotFoundError."""
    found = session.exec(select(Objection).where(Objection.number == number.strip())).one_or_none()
    told = contact.strip().encode()
    if found is None or not told or not hmac.compare_digest(found.contact.encode(), told):
        raise NotFoundError("没有查到：请核对受理编号，以及提出异议时留下的联系方式。")
    return found


def _is_published(session: Session, cycle: Cycle) -> bool:
    visit = cycles.newest_visit(session, cycle, _GUIDE_STAGE)
    return visit is not None and visit.result is VisitResult.PASSED


def _guide(session: Session, cycle: Cycle) -> Guide:
    visit = cycles.newest_visit(session, cycle, "intake")
    opens = visit.entered_at if visit else None
    closes = visit.due_at if visit else None
    return Guide(
        cycle.id or 0,
        cycle.year,
        policy_of(session, cycle).title,
        opens.astimezone(CHINA).date() if opens else None,
        due_day(closes) if closes else None,
    )
