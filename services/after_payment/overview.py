"""What the pages of 追回 show: the cases with how far they are, and the year's money as a double entry."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
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
    Cycle,
    Payment,
    PaymentStatus,
    User,
)
from policy import Policy
from services.access.actors import Actor
from services.access.permissions import may
from services.after_payment import awards, clawbacks
from services.after_payment.awards import Line, Ordered, PaidAward, bearer_name
from services.award.sharing import CITY, county_rate, split
from services.clock import Clock, today
from services.errors import NotFoundError
from services.law import policies
from services.money import yuan

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
    """A double entry in fen. `awarded` is what the frozen list says, the others what became of it.

    `pending` is ordered and not paid, or failed; `claimed` was paid and is claimed back by a standing decision, without
    interest, whether or not it has come back.
    """

    name: str
    awarded_fen: int
    paid_fen: int
    pending_fen: int
    claimed_fen: int

    @property
    def kept_fen(self) -> int:
        """What was paid and stays paid."""
        return self.paid_fen - self.claimed_fen

    @property
    def balanced(self) -> bool:
        """Whether every fen that the list awards is in one of the columns, and none is negative."""
        columns = (self.kept_fen, self.pending_fen, self.claimed_fen)
        return sum(columns) == self.awarded_fen and min(columns) >= 0


@dataclass(frozen=True)
class Balances:
    """The double entry of a year: by county and bearer in it, and the whole; `faults` say where it does not hold."""

    rows: tuple[Balance, ...]
    whole: Balance
    faults: tuple[str, ...]


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
    """The year's money as far as the actor may see it; None before it was ordered.

    The list's awards stand on one side, payments and decisions on the other; the whole is summed up by itself.
    """
    entries = awards.ordered_lines(session, actor, cycle_id)
    if not entries:
        return None
    cycle = session.get_one(Cycle, cycle_id)
    law = policies.policy_of(session, cycle)
    payments = awards.ordered_payments(session, actor, cycle_id)
    claims, back = _claims(session, cycle_id, entries), awards.claimed(session, cycle_id)
    borne = {(entry.id, bearer): fen for entry in entries for bearer, fen in _borne(law, cycle, entry)}
    awarded, claimed = sum(each.amount_fen for each in entries), sum(each.amount_fen for each in claims)
    rows = _rows(law, entries, borne, payments, back)
    known = {line.id: line for line in entries}
    strange = {payment.entry_id for payment in payments} - known.keys()  # ordered for what the list does not award
    known |= {line.id: line for line in awards.lines_of(session, actor, strange)}
    faults = [*_misordered(law, known, borne, payments), *_misclaimed(session, claims, payments, back)]
    return Balances(tuple(rows), _balance("合计", awarded, payments, claimed), tuple(faults))


def _rows(
    law: Policy,
    entries: list[Line],
    borne: Mapping[tuple[int, str], int],
    payments: list[Ordered],
    back: Mapping[int, int],
) -> Iterator[Balance]:
    """By county and bearer in it, those that bear something."""
    counties = {entry.id: entry.county for entry in entries}
    awarded: Counter[tuple[str, str]] = Counter()
    own: dict[tuple[str, str], list[Ordered]] = defaultdict(list)
    for (entry_id, bearer), fen in borne.items():
        awarded[counties[entry_id], bearer] += fen
    for payment in payments:
        if payment.entry_id in counties:
            own[counties[payment.entry_id], payment.bearer].append(payment)
    for county in [each.id for each in law.counties]:
        for key in ((county, CITY), (county, county)):
            if awarded[key] or own[key]:
                name = f"{bearer_name(law, county)}（{_SHARE[key[1] == CITY]}）"
                yield _balance(name, awarded[key], own[key], sum(back.get(each.id, 0) for each in own[key]))


def _balance(name: str, awarded_fen: int, payments: list[Ordered], claimed_fen: int) -> Balance:
    paid = sum(each.amount_fen for each in payments if each.status is PaymentStatus.PAID)
    pending = sum(each.amount_fen for each in payments if each.status is not PaymentStatus.PAID)
    return Balance(name, awarded_fen, paid, pending, claimed_fen)


def _borne(law: Policy, cycle: Cycle, entry: Line) -> tuple[tuple[str, int], ...]:
    """What of an award each bearer bears."""
    city, county = split(entry.amount_fen, county_rate(law, cycle, entry.measure, entry.county))
    return (CITY, city), (entry.county, county)


def _claims(session: Session, cycle_id: int, entries: list[Line]) -> list[Clawback]:
    """The standing decisions on these awards."""
    ids = {entry.id for entry in entries}
    rows = session.exec(
        select(Clawback)
        .where(Clawback.cycle_id == cycle_id, Clawback.state == ClawbackState.OWED)
        .order_by(col(Clawback.id))
    )
    return [row for row in rows if row.entry_id in ids]


def _misordered(
    law: Policy, known: Mapping[int, Line], borne: Mapping[tuple[int, str], int], payments: list[Ordered]
) -> Iterator[str]:
    """Where the payments ordered are not what the list awards: no operation of ours brings that about."""
    ordered: Counter[tuple[int, str]] = Counter()
    for payment in payments:
        ordered[payment.entry_id, payment.bearer] += payment.amount_fen
    for key in sorted(borne.keys() | ordered.keys(), key=lambda each: (known[each[0]].number, each[1])):
        if borne.get(key, 0) != ordered[key]:
            entry = known[key[0]]
            measure = law.measure(entry.measure)
            yield (
                f"{entry.number}（{measure.title if measure else entry.measure}，{bearer_name(law, key[1])}承担）："
                f"名单 {yuan(borne.get(key, 0))} 元，拨付单 {yuan(ordered[key])} 元"
            )


def _misclaimed(
    session: Session, claims: list[Clawback], payments: list[Ordered], back: Mapping[int, int]
) -> Iterator[str]:
    """Where a decision is not what its shares come to, or claims more of a payment than was paid."""
    for case in claims:
        shared = sum(session.exec(select(ClawbackShare.amount_fen).where(ClawbackShare.clawback_id == case.id)))
        if shared != case.amount_fen:
            yield f"{case.number}：决定追回 {yuan(case.amount_fen)} 元，各承担方合计 {yuan(shared)} 元"
    for payment in payments:
        paid = payment.amount_fen if payment.status is PaymentStatus.PAID else 0
        if back.get(payment.id, 0) > paid:
            yield f"{payment.number}：已拨付 {yuan(paid)} 元，决定追回 {yuan(back[payment.id])} 元"


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
