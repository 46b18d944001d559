"""差异表: where two statements of the record differ: two versions of the list, declared and verified, awarded and paid.

Whoever must explain a difference finds it here beside what both sides say.
"""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import col

from models import Outcome, Payment, PaymentOrder, PaymentStatus
from services.application.state_names import OUTCOMES
from services.award import lists
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.contents.verification import changed_values
from services.documents.record import Listed, Record, latest
from services.documents.rows import Row, Rows
from services.record.columns import rows_as, select_as

_WHAT = (Column("受理编号", width=16), Column("单位名称", width=34), Column("奖补事项", width=22))


def build(record: Record) -> Book:
    """As the record stands. Raises NotYetError while no list is frozen."""
    paid = _payments(record)
    moments = [record.newest_list.frozen_at, *(payment.reported_at for payment in paid)]
    return Book(
        title=f"{record.cycle.year}年度奖补差异表",
        organisation=record.settings.organisation,
        dated=latest(moments, record.opened_on),
        trace=record.trace,
        sheets=(_versions(record), changed_values(record), _unpaid(record, paid)),
    )


def _versions(record: Record) -> Sheet:
    """The newest version of the list beside the one before it."""
    new = record.newest_list.version
    changes = lists.diff(record.session, record.cycle.id or 0, new - 1, new) if new > 1 else []
    heading = f"名单第 {new - 1} 版与第 {new} 版的差异" if new > 1 else "名单各版的差异"
    told = "名单只有第 1 版。" if new == 1 else f"共 {len(changes)} 件有变化。"
    return Sheet(
        name="名单差异",
        heading=heading,
        notes=(told,),
        columns=(
            *_WHAT,
            Column("前一版结果", width=12),
            Column("前一版金额（元）", CellKind.MONEY, 18),
            Column("本版结果", width=12),
            Column("本版金额（元）", CellKind.MONEY, 18),
            Column("增减（元）", CellKind.MONEY, 18),
        ),
        rows=tuple(
            (
                each.number,
                each.enterprise_name,
                record.measure_title(each.measure),
                _stands(each.old),
                each.old_fen,
                _stands(each.new),
                each.new_fen,
                each.new_fen - each.old_fen,
            )
            for each in changes
        ),
        total=(
            "合计",
            "",
            "",
            "",
            sum(each.old_fen for each in changes),
            "",
            sum(each.new_fen for each in changes),
            sum(each.new_fen - each.old_fen for each in changes),
        ),
    )


def _stands(outcome: Outcome | None) -> str:
    return "不在名单" if outcome is None else OUTCOMES[outcome]


@dataclass(frozen=True, slots=True)
class _Paid:
    """What became of a payment."""

    entry_id: int
    amount_fen: int
    status: PaymentStatus
    failure: str
    reported_at: datetime | None


def _payments(record: Record) -> list[_Paid]:
    query = select_as(_Paid, Payment).join(PaymentOrder, col(PaymentOrder.id) == col(Payment.order_id))
    rows = record.session.execute(query.where(col(PaymentOrder.list_id) == record.newest_list.id))
    return [*rows_as(_Paid, rows)]


def _unpaid(record: Record, paid: list[_Paid]) -> Sheet:
    """The awards of which not every fen is paid."""
    by_entry: dict[int, list[_Paid]] = defaultdict(list)
    for payment in paid:
        by_entry[payment.entry_id].append(payment)
    rows = Rows(
        (*_who(record, entry), *_sums(entry, own), _failures(own))
        for entry in record.entries
        if entry.amount_fen != _sum(own := by_entry.get(entry.id, []), PaymentStatus.PAID)
    )
    told = f"共 {len(rows)} 项没有足额拨付。" if paid else "资金尚未下达。"
    return Sheet(
        name="拨付差异",
        heading="名单金额与已拨付金额的差异",
        notes=(told,),
        columns=(
            *_WHAT,
            Column("县（区）", width=12),
            *(
                Column(title, CellKind.MONEY, 17)
                for title in ("名单金额（元）", "已拨付（元）", "待拨付（元）", "拨付失败（元）", "未下达（元）")
            ),
            Column("失败原因", width=24),
        ),
        rows=rows,
    )


def _who(record: Record, entry: Listed) -> Row:
    return (
        entry.number,
        entry.enterprise_name,
        record.measure_title(entry.measure),
        record.county_name(entry.county),
    )


def _sums(entry: Listed, payments: list[_Paid]) -> tuple[int, ...]:
    """Awarded, and of it paid, pending, failed, and not ordered yet: the last four add up to the first."""
    by_state = [_sum(payments, state) for state in (PaymentStatus.PAID, PaymentStatus.PENDING, PaymentStatus.FAILED)]
    return (entry.amount_fen, *by_state, entry.amount_fen - sum(by_state))


def _sum(payments: list[_Paid], state: PaymentStatus) -> int:
    return sum(payment.amount_fen for payment in payments if payment.status is state)


def _failures(payments: list[_Paid]) -> str:
    return "；".join(payment.failure for payment in payments if payment.failure)
