"""追回决定: what the letter to the enterprise says, as plain data for whoever sets it."""

import re
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from models import ClawbackState
from services.access.actors import Actor
from services.after_payment import awards, clawbacks
from services.clock import CHINA
from services.errors import StateError

# A clause of the policy itself: 附则, 第十四条, 三（七）. Anything else names the law that it is from.
_OWN_CLAUSE = re.compile(r"附则|第?[（(]?[一二三四五六七八九十百\d]+(?:[）)（(、.条款项章节]|部分|$)")


@dataclass(frozen=True)
class ClawbackLetter:
    """One decision. Amounts in fen; `interest_steps` are (what, value); a ban's days are None when there is none."""

    number: str
    decided_on: date
    policy: str
    policy_number: str
    year: int
    enterprise: str
    uscc: str
    application: str  # 受理编号
    measure: str
    clause: str
    award_fen: int
    paid_fen: int  # of the award, by then
    paid_on: date | None  # the last payment; None where a part was not paid by then
    reason: str
    amount_fen: int
    returned_fen: int  # of it, before the decision
    interest_fen: int
    interest_steps: tuple[tuple[str, str], ...]
    due_on: date
    ban_from: date | None
    ban_until: date | None

    @property
    def basis(self) -> str:
        """The clause with its law: the policy's own with the policy's title, another law's as it was written."""
        return f"《{self.policy}》{self.clause}" if _OWN_CLAUSE.match(self.clause) else self.clause

    @property
    def owed_fen(self) -> int:
        """What has to come back in all."""
        return self.amount_fen + self.interest_fen


def letter_of(session: Session, actor: Actor, clawback_id: int) -> ClawbackLetter:
    """The letter of a case that was decided. Raises StateError for any other, NotFoundError."""
    case = clawbacks.get(session, clawback_id)
    award = awards.of_entry(session, actor, case.entry_id)
    if case.state is not ClawbackState.OWED or case.decided_at is None or case.due_on is None:
        raise StateError(f"{case.number} 没有决定追回，没有追回决定书。")
    paid = [each for each in award.paid if each.reported_at is not None and each.reported_at <= case.decided_at]
    return ClawbackLetter(
        number=case.number,
        decided_on=case.decided_at.astimezone(CHINA).date(),
        policy=award.law.title,
        policy_number=award.law.number,
        year=award.cycle.year,
        enterprise=award.entry.enterprise_name,
        uscc=award.entry.uscc,
        application=award.entry.number,
        measure=award.measure,
        clause=case.clause,
        award_fen=award.entry.amount_fen,
        paid_fen=sum(each.amount_fen for each in paid),
        paid_on=award.paid_on if len(paid) == len(award.payments) else None,
        reason=case.reason,
        amount_fen=case.amount_fen,
        returned_fen=case.returned_fen,
        interest_fen=case.interest_fen,
        interest_steps=tuple((step["label"], step["value"]) for step in case.interest_steps),
        due_on=case.due_on,
        ban_from=case.ban_from,
        ban_until=case.ban_until,
    )
