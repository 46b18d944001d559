"""退汇: money that came back after it was reported paid is told, can go elsewhere and is paid again, once."""

from datetime import date, timedelta
from typing import Any

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import col, delete, select

from models import CycleStatus, Erasure, Message, MessageStatus, Payment, PaymentReturn, PaymentStatus, VisitResult
from services.access.actors import system_actor
from services.after_payment import awards, following, overview
from services.application import accounts, dossier
from services.cycle import cancelling, cycles, gates
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.payment import payment_overview, payments, returned
from services.record.chain import verify
from tests.services.filled_record import Record, finish_work, leave
from tests.services.paid_year import PAID_ON, all_payments, claim, pay, revoke

DAY = timedelta(days=1)


@pytest.fixture
def paid(record: Record) -> Record:
    """Everything is paid; the stage of the payments is still to be left."""
    finish_work(pay(record))
    return record


@pytest.fixture
def archived(paid: Record) -> Record:
    """The year is over."""
    for stage in ("payment", "results", "archive"):
        finish_work(paid)
        leave(paid, stage)
    assert paid.cycle.status is CycleStatus.CLOSED
    return paid


def give_back(record: Record, place: int = 0, who: str = "cai", **changes: Any) -> Payment:
    given = {"on": PAID_ON, "reason": "账户已销户"} | changes
    key = all_payments(record)[place].id or 0
    return returned.note(
        record.session,
        record.clock,
        record.actors[who],
        settings=record.settings,
        plan=record.plan,
        payment_id=key,
        **given,
    )


def tell(record: Record) -> int:
    new = payments.tell(record.session, record.clock, record.settings, record.cycle)
    record.session.commit()
    return new


def test_what_came_back_stands_as_failed_and_what_was_reported_is_kept(paid: Record) -> None:
    payment = give_back(paid)
    assert (payment.status, payment.paid_on, payment.reference) == (PaymentStatus.FAILED, None, "")
    assert payment.failure == "2026-03-02 银行退回：账户已销户"
    (kept,) = payments.returns_of(paid.session, payment.id or 0)
    assert (kept.paid_on, kept.returned_on, kept.reason) == (PAID_ON, PAID_ON, "账户已销户")
    assert verify(paid.session) == []
    found = payment_overview.overview(paid.session, paid.actors["cai"], paid.cycle)
    assert found is not None and found.whole.difference_fen == payment.amount_fen
    assert awards.paid(paid.session, paid.cycle_id)[payment.entry_id] == 3000000


def test_a_report_made_by_mistake_is_taken_back(paid: Record) -> None:
    assert give_back(paid, on=None, reason="登记错了行").failure == "此前登记有误，没有拨付：登记错了行"


def test_the_stage_waits_for_it_again_and_its_list_is_written_anew(paid: Record) -> None:
    give_back(paid)
    assert cycles.current_visit(paid.session, paid.cycle).work_done_at is None
    gate = gates.read_gate(paid.session, paid.clock, paid.plan, paid.cycle)
    assert [(wait.who, wait.count) for wait in gate.waits] == [("财政", 1)]


@pytest.mark.parametrize("stage", ["results", "archive"])
def test_a_year_that_went_on_is_led_back_to_its_payments(paid: Record, stage: str) -> None:
    for each in ("payment", "results")[: 1 if stage == "results" else 2]:
        leave(paid, each)
        finish_work(paid)
    assert paid.cycle.stage == stage
    give_back(paid)
    gate = gates.read_gate(paid.session, paid.clock, paid.plan, paid.cycle)
    assert (gate.result, gate.target) == (VisitResult.REOPENED, "payment")
    assert leave(paid, stage) == "payment"


def test_a_year_that_was_archived_goes_on_from_its_payments_and_ends_again(archived: Record) -> None:
    archived.days(3)
    give_back(archived, on=PAID_ON + 2 * DAY)
    assert (archived.cycle.status, archived.cycle.stage, archived.cycle.closed_at) == (
        CycleStatus.OPEN,
        "payment",
        None,
    )
    visit = cycles.current_visit(archived.session, archived.cycle)
    assert visit.number == 2 and visit.due_at is not None
    key = archived.application(1).id or 0
    accounts.correct(
        archived.session,
        archived.clock,
        archived.actors["jing"],
        settings=archived.settings,
        application_id=key,
        bank_name="示例银行东区支行",
        bank_account="6222021009999999999",
    )
    assert payments.order(archived.session, archived.clock, archived.system, cycle_id=archived.cycle_id) == 0
    again(archived, on=PAID_ON + 3 * DAY)
    for stage in ("payment", "results", "archive"):
        finish_work(archived)
        leave(archived, stage)
    assert archived.cycle.status is CycleStatus.CLOSED
    assert overview.balances(archived.session, archived.actors["jing"], archived.cycle_id) is not None


