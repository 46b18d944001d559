"""退汇: money that was reported paid and came back, or was never paid; it is to be paid again."""

from collections.abc import Sequence
from datetime import date

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    AwardListEntry,
    Cycle,
    CycleStatus,
    Erasure,
    Payment,
    PaymentOrder,
    PaymentReturn,
    PaymentStatus,
)
from services.access.actors import Actor
from services.after_payment.clawbacks import standing_against
from services.clock import Clock, today
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.stages import CyclePlan
from services.errors import InputError, StateError
from services.notices import upcoming
from services.payment import payments
from services.record.operation import operation

LONGEST_REASON = 500


@operation("payment.returned")
def note(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    plan: CyclePlan,
    payment_id: int,
    on: date | None,
    reason: str,
) -> Payment:
    """Note that the bank gave a payment back on a day, or, without a day, that it was reported by mistake.

    It stands as failed then, what was reported is kept beside it (`PaymentReturn`), and it can be paid again, to
    another account too: a year that has gone on, or was archived, goes back to its payments. Raises NotFoundError,
    NotAllowedError for another county's, InputError for an impossible day or no reason, StateError for what was not
    paid, is being claimed back, or of which the accounts were erased.
    """
    payment = payments.own(session, actor, payment_id)
    cycle = session.get_one(Cycle, session.get_one(PaymentOrder, payment.order_id).cycle_id)
    paid_on = _paid_on(session, payment, cycle)
    reason = reason.strip()
    _check(clock, paid_on, on, reason)
    _call_off(session, clock, actor, cycle, payment)
    session.add(
        PaymentReturn(
            payment_id=payment_id,
            paid_on=paid_on,
            reference=payment.reference,
            returned_on=on,
            reason=reason,
            user_id=actor.user_id,
            recorded_at=clock.now(),
        )
    )
    payment.status, payment.paid_on, payment.reference = PaymentStatus.FAILED, None, ""
    payment.failure = f"{on} 银行退回：{reason}" if on else f"此前登记有误，没有拨付：{reason}"
    payment.reported_at = clock.now()
    _go_back(session, clock, settings, plan, cycle)
    return payment


@operation("payment.returned")
def take_back(session: Session, clock: Clock, actor: Actor, *, payment_id: int) -> Payment:
    """Take back a return that was noted by mistake: what was reported before it stands again, and the note beside it.

    Raises NotFoundError, NotAllowedError for another county's, StateError when there is none, or when something was
    reported since.
    """
    payment = payments.own(session, actor, payment_id)
    returns = payments.returns_of(session, payment_id)
    if not may_be_taken_back(payment, returns):
        raise StateError(f"拨付 {payment.number} 没有登记退回，或者退回以后又登记过结果，不能恢复；请刷新后再看。")
    cycle_id = session.get_one(PaymentOrder, payment.order_id).cycle_id
    told = payments.failed_about(payment.number, returns[-1].recorded_at)
    upcoming.call_off(session, clock, actor, cycle_id, "payment_failed", told)
    payment.status, payment.failure, payment.reported_at = PaymentStatus.PAID, "", clock.now()
    payment.paid_on, payment.reference = returns[-1].paid_on, returns[-1].reference
    cycle = session.get_one(Cycle, cycle_id)
    if cycle.status is CycleStatus.OPEN:
        cycles.current_visit(session, cycle).work_done_at = None  # its list says what is paid
    return payment


def may_be_taken_back(payment: Payment, returns: Sequence[PaymentReturn]) -> bool:
    """Whether the last of its returns is the last that was heard of a payment."""
    return bool(returns) and payment.paid_on is None and payment.reported_at == returns[-1].recorded_at


def was_taken_back(payment: Payment, each: PaymentReturn) -> bool:
    """Whether a payment stands as it was before this return: nobody reports it paid as before but by taking it back."""
    return (payment.paid_on, payment.reference) == (each.paid_on, each.reference)


def _paid_on(session: Session, payment: Payment, cycle: Cycle) -> date:
    """The day on which it was reported paid. Raises StateError when it is not to be returned."""
    if payment.paid_on is None:
        raise StateError(f"拨付 {payment.number} 没有登记为已拨付，没有可以登记退回的；请刷新后再看。")
    if cases := standing_against(session, payment.entry_id):
        raise StateError(f"拨付 {payment.number} 正在追回（{cases[0]}），款项退回的请登记到追回中，追回有误的先撤销。")
    if session.exec(select(Erasure.id).where(Erasure.cycle_id == cycle.id)).first() is not None:
        raise StateError(f"{cycle.year} 年度的收款账户已经清除，不能重新拨付；请按退回资金另行处理。")
    return payment.paid_on


def _check(clock: Clock, paid_on: date, on: date | None, reason: str) -> None:
    if not reason:
        raise InputError("没有写明退回或更正的原因；请补填。")
    if len(reason) > LONGEST_REASON:
        raise InputError(f"原因最多 {LONGEST_REASON} 个字；看到的有 {len(reason)} 个字。")
    if on is not None and not paid_on <= on <= today(clock):
        raise InputError(f"退回日期 {on} 不在拨付之日 {paid_on} 至今天 {today(clock)} 之间；请核对日期。")


def _call_off(session: Session, clock: Clock, actor: Actor, cycle: Cycle, payment: Payment) -> None:
    """Tell nobody any more that the money was paid, who was not told yet."""
    entry = session.get_one(AwardListEntry, payment.entry_id)
    shares = select(Payment.id).where(Payment.entry_id == entry.id)
    before = session.exec(select(func.count()).where(col(PaymentReturn.payment_id).in_(shares))).one()
    about = payments.made_about(entry.number, before)
    upcoming.call_off(session, clock, actor, cycle.id or 0, "payment_made", about)


def _go_back(session: Session, clock: Clock, settings: Settings, plan: CyclePlan, cycle: Cycle) -> None:
    """Have the money paid: the gates lead a year under way back by themselves. Of a cancelled one nothing is paid."""
    if cycle.status is CycleStatus.CLOSED:
        cycles.reopen(session, clock, Calendar(settings.calendar_dir), cycle, plan.stage(payments.STAGE))
    elif cycle.status is CycleStatus.OPEN:
        cycles.current_visit(session, cycle).work_done_at = None  # its list says what is paid
