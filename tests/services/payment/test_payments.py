"""Payments: ordered once for the list whose money was approved; what treasuries report is never contradicted."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlmodel import Session, col, select

from config.settings import Settings
from models import Cycle, Outcome, Payment, PaymentOrder, PaymentStatus
from services.access.actors import Actor
from services.after_payment import overview
from services.award import lists
from services.clock import FixedClock
from services.cycle import gates
from services.errors import InputError, NotAllowedError, StateError
from services.payment import payments
from services.record.database import engine_of, session_of
from tests.services.documents.small_cycle import ITEMS, Item
from tests.services.filled_record import Record, approve_funds, build, changed, compute, finish_work, stand_at

TODAY = date(2026, 3, 2)
PAID_ITEMS = tuple(item for item in ITEMS if item.fen)


def order(record: Record) -> int:
    return payments.order(record.session, record.clock, record.system, cycle_id=record.cycle_id)


def report(record: Record, payment: Payment, who: str = "cai", **said: Any) -> Payment:
    given: dict[str, Any] = {"paid": True, "on": TODAY} | said
    return payments.report(record.session, record.clock, record.actors[who], payment_id=payment.id or 0, **given)


def all_payments(session: Session) -> list[Payment]:
    return list(session.exec(select(Payment).order_by(col(Payment.number))))


@pytest.fixture
def ordered(record: Record) -> Record:
    approve_funds(record)
    order(record)
    return record


def test_each_award_is_paid_by_county_and_bearer_to_the_fen(ordered: Record) -> None:
    rows = all_payments(ordered.session)
    assert [(row.number, row.bearer, row.amount_fen) for row in rows] == [
        ("BF-SB2025-00001-1S", "city", 4500000),
        ("BF-SB2025-00001-1X", "east", 3000000),
        ("BF-SB2025-00002-1S", "city", 740741),
        ("BF-SB2025-00002-1X", "east", 493826),
        ("BF-SB2025-00003-1S", "city", 20000001),
    ]
    counties = ordered.session.exec(select(PaymentOrder.county)).all()
    assert sorted(counties) == ["east", "west"]


def test_ordering_again_orders_nothing(ordered: Record) -> None:
    assert order(ordered) == 0
    assert len(all_payments(ordered.session)) == 5


def test_no_order_before_the_money_is_approved(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    stand_at(record, "funds")
    finish_work(record)
    with pytest.raises(StateError, match="还没有批准"):
        order(record)


def test_no_order_while_the_approved_cycle_still_stands_at_the_gate(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    stand_at(record, "funds")
    finish_work(record)
    digest = lists.current_list(record.session, record.cycle).digest
    gates.approve(
        record.session, record.clock, record.actors["fu"], plan=record.plan, cycle_id=record.cycle_id, digest=digest
    )
    with pytest.raises(StateError, match="还没有批准"):
        order(record)


def test_an_approval_of_another_version_orders_nothing(record: Record) -> None:
    approve_funds(record)
    compute(record, changed(ITEMS, 1, ITEMS[0].fen + 1))
    stand_at(record, "freeze")
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    with pytest.raises(StateError, match="第 2 版的资金还没有批准"):
        order(record)


def test_a_second_version_is_never_paid_on_top_of_the_first(ordered: Record) -> None:
    compute(ordered, changed(ITEMS, 1, ITEMS[0].fen + 1))
    ordered.clock.advance(timedelta(hours=1))
    approve_funds(ordered)
    with pytest.raises(StateError, match="另一版名单"):
        order(ordered)


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"on": None}, "没有填写拨付日期"),
        ({"on": date(2026, 3, 3)}, "不在下达之日 2026-03-02 至今天 2026-03-02 之间"),
        ({"on": date(2026, 3, 1)}, "不在下达之日"),
        ({"failure": "账号有误"}, "已拨付却填写了失败原因"),
        ({"paid": False, "on": None}, "没有写明原因"),
        ({"paid": False, "failure": "账号有误"}, "拨付失败却填写了"),
    ],
)
def test_reports_that_cannot_be_are_refused(ordered: Record, said: dict[str, Any], message: str) -> None:
    payment = all_payments(ordered.session)[0]
    with pytest.raises(InputError, match=message):
        report(ordered, payment, **said)
    assert all_payments(ordered.session)[0].status is PaymentStatus.PENDING


def test_a_failed_payment_can_be_made_later_and_a_made_one_never_changes(ordered: Record) -> None:
    payment = all_payments(ordered.session)[0]
    report(ordered, payment, paid=False, on=None, failure="账号有误")
    report(ordered, payment, reference="凭-1")
    assert (payment.status, payment.failure, payment.reference) == (PaymentStatus.PAID, "", "凭-1")
    report(ordered, payment, reference="凭-1")
    for said in ({"reference": "凭-2"}, {"paid": False, "on": None, "failure": "退汇"}):
        with pytest.raises(StateError, match="已于 2026-03-02 登记为已拨付"):
            report(ordered, payment, **said)
    assert payment.reference == "凭-1"


def test_a_countys_finance_reports_its_own_payments_only(ordered: Record) -> None:
    rows = all_payments(ordered.session)
    report(ordered, rows[0], who="dong")
    with pytest.raises(NotAllowedError, match="不属于您所在的县区"):
        report(ordered, rows[-1], who="dong")
    with pytest.raises(NotAllowedError):
        report(ordered, rows[-1], who="he")


def test_the_gate_waits_for_every_payment(ordered: Record) -> None:
    for place, payment in enumerate(all_payments(ordered.session)):
        gate = gates.read_gate(ordered.session, ordered.clock, ordered.plan, ordered.cycle)
        assert [wait.count for wait in gate.waits] == [5 - place]
        report(ordered, payment)
    assert gates.read_gate(ordered.session, ordered.clock, ordered.plan, ordered.cycle).target == "results"


def test_an_applicant_is_told_once_all_shares_are_paid(ordered: Record) -> None:
    city, county, *_ = all_payments(ordered.session)
    report(ordered, city)
    assert tell(ordered) == 0
    ordered.days(1)
    report(ordered, county, on=TODAY + timedelta(days=1))
    assert tell(ordered) == 1
    assert tell(ordered) == 0
    (told,) = ordered.messages("payment_made")
    assert (told.recipient, told.context["paid_on"]) == ("unit1@example.invalid", "2026-03-03")
    assert "45" not in str(told.context)


def test_missing_bank_data_is_asked_for(ordered: Record) -> None:
    application = ordered.application(3)
    application.bank_account = " "
    ordered.session.commit()
    assert tell(ordered) == 1
    (told,) = ordered.messages("bank_data_missing")
    assert (told.context["missing"], told.context["due"]) == (["银行账号"], "2026-03-30")


def test_a_payment_that_failed_is_told_with_its_reason_each_time_it_fails(ordered: Record) -> None:
    city, county, *_ = all_payments(ordered.session)
    report(ordered, city)
    assert tell(ordered) == 0
    report(ordered, county, paid=False, on=None, failure="户名与账号不符")
    assert (tell(ordered), tell(ordered)) == (1, 0)
    ordered.days(1)
    report(ordered, county, paid=False, on=None, failure="账户已销户")
    assert (tell(ordered), tell(ordered)) == (1, 0)
    told = ordered.messages("payment_failed")
    assert [(each.recipient, each.context["payment"], each.context["reason"]) for each in told] == [
        ("unit1@example.invalid", "BF-SB2025-00001-1X", "户名与账号不符"),
        ("unit1@example.invalid", "BF-SB2025-00001-1X", "账户已销户"),
    ]
    report(ordered, county, on=TODAY + timedelta(days=1))
    assert tell(ordered) == 1 and len(ordered.messages("payment_made")) == 1


def tell(record: Record) -> int:
    new = payments.tell(record.session, record.clock, record.settings, record.cycle)
    record.session.commit()
    return new


# Whatever is reported in whatever order, no fen is lost and none appears.

MANY = (
    *PAID_ITEMS,
    Item("漳州甲公司", "east", "computing", Outcome.AWARD, 1),
    Item("漳州乙公司", "west", "computing", Outcome.AWARD, 99999999),
)


@dataclass
class Template:
    """A database at the payment stage, to be copied."""

    folder: Path
    actor: Actor


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Template:
    folder = tmp_path_factory.mktemp("template")
    engine = engine_of(Settings(_env_file=None, data_dir=folder))
    with session_of(engine) as session:
        record = build(session, folder, MANY)
        approve_funds(record)
        order(record)
        actor = record.actors["cai"]
    engine.dispose()
    return Template(folder, actor)


@dataclass(frozen=True)
class Told:
    """One report, sensible or not."""

    place: int
    paid: bool
    day: int | None
    reference: str
    failure: str


TOLD = st.builds(
    Told,
    place=st.integers(0, 6),
    paid=st.booleans(),
    day=st.sampled_from([None, -1, 0, 1, 2]),
    reference=st.sampled_from(["", "凭-1"]),
    failure=st.sampled_from(["", "账号有误", "退汇"]),
)


@settings(max_examples=30, deadline=None)
@given(reports=st.lists(TOLD, max_size=10))
def test_awarded_is_paid_and_pending_and_failed_after_any_reports(template: Template, reports: list[Told]) -> None:
    with TemporaryDirectory() as folder:
        shutil.copytree(template.folder, folder, dirs_exist_ok=True)
        engine = engine_of(Settings(_env_file=None, data_dir=Path(folder)))
        with session_of(engine) as session:
            awarded = _sums(session)
            model = {payment.number: PaymentStatus.PENDING for payment in all_payments(session)}
            for told in reports:
                _tell_and_compare(session, template.actor, told, model)
            assert _sums(session) == awarded
            assert sum(awarded.values()) == sum(item.fen for item in MANY)
        engine.dispose()


def _tell_and_compare(session: Session, actor: Actor, told: Told, model: dict[str, PaymentStatus]) -> None:
    payment = all_payments(session)[told.place]
    before = payment.model_dump()
    on = None if told.day is None else TODAY + timedelta(days=told.day)
    clock = FixedClock(session.exec(select(Cycle)).one().opened_at + timedelta(days=1))
    sensible = (
        (told.day in (0, 1) and not told.failure) if told.paid else (bool(told.failure) and not (on or told.reference))
    )
    try:
        payments.report(
            session,
            clock,
            actor,
            payment_id=payment.id or 0,
            paid=told.paid,
            on=on,
            reference=told.reference,
            failure=told.failure,
        )
    except (InputError, StateError):
        assert session.get_one(Payment, payment.id, populate_existing=True).model_dump() == before
        assert not sensible or model[payment.number] is PaymentStatus.PAID
    else:
        assert sensible
        model[payment.number] = PaymentStatus.PAID if told.paid else PaymentStatus.FAILED
    assert {row.number: row.status for row in all_payments(session)} == model


def _sums(session: Session) -> Counter[tuple[str, str]]:
    """Fen by county and bearer, over all states."""
    sums: Counter[tuple[str, str]] = Counter()
    for payment in all_payments(session):
        sums[session.get_one(PaymentOrder, payment.order_id).county, payment.bearer] += payment.amount_fen
    return sums


def test_shares_of_many_awards_add_up_by_county(make_record: Callable[..., Record]) -> None:
    record = make_record(MANY)
    record.cycle.cost_sharing = {"west": "33.333%"}
    record.session.commit()
    approve_funds(record)
    order(record)
    sums = _sums(record.session)
    for county in ("east", "west"):
        awarded = sum(item.fen for item in MANY if item.county == county)
        assert sums[county, "city"] + sums[county, county] == awarded


def test_what_the_law_has_the_city_pay_is_ordered_and_balanced_without_the_county(
    make_record: Callable[..., Record],
) -> None:
    record = make_record((Item("芗江大模型研究院", "east", "vouchers", Outcome.AWARD, 20000001),))
    approve_funds(record)
    order(record)
    assert _sums(record.session) == {("east", "city"): 20000001}
    found = overview.balances(record.session, record.actors["jing"], record.cycle_id)
    assert found is not None and found.faults == ()
    assert [row.name for row in found.rows] == ["东区（市级承担）"]
