"""Payments as treasuries look at them: by county and bearer, with what is paid, failed and still to come."""

import io
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import xlsxwriter
from sqlmodel import Session, col, func, select

from models import (
    Application,
    AwardList,
    AwardListEntry,
    Cycle,
    Document,
    Enterprise,
    Payment,
    PaymentOrder,
    PaymentStatus,
)
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.access.sightings import Slice, place
from services.application.particulars import account_doubt
from services.award.sharing import CITY
from services.clock import CHINA
from services.errors import NotFoundError
from services.law import policies
from services.money import decimal_yuan

_KIND = "payment_list"
SHOWN = 50
"""Payments on a page."""
RESULTS = {PaymentStatus.PAID: "已拨付", PaymentStatus.FAILED: "拨付失败", PaymentStatus.PENDING: ""}
"""What a list says in its column 拨付结果."""
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
    registered: str
    """How the enterprise is called by now."""

    @property
    def payee(self) -> str:
        """In whose name it is paid."""
        return payee(self.entry.enterprise_name, self.registered, paid=not self.unpaid)

    @property
    def unpaid(self) -> bool:
        """Whether it is still to be paid."""
        return self.payment.status is not PaymentStatus.PAID

    @property
    def account_doubt(self) -> str:
        """What is odd about the account that it is to be paid to; empty when nothing is."""
        return account_doubt(self.application.bank_account) if self.unpaid else ""


@dataclass(frozen=True)
class Sum:
    """What was ordered and what became of it, in number and fen: for a county, or for one bearer within it."""

    name: str
    counts: Counter[PaymentStatus]
    fens: Counter[PaymentStatus]

    @property
    def number(self) -> int:
        """How many payments."""
        return self.counts.total()

    @property
    def failed(self) -> int:
        """How many failed."""
        return self.counts[PaymentStatus.FAILED]

    @property
    def ordered_fen(self) -> int:
        """What was awarded and ordered."""
        return self.fens.total()

    @property
    def paid_fen(self) -> int:
        """What was paid."""
        return self.fens[PaymentStatus.PAID]

    @property
    def failed_fen(self) -> int:
        """What could not be paid so far."""
        return self.fens[PaymentStatus.FAILED]

    @property
    def pending_fen(self) -> int:
        """What nothing was heard of yet."""
        return self.fens[PaymentStatus.PENDING]

    @property
    def difference_fen(self) -> int:
        """What is still missing."""
        return self.ordered_fen - self.paid_fen


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


@dataclass(frozen=True)
class _Part:
    """Payments that are alike in what is added up: how many, what they come to, and when the last was ordered."""

    county: str
    bearer: str
    status: PaymentStatus
    number: int
    fen: int
    ordered_at: datetime


def payee(listed: str, registered: str, *, paid: bool) -> str:
    """In whose name an award is paid: accounts go by the name of today, and the list shows the one that was awarded."""
    return listed if paid or listed == registered else f"{registered}（名单所列：{listed}）"


def overview(session: Session, actor: Actor, cycle: Cycle) -> Overview | None:
    """The year's orders: all, or those of the actor's county; None before the money is ordered."""
    parts = _added_up(session, actor, cycle)
    if not parts:
        return None
    law = policies.policy_of(session, cycle)
    current = _list_of(session, actor, cycle)
    names = {county.id: county.name for county in law.counties}
    found = {part.county for part in parts}
    order = [*(each for each in names if each in found), *sorted(found - names.keys())]
    awarded = session.exec(
        select(AwardListEntry.county, func.sum(AwardListEntry.amount_fen))
        .where(AwardListEntry.list_id == current.id)
        .group_by(AwardListEntry.county)
    )
    return Overview(
        cycle=cycle,
        version=current.version,
        whole=_sum("合计", parts),
        counties=tuple(
            _county(each, names.get(each, each), [part for part in parts if part.county == each]) for each in order
        ),
        bearers=_by_bearer(parts),
        awarded_fen=sum(int(fen) for county, fen in awarded if _sees(actor, county)),
    )


def lines(session: Session, actor: Actor, cycle: Cycle) -> list[Line]:
    """All payments that the actor may see, by number."""
    return _lines(session, cycle, _of(actor, cycle))


def some(session: Session, actor: Actor, cycle: Cycle, *, first: int, most: int) -> list[Line]:
    """So many of them from a place on, counted from 0."""
    return _lines(session, cycle, _of(actor, cycle).offset(first).limit(most))


def of_county(session: Session, actor: Actor, cycle: Cycle, county: County, page: int) -> Slice[Line]:
    """A page of a county's; a page beyond the last is the last."""
    number, pages = place(county.whole.number, page, SHOWN)
    query = _of(actor, cycle).where(PaymentOrder.county == county.id).offset((number - 1) * SHOWN).limit(SHOWN)
    return Slice(_lines(session, cycle, query), number, pages, county.whole.number)


