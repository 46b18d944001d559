"""追回决定: an award that was paid and has to be given back."""

from dataclasses import dataclass
from datetime import date

from config.settings import Settings
from services.documents.content import Page


@dataclass(frozen=True)
class Recovery:
    """What is recovered from whom, and why. `interest_fen` is what comes on top; `account` says where to pay it to."""

    enterprise: str
    uscc: str
    policy_title: str
    policy_number: str
    year: int
    measure: str
    clause: str
    award_fen: int
    paid_on: date
    reason: str
    amount_fen: int
    interest_fen: int
    due_on: date
    account: str
    decided_on: date

    @property
    def total_fen(self) -> int:
        """What has to be paid back in all."""
        return self.amount_fen + self.interest_fen


def page(settings: Settings, recovery: Recovery) -> Page:
    """The decision, as a letter to the enterprise."""
    return Page(
        title=f"关于追回{recovery.enterprise}{recovery.year}年度奖补资金的决定",
        template="recovery_decision.html",
        organisation=settings.organisation,
        dated=recovery.decided_on,
        letter=True,
        data={"recovery": recovery, "contact": settings.contact},
    )
