"""The small cycle with its money ordered and paid, for what comes after payment."""

from datetime import date, timedelta
from typing import Any

from sqlmodel import col, select

from models import Clawback, ClawbackGround, Cycle, Payment, Role, User
from services.access.actors import actor_of
from services.after_payment import clawbacks
from services.after_payment.clawbacks import Proposal, Receipt
from services.payment import payments
from tests.services.filled_record import Record, approve_funds

PAID_ON = date(2026, 3, 2)
PROPOSAL = Proposal(
    ground=ClawbackGround.AUDIT, reason="重复列支发票", clause="二（一）", amount_fen=7500000, untrue=False
)


def pay(record: Record, *, but: tuple[str, ...] = ()) -> Record:
    """Order the money of the current list and pay it today, but for some payments."""
    approve_funds(record)
    payments.order(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    for payment in all_payments(record):
        if payment.number not in but:
            report(record, payment)
    return record


def report(record: Record, payment: Payment) -> None:
    """Pay one payment today."""
    payments.report(
        record.session, record.clock, record.actors["cai"], payment_id=payment.id or 0, paid=True, on=PAID_ON
    )


def all_payments(record: Record) -> list[Payment]:
    """Every payment, by number."""
    return list(record.session.exec(select(Payment).order_by(col(Payment.number))))


def add_applicant(record: Record, place: int = 1) -> None:
    """An account for the enterprise at a place, as `qi`."""
    enterprise_id = record.application(place).enterprise_id
    user = User(login="qi", name="企业壬", role=Role.APPLICANT, enterprise_id=enterprise_id, email="qi@example.invalid")
    record.session.add(user)
    record.session.commit()
    record.actors["qi"] = actor_of(user)


def propose(record: Record, place: int = 1, **changes: Any) -> Clawback:
    """Propose to claim the award at a place back, by default whole."""
    number = f"SB2025-{place:05d}"
    proposal = Proposal(**{**PROPOSAL.__dict__, **changes})
    return clawbacks.propose(
        record.session, record.clock, record.actors["jing"], cycle_id=record.cycle_id, number=number, proposal=proposal
    )


def decide(record: Record, case: Clawback, who: str = "fen", *, agree: bool = True, opinion: str = "") -> Clawback:
    """Decide a case."""
    return clawbacks.decide(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        clawback_id=case.id or 0,
        agree=agree,
        opinion=opinion,
    )


def claim(record: Record, place: int = 1, **changes: Any) -> Clawback:
    """Propose and decide."""
    return decide(record, propose(record, place, **changes))


def receive(record: Record, case: Clawback, amount_fen: int, who: str = "cai", *, after: int = 0) -> int:
    """Note an instalment that came `after` days after the payment; its id."""
    receipt = Receipt(PAID_ON + timedelta(days=after), amount_fen, "凭-1")
    row = clawbacks.receive(record.session, record.clock, record.actors[who], clawback_id=case.id or 0, receipt=receipt)
    return row.id or 0


def revoke(record: Record, case: Clawback, reason: str = "复核", who: str = "fen") -> Clawback:
    """Take a case back."""
    return clawbacks.revoke(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        clawback_id=case.id or 0,
        reason=reason,
    )


def next_year(record: Record) -> Cycle:
    """The cycle of the year after, at its computation."""
    was = record.cycle
    cycle = Cycle(
        policy_id=was.policy_id,
        year=2026,
        policy_version_id=was.policy_version_id,
        stage="computation",
        opened_by=was.opened_by,
        opened_at=was.opened_at,
    )
    record.session.add(cycle)
    record.session.commit()
    return cycle
