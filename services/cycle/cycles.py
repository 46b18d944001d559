"""Cycles: opened once a policy and year, led from stage to stage by what the gates say."""

from dataclasses import dataclass
from datetime import UTC
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, or_, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Cycle,
    CycleStatus,
    Decision,
    DecisionKind,
    Erasure,
    PaymentOrder,
    RequestStatus,
    StageVisit,
    VerificationRequest,
    VisitResult,
)
from services import marks
from services.access.actors import Actor
from services.application.lifecycle import move
from services.clock import Clock
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after
from services.cycle.stages import CyclePlan, StagePlan
from services.errors import InputError, NotFoundError, StateError
from services.law import policies
from services.record.operation import operation

_LIST_IS_OUT = frozenset({"approval", "public_notice", "objections", "funds", "payment", "results", "archive"})
_ENDED = {CycleStatus.CLOSED: "已归档", CycleStatus.CANCELLED: "已终止"}
_COMPUTED = _LIST_IS_OUT | {"computation", "freeze"}


@dataclass(frozen=True)
class Position:
    """Where a cycle stands."""

    cycle_id: int
    year: int
    stage: str
    title: str
    visit: int
    finished: bool


@operation("cycle.open")
def open_cycle(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    plan: CyclePlan,
    policy_id: str,
    year: int,
    overrides: dict[str, dict[str, str]] | None = None,
    cost_sharing: dict[str, str] | None = None,
) -> Cycle:
    """Open the cycle of a policy and statistics year, with the yearly settings of its adjustable parameters.

    A cancelled year is opened again from its first stage, unless it was erased; what was filed in it stays, and what
    was asked and not answered is asked anew. Raises InputError when the policy has problems, the year lies outside of
    it, a setting is out of bounds, or the cycle is open or has ended.
    """
    known = session.exec(select(Cycle).where(Cycle.policy_id == policy_id, Cycle.year == year)).one_or_none()
    if known is not None:
        _end_cancelled(session, clock, known)
    cycle = known or Cycle(
        policy_id=policy_id, year=year, policy_version_id=0, stage="", opened_by=0, opened_at=clock.now()
    )
    cycle.status, cycle.closed_at, cycle.failure, cycle.flow_run_id = CycleStatus.OPEN, None, None, None
    cycle.opened_by, cycle.opened_at = actor.user_id, clock.now()
    _settle(session, clock, settings, cycle, overrides or {}, cost_sharing or {})
    session.add(cycle)
    session.flush()
    _enter(session, clock, Calendar(settings.calendar_dir), cycle, plan.stages[0])
    return cycle


@operation("cycle.open")
def adjust(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    plan: CyclePlan,
    cycle_id: int,
    overrides: dict[str, dict[str, str]],
    cost_sharing: dict[str, str],
    shown: str | None = None,
) -> Cycle:
    """Set the yearly settings anew, and the policy as it stands in the policies folder, while the guide is prepared.

    The guide is written anew and approved anew. Raises StateError once the guide was approved or when things stand
    no longer as `shown` (`mark`), InputError as opening.
    """
    cycle = open_one(session, cycle_id)
    visit = shown_visit(session, cycle, shown)
    if cycle.stage != plan.stages[0].id:
        raise StateError(
            f"{cycle.year} 年度的申报指南已经批准，年度标准和市县分担不能再改；确需更改的，请终止后重新开立。"
        )
    _settle(session, clock, settings, cycle, overrides, cost_sharing)
    visit.work_done_at = None
    return cycle


def _settle(
    session: Session,
    clock: Clock,
    settings: Settings,
    cycle: Cycle,
    overrides: dict[str, dict[str, str]],
    cost_sharing: dict[str, str],
) -> None:
    """What the year is run by: the exact policy and the yearly settings. Raises InputError."""
    cycle.policy_version_id = policies.store(session, clock, settings, cycle.policy_id).id or 0
    cycle.overrides, cycle.cost_sharing = overrides, cost_sharing
    policies.check_cycle(session, cycle)


def _end_cancelled(session: Session, clock: Clock, cycle: Cycle) -> None:
    """Close the visit in which a cycle was cancelled, so that it can be opened again; what was filed stays with it."""
    if cycle.status is not CycleStatus.CANCELLED:
        raise InputError(f"{cycle.policy_id} 的 {cycle.year} 年度已经开立；请用 duixian cycle status 查看。")
    if session.exec(select(PaymentOrder.id).where(PaymentOrder.cycle_id == cycle.id)).first() is not None:
        raise InputError(f"{cycle.policy_id} 的 {cycle.year} 年度已经下达过资金，终止后不能重新开立。")
    if session.exec(select(Erasure.id).where(Erasure.cycle_id == cycle.id)).first() is not None:
        raise InputError(f"{cycle.policy_id} 的 {cycle.year} 年度的个人信息已经清除，不能重新开立。")
    visit = current_visit(session, cycle)
    visit.left_at, visit.result = clock.now(), VisitResult.RETURNED
    _ask_anew(session, cycle)
    session.flush()


