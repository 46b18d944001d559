"""Awards that were paid: what was awarded, its payments, and what of it was claimed back."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlalchemy import ColumnElement, Subquery
from sqlmodel import Session, col, func, or_, select

from models import (
    Application,
    AwardListEntry,
    Clawback,
    ClawbackShare,
    ClawbackState,
    Cycle,
    CycleStatus,
    Payment,
    PaymentOrder,
    PaymentStatus,
)
from policy import Policy
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.award.sharing import CITY
from services.errors import InputError, NotFoundError
from services.law import policies
from services.record.columns import rows_as, select_as
from services.record.parts import in_parts

NOT_SEEN = "没有这一项，或者它不属于您可以查看的县区。"  # the same words for both, so that nobody learns which


@dataclass(frozen=True)
class PaidAward:
    """One award of an ordered list with its payments, in the order of their numbers."""

    cycle: Cycle
    law: Policy
    entry: AwardListEntry
    application: Application
    payments: tuple[Payment, ...]

    @property
    def measure(self) -> str:
        """The measure's title."""
        found = self.law.measure(self.entry.measure)
        return found.title if found else self.entry.measure

    @property
    def paid(self) -> tuple[Payment, ...]:
        """Those of its payments that were made."""
        return tuple(each for each in self.payments if each.status is PaymentStatus.PAID)

    @property
    def paid_fen(self) -> int:
        """What was paid so far."""
        return sum(each.amount_fen for each in self.paid)

    @property
    def paid_on(self) -> date | None:
        """The day of the last payment; None while anything is still to be paid."""
        days = [each.paid_on for each in self.paid if each.paid_on is not None]
        return max(days) if days and len(days) == len(self.payments) else None

    def bearer(self, payment: Payment) -> str:
        """Who bore a payment, as people say it."""
        return bearer_name(self.law, payment.bearer)


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a list as far as its money goes."""

    id: int
    number: str
    county: str
    measure: str
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Ordered:
    """A payment as far as its money goes."""

    id: int
    entry_id: int
    number: str
    bearer: str
    amount_fen: int
    status: PaymentStatus


@dataclass(frozen=True)
class Claim:
    """What standing decisions claim back of an award, without interest; `untrue`: its facts were false."""

    fen: int
    untrue: bool


def bearer_name(law: Policy, bearer: str) -> str:
    """市级, or the county's name."""
    return "市级" if bearer == CITY else next((each.name for each in law.counties if each.id == bearer), bearer)


def of_entry(session: Session, actor: Actor, entry_id: int) -> PaidAward:
    """The award of one line of a list. Raises NotFoundError, the same when it is another county's."""
    found = _awards(session, actor, AwardListEntry.id == entry_id)
    if not found:
        raise NotFoundError(NOT_SEEN)
    return found[0]


def of_number(session: Session, actor: Actor, cycle_id: int, number: str) -> PaidAward:
    """The award of an application that was paid, wholly or in part. Raises InputError."""
    found = _awards(session, actor, PaymentOrder.cycle_id == cycle_id, AwardListEntry.number == number.strip())
    if not found or not found[0].paid:
        raise InputError(f"本年度没有受理编号为“{number.strip()}”、已经拨付的奖补；请核对受理编号和年度。")
    return found[0]


def ordered_lines(session: Session, actor: Actor, cycle_id: int) -> list[Line]:
    """Every award of the list whose payments were ordered in a year, as far as the actor may see it, by number."""
    ordered = select(PaymentOrder.list_id).where(PaymentOrder.cycle_id == cycle_id)
    return _lines(session, actor, col(AwardListEntry.list_id).in_(ordered), col(AwardListEntry.amount_fen) > 0)


def lines_of(session: Session, actor: Actor, ids: Collection[int]) -> list[Line]:
    """These lines, of whatever list and amount, as far as the actor may see them."""
    return [line for some in in_parts(sorted(ids)) for line in _lines(session, actor, col(AwardListEntry.id).in_(some))]


def ordered_payments(session: Session, actor: Actor, cycle_id: int) -> list[Ordered]:
    """Every payment that was ordered in a year, as far as the actor may see it, by number."""
    query = (
        select_as(Ordered, Payment)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .where(col(PaymentOrder.cycle_id) == cycle_id, *_seen(actor))
        .order_by(col(AwardListEntry.number), col(Payment.number))
    )
    return [*rows_as(Ordered, session.execute(query))]


