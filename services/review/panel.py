"""专家评审: the panel's figures for case-by-case applications."""

from collections.abc import Collection

import polars as pl
from sqlmodel import Session, col, func, select

from models import Application, ApplicationStatus, Cycle, Outcome, PanelDecision
from services import marks
from services.access.actors import Actor
from services.application import facts
from services.application.applications import get_application
from services.award import computation
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, StateError
from services.law import policies
from services.record.operation import operation
from services.record.parts import in_parts


def undecided(session: Session, cycle: Cycle) -> list[Application]:
    """Applications that meet their measure's conditions and wait for the panel's figure."""
    measures = [measure.id for measure in policies.policy_of(session, cycle).measures if measure.decided_by]
    if not _lack_a_figure(session, cycle, measures):  # most of the time
        return []
    # whether an open case meets its conditions depends on no other application: what is limited are awards
    results = computation.evaluate(computation.gather(session, cycle, measures)).results
    numbers = results.filter(pl.col("outcome") == Outcome.CASE_BY_CASE.value)["application_id"].to_list()
    query = select(Application).order_by(col(Application.id))
    found = [
        each for some in in_parts(numbers) for each in session.exec(query.where(col(Application.number).in_(some)))
    ]
    return sorted(found, key=lambda application: application.id or 0)


def _lack_a_figure(session: Session, cycle: Cycle, measures: Collection[str]) -> bool:
    """Whether any application for these measures has no figure, be it eligible or not."""
    figure = select(PanelDecision.id).where(col(PanelDecision.application_id) == col(Application.id))
    found = session.exec(
        select(Application.id)
        .where(
            Application.cycle_id == cycle.id,
            Application.status == ApplicationStatus.VERIFIED,
            col(Application.measure).in_(measures),
            ~figure.exists(),
        )
        .limit(1)
    )
    return found.first() is not None


@operation("panel.decide")
def decide(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    application_id: int,
    amount_fen: int,
    reason: str,
    shown: str | None = None,
) -> PanelDecision:
    """Record the panel's figure in fen, with its reason; the newest counts, the measure's ceiling still holds.

    Raises InputError, StateError once the list is being approved or when there is a newer figure than the one that was
    `shown` (`mark`).
    """
    application = get_application(session, application_id)
    law = policies.policy_of(session, cycles.before_approval(session, application.cycle_id))
    if facts.measure_of(law, application.measure).decided_by is None:
        raise StateError(f"{application.number} 不是一事一议的申报，不需要专家核定金额。")
    if amount_fen < 0 or not reason.strip():
        raise InputError("专家核定金额不能为负，并须写明理由。")
    count = session.exec(select(func.count()).where(PanelDecision.application_id == application_id)).one()
    marks.check(
        shown,
        mark(count),
        f"{application.number} 的核定金额刚刚由别人登记过，这次没有登记；请看清现在的金额，再决定要不要重新核定。",
    )
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


def mark(figures: int) -> str:
    """The mark of a case for which the panel has given so many figures."""
    return marks.mark_of(figures)
