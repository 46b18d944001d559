"""What the pages of 追回 show: the cases with how far they are, and the year's money as a double entry."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from sqlmodel import Session, col, select

from models import (
    Application,
    AwardListEntry,
    Clawback,
    ClawbackGround,
    ClawbackReceipt,
    ClawbackShare,
    ClawbackState,
    Payment,
    PaymentStatus,
    User,
)
from services.actors import Actor
from services.after_payment import awards, clawbacks
from services.after_payment.awards import PaidAward, bearer_name
from services.clock import Clock, today
from services.errors import NotFoundError
from services.permissions import may
from services.sharing import CITY, county_rate, split

GROUND_NAMES = {
    ClawbackGround.AUDIT: "审计",
    ClawbackGround.INSPECTION: "检查",
    ClawbackGround.REPORT: "举报",
    ClawbackGround.PERFORMANCE: "绩效",
    ClawbackGround.VOLUNTARY: "自行退回",
}
_SHARE = {True: "市级承担", False: "县级承担"}


class Standing(StrEnum):
    """How far a case is, in the bureau's words."""

    PROPOSED = "待决定"
    OWED = "应退"
    PARTLY = "部分退回"
    RETURNED = "已退清"
    DECLINED = "不予追回"
    REVOKED = "撤销"


@dataclass(frozen=True)
class Share:
    """What one bearer gets back."""

    bearer: str
    amount_fen: int
    interest_fen: int


@dataclass(frozen=True)
class Case:
    """A case with its award, its receipts (those that count, and those that were replaced) and the people in it."""

    clawback: Clawback
    award: PaidAward
    receipts: tuple[ClawbackReceipt, ...]
    counting: frozenset[int]
    shares: tuple[Share, ...]
    proposed_by: str
    decided_by: str
    revoked_by: str
    on: date

    @property
    def owed_fen(self) -> int:
        """What has to come back, with interest; nothing before the decision."""
        return self.clawback.amount_fen + self.clawback.interest_fen if self._claimed else 0

    @property
    def received_fen(self) -> int:
        """What came back."""
        return sum(each.amount_fen for each in self.receipts if each.id in self.counting)

    @property
    def left_fen(self) -> int:
        """What is still to come back; nothing before the decision."""
        return self.owed_fen - self.received_fen if self._claimed else 0

    @property
    def standing(self) -> Standing:
        """How far it is."""
        if not self._claimed:
            return Standing[self.clawback.state.name]
        if not self.left_fen:
            return Standing.RETURNED
        return Standing.PARTLY if self.received_fen else Standing.OWED

    @property
    def overdue(self) -> bool:
        """Whether the day by which it had to come back has passed."""
        due = self.clawback.due_on
        return self._claimed and self.left_fen > 0 and due is not None and self.on > due

    @property
    def ground(self) -> str:
        """What brought it to light."""
        return GROUND_NAMES[self.clawback.ground]

    @property
    def _claimed(self) -> bool:
        return self.clawback.state is ClawbackState.OWED


@dataclass(frozen=True)
class Balance:
    """A double entry in fen: what was awarded is kept, pending, cut, or claimed back.

    `pending` is ordered and not paid, or failed; `cut` was awarded and not ordered; `claimed` was paid and is claimed
    back by a standing decision, without interest, whether or not it has come back.
    """

    name: str
    awarded_fen: int
    paid_fen: int
    pending_fen: int
    cut_fen: int
    claimed_fen: int

    @property
    def kept_fen(self) -> int:
        """What was paid and stays paid."""
        return self.paid_fen - self.claimed_fen

    @property
    def balanced(self) -> bool:
        """Whether every fen that was awarded is in one of the columns, and none is negative."""
        columns = (self.kept_fen, self.pending_fen, self.cut_fen, self.claimed_fen)
        return sum(columns) == self.awarded_fen and min(columns) >= 0


@dataclass(frozen=True)
class Balances:
    """The double entry of a year: by county and bearer in it, and the whole."""

    rows: tuple[Balance, ...]
    whole: Balance


def cases(session: Session, clock: Clock, actor: Actor, cycle_id: int | None = None) -> list[Case]:
    """The cases that the actor may see, of a year when named: those to decide, then those owed, then the rest."""
    query = select(Clawback).order_by(col(Clawback.id).desc())
    rows = session.exec(query.where(Clawback.cycle_id == cycle_id) if cycle_id is not None else query)
    found = [each for row in rows if (each := _visible(session, clock, actor, row)) is not None]
    order = {Standing.PROPOSED: 0, Standing.OWED: 1, Standing.PARTLY: 1}
    return sorted(found, key=lambda each: (order.get(each.standing, 2), not each.overdue))


def case(session: Session, clock: Clock, actor: Actor, clawback_id: int) -> Case:
    """One case. Raises NotFoundError, the same when it is another county's."""
    return _case(session, clock, actor, clawbacks.get(session, clawback_id))


