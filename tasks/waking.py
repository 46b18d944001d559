"""Why a suspended cycle should be woken: its gate is open, or there is new work in its stage."""

from sqlmodel import Session, col, func, select

from models import Application, ApplicationStatus, Cycle, Decision, DecisionKind, ReviewerKind, StageVisit, Supplement
from services.cycle import cycles, gates
from services.review import reviews
from tasks.context import Context, acting
from tasks.step import step

_ASKS = {"county_review": ReviewerKind.COUNTY, "verification": ReviewerKind.BUREAU}


@step("是否需要唤醒")
def reason_to_wake(cycle_id: int) -> str | None:
    """A Chinese reason, None when the cycle has nothing to do but wait."""
    with acting() as (parts, session, _system):
        cycle = cycles.get_cycle(session, cycle_id)
        if gates.read_gate(session, parts.clock, parts.plan, cycle).open:
            return "关口已开"
        visit = cycles.current_visit(session, cycle)
        if visit.work_done_at is None:
            return "本阶段待办理"
        if _passed_since(parts, visit):
            return "期限已过"
        if _moved_since(session, visit):
            return "期限已改"
        if _new_work(parts, session, cycle):
            return "有新的待办"
        return None


@step("是否登记了中断原因")
def failure_is_noted(cycle_id: int) -> bool:
    """Whether the cycle says why its last run failed."""
    with acting() as (_, session, _system):
        return cycles.get_cycle(session, cycle_id).failure is not None


@step("进行中的年度")
def open_cycles() -> list[int]:
    """The ids of all cycles under way."""
    with acting() as (_, session, _system):
        return [cycle.id for cycle in cycles.open_cycles(session) if cycle.id is not None]


def _passed_since(parts: Context, visit: StageVisit) -> bool:
    """Whether the stage's due moment has passed since its work was last done."""
    if visit.due_at is None or visit.work_done_at is None:
        return False
    return visit.work_done_at < visit.due_at <= parts.clock.now()


def _moved_since(session: Session, visit: StageVisit) -> bool:
    """Whether the stage's due day was put off or brought forward after its work, which told the old day."""
    query = select(Decision.id).where(
        Decision.visit_id == visit.id,
        col(Decision.kind).in_((DecisionKind.EXTEND, DecisionKind.CLOSE_EARLY)),
        col(Decision.decided_at) > visit.work_done_at,
    )
    return session.exec(query).first() is not None


def _new_work(parts: Context, session: Session, cycle: Cycle) -> bool:
    if cycle.stage == "completeness":
        return _to_examine(parts, session, cycle)
    kind = _ASKS.get(cycle.stage)
    return kind is not None and reviews.count_to_request(session, cycle.id or 0, kind) > 0


def _to_examine(parts: Context, session: Session, cycle: Cycle) -> bool:
    """Whether an application was supplemented, or its time to do so has run out."""
    submitted = select(func.count()).where(
        Application.cycle_id == cycle.id, Application.status == ApplicationStatus.SUBMITTED
    )
    overdue = (
        select(func.count())
        .select_from(Supplement)
        .join(Application, col(Application.id) == Supplement.application_id)
        .where(
            Application.cycle_id == cycle.id,
            Application.status == ApplicationStatus.SUPPLEMENT,
            col(Supplement.answered_at).is_(None),
            Supplement.due_at <= parts.clock.now(),
        )
    )
    return bool(session.exec(submitted).one() or session.exec(overdue).one())
