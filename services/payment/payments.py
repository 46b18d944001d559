"""资金下达与拨付: payments of the approved list by county and bearer of cost, and what became of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from itertools import chain
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    Application,
    AwardList,
    AwardListEntry,
    Cycle,
    Decision,
    DecisionKind,
    ImportFile,
    ImportKind,
    Payment,
    PaymentOrder,
    PaymentReturn,
    PaymentStatus,
    StageVisit,
    VisitResult,
)
from policy import Policy
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.application.applications import letter
from services.award import lists
from services.award.sharing import CITY, county_rate, split
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from services.files import imports
from services.law import policies
from services.money import yuan
from services.notices.queueing import Notice, queue_all
from services.payment.payment_rows import ResultRow, Said, known_headings, read_results
from services.record.columns import rows_as, select_as
from services.record.operation import operation
from services.record.rows import add_rows
from services.tables import RowProblem, read_workbook

STAGE = "payment"
_FUNDS = "funds"


@dataclass(frozen=True, slots=True)
class _Awarded:
    """A line of a list with an amount."""

    id: int
    number: str
    county: str
    measure: str
    amount_fen: int


@operation("payment.order")
def order(session: Session, clock: Clock, actor: Actor, *, cycle_id: int) -> int:
    """Order the payments of the current list, once: one an award and bearer, gathered by county.

    Returns how many payments are new. Raises StateError before the money was approved for this very list, or when
    another version was ordered already.
    """
    cycle = cycles.open_one(session, cycle_id)
    current = lists.current_list(session, cycle)
    _check_approved(session, cycle, current)
    orders = _orders(session, cycle, current)
    awarded = select_as(_Awarded, AwardListEntry).where(
        col(AwardListEntry.list_id) == current.id, col(AwardListEntry.amount_fen) > 0
    )
    entries = [*rows_as(_Awarded, session.execute(awarded.order_by(col(AwardListEntry.number))))]
    for county in sorted({entry.county for entry in entries} - orders.keys()):
        orders[county] = PaymentOrder(cycle_id=cycle_id, list_id=current.id or 0, county=county, ordered_at=clock.now())
        session.add(orders[county])
    session.flush()
    law = policies.policy_of(session, cycle)
    numbers = select(Payment.number).join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
    known = set(session.exec(numbers.where(PaymentOrder.list_id == current.id)))
    shares = (row for entry in entries for row in _shares(law, cycle, current, orders[entry.county].id or 0, entry))
    return add_rows(session, Payment, (row for row in shares if row["number"] not in known))


@operation("payment.report")
def report(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    payment_id: int,
    paid: bool,
    on: date | None,
    reference: str = "",
    failure: str = "",
) -> Payment:
    """Note that a payment was made on a day, or failed for a reason. Saying the same again changes nothing.

    A failed payment can be made later; one that was made never changes. Raises StateError for that, InputError for a
    missing or impossible day or reason, NotAllowedError for another county's payment.
    """
    payment = own(session, actor, payment_id)
    _note(session, clock, payment, Said(paid, on, reference.strip(), failure.strip()))
    return payment


def own(session: Session, actor: Actor, payment_id: int) -> Payment:
    """A payment that the actor's treasury makes. Raises NotFoundError, NotAllowedError for another county's."""
    payment = session.get(Payment, payment_id)
    if payment is None:
        raise NotFoundError(f"没有编号为 {payment_id} 的拨付；请核对。")
    if treasury_of(actor) not in (None, session.get_one(PaymentOrder, payment.order_id).county):
        raise NotAllowedError(f"拨付 {payment.number} 不属于您所在的县区；请由该县区办理。")
    return payment


def returns_of(session: Session, payment_id: int) -> list[PaymentReturn]:
    """How often a payment came back, the first time first."""
    query = select(PaymentReturn).where(PaymentReturn.payment_id == payment_id)
    return list(session.exec(query.order_by(col(PaymentReturn.id))))


@operation("payment.report")
def import_results(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, path: Path
) -> ImportFile:
    """Take the results that treasuries filled into the payment list; every row that cannot be taken is listed.

    The same file again adds nothing. Raises TableError when the file is no table of results.
    """
    cycle = cycles.open_one(session, cycle_id)
    workbook = read_workbook(path, known_headings())
    known = imports.known_import(session, ImportKind.PAYMENTS, str(cycle_id), workbook)
    if known is not None:
        return known
    read = read_results(workbook)
    record = imports.start_import(session, clock, actor, ImportKind.PAYMENTS, str(cycle_id), workbook)
    payments = {payment.number: payment for payment in _payments(session, actor, lists.current_list(session, cycle))}
    changed = 0
    problems: list[RowProblem] = []
    for row in read.rows:
        try:
            changed += _note(session, clock, _paid_by(payments, row), row.said)
        except ServiceError as error:
            cause, _, remedy = str(error).removesuffix("。").partition("；")
            problems.append(row.problem("number", row.number, cause, remedy))
    unchanged = len(read.rows) - changed - len(problems)
    imports.finish_import(record, changed, unchanged, [*read.problems, *problems], read.notes)
    tell(session, clock, settings, cycle)
    return record


def tell(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> int:
    """Queue what applicants are to know, in the caller's transaction: money paid in full or not, bank data missing.

    Returns how many notices were new.
    """
    law, visit = policies.policy_of(session, cycle), cycles.current_visit(session, cycle)
    due = due_day(visit.due_at) if visit.due_at else today(clock)
    returned, payees = _returned(session, cycle), _payees(session, cycle)
    told = (_notices(law, cycle, due, payee, returned.get(payee.id, 0)) for payee in payees)
    notices = chain.from_iterable(told)
    return queue_all(session, clock, notices, domain=settings.message_domain)


def made_about(number: str, returns: int) -> str:
    """What the notice that all is paid goes by: once for an application, and anew when what came back is paid again."""
    return f"{number}/{returns}" if returns else number


def failed_about(number: str, reported_at: datetime) -> str:
    """What the notice that a payment failed goes by: once for each time that it was reported."""
    return f"{number}/{reported_at.isoformat()}"


def _notices(law: Policy, cycle: Cycle, due: date, payee: "_Payee", returns: int) -> Iterator[Notice]:
    """What is to be told of one application's money, of which some came back so many times."""

    def told(kind: str, about: str, **said: object) -> Notice:
        context = letter(law, payee, cycle.year) | said
        return Notice(cycle.id or 0, kind, payee.contact_email, payee.enterprise_name, about, context)

    if all(each.status is PaymentStatus.PAID for each in payee.payments):
        about = made_about(payee.number, returns)
        yield told("payment_made", about, paid_on=max(each.paid_on for each in payee.payments if each.paid_on))
        return
    if missing := payee.missing:
        yield told("bank_data_missing", f"{payee.number}/{'/'.join(missing)}", missing=missing, due=due)
    for each in payee.payments:
        if each.status is PaymentStatus.FAILED and each.reported_at:
            about = failed_about(each.number, each.reported_at)
            yield told("payment_failed", about, payment=each.number, reason=each.failure)