def to_decide(session: Session, clock: Clock, actor: Actor) -> list[Case]:
    """The cases that wait for the actor's decision, the oldest first; never one's own."""
    if not may(actor.role, "clawback.decide"):
        return []
    rows = session.exec(
        select(Clawback)
        .where(Clawback.state == ClawbackState.PROPOSED, Clawback.proposed_by != actor.user_id)
        .order_by(col(Clawback.id))
    )
    return [_case(session, clock, actor, row) for row in rows]


def overdue(session: Session, clock: Clock, actor: Actor) -> list[Case]:
    """The cases of which not all came back in time, the oldest first."""
    late = select(Clawback).where(Clawback.state == ClawbackState.OWED, col(Clawback.due_on) < today(clock))
    found = (_case(session, clock, actor, row) for row in session.exec(late.order_by(col(Clawback.id))))
    return [each for each in found if each.overdue]


def of_application(session: Session, clock: Clock, actor: Actor, application_id: int) -> list[Case]:
    """The cases about one application's award, the newest first."""
    rows = session.exec(
        select(Clawback)
        .join(AwardListEntry, col(AwardListEntry.id) == Clawback.entry_id)
        .where(AwardListEntry.application_id == application_id)
        .order_by(col(Clawback.id).desc())
    )
    return [each for row in rows if (each := _visible(session, clock, actor, row)) is not None]


def of_enterprise(session: Session, clock: Clock, actor: Actor) -> list[Case]:
    """The decisions against the applicant's own enterprise, the newest first; proposals are not its business yet."""
    rows = session.exec(
        select(Clawback)
        .join(AwardListEntry, col(AwardListEntry.id) == Clawback.entry_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .where(Application.enterprise_id == actor.enterprise_id, Clawback.state == ClawbackState.OWED)
        .order_by(col(Clawback.id).desc())
    )
    return [_case(session, clock, actor, row) for row in rows]


def balances(session: Session, actor: Actor, cycle_id: int) -> Balances | None:
    """The year's money as far as the actor may see it; None before it was ordered."""
    found = awards.of_year(session, actor, cycle_id)
    if not found:
        return None
    back = awards.claimed(session, cycle_id)
    law, seen = found[0].law, {award.entry.county for award in found}
    counties = [each.id for each in law.counties if each.id in seen]
    keys = [(county, bearer) for county in counties for bearer in (CITY, county)]
    rows = [
        _balance(f"{bearer_name(law, county)}（{_SHARE[bearer == CITY]}）", county, bearer, found, back)
        for county, bearer in keys
    ]
    rows = [row for row in rows if row.awarded_fen or row.paid_fen or row.pending_fen]
    return Balances(tuple(rows), _whole(rows))


def _balance(name: str, county: str, bearer: str, found: list[PaidAward], back: dict[int, int]) -> Balance:
    of_county = [award for award in found if award.entry.county == county]
    payments = [each for award in of_county for each in award.payments if each.bearer == bearer]
    awarded = sum(_borne(award, bearer) for award in of_county)
    paid = sum(each.amount_fen for each in payments if each.status is PaymentStatus.PAID)
    ordered = sum(each.amount_fen for each in payments)
    return Balance(name, awarded, paid, ordered - paid, awarded - ordered, sum(_back(each, back) for each in payments))


def _borne(award: PaidAward, bearer: str) -> int:
    """A bearer's share of what the list awards."""
    city, county = split(award.entry.amount_fen, county_rate(award.law, award.cycle, award.entry.county))
    return city if bearer == CITY else county


def _back(payment: Payment, back: dict[int, int]) -> int:
    return back.get(payment.id or 0, 0)


def _whole(rows: list[Balance]) -> Balance:
    return Balance(
        "合计",
        sum(row.awarded_fen for row in rows),
        sum(row.paid_fen for row in rows),
        sum(row.pending_fen for row in rows),
        sum(row.cut_fen for row in rows),
        sum(row.claimed_fen for row in rows),
    )


def _visible(session: Session, clock: Clock, actor: Actor, row: Clawback) -> Case | None:
    try:
        return _case(session, clock, actor, row)
    except NotFoundError:
        return None


def _case(session: Session, clock: Clock, actor: Actor, row: Clawback) -> Case:
    award = awards.of_entry(session, actor, row.entry_id)
    receipts = session.exec(
        select(ClawbackReceipt).where(ClawbackReceipt.clawback_id == row.id).order_by(col(ClawbackReceipt.seq))
    ).all()
    shares = session.exec(
        select(ClawbackShare, Payment)
        .join(Payment, col(Payment.id) == ClawbackShare.payment_id)
        .where(ClawbackShare.clawback_id == row.id)
        .order_by(col(Payment.number))
    )
    return Case(
        clawback=row,
        award=award,
        receipts=tuple(receipts),
        counting=frozenset(each.id or 0 for each in clawbacks.standing_receipts(session, row.id or 0)),
        shares=tuple(Share(award.bearer(paid), each.amount_fen, each.interest_fen) for each, paid in shares),
        proposed_by=_name(session, row.proposed_by),
        decided_by=_name(session, row.decided_by),
        revoked_by=_name(session, row.revoked_by),
        on=today(clock),
    )


def _name(session: Session, user_id: int | None) -> str:
    return session.get_one(User, user_id).name if user_id is not None else ""
