"""Tasks from the public notice to payment and the result notices."""

from datetime import date

from sqlmodel import col, func, select

from models import Objection, ObjectionStatus, Payment, PaymentOrder, PaymentStatus, PublicNotice
from services.award import public_notices, results
from services.payment import payments, treasuries
from tasks.context import acting
from tasks.step import step


@step("名单公示")
def publish_list(cycle_id: int) -> tuple[date, date]:
    """Publish the current list. Returns the first and the last day of the notice."""
    with acting() as (parts, session, system):
        notice = public_notices.publish(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id)
        return notice.starts_on, notice.ends_on


@step("统计异议")
def objections(cycle_id: int) -> dict[ObjectionStatus, int]:
    """How many objections are in each state."""
    with acting() as (_, session, _system):
        rows = session.exec(
            select(Objection.status, func.count())
            .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
            .where(PublicNotice.cycle_id == cycle_id)
            .group_by(col(Objection.status))
        ).all()
        return {ObjectionStatus(status): count for status, count in rows}


@step("资金下达")
def order(cycle_id: int) -> int:
    """Order the payments of the approved list. Returns how many were new."""
    with acting() as (parts, session, system):
        return payments.order(session, parts.clock, system, cycle_id=cycle_id)


@step("告知财政")
def tell_treasuries(cycle_id: int) -> int:
    """Tell the treasuries what they are to pay. Returns how many notices were new."""
    with acting() as (parts, session, system):
        return treasuries.tell(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id)


@step("统计拨付")
def paid(cycle_id: int) -> dict[PaymentStatus, tuple[int, int]]:
    """Count and sum in fen of the payments in each state."""
    with acting() as (_, session, _system):
        rows = session.exec(
            select(Payment.status, func.count(), func.sum(Payment.amount_fen))
            .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
            .where(PaymentOrder.cycle_id == cycle_id)
            .group_by(col(Payment.status))
        ).all()
        return {PaymentStatus(status): (count, int(total)) for status, count, total in rows}


@step("结果通知")
def notify_results(cycle_id: int) -> int:
    """Tell every applicant the outcome. Returns how many notices were new."""
    with acting() as (parts, session, system):
        return results.notify(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id)
