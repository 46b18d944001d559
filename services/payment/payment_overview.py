"""Payments as treasuries look at them: by county and bearer, with what is paid, failed and still to come."""

import io
from dataclasses import dataclass
from datetime import date

import xlsxwriter
from sqlmodel import Session, col, func, select

from models import (
    Application,
    AwardList,
    AwardListEntry,
    Cycle,
    Document,
    Payment,
    PaymentOrder,
    PaymentStatus,
)
from policy import Policy
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.award.sharing import CITY
from services.clock import CHINA
from services.errors import NotFoundError
from services.law import policies
from services.money import decimal_yuan

_KIND = "payment_list"
_HEADINGS = (
    ("拨付编号", 22),
    ("收款单位", 28),
    ("统一社会信用代码", 21),
    ("开户银行", 22),
    ("银行账号", 24),
    ("奖补事项", 22),
    ("承担方", 12),
    ("金额（元）", 16),
    ("拨付结果", 12),
    ("拨付日期", 13),
    ("凭证号", 16),
    ("失败原因", 24),
)


@dataclass(frozen=True)
class Line:
    """One payment with what it is for."""

    payment: Payment
    order: PaymentOrder
    entry: AwardListEntry
    application: Application
    measure: str
    bearer: str

    @property
    def unpaid(self) -> bool:
        """Whether it is still to be paid."""
        return self.payment.status is not PaymentStatus.PAID


@dataclass(frozen=True)
class Sum:
    """What was ordered and what became of it: for a county, or for one bearer within it."""

    name: str
    lines: tuple[Line, ...]

    def _of(self, status: PaymentStatus) -> int:
        return sum(line.payment.amount_fen for line in self.lines if line.payment.status is status)

    @property
    def ordered_fen(self) -> int:
        """What was awarded and ordered."""
        return sum(line.payment.amount_fen for line in self.lines)

    @property
    def paid_fen(self) -> int:
        """What was paid."""
        return self._of(PaymentStatus.PAID)

    @property
    def failed_fen(self) -> int:
        """What could not be paid so far."""
        return self._of(PaymentStatus.FAILED)

    @property
    def pending_fen(self) -> int:
        """What nothing was heard of yet."""
        return self._of(PaymentStatus.PENDING)

    @property
    def difference_fen(self) -> int:
        """What is still missing."""
        return self.ordered_fen - self.paid_fen

    @property
    def failures(self) -> list[Line]:
        """The payments that failed."""
        return [line for line in self.lines if line.payment.status is PaymentStatus.FAILED]


@dataclass(frozen=True)
class County:
    """The order to one county's treasury."""

    id: str
    whole: Sum
    bearers: tuple[Sum, ...]
    ordered_on: date


@dataclass(frozen=True)
class Overview:
    """All orders of a year that somebody may see. `awarded_fen` is what the list grants there."""

    cycle: Cycle
    version: int
    whole: Sum
    counties: tuple[County, ...]
    bearers: tuple[Sum, ...]
    awarded_fen: int


def overview(session: Session, actor: Actor, cycle: Cycle) -> Overview | None:
    """The year's orders: all, or those of the actor's county; None before the money is ordered."""
    law = policies.policy_of(session, cycle)
    lines = _lines(session, actor, cycle, law)
    if not lines:
        return None
    current = session.get_one(AwardList, lines[0].order.list_id)
    names = {county.id: county.name for county in law.counties}
    found = {line.order.county for line in lines}
    order = [*(each for each in names if each in found), *sorted(found - names.keys())]
    awarded = session.exec(
        select(AwardListEntry.county, AwardListEntry.amount_fen).where(AwardListEntry.list_id == current.id)
    )
    return Overview(
        cycle=cycle,
        version=current.version,
        whole=Sum("合计", tuple(lines)),
        counties=tuple(
            _county(each, names.get(each, each), [line for line in lines if line.order.county == each])
            for each in order
        ),
        bearers=_by_bearer(lines),
        awarded_fen=sum(fen for county, fen in awarded if _sees(actor, county)),
    )


def line(session: Session, actor: Actor, payment_id: int) -> tuple[Cycle, Line]:
    """One payment. Raises NotFoundError, the same when there is none as when it is another county's."""
    row = session.exec(select(Payment, PaymentOrder).join(PaymentOrder).where(Payment.id == payment_id)).one_or_none()
    if row is None or not _sees(actor, row[1].county):
        raise NotFoundError("没有这笔拨付，或者它不属于您可以查看的县区。")
    cycle = session.get_one(Cycle, row[1].cycle_id)
    law = policies.policy_of(session, cycle)
    return cycle, next(each for each in _lines(session, actor, cycle, law) if each.payment.id == payment_id)