def _ask_anew(session: Session, cycle: Cycle) -> None:
    """Take back what waits for an answer: while the cycle was cancelled its days went by, and nobody could give it."""
    waiting = (Application.cycle_id == cycle.id, Application.status == ApplicationStatus.SUPPLEMENT)
    for application in session.exec(select(Application).where(*waiting)):
        move(application, "examine_anew")
    asked = (VerificationRequest.cycle_id == cycle.id, VerificationRequest.status == RequestStatus.OPEN)
    for request in session.exec(select(VerificationRequest).where(*asked)):
        request.status = RequestStatus.CANCELLED


def decide(
    session: Session,
    clock: Clock,
    actor: Actor,
    visit: StageVisit,
    kind: DecisionKind,
    *,
    reason: str,
    step: int = 0,
    digest: str = "",
) -> Decision:
    """Keep what somebody decided in a visit to a stage, in the caller's operation."""
    decision = Decision(
        cycle_id=visit.cycle_id,
        visit_id=visit.id or 0,
        kind=kind,
        step=step,
        digest=digest,
        user_id=actor.user_id,
        reason=reason,
        decided_at=clock.now(),
    )
    session.add(decision)
    session.flush()
    return decision


@operation("cycle.step")
def finish_work(session: Session, clock: Clock, actor: Actor, *, cycle_id: int, summary: dict[str, Any]) -> None:
    """Note that the current stage's own work is done, and what came of it (counts, amounts in fen)."""
    cycle = open_one(session, cycle_id)
    visit = current_visit(session, cycle)
    visit.work_done_at, visit.summary, cycle.failure = clock.now(), summary, None


@operation("cycle.step")
def note_failure(session: Session, clock: Clock, actor: Actor, *, cycle_id: int, failure: str) -> None:
    """Note why the stage's run failed; the cycle stays where it is."""
    open_one(session, cycle_id).failure = failure


@operation("cycle.step")
def note_run(session: Session, clock: Clock, actor: Actor, *, cycle_id: int, flow_run_id: str) -> None:
    """Note which flow run carries the cycle now, so that it can be woken."""
    open_one(session, cycle_id).flow_run_id = flow_run_id


def leave(
    session: Session,
    clock: Clock,
    calendar: Calendar,
    plan: CyclePlan,
    cycle: Cycle,
    result: VisitResult,
    target: StagePlan | None,
) -> None:
    """Leave the current stage for the target; without one the cycle is done. Part of a `cycle.step` operation."""
    visit = current_visit(session, cycle)
    visit.left_at, visit.result = clock.now(), result
    session.flush()
    if target is None:
        cycle.status, cycle.closed_at = CycleStatus.CLOSED, clock.now()
    else:
        _enter(session, clock, calendar, cycle, target)


def reopen(session: Session, clock: Clock, calendar: Calendar, cycle: Cycle, stage: StagePlan) -> None:
    """Have a year that was archived go on from an earlier stage, in the caller's operation."""
    assert cycle.status is CycleStatus.CLOSED, cycle.status
    cycle.status, cycle.closed_at = CycleStatus.OPEN, None
    _enter(session, clock, calendar, cycle, stage)


def _enter(session: Session, clock: Clock, calendar: Calendar, cycle: Cycle, stage: StagePlan) -> None:
    earlier = session.exec(
        select(func.count()).where(StageVisit.cycle_id == cycle.id, StageVisit.stage == stage.id)
    ).one()
    cycle.stage = stage.id
    session.add(
        StageVisit(
            cycle_id=cycle.id or 0,
            stage=stage.id,
            number=earlier + 1,
            entered_at=clock.now(),
            due_at=due_after(clock, calendar, stage.working_days) if stage.working_days else None,
        )
    )


def get_cycle(session: Session, cycle_id: int) -> Cycle:
    """The cycle with this id. Raises NotFoundError."""
    cycle = session.get(Cycle, cycle_id)
    if cycle is None:
        raise NotFoundError(f"没有编号为 {cycle_id} 的年度流程。")
    return cycle


def find_cycle(session: Session, policy_id: str, year: int) -> Cycle:
    """The cycle of a policy and year. Raises NotFoundError."""
    cycle = session.exec(select(Cycle).where(Cycle.policy_id == policy_id, Cycle.year == year)).one_or_none()
    if cycle is None:
        raise NotFoundError(f"{policy_id} 的 {year} 年度还没有开立；请先运行 duixian cycle open。")
    return cycle


