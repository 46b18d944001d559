"""The desk's year awarded and its money ordered, and the years that follow, for what goes from year to year."""

from typing import Any

from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    Award,
    AwardListEntry,
    Clawback,
    ClawbackGround,
    ClawbackState,
    Cycle,
    FactValue,
    Outcome,
    Payment,
    PaymentOrder,
    PaymentStatus,
)
from services.award import computation, lists
from services.clock import today
from services.grants import overlaps
from tests.desk import Desk


def apply(desk: Desk, *changes: dict[str, Any]) -> None:
    """The desk's year, these applications verified."""
    desk.open_intake()
    for change in changes or ({},):
        desk.submit(**change)
    desk.to_matching()


def find(desk: Desk, cycle_id: int) -> int:
    """Look for overlaps; how many are new."""
    return overlaps.find(*desk.at, desk.system, cycle_id=cycle_id)


def award(desk: Desk, cycle_id: int) -> dict[str, int]:
    """Compute; fen by project."""
    run = computation.compute(*desk.at, desk.system, cycle_id=cycle_id)
    rows = desk.session.exec(
        select(Application.project, Award.outcome, Award.amount_fen)
        .join(Award, col(Award.application_id) == Application.id)
        .where(Award.run_id == run.id)
    )
    return {project: fen if outcome is Outcome.AWARD else 0 for project, outcome, fen in rows}


def order(desk: Desk, cycle_id: int) -> list[AwardListEntry]:
    """Compute, freeze, and order the money at once; the lines that are paid."""
    session = desk.session
    award(desk, cycle_id)
    frozen = lists.freeze(*desk.at, desk.system, cycle_id=cycle_id)
    ordered = PaymentOrder(cycle_id=cycle_id, list_id=frozen.id or 0, county="xiangcheng", ordered_at=desk.clock.now())
    session.add(ordered)
    session.flush()
    query = select(AwardListEntry).where(AwardListEntry.list_id == frozen.id, AwardListEntry.amount_fen > 0)
    lines = list(session.exec(query.order_by(col(AwardListEntry.number))))
    for line in lines:
        made = Payment(
            order_id=ordered.id or 0,
            entry_id=line.id or 0,
            number=f"{line.number}-1",
            bearer="city",
            amount_fen=line.amount_fen,
            status=PaymentStatus.PENDING,
        )
        session.add(made)
    session.commit()
    return lines


def claim_back(desk: Desk, line: AwardListEntry, fen: int) -> None:
    """Decide that so much of an award comes back."""
    case = Clawback(
        cycle_id=desk.cycle_id,
        entry_id=line.id or 0,
        number=f"ZH-{line.number}",
        ground=ClawbackGround.AUDIT,
        reason="重复列支",
        clause="一（二）",
        amount_fen=fen,
        proposed_by=desk.operator.user_id,
        proposed_at=desk.clock.now(),
        state=ClawbackState.OWED,
        decided_by=desk.section_head.user_id,
        decided_at=desk.clock.now(),
        due_on=today(desk.clock),
    )
    desk.session.add(case)
    desk.session.commit()


def another_year(desk: Desk, year: int = 2026, policy_id: str | None = None) -> int:
    """A cycle that stands at 查重, without applications."""
    first = desk.session.get_one(Cycle, desk.cycle_id)
    values = first.model_dump(exclude={"id"}) | {"year": year, "stage": "matching"}
    cycle = Cycle(**values | ({"policy_id": policy_id} if policy_id else {}))
    desk.session.add(cycle)
    desk.session.commit()
    return cycle.id or 0


def again(desk: Desk, cycle_id: int, *, facts: dict[str, str] | None = None, place: int = 0, **changes: Any) -> int:
    """The desk's application at a place once more in another cycle, verified, but for these facts and columns."""
    session, given = desk.session, facts or {}
    first = session.exec(
        select(Application).where(Application.cycle_id == desk.cycle_id).order_by(col(Application.id))
    ).all()[place]
    count = len(session.exec(select(Application.id).where(Application.cycle_id == cycle_id)).all())
    values = first.model_dump(exclude={"id", "number", "cycle_id", "item_digest"}) | changes
    made = Application(
        **values | {"status": ApplicationStatus.VERIFIED},
        number=f"SB-{cycle_id}-{count + 1:05d}",
        cycle_id=cycle_id,
        item_digest=str(count),
    )
    session.add(made)
    session.flush()
    for fact in session.exec(select(FactValue).where(FactValue.application_id == first.id)).all():
        value = given.get(fact.fact, fact.value)
        if fact.fact != "item_date" or "item_date" in given:
            own = fact.model_dump(exclude={"id", "application_id"}) | {"value": value}
            session.add(FactValue(**own, application_id=made.id or 0))
    session.commit()
    return made.id or 0