def again(record: Record, place: int = 0, *, on: date, reference: str = "") -> Payment:
    """Report the payment at a place once more."""
    key = all_payments(record)[place].id or 0
    given: dict[str, Any] = {"payment_id": key, "paid": True, "on": on, "reference": reference}
    return payments.report(record.session, record.clock, record.actors["cai"], **given)


def test_what_came_back_is_not_reported_paid_as_before(paid: Record) -> None:
    paid.days(5)
    give_back(paid, on=PAID_ON + 3 * DAY)
    with pytest.raises(InputError, match="不能照原样再登记"):
        again(paid, on=PAID_ON)
    with pytest.raises(InputError, match="早于上次退回之日 2026-03-05"):
        again(paid, on=PAID_ON + DAY, reference="凭-2")
    assert again(paid, on=PAID_ON + 4 * DAY, reference="凭-2").status is PaymentStatus.PAID


def test_a_wrong_day_is_put_right(paid: Record) -> None:
    paid.days(2)
    give_back(paid, on=None, reason="日期写错")
    assert again(paid, on=PAID_ON + DAY).paid_on == PAID_ON + DAY


def test_the_applicant_is_told_that_it_came_back_and_that_it_was_paid_again(paid: Record) -> None:
    told = tell(paid)
    for message in paid.messages("payment_made"):
        message.status = MessageStatus.SENT
    paid.session.commit()
    paid.days(2)
    give_back(paid, on=PAID_ON + DAY)
    assert (tell(paid), tell(paid)) == (1, 0)
    (failed,) = paid.messages("payment_failed")
    assert failed.context["reason"] == "2026-03-03 银行退回：账户已销户"
    again(paid, on=PAID_ON + 2 * DAY)
    assert (tell(paid), tell(paid)) == (1, 0)
    made = paid.messages("payment_made")
    assert len(made) == told + 1
    assert (made[-1].recipient, made[-1].context["paid_on"]) == ("unit1@example.invalid", "2026-03-04")