def written_list(session: Session, actor: Actor, cycle_id: int) -> Document | None:
    """The newest payment list that was written for a year; it shows all counties, so not to one county's treasury."""
    if treasury_of(actor) is not None:
        return None
    return session.exec(
        select(Document)
        .where(Document.cycle_id == cycle_id, Document.kind == _KIND, Document.format == "xlsx")
        .order_by(col(Document.written_at).desc(), col(Document.id).desc())
    ).first()


def export(found: Overview) -> bytes:
    """The payments as a table in which results are filled in and which `payments.import_results` takes back."""
    out = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain) as book:
        text, head = book.add_format({"num_format": "@"}), book.add_format({"bold": True, "bg_color": "#E7EDF3"})
        money = book.add_format({"num_format": "#,##0.00"})
        paper = book.add_worksheet("资金拨付清单")
        for place, (heading, width) in enumerate(_HEADINGS):
            paper.set_column(place, place, width, text)
            paper.write_string(0, place, heading, head)
        for row, each in enumerate(found.whole.lines, 1):
            for place, cell in enumerate(_cells(each)):
                paper.write_string(row, place, cell, text)
            paper.write_number(row, 7, float(decimal_yuan(each.payment.amount_fen)), money)
        rows = len(found.whole.lines)
        paper.data_validation(1, 8, rows, 8, {"validate": "list", "source": ["已拨付", "拨付失败"]})
        paper.freeze_panes(1, 2)
    return out.getvalue()


def sums(session: Session, cycle_id: int) -> dict[PaymentStatus, tuple[int, int]]:
    """Count and sum in fen of a year's payments in each state, of all counties."""
    found = dict.fromkeys(PaymentStatus, (0, 0))
    for status, count, amount in session.exec(
        select(Payment.status, func.count(), func.sum(Payment.amount_fen))
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .where(PaymentOrder.cycle_id == cycle_id)
        .group_by(Payment.status)
    ):
        found[PaymentStatus(status)] = (count, int(amount))
    return found


def years(session: Session) -> list[Cycle]:
    """The years with orders, the newest first."""
    ordered = select(PaymentOrder.cycle_id)
    return list(session.exec(select(Cycle).where(col(Cycle.id).in_(ordered)).order_by(col(Cycle.id).desc())))


def _sees(actor: Actor, county: str) -> bool:
    return treasury_of(actor) in (None, county)


def _lines(session: Session, actor: Actor, cycle: Cycle, law: Policy) -> list[Line]:
    query = (
        select(Payment, PaymentOrder, AwardListEntry, Application)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .where(PaymentOrder.cycle_id == cycle.id)
        .order_by(col(Payment.number))
    )
    own = treasury_of(actor)
    if own is not None:
        query = query.where(PaymentOrder.county == own)
    titles = {measure.id: measure.title for measure in law.measures}
    names = {county.id: county.name for county in law.counties}
    return [
        Line(
            payment,
            order,
            entry,
            application,
            titles.get(entry.measure, entry.measure),
            "市级" if payment.bearer == CITY else names.get(payment.bearer, payment.bearer),
        )
        for payment, order, entry, application in session.exec(query)
    ]


def _county(county: str, name: str, lines: list[Line]) -> County:
    ordered = max(line.order.ordered_at for line in lines).astimezone(CHINA).date()
    return County(county, Sum(name, tuple(lines)), _by_bearer(lines), ordered)


def _by_bearer(lines: list[Line]) -> tuple[Sum, ...]:
    """The city's share first, then the counties' own."""
    city = [line for line in lines if line.payment.bearer == CITY]
    rest = [line for line in lines if line.payment.bearer != CITY]
    shares = (("市级承担", city), ("县级承担", rest))
    return tuple(Sum(name, tuple(part)) for name, part in shares if part)


def _cells(each: Line) -> tuple[str, ...]:
    payment = each.payment
    results = {PaymentStatus.PAID: "已拨付", PaymentStatus.FAILED: "拨付失败", PaymentStatus.PENDING: ""}
    return (
        payment.number,
        each.entry.enterprise_name,
        each.entry.uscc,
        each.application.bank_name,
        each.application.bank_account,
        each.measure,
        each.bearer,
        "",
        results[payment.status],
        payment.paid_on.isoformat() if payment.paid_on else "",
        payment.reference,
        payment.failure,
    )
