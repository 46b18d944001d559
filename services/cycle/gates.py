"""Gates: whether the current stage may be left, what it waits for, and the decisions that open it.

The answer is always read from the record. Waking a run decides nothing.
"""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, select

from models import (
    Cycle,
    CycleStatus,
    Decision,
    DecisionKind,
    ReviewerKind,
    Role,
    StageVisit,
    User,
    VisitResult,
)
from models.application import Application
from models.verification import RequestStatus, VerificationRequest
from services.access import people
from services.access.actors import Actor
from services.access.permissions import ROLE_NAMES
from services.after_payment import bans
from services.application import completeness
from services.award import computation, lists
from services.clock import Clock
from services.cycle import cycles, gate_facts, guide
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day
from services.cycle.gate_facts import ANSWERING, FUNDS, Wait
from services.cycle.stages import CompletenessFact, CyclePlan, GateKind, StagePlan, Subject
from services.errors import InputError, NotAllowedError, StateError
from services.grants import overlaps
from services.payment import payments
from services.record.operation import operation
from services.review import reviews

_MOST_NAMED = 10  # requests in one sentence
_REVIEWERS: dict[CompletenessFact | None, ReviewerKind] = {
    CompletenessFact.COUNTY_REPLIED: ReviewerKind.COUNTY,
    CompletenessFact.BUREAUS_REPLIED: ReviewerKind.BUREAU,
}


class ValuesWantedError(InputError):
    """Requests that no override of the whole gate can settle: each needs a value. `cases`: the ids of applications."""

    def __init__(self, sentence: str, cases: tuple[int, ...]) -> None:
        super().__init__(sentence)
        self.cases = cases


@dataclass(frozen=True)
class Gate:
    """The gate of the current stage. When open, `result` says how the visit ends and `target` where it leads."""

    stage: str
    title: str
    waits: tuple[Wait, ...]
    result: VisitResult | None = None
    target: str | None = None

    @property
    def open(self) -> bool:
        """Whether the stage may be left."""
        return self.result is not None

    @property
    def leads_on(self) -> bool:
        """Whether it may be left for the stage that follows, and not for an earlier one."""
        return self.result is VisitResult.PASSED


@dataclass(frozen=True)
class Turn:
    """Whose turn it is to approve, since when. `users` may: not who prepared it, nor who approved an earlier step."""

    role: Role
    users: tuple[User, ...]
    since: datetime


def read_gate(session: Session, clock: Clock, plan: CyclePlan, cycle: Cycle) -> Gate:
    """Read the current gate from the record."""
    stage, visit = plan.stage(cycle.stage), cycles.current_visit(session, cycle)
    following = plan.after(stage.id)
    forward = following.id if following else None
    behind = _left_behind(session, plan, cycle)
    if behind is not None:
        return Gate(stage.id, stage.title, (), VisitResult.REOPENED, behind)
    returned = _latest(session, visit, DecisionKind.RETURN)
    if returned is not None:
        return Gate(stage.id, stage.title, (), VisitResult.RETURNED, stage.gate.return_to)
    waits = (*_corrections(session, plan, stage, cycle, visit), *_waits(session, clock, stage, cycle, visit))
    if waits:
        return Gate(stage.id, stage.title, waits)
    if stage.id in ANSWERING and gate_facts.upheld_since(session, cycle):
        return Gate(stage.id, stage.title, (), VisitResult.REOPENED, stage.gate.return_to)
    return Gate(stage.id, stage.title, (), VisitResult.PASSED, forward)


def turn_of(session: Session, stage: StagePlan, cycle: Cycle, visit: StageVisit) -> Turn | None:
    """Whose turn it is at an approval; None when nothing waits to be approved."""
    subject, ready_at = stage.gate.subject, visit.work_done_at
    if subject is None or ready_at is None or _latest(session, visit, DecisionKind.RETURN) is not None:
        return None
    if _objected(session, stage, cycle):
        return None
    given = _approvals(session, visit, subject_digest(session, cycle, subject))
    if len(given) >= len(stage.gate.chain):
        return None
    role = stage.gate.chain[len(given)]
    barred = {decision.user_id for decision in given} | {subject_preparer(session, cycle, subject)}
    users = tuple(user for user in people.active_users(session, role) if user.id not in barred)
    return Turn(role, users, max([ready_at, *(decision.decided_at for decision in given)]))


