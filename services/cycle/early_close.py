"""Closing the intake window before its due day. A public notice is never cut short: the law sets its working days."""

from datetime import date, datetime

from sqlmodel import Session

from config.settings import Settings
from models import DecisionKind
from services.access.actors import Actor
from services.application.applications import INTAKE
from services.clock import Clock, today
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, end_of_day
from services.cycle.stages import CyclePlan, GateKind, StagePlan
from services.errors import InputError, StateError
from services.record.operation import operation


@operation("cycle.close_window")
def close_early(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    plan: CyclePlan,
    cycle_id: int,
    last_day: date,
    reason: str,
    shown: str | None = None,
) -> datetime:
    """Let the intake end with a working day before its due day, for a reason. Returns the new due moment.

    Raises StateError in another stage and when the year stands no longer as `shown` (`cycles.mark`), InputError for a
    day that has passed, is no working day or closes nothing.
    """
    visit = cycles.shown_visit(session, cycles.open_one(session, cycle_id), shown)
    stage = plan.stage(visit.stage)
    if not can_close(stage) or visit.due_at is None:
        raise StateError(refusal(stage))
    if not reason.strip():
        raise InputError("提前截止受理必须写明理由。")
    _check_day(clock, Calendar(settings.calendar_dir), last_day, due_day(visit.due_at))
    visit.due_at = end_of_day(last_day)
    cycles.decide(session, clock, actor, visit, DecisionKind.CLOSE_EARLY, reason=reason.strip())
    return visit.due_at


def can_close(stage: StagePlan) -> bool:
    """Whether the operator may bring the end of this stage forward: the intake, as long as a due day ends it."""
    return stage.id == INTAKE and stage.gate.kind is GateKind.DEADLINE


def refusal(stage: StagePlan) -> str:
    """Why another stage is not closed early."""
    if stage.gate.kind is GateKind.DEADLINE:
        return f"“{stage.title}”不得少于规定的 {stage.working_days} 个工作日，不能提前截止；确需延长的可以延长期限。"
    return f"现在是“{stage.title}”，只有申报受理可以提前截止。"


def _check_day(clock: Clock, calendar: Calendar, day: date, due: date) -> None:
    if day < today(clock):
        raise InputError(f"截止日 {day} 已经过去，今天是 {today(clock)}；请选择今天或以后的工作日。")
    if day >= due:
        raise InputError(f"截止日 {day} 不早于现在的期限 {due}，不是提前截止；要延长的请用“延长期限”。")
    if not calendar.is_working_day(day):
        raise InputError(f"截止日 {day} 不是工作日；请选择 {today(clock)} 至 {due} 之间的工作日。")
