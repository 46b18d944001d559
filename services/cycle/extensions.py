"""Putting off the current stage's due day, and with it whatever was asked until that day."""

from datetime import datetime
from functools import cache

from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    DecisionKind,
    PublicNotice,
    RequestStatus,
    StageVisit,
    Supplement,
    VerificationRequest,
)
from services.access.actors import Actor
from services.application import completeness
from services.clock import Clock, today
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, end_of_day
from services.errors import InputError, StateError
from services.record.operation import operation


@operation("cycle.extend")
def extend(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    working_days: int,
    reason: str,
    shown: str | None = None,
) -> datetime:
    """Put off the current stage's due day by working days, for a reason. Returns the new due moment.

    Supplements and review requests of the stage that are still open, and a public notice that runs, end that much
    later too. Raises StateError for a stage without a due day and when the year stands no longer as `shown`
    (`cycles.mark`), InputError.
    """
    visit = cycles.shown_visit(session, cycles.open_one(session, cycle_id), shown)
    if visit.due_at is None:
        raise StateError("当前阶段没有期限，不能延长。")
    if working_days < 1 or not reason.strip():
        raise InputError(f"延长期限要写明大于零的工作日数（看到 {working_days}）和理由。")
    calendar = Calendar(settings.calendar_dir)

    @cache  # thousands of requests are due at few moments
    def later(due_at: datetime) -> datetime:
        return end_of_day(calendar.add_working_days(max(due_day(due_at), today(clock)), working_days))

    visit.due_at = later(visit.due_at)
    for waiting in _asked(session, visit):
        waiting.due_at = later(waiting.due_at)
    for notice in _running(session, visit):
        notice.ends_on = due_day(visit.due_at)
    cycles.decide(session, clock, actor, visit, DecisionKind.EXTEND, reason=reason.strip())
    return visit.due_at


def _asked(session: Session, visit: StageVisit) -> list[Supplement | VerificationRequest]:
    """What the stage has asked of others and waits for."""
    supplements = (
        select(Supplement)
        .join(Application, col(Application.id) == Supplement.application_id)
        .where(*completeness.waits(visit.cycle_id))
    )
    requests = select(VerificationRequest).where(
        VerificationRequest.cycle_id == visit.cycle_id, VerificationRequest.status == RequestStatus.OPEN
    )
    return [*session.exec(supplements), *session.exec(requests)]


def _running(session: Session, visit: StageVisit) -> list[PublicNotice]:
    """The notice of a stage that is a notice: it runs to the stage's due day."""
    query = select(PublicNotice).where(
        PublicNotice.cycle_id == visit.cycle_id, PublicNotice.published_at >= visit.entered_at
    )
    return list(session.exec(query)) if visit.stage == "public_notice" else []