def may_object(session: Session, plan: CyclePlan, cycle: Cycle) -> bool:
    """Whether an objection of the notice can still be recorded in 资金审批: nothing was returned nor fully approved."""
    if cycle.status is not CycleStatus.OPEN or cycle.stage != FUNDS:
        return False
    stage, visit = plan.stage(FUNDS), cycles.current_visit(session, cycle)
    given = _approvals(session, visit, subject_digest(session, cycle, _subject(stage)))
    return len(given) < len(stage.gate.chain) and _latest(session, visit, DecisionKind.RETURN) is None


@operation("cycle.step")
def pass_gate(
    session: Session, clock: Clock, actor: Actor, *, plan: CyclePlan, calendar: Calendar, cycle_id: int, stage: str
) -> Gate:
    """Leave the stage if its gate is open. A cycle that is no longer in that stage is left as it is."""
    cycle = cycles.open_one(session, cycle_id)
    gate = read_gate(session, clock, plan, cycle)
    if gate.result is not None and cycle.stage == stage:
        target = plan.stage(gate.target) if gate.target else None
        cycles.leave(session, clock, calendar, plan, cycle, gate.result, target)
        bans.release(session, clock, Application.cycle_id == cycle_id)
    return gate


@operation("gate.approve")
def approve(
    session: Session, clock: Clock, actor: Actor, *, plan: CyclePlan, cycle_id: int, digest: str, opinion: str = ""
) -> Decision:
    """Approve the exact subject with this SHA-256 as the next step of the chain.

    Raises StateError when nothing waits for approval or the subject has changed, NotAllowedError when it is
    another's turn, or the actor prepared the subject, or has already approved a step of this chain.
    """
    cycle, visit, stage = _at_approval(session, plan, cycle_id)
    current = subject_digest(session, cycle, _subject(stage))
    if _objected(session, stage, cycle):
        raise StateError("公示期内收到的异议还没有答复，或者已认定成立、名单要重新核验，现在不能批；请等异议办完。")
    if digest != current:
        raise StateError(f"所批内容已经变化：您看到的是 {digest[:12]}…，现在是 {current[:12]}…；请重新查看后再办理。")
    given = _approvals(session, visit, current)
    if len(given) >= len(stage.gate.chain):
        raise StateError("审批已经全部完成，不需要再批。")
    turn = stage.gate.chain[len(given)]
    if actor.role is not turn:
        raise NotAllowedError(f"现在应由{ROLE_NAMES[turn]}审批，您是{ROLE_NAMES[actor.role]}；请按次序办理。")
    if actor.user_id == subject_preparer(session, cycle, _subject(stage)):
        raise NotAllowedError("编制人不能审批自己编制的内容；请由他人审批。")
    if any(decision.user_id == actor.user_id for decision in given):
        raise NotAllowedError("同一人不能审批同一流程的两个环节；请由他人审批。")
    return cycles.decide(
        session, clock, actor, visit, DecisionKind.APPROVE, step=len(given), digest=current, reason=opinion
    )


@operation("gate.return")
def send_back(
    session: Session, clock: Clock, actor: Actor, *, plan: CyclePlan, cycle_id: int, digest: str, reason: str
) -> Decision:
    """Return the subject for a reason, by the one whose turn it is; the cycle goes back as cycle.yaml says."""
    cycle, visit, stage = _at_approval(session, plan, cycle_id)
    current = subject_digest(session, cycle, _subject(stage))
    given = _approvals(session, visit, current)
    if digest != current:
        raise StateError("所退内容已经变化；请重新查看后再办理。")
    if len(given) >= len(stage.gate.chain) or actor.role is not stage.gate.chain[len(given)]:
        raise NotAllowedError(f"现在不是{ROLE_NAMES[actor.role]}审批的环节，不能退回。")
    return cycles.decide(
        session, clock, actor, visit, DecisionKind.RETURN, step=len(given), digest=current, reason=_reason(reason)
    )