def _check_approved(session: Session, cycle: Cycle, current: AwardList) -> None:
    """The funds gate was passed, since this version was frozen, by approving its digest."""
    approval = session.exec(
        select(Decision)
        .join(StageVisit, col(StageVisit.id) == Decision.visit_id)
        .where(
            StageVisit.cycle_id == cycle.id,
            StageVisit.stage == _FUNDS,
            StageVisit.result == VisitResult.PASSED,
            Decision.kind == DecisionKind.APPROVE,
            Decision.digest == current.digest,
            Decision.decided_at >= current.frozen_at,
        )
    ).first()
    if approval is None:
        raise StateError(f"名单第 {current.version} 版的资金还没有批准，不能下达；请先完成资金审批。")


def _orders(session: Session, cycle: Cycle, current: AwardList) -> dict[str, PaymentOrder]:
    orders = session.exec(select(PaymentOrder).where(PaymentOrder.cycle_id == cycle.id)).all()
    if any(each.list_id != current.id for each in orders):
        raise StateError(f"{cycle.year} 年度已按另一版名单下达资金，不能重复下达；请核对名单版本。")
    return {each.county: each for each in orders}


def _shares(law: Policy, cycle: Cycle, current: AwardList, order_id: int, entry: _Awarded) -> list[dict[str, Any]]:
    city, county = split(entry.amount_fen, county_rate(law, cycle, entry.measure, entry.county))
    return [
        {
            "order_id": order_id,
            "entry_id": entry.id,
            "number": f"BF-{entry.number}-{current.version}{suffix}",
            "bearer": bearer,
            "amount_fen": fen,
        }
        for suffix, bearer, fen in (("S", CITY, city), ("X", entry.county, county))
        if fen
    ]


def _payments(session: Session, actor: Actor, current: AwardList) -> list[Payment]:
    """Those that the actor may report: another county's are as good as none, so that a file tells nothing of them."""
    query = select(Payment).join(PaymentOrder).where(PaymentOrder.list_id == current.id)
    own = treasury_of(actor)
    return list(session.exec(query.where(PaymentOrder.county == own) if own is not None else query))