def _lines(session: Session, actor: Actor, *such: ColumnElement[bool]) -> list[Line]:
    query = select_as(Line, AwardListEntry).where(*such, *_seen(actor)).order_by(col(AwardListEntry.number))
    return [*rows_as(Line, session.execute(query))]


def _seen(actor: Actor) -> list[ColumnElement[bool]]:
    """Of the lines of a list those that the actor may see."""
    own = treasury_of(actor)
    return [] if own is None else [col(AwardListEntry.county) == own]


def paid(session: Session, cycle_id: int, by: Any = AwardListEntry.id) -> dict[Any, int]:
    """Fen that were paid in a year, by the id of the list's line, or by another of its columns."""
    rows = session.exec(
        select(by, func.sum(Payment.amount_fen))
        .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .where(PaymentOrder.cycle_id == cycle_id, Payment.status == PaymentStatus.PAID)
        .group_by(by)
    )
    return {key: int(fen) for key, fen in rows}


def claimed(session: Session, cycle_id: int) -> dict[int, int]:
    """Fen of a year's payments, by their ids, that standing decisions claim back, without interest."""
    rows = session.exec(
        select(ClawbackShare.payment_id, func.sum(ClawbackShare.amount_fen))
        .join(Clawback, col(Clawback.id) == ClawbackShare.clawback_id)
        .where(Clawback.cycle_id == cycle_id, Clawback.state == ClawbackState.OWED)
        .group_by(col(ClawbackShare.payment_id))
    )
    return {payment_id: int(amount) for payment_id, amount in rows}


def claims(session: Session, cycle_id: int) -> dict[int, Claim]:
    """What standing decisions claim back of a year's awards, by the id of the list's line."""
    found: dict[int, Claim] = {}
    for case in session.exec(
        select(Clawback).where(Clawback.cycle_id == cycle_id, Clawback.state == ClawbackState.OWED)
    ):
        before = found.get(case.entry_id, Claim(0, False))
        found[case.entry_id] = Claim(before.fen + case.amount_fen, before.untrue or case.untrue)
    return found


def granted(*such: ColumnElement[bool]) -> Subquery:
    """By `application_id`: `fen`, what was ordered to be paid for it, and `back_fen`, what of that is claimed back.

    Of a cancelled year only what was paid: the rest never will be.
    """
    back = (
        select(Clawback.entry_id, func.sum(Clawback.amount_fen).label("fen"))
        .where(Clawback.state == ClawbackState.OWED)
        .group_by(col(Clawback.entry_id))
        .subquery()
    )
    comes = or_(Cycle.status != CycleStatus.CANCELLED, Payment.status == PaymentStatus.PAID)
    return (
        select(
            col(AwardListEntry.application_id),
            func.sum(Payment.amount_fen).label("fen"),
            func.coalesce(func.max(back.c.fen), 0).label("back_fen"),
        )
        .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .join(Cycle, col(Cycle.id) == Application.cycle_id)
        .outerjoin(back, back.c.entry_id == AwardListEntry.id)
        .where(comes, *such)
        .group_by(col(AwardListEntry.application_id))
        .subquery()
    )


def granted_for(session: Session, application_id: int) -> tuple[int, int]:
    """The same of one application: fen, and fen claimed back."""
    paid = granted(col(Application.id) == application_id)
    found = session.execute(select(paid.c.fen, paid.c.back_fen)).one_or_none()
    return (int(found.fen), int(found.back_fen)) if found else (0, 0)


def _awards(session: Session, actor: Actor, *conditions: ColumnElement[bool] | bool) -> list[PaidAward]:
    """The ordered awards that fulfil the conditions, as far as the actor may see them, by number."""
    query = (
        select(AwardListEntry, Application, Payment)
        .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .where(*conditions)
        .order_by(col(AwardListEntry.number), col(Payment.number))
    )
    query = query.where(*_seen(actor))
    gathered: dict[int, tuple[AwardListEntry, Application, list[Payment]]] = {}
    for entry, application, payment in session.exec(query):
        gathered.setdefault(entry.id or 0, (entry, application, []))[2].append(payment)
    years = [session.get_one(Cycle, key) for key in {application.cycle_id for _, application, _ in gathered.values()}]
    laws = {cycle.id: (cycle, policies.policy_of(session, cycle)) for cycle in years}
    return [
        PaidAward(*laws[application.cycle_id], entry, application, tuple(payments))
        for entry, application, payments in gathered.values()
    ]