def failures(session: Session, actor: Actor, cycle: Cycle) -> list[Line]:
    """The first payments that failed."""
    return _lines(session, cycle, _of(actor, cycle).where(Payment.status == PaymentStatus.FAILED).limit(SHOWN))


def line(session: Session, actor: Actor, payment_id: int) -> tuple[Cycle, Line]:
    """One payment. Raises NotFoundError, the same when there is none as when it is another county's."""
    row = session.exec(select(Payment, PaymentOrder).join(PaymentOrder).where(Payment.id == payment_id)).one_or_none()
    if row is None or not _sees(actor, row[1].county):
        raise NotFoundError("没有这笔拨付，或者它不属于您可以查看的县区。")
    cycle = session.get_one(Cycle, row[1].cycle_id)
    (found,) = _lines(session, cycle, _of(actor, cycle).where(Payment.id == payment_id))
    return cycle, found


def written_list(session: Session, actor: Actor, cycle_id: int) -> Document | None:
    """The newest payment list that was written for a year; it shows all counties, so not to one county's treasury."""
    if treasury_of(actor) is not None:
        return None
    return session.exec(
        select(Document)
        .where(Document.cycle_id == cycle_id, Document.kind == _KIND, Document.format == "xlsx")
        .order_by(col(Document.written_at).desc(), col(Document.id).desc())
    ).first()


def export(lines: Sequence[Line]) -> bytes:
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
        for row, each in enumerate(lines, 1):
            for place, cell in enumerate(_cells(each)):
                paper.write_string(row, place, cell, text)
            paper.write_number(row, 7, float(decimal_yuan(each.payment.amount_fen)), money)
        paper.data_validation(1, 8, len(lines), 8, {"validate": "list", "source": ["已拨付", "拨付失败"]})
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


def _of(actor: Actor, cycle: Cycle) -> Any:
    """The payments of a year that the actor may see, by number, with what they are for."""
    query = (
        select(Payment, PaymentOrder, AwardListEntry, Application)
        .add_columns(col(Enterprise.name))
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(col(PaymentOrder.cycle_id) == cycle.id)
        .order_by(col(Payment.number))
    )
    own = treasury_of(actor)
    return query if own is None else query.where(col(PaymentOrder.county) == own)


def _lines(session: Session, cycle: Cycle, query: Any) -> list[Line]:
    law = policies.policy_of(session, cycle)
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
            registered,
        )
        for payment, order, entry, application, registered in session.exec(query)
    ]


def _list_of(session: Session, actor: Actor, cycle: Cycle) -> AwardList:
    """The list on which the first payment was ordered."""
    first = _of(actor, cycle).with_only_columns(PaymentOrder.list_id, maintain_column_froms=True).limit(1)
    return session.get_one(AwardList, session.execute(first).scalar_one())


def _added_up(session: Session, actor: Actor, cycle: Cycle) -> list[_Part]:
    alike = col(PaymentOrder.county), col(Payment.bearer), col(Payment.status)
    added = func.count(), func.sum(Payment.amount_fen), func.max(PaymentOrder.ordered_at)
    query = _of(actor, cycle).order_by(None).with_only_columns(*alike, *added, maintain_column_froms=True)
    rows = session.execute(query.group_by(*alike).order_by(*alike))
    return [_Part(county, bearer, status, number, int(fen), at) for county, bearer, status, number, fen, at in rows]


def _sum(name: str, parts: Iterable[_Part]) -> Sum:
    counts, fens = Counter[PaymentStatus](), Counter[PaymentStatus]()
    for part in parts:
        counts[part.status] += part.number
        fens[part.status] += part.fen
    return Sum(name, counts, fens)


def _county(county: str, name: str, parts: list[_Part]) -> County:
    ordered = max(part.ordered_at for part in parts).astimezone(CHINA).date()
    return County(county, _sum(name, parts), _by_bearer(parts), ordered)


def _by_bearer(parts: list[_Part]) -> tuple[Sum, ...]:
    """The city's share first, then the counties' own."""
    city = [part for part in parts if part.bearer == CITY]
    rest = [part for part in parts if part.bearer != CITY]
    shares = (("市级承担", city), ("县级承担", rest))
    return tuple(_sum(name, own) for name, own in shares if own)


def _cells(each: Line) -> tuple[str, ...]:
    """What is paid bears no account: it may have been corrected since."""
    payment = each.payment
    return (
        payment.number,
        each.payee,
        each.entry.uscc,
        each.application.bank_name if each.unpaid else "",
        each.application.bank_account if each.unpaid else "",
        each.measure,
        each.bearer,
        "",
        RESULTS[payment.status],
        payment.paid_on.isoformat() if payment.paid_on else "",
        payment.reference,
        payment.failure,
    )