def _paid_by(payments: dict[str, Payment], row: ResultRow) -> Payment:
    payment = payments.get(row.number)
    if payment is None:
        raise InputError("本年度没有这个拨付编号；请照系统导出的清单核对。")
    if row.amount_fen is not None and row.amount_fen != payment.amount_fen:
        raise InputError(
            f"表中金额 {yuan(row.amount_fen)} 元与下达的 {yuan(payment.amount_fen)} 元不一致；请核对，勿改动清单。"
        )
    return payment


def _note(session: Session, clock: Clock, payment: Payment, said: Said) -> bool:
    """Record what is said of a payment; False when it was known. Checks everything before it changes anything."""
    status = PaymentStatus.PAID if said.paid else PaymentStatus.FAILED
    new = (status, said.on, said.reference, said.failure)
    if new == (payment.status, payment.paid_on, payment.reference, payment.failure):
        return False
    if payment.status is PaymentStatus.PAID:
        raise StateError(
            f"拨付 {payment.number} 已于 {payment.paid_on} 登记为已拨付，不能更改；"
            "银行退回或登记有误的，请在这笔拨付的页面上登记退回。"
        )
    _check(clock, session.get_one(PaymentOrder, payment.order_id), said)
    _check_new(session, payment, said)
    payment.status, payment.paid_on, payment.reference, payment.failure = new
    payment.reported_at = clock.now()
    return True


def _check(clock: Clock, ordered: PaymentOrder, said: Said) -> None:
    if not said.paid:
        if not said.failure:
            raise InputError("拨付失败没有写明原因；请补填失败原因。")
        if said.on is not None or said.reference:
            raise InputError("拨付失败却填写了拨付日期或凭证号；请核对结果，删去多余内容。")
        return
    if said.failure:
        raise InputError(f"已拨付却填写了失败原因“{said.failure}”；请核对结果，删去多余内容。")
    if said.on is None:
        raise InputError("已拨付没有填写拨付日期；请补填。")
    first, last = ordered.ordered_at.astimezone(CHINA).date(), today(clock)
    if not first <= said.on <= last:
        raise InputError(f"拨付日期 {said.on} 不在下达之日 {first} 至今天 {last} 之间；请核对日期。")


def _check_new(session: Session, payment: Payment, said: Said) -> None:
    """What came back is not reported paid once more by a file from before: it was paid again on a later day."""
    for back in returns_of(session, payment.id or 0):
        if said.on is None:
            return
        if (said.on, said.reference) == (back.paid_on, back.reference):
            raise InputError(
                f"拨付 {payment.number} 于 {back.paid_on} 拨付的那一笔已经退回，不能照原样再登记；"
                "已重新拨付的，请填写这一次的日期和凭证号；退回登记有误的，请在这笔拨付的页面上恢复原来的登记。"
            )
        if back.returned_on is not None and said.on < back.returned_on:
            raise InputError(f"拨付日期 {said.on} 早于上次退回之日 {back.returned_on}；请填写重新拨付的日期。")


@dataclass(frozen=True, slots=True)
class _Share:
    """A payment, as far as its notice needs it."""

    number: str
    status: PaymentStatus
    paid_on: date | None
    failure: str
    reported_at: datetime | None


@dataclass(frozen=True, slots=True)
class _Payee:
    """An application with its payments, as far as its notices need them."""

    id: int
    number: str
    measure: str
    project: str
    enterprise_name: str
    contact_email: str
    bank_name: str
    bank_account: str
    payments: list[_Share] = field(default_factory=list)

    @property
    def missing(self) -> list[str]:
        """What of the bank data was not given."""
        given = {"开户银行": self.bank_name, "银行账号": self.bank_account}
        return [name for name, value in given.items() if not value.strip()]


def _payees(session: Session, cycle: Cycle) -> list[_Payee]:
    rows = session.execute(
        select_as(_Payee, Application)
        .add_columns(*(getattr(Payment, each.name) for each in fields(_Share)))
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
        .where(col(Application.cycle_id) == cycle.id)
        .order_by(col(Application.number), col(Payment.number))
    )
    found: dict[int, _Payee] = {}
    for row in rows:
        *who, number, status, paid_on, failure, reported_at = row
        share = _Share(number, status, paid_on, failure, reported_at)
        found.setdefault(who[0], _Payee(*who)).payments.append(share)
    return list(found.values())


def _returned(session: Session, cycle: Cycle) -> dict[int, int]:
    """How often money came back, by the id of the application that it was for."""
    query = (
        select(AwardListEntry.application_id, func.count())
        .join(Payment, col(Payment.entry_id) == AwardListEntry.id)
        .join(PaymentReturn, col(PaymentReturn.payment_id) == Payment.id)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .where(PaymentOrder.cycle_id == cycle.id)
        .group_by(col(AwardListEntry.application_id))
    )
    return dict(session.exec(query).all())