def test_nobody_is_told_that_it_was_paid_who_was_not_told_yet(paid: Record) -> None:
    tell(paid)
    give_back(paid)
    query = select(Message).where(Message.kind == "payment_made", Message.status == MessageStatus.CANCELLED)
    assert [each.recipient for each in paid.session.exec(query)] == ["unit1@example.invalid"]


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ({"reason": " "}, "没有写明退回或更正的原因"),
        ({"reason": "长" * 501}, "最多 500 个字；看到的有 501 个字"),
        ({"on": PAID_ON - DAY}, "退回日期 2026-03-01 不在拨付之日 2026-03-02 至今天 2026-03-02 之间"),
        ({"on": PAID_ON + DAY}, "退回日期 2026-03-03 不在"),
    ],
)
def test_what_cannot_be_is_refused(paid: Record, said: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        give_back(paid, **said)
    assert all_payments(paid)[0].status is PaymentStatus.PAID


def test_only_what_was_paid_comes_back_and_once(paid: Record) -> None:
    give_back(paid)
    with pytest.raises(StateError, match="没有登记为已拨付"):
        give_back(paid)
    with pytest.raises(NotFoundError):
        returned.note(
            paid.session,
            paid.clock,
            paid.actors["cai"],
            settings=paid.settings,
            plan=paid.plan,
            payment_id=99,
            on=None,
            reason="试",
        )


def test_a_countys_treasury_says_it_of_its_own_and_nobody_else_does(paid: Record) -> None:
    give_back(paid, who="dong")
    for who in ("dong", "he", "ke"):
        with pytest.raises(NotAllowedError):
            give_back(paid, 4, who=who)


def test_what_is_claimed_back_is_settled_there(paid: Record) -> None:
    case = claim(paid)
    with pytest.raises(StateError, match=f"正在追回（{case.number}）"):
        give_back(paid)
    revoke(paid, case)
    assert give_back(paid).status is PaymentStatus.FAILED


def test_money_of_a_cancelled_year_came_back_for_good(paid: Record) -> None:
    given: dict[str, Any] = {"settings": paid.settings, "cycle_id": paid.cycle_id, "reason": "政策停止"}
    cancelling.cancel(paid.session, paid.clock, paid.actors["jing"], **given)
    give_back(paid)
    assert paid.cycle.status is CycleStatus.CANCELLED
    assert awards.granted_for(paid.session, paid.application(1).id or 0)[0] == 3000000


def test_without_the_accounts_nothing_is_paid_again(archived: Record) -> None:
    archived.session.add(
        Erasure(
            cycle_id=archived.cycle_id,
            applications=5,
            files=0,
            digest="0" * 64,
            reason="保存期限届满",
            user_id=archived.actors["jing"].user_id,
            erased_at=archived.clock.now(),
        )
    )
    archived.session.commit()
    with pytest.raises(StateError, match="收款账户已经清除"):
        give_back(archived)
    assert archived.cycle.status is CycleStatus.CLOSED


def test_the_story_of_the_application_tells_both(paid: Record) -> None:
    paid.days(1)
    give_back(paid, on=PAID_ON + DAY)
    key = paid.application(1).id or 0
    told = [event.what for event in dossier.case(paid.session, paid.clock, paid.actors["jing"], key).story]
    assert "市级负担部分（登记于 2026-03-02 拨付）于 2026-03-03 被银行退回：账户已销户" in told
    assert not any("拨付失败" in each for each in told)


def test_what_was_returned_is_not_taken_out_of_the_record(paid: Record) -> None:
    give_back(paid)
    with pytest.raises(DatabaseError, match="append-only"):
        paid.session.exec(delete(PaymentReturn).where(col(PaymentReturn.id) > 0))


def test_reports_go_on_as_before(paid: Record) -> None:
    give_back(paid, 1)
    paid.days(1)
    with pytest.raises(StateError, match="请在这笔拨付的页面上登记退回"):
        again(paid, 0, on=PAID_ON + DAY)


def test_whose_money_came_back_is_not_asked_how_it_was_used_before_it_is_paid_again(paid: Record) -> None:
    def follow_up() -> int:
        return following.follow_up(paid.session, paid.clock, system_actor(paid.session), settings=paid.settings)

    assert follow_up() == 3
    paid.days(1)
    give_back(paid)
    paid.days(60)
    assert follow_up() == 2
    reminded = {each.recipient for each in paid.messages("assessment_reminder")}
    assert reminded == {"unit2@example.invalid", "unit3@example.invalid"}
    again(paid, on=PAID_ON + 60 * DAY)
    assert (follow_up(), follow_up()) == (1, 0)
    asked = paid.messages("assessment_request")
    assert [each.recipient for each in asked].count("unit1@example.invalid") == 2
    assert asked[-1].context["due"] > asked[0].context["due"]


def take_back(record: Record, who: str = "cai", place: int = 0) -> Payment:
    key = all_payments(record)[place].id or 0
    return returned.take_back(record.session, record.clock, record.actors[who], payment_id=key)


def test_a_return_that_was_noted_by_mistake_is_taken_back(paid: Record) -> None:
    before = all_payments(paid)[0].model_copy()
    paid.days(3)
    give_back(paid, on=PAID_ON + DAY)
    tell(paid)
    with pytest.raises(InputError, match="退回登记有误的，请在这笔拨付的页面上恢复"):
        again(paid, on=before.paid_on or PAID_ON, reference=before.reference)
    paid.days(1)
    payment = take_back(paid)
    stands = (payment.status, payment.paid_on, payment.reference, payment.failure)
    assert stands == (PaymentStatus.PAID, before.paid_on, before.reference, "")
    (failed,) = paid.messages("payment_failed")
    assert failed.status is MessageStatus.CANCELLED
    (kept,) = payments.returns_of(paid.session, payment.id or 0)
    assert returned.was_taken_back(payment, kept)
    finish_work(paid)
    assert gates.read_gate(paid.session, paid.clock, paid.plan, paid.cycle).leads_on
    key = paid.application(1).id or 0
    told = [event.what for event in dossier.case(paid.session, paid.clock, paid.actors["jing"], key).story]
    assert "市级负担部分退回登记有误，仍于 2026-03-02 拨付" in told
    with pytest.raises(StateError, match="没有登记退回"):
        take_back(paid)


def test_a_return_stands_once_something_was_reported_after_it(paid: Record) -> None:
    paid.days(2)
    give_back(paid, 4)
    with pytest.raises(NotAllowedError):
        take_back(paid, "dong", 4)
    again(paid, 4, on=PAID_ON + DAY)
    with pytest.raises(StateError, match="又登记过结果"):
        take_back(paid, place=4)