@operation("gate.override")
def override(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    plan: CyclePlan,
    cycle_id: int,
    reason: str,
    shown: str | None = None,
) -> Decision:
    """Open a gate by the operator's reasoned decision, where cycle.yaml allows it: all that was asked and not answered
    counts as no objection. Raises StateError before the stage has asked and when the year stands no longer as `shown`
    (`cycles.mark`), ValuesWantedError for what only the silent bureau can give: such a request is to be overridden by
    itself, with the value."""
    cycle = cycles.open_one(session, cycle_id)
    stage, visit = plan.stage(cycle.stage), cycles.shown_visit(session, cycle, shown)
    if not stage.gate.override:
        raise NotAllowedError(f"“{stage.title}”的关口不能由经办人放行；请按规定办完。")
    if visit.work_done_at is None or reviews.to_request(session, cycle_id, _REVIEWERS[stage.gate.fact]):
        raise StateError(f"“{stage.title}”还没有发出全部审核事项，不能放行；请先推进流程。")
    decision = cycles.decide(session, clock, actor, visit, DecisionKind.OVERRIDE, reason=_reason(reason))
    missing: list[tuple[int, str]] = []
    for request in _open_requests(session, cycle, _REVIEWERS[stage.gate.fact]):
        try:
            reviews.override_request(session, clock, actor, request_id=request.id or 0, reason=reason)
        except InputError as error:
            missing.append((request.application_id, f"事项 {request.id}（{error}）"))
    if missing:
        raise ValuesWantedError(
            f"有 {len(missing)} 件要核定的内容没有申报值可用，不能一并放行，请逐件放行并填写核定值："
            + "；".join(words for _, words in missing[:_MOST_NAMED]),
            tuple(dict.fromkeys(application_id for application_id, _ in missing)),
        )
    return decision


@operation("gate.corrected")
def corrected(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    plan: CyclePlan,
    cycle_id: int,
    reason: str,
    shown: str | None = None,
) -> Decision:
    """Say what was put right of a list that was returned; the year goes on from where it was returned to.

    Raises StateError when nothing was returned to the current stage, or is put right already, and when the year stands
    no longer as `shown` (`cycles.mark`).
    """
    cycle = cycles.open_one(session, cycle_id)
    stage, visit = plan.stage(cycle.stage), cycles.shown_visit(session, cycle, shown)
    if to_correct(session, plan, cycle) is None:
        raise StateError(f"“{stage.title}”没有待改正的退回意见。")
    return cycles.decide(session, clock, actor, visit, DecisionKind.CORRECTED, reason=_reason(reason))


def to_correct(session: Session, plan: CyclePlan, cycle: Cycle) -> Decision | None:
    """The return of a list to the current stage that is not put right yet.

    What is itself approved anew in the stage, as the guide is, needs nobody to say so.
    """
    stage = plan.stage(cycle.stage)
    if stage.gate.kind is GateKind.APPROVAL:
        return None
    last = session.exec(
        select(Decision, StageVisit.stage)
        .join(StageVisit, col(StageVisit.id) == Decision.visit_id)
        .where(
            Decision.cycle_id == cycle.id,
            col(Decision.kind).in_((DecisionKind.RETURN, DecisionKind.CORRECTED)),
            Decision.decided_at >= cycle.opened_at,
        )
        .order_by(col(Decision.id).desc())
    ).first()
    if last is None or last[0].kind is DecisionKind.CORRECTED:
        return None
    led_here = any(each.id == last[1] and each.gate.return_to == stage.id for each in plan.stages)
    return last[0] if led_here else None


def subject_digest(session: Session, cycle: Cycle, subject: Subject) -> str:
    """The SHA-256 of what the chain approves, as it stands now. Raises StateError when there is none yet."""
    if subject is Subject.GUIDE:
        return guide.digest(session, cycle)
    return lists.current_list(session, cycle).digest


def subject_preparer(session: Session, cycle: Cycle, subject: Subject) -> int:
    """The user who prepared what the chain approves."""
    return cycle.opened_by if subject is Subject.GUIDE else lists.current_list(session, cycle).prepared_by


def _waits(session: Session, clock: Clock, stage: StagePlan, cycle: Cycle, visit: StageVisit) -> tuple[Wait, ...]:
    due = due_day(visit.due_at) if visit.due_at else None
    match stage.gate.kind:
        case GateKind.NONE:
            return ()
        case GateKind.DEADLINE:
            closed = visit.due_at is not None and clock.now() < visit.due_at
            return (Wait("期限", f"{stage.title}至 {due} 结束", 1, due),) if closed else ()
        case GateKind.APPROVAL if _objected(session, stage, cycle):
            return tuple(gate_facts.objections_answered(session, cycle, gate_facts.promised(session, cycle)))
        case GateKind.APPROVAL:
            given = len(_approvals(session, visit, subject_digest(session, cycle, _subject(stage))))
            left = stage.gate.chain[given:]
            return (Wait(ROLE_NAMES[left[0]], f"{stage.title}：请审批", len(left), due),) if left else ()
        case GateKind.COMPLETENESS:
            assert stage.gate.fact is not None
            return tuple(gate_facts.waits(session, cycle, stage.gate.fact, due))


