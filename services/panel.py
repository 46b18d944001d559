"""专家评审: the panel's figures for case-by-case applications."""

from sqlmodel import Session, col, func, select

from models import Application, Cycle, Outcome, PanelDecision
from services import computation, cycles, facts, policies
from services.actors import Actor
from services.applications import get_application
from services.clock import Clock
from services.errors import InputError, StateError
from services.inputs import Inputs
from services.operation import operation


def undecided(session: Session, cycle: Cycle) -> list[Application]:
    """Applications that meet their measure's conditions and wait for the panel's figure."""
    inputs = computation.gather(session, cycle)
    if not _lacks_a_figure(inputs):
        return []
    evaluation = computation.evaluate(inputs)
    numbers = [
        number
        for number, outcome in evaluation.results.select("application_id", "outcome").iter_rows()
        if outcome == Outcome.CASE_BY_CASE.value
    ]
    return list(
        session.exec(select(Application).where(col(Application.number).in_(numbers)).order_by(col(Application.id)))
    )


def _lacks_a_figure(inputs: Inputs) -> bool:
    """Whether anything may wait at all; most of the time nothing does, and the evaluation is spared."""
    return any(
        row.get(measure.decided_by) is None
        for measure in inputs.law.measures
        if measure.decided_by
        for row in inputs.rows.get(measure.id, [])
    )


@operation("panel.decide")
def decide(
    session: Session, clock: Clock, actor: Actor, *, application_id: int, amount_fen: int, reason: str
) -> PanelDecision:
    """Record the panel's figure in fen, with its reason; the newest counts, the measure's ceiling still holds."""
    application = get_application(session, application_id)
    law = policies.policy_of(session, cycles.before_approval(session, application.cycle_id))
    if facts.measure_of(law, application).decided_by is None:
        raise StateError(f"{application.number} 不是一事一议的申报，不需要专家核定金额。")
    if amount_fen < 0 or not reason.strip():
        raise InputError("专家核定金额不能为负，并须写明理由。")
    count = session.exec(select(func.count()).where(PanelDecision.application_id == application_id)).one()
    decision = PanelDecision(
        application_id=application_id,
        seq=count + 1,
        amount_fen=amount_fen,
        reason=reason.strip(),
        user_id=actor.user_id,
        decided_at=clock.now(),
    )
    session.add(decision)
    session.flush()
    return decision
