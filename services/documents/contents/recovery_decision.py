"""追回决定: an award that was paid and has to be given back, as it was decided."""

from sqlmodel import col, select

from models import AwardListEntry, Clawback, ClawbackState
from services.after_payment import letter
from services.documents.content import Page
from services.documents.record import Record


def objects(record: Record) -> dict[str, str]:
    """The cases of the cycle in which it was decided to claim back, with the enterprise's name."""
    rows = record.session.exec(
        select(Clawback.number, AwardListEntry.enterprise_name)
        .join(AwardListEntry, col(AwardListEntry.id) == col(Clawback.entry_id))
        .where(Clawback.cycle_id == record.cycle.id, Clawback.state == ClawbackState.OWED)
        .order_by(col(Clawback.number))
    )
    return {number: f"{number} {name}" for number, name in rows}


def build(record: Record, about: str) -> Page:
    """The decision on one case, as a letter to the enterprise."""
    case = record.session.exec(select(Clawback.id).where(Clawback.number == about)).one()
    decided = letter.letter_of(record.session, record.actor, case or 0)
    return Page(
        title=f"关于追回{decided.enterprise}{decided.year}年度奖补资金的决定",
        template="recovery_decision.html",
        organisation=record.settings.organisation,
        dated=decided.decided_on,
        letter=True,
        data={"recovery": decided, "owed_fen": decided.owed_fen, "contact": record.settings.contact},
    )