def _corrections(
    session: Session, plan: CyclePlan, stage: StagePlan, cycle: Cycle, visit: StageVisit
) -> tuple[Wait, ...]:
    """What was found amiss is not told here: it may name somebody, and this goes to the engine and to chat groups."""
    due = due_day(visit.due_at) if visit.due_at else None
    return (Wait("经办人", "名单被退回，待按退回意见改正", 1, due),) if to_correct(session, plan, cycle) else ()


def _left_behind(session: Session, plan: CyclePlan, cycle: Cycle) -> str | None:
    """The earlier stage that still has to see an application, as after a ban was lifted; None when none has.

    资金拨付 has to pay what came back after it. 查重 has to see them again when a ledger came or was corrected
    meanwhile, or another year's payments, on which the same invoices may be, were ordered. 测算 has to be made again
    when somebody decided after it.
    """
    ids = [stage.id for stage in plan.stages]
    passed = ids[: ids.index(cycle.stage)]
    if overlaps.STAGE in passed and cycles.may_change(cycle) and overlaps.is_behind(session, cycle.id or 0):
        return overlaps.STAGE
    if computation.STAGE in passed and cycles.may_change(cycle) and computation.is_behind(session, cycle):
        return computation.STAGE
    if payments.STAGE in passed and gate_facts.payments_settled(session, cycle, None):
        return payments.STAGE
    if not cycles.takes_back(cycle):
        return None
    if completeness.STAGE in passed and completeness.pending(session, cycle.id or 0):
        return completeness.STAGE
    if overlaps.STAGE in passed and overlaps.is_missing_any(session, cycle.id or 0):
        return overlaps.STAGE
    return None


def _objected(session: Session, stage: StagePlan, cycle: Cycle) -> bool:
    """Whether the money cannot be approved for an objection that was recorded late: it is open, or was upheld."""
    return stage.id == FUNDS and bool(
        gate_facts.objections_answered(session, cycle, None) or gate_facts.upheld_since(session, cycle)
    )


def _open_requests(session: Session, cycle: Cycle, kind: ReviewerKind) -> list[VerificationRequest]:
    return list(
        session.exec(
            select(VerificationRequest).where(
                VerificationRequest.cycle_id == cycle.id,
                VerificationRequest.kind == kind,
                VerificationRequest.status == RequestStatus.OPEN,
            )
        )
    )


def _approvals(session: Session, visit: StageVisit, digest: str) -> list[Decision]:
    return list(
        session.exec(
            select(Decision)
            .where(Decision.visit_id == visit.id, Decision.kind == DecisionKind.APPROVE, Decision.digest == digest)
            .order_by(col(Decision.step))
        )
    )


def _latest(session: Session, visit: StageVisit, kind: DecisionKind) -> Decision | None:
    return session.exec(select(Decision).where(Decision.visit_id == visit.id, Decision.kind == kind)).first()


def _at_approval(session: Session, plan: CyclePlan, cycle_id: int) -> tuple[Cycle, StageVisit, StagePlan]:
    cycle = cycles.open_one(session, cycle_id)
    stage, visit = plan.stage(cycle.stage), cycles.current_visit(session, cycle)
    if stage.gate.kind is not GateKind.APPROVAL:
        raise StateError(f"当前阶段是“{stage.title}”，没有需要审批的内容。")
    if visit.work_done_at is None:
        raise StateError(f"“{stage.title}”的内容还在准备中；请稍后再办理。")
    if _latest(session, visit, DecisionKind.RETURN) is not None:
        raise StateError("已经退回，正在等待重新办理。")
    return cycle, visit, stage


def _subject(stage: StagePlan) -> Subject:
    assert stage.gate.subject is not None
    return stage.gate.subject


def _reason(reason: str) -> str:
    if not reason.strip():
        raise InputError("必须写明理由。")
    return reason.strip()
