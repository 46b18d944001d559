"""资金拨付清单: what a county's treasury pays to whom and what is paid, a sheet a county and one with the totals."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import col

from models import Application, AwardListEntry, Enterprise, Payment, PaymentOrder, PaymentStatus
from services.award.sharing import CITY
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.errors import NotYetError
from services.documents.record import Record, latest
from services.documents.rows import Row, Rows
from services.money import capitals, yuan
from services.payment.payment_overview import RESULTS, payee
from services.record.columns import rows_as, select_as


@dataclass(frozen=True, slots=True)
class Line:
    """One payment with what it is for; `county` is whose treasury makes it."""

    number: str
    bearer: str
    amount_fen: int
    county: str
    ordered_at: datetime
    application_id: int
    enterprise_name: str
    uscc: str
    measure: str
    bank_name: str
    bank_account: str
    status: PaymentStatus
    paid_on: date | None
    reference: str
    failure: str
    reported_at: datetime | None
    name: str  # of the enterprise, by now

    @property
    def paid(self) -> bool:
        """Whether it is paid."""
        return self.status is PaymentStatus.PAID


def build(record: Record) -> Book:
    """The payments ordered on the newest list, with what is known of each."""
    lines = ordered_lines(record)
    moments = [*(line.ordered_at for line in lines), *(line.reported_at for line in lines)]
    counties = [county for county in record.counties if any(line.county == county for line in lines)]
    counties += sorted({line.county for line in lines} - set(counties))
    sheets = [_county(record, county, [line for line in lines if line.county == county]) for county in counties]
    return Book(
        title=f"{record.cycle.year}年度奖补资金拨付清单",
        organisation=record.settings.organisation,
        dated=latest(moments, record.opened_on),
        trace=record.trace,
        sheets=(_totals(record, counties, lines), *sheets),
    )


def ordered_lines(record: Record) -> list[Line]:
    """The payments ordered on the newest list, by number. Raises NotYetError when there are none."""
    rows = record.session.execute(
        select_as(Line, Payment, PaymentOrder, AwardListEntry, Application, Enterprise)
        .join(PaymentOrder, col(PaymentOrder.id) == col(Payment.order_id))
        .join(AwardListEntry, col(AwardListEntry.id) == col(Payment.entry_id))
        .join(Application, col(Application.id) == col(AwardListEntry.application_id))
        .join(Enterprise, col(Enterprise.id) == col(Application.enterprise_id))
        .where(col(PaymentOrder.list_id) == record.newest_list.id)
        .order_by(col(Payment.number))
    ).all()
    if not rows:
        raise NotYetError(f"{record.cycle.year} 年度资金尚未下达，不能生成这份文件；请先完成资金审批和下达。")
    return [*rows_as(Line, rows)]


def _totals(record: Record, counties: list[str], lines: list[Line]) -> Sheet:
    rows = [
        (place, *_sums(record.county_name(county), [line for line in lines if line.county == county]))
        for place, county in enumerate(counties, 1)
    ]
    return Sheet(
        name="合计",
        heading=f"{record.cycle.year}年度奖补资金拨付清单（分县区合计）",
        notes=(f"依据：《{record.policy.title}》（{record.policy.number}）。金额单位：元。", *_so_far(lines)),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            Column("县（区）", width=20),
            Column("单位数", CellKind.INTEGER, 9),
            Column("笔数", CellKind.INTEGER, 9),
            Column("市级承担（元）", CellKind.MONEY, 19),
            Column("县级承担（元）", CellKind.MONEY, 19),
            Column("合计（元）", CellKind.MONEY, 19),
            Column("合计（大写）", width=46),
        ),
        rows=tuple(rows),
        total=("", *_sums("合计", lines)),
    )


def _sums(name: str, lines: list[Line]) -> Row:
    city = sum(line.amount_fen for line in lines if line.bearer == CITY)
    whole = sum(line.amount_fen for line in lines)
    units = len({line.uscc for line in lines})
    return (name, units, len(lines), city, whole - city, whole, capitals(whole))


def _so_far(lines: list[Line]) -> tuple[str, ...]:
    """What is paid and what is not; nothing before the first is."""
    paid = [line.amount_fen for line in lines if line.paid]
    rest = [line.amount_fen for line in lines if not line.paid]
    if not paid:
        return ()
    sums = f"其中已拨付 {len(paid)} 笔 {yuan(sum(paid))} 元，待拨付 {len(rest)} 笔 {yuan(sum(rest))} 元"
    return (f"{sums}；已拨付的不再列出账户，请勿重复拨付。",)


def _county(record: Record, county: str, lines: list[Line]) -> Sheet:
    name = record.county_name(county)
    total = sum(line.amount_fen for line in lines)
    return Sheet(
        name=name,
        heading=f"{record.cycle.year}年度奖补资金拨付清单（{name}）",
        notes=(
            f"共 {len(lines)} 笔，合计 {yuan(total)} 元，大写：{capitals(total)}。",
            *_so_far(lines),
            "拨付后请在浅黄色的四列填写结果，将本文件导回系统；拨付失败的以后付成了，改填结果并删去失败原因。"
            "其他各列已锁定，请勿改动。",
        ),
        columns=(
            Column("拨付编号", width=20),
            Column("收款单位", width=24),
            Column("统一社会信用代码", width=20),
            Column("开户银行", width=18),
            Column("银行账号", width=21),
            Column("奖补事项", width=18),
            Column("承担方", width=9),
            Column("金额（元）", CellKind.MONEY, 15),
            Column("拨付结果", width=10, choices=("已拨付", "拨付失败"), filled_in=True),
            Column("拨付日期", CellKind.DATE, 11, filled_in=True),
            Column("凭证号", width=12, filled_in=True),
            Column("失败原因", width=14, filled_in=True),
        ),
        rows=Rows(_row(record, line) for line in lines),
    )


def _row(record: Record, line: Line) -> Row:
    """A payment with its result. What is paid bears no account: it may have been corrected since."""
    return (
        line.number,
        payee(line.enterprise_name, line.name, paid=line.paid),
        line.uscc,
        "" if line.paid else line.bank_name,
        "" if line.paid else line.bank_account,
        record.measure_title(line.measure),
        "市级" if line.bearer == CITY else record.county_name(line.bearer),
        line.amount_fen,
        RESULTS[line.status],
        line.paid_on,
        line.reference,
        line.failure,
    )