def open_one(session: Session, cycle_id: int) -> Cycle:
    """The cycle, which must be under way. Raises StateError."""
    cycle = get_cycle(session, cycle_id)
    if cycle.status is not CycleStatus.OPEN:
        raise StateError(f"{cycle.year} 年度流程已经结束（{_ENDED[cycle.status]}），不能再办理。")
    return cycle


def before_approval(session: Session, cycle_id: int) -> Cycle:
    """The cycle, whose outcomes may still change: its list is not yet being approved, published or paid.

    Raises StateError.
    """
    cycle = open_one(session, cycle_id)
    if not may_change(cycle):
        raise StateError(
            f"{cycle.year} 年度的名单已经提交审批，测算所依据的内容不能再改；需要更正的，请由审批人退回，或按异议处理。"
        )
    return cycle


def may_change(cycle: Cycle) -> bool:
    """Whether the outcomes may still change: the cycle is under way and its list is not out."""
    return cycle.status is CycleStatus.OPEN and cycle.stage not in _LIST_IS_OUT


def is_out(cycle: Cycle) -> bool:
    """Whether the cycle is under way and its list is out: somebody is asked to approve it, or has."""
    return cycle.status is CycleStatus.OPEN and cycle.stage in _LIST_IS_OUT


def opening(cycle: Cycle) -> str:
    """Which opening of the year it is under way by, for what is told once each time: a cancelled one opens again."""
    return cycle.opened_at.astimezone(UTC).isoformat()


def takes_back(cycle: Cycle) -> bool:
    """Whether an application that had ended can go on in the cycle as it stands: it is under way, before 测算."""
    return cycle.status is CycleStatus.OPEN and cycle.stage not in _COMPUTED


def counts() -> ColumnElement[bool]:
    """Of a cycle, that its awards count in later years: it was not cancelled, or not before money was ordered in it."""
    return or_(col(Cycle.status) != CycleStatus.CANCELLED, col(Cycle.id).in_(select(PaymentOrder.cycle_id)))


def current_visit(session: Session, cycle: Cycle) -> StageVisit:
    """The visit that the cycle is in. Raises StateError when it has ended."""
    visit = session.exec(
        select(StageVisit).where(StageVisit.cycle_id == cycle.id, col(StageVisit.left_at).is_(None))
    ).one_or_none()
    if visit is None:
        raise StateError(f"{cycle.year} 年度流程已经结束，没有正在办理的阶段。")
    return visit


def mark(session: Session, cycle: Cycle) -> str:
    """The mark of where a cycle under way stands: in which visit, until when, by which policy and settings."""
    return _mark_in(cycle, current_visit(session, cycle))


def shown_visit(session: Session, cycle: Cycle, shown: str | None) -> StageVisit:
    """The current visit, for an act from a page that showed this `mark`; None for an act that no page led to.

    Raises StaleError when the stage, its due day or the yearly settings are others by now.
    """
    visit = current_visit(session, cycle)
    marks.check(
        shown,
        _mark_in(cycle, visit),
        "页面已过时：打开以后，阶段、期限或年度标准有了变动，这次没有办理。请看清现在的情况，再决定要不要办理。",
    )
    return visit


def _mark_in(cycle: Cycle, visit: StageVisit) -> str:
    return marks.mark_of(visit.id, visit.due_at, cycle.policy_version_id, cycle.overrides, cycle.cost_sharing)


def newest_visit(session: Session, cycle: Cycle, stage: str) -> StageVisit | None:
    """The last visit to a stage since the cycle was opened, for the last time if it was cancelled in between."""
    return session.exec(
        select(StageVisit)
        .where(StageVisit.cycle_id == cycle.id, StageVisit.stage == stage, StageVisit.entered_at >= cycle.opened_at)
        .order_by(col(StageVisit.number).desc())
        .limit(1)
    ).first()


def position(session: Session, plan: CyclePlan, cycle_id: int) -> Position:
    """Where the cycle stands now."""
    cycle = get_cycle(session, cycle_id)
    finished = cycle.status is not CycleStatus.OPEN
    visit = 0 if finished else current_visit(session, cycle).number
    return Position(cycle_id, cycle.year, cycle.stage, plan.stage(cycle.stage).title, visit, finished)


def open_cycles(session: Session) -> list[Cycle]:
    """All cycles under way."""
    return list(session.exec(select(Cycle).where(Cycle.status == CycleStatus.OPEN).order_by(col(Cycle.id))))


def newest(session: Session) -> Cycle | None:
    """The cycle opened last, or None before the first."""
    return session.exec(select(Cycle).order_by(col(Cycle.id).desc()).limit(1)).first()
