"""The treasuries learn what they are to pay, and of whatever changes about it: each its own county, once."""

from collections.abc import Iterable
from datetime import date, timedelta

import pytest

from models import MessageStatus, Role, User
from services.application import accounts
from services.cycle import cancelling, reminders
from services.payment import payments, returned, treasuries
from tests.services.filled_record import Record, approve_funds, finish_work, leave
from tests.services.paid_year import PAID_ON, all_payments
from tests.services.paid_year import report as report_paid

CENTRAL, EAST, WEST = "cai@example.invalid", "dong@example.invalid", "west@example.invalid"
DAY = timedelta(days=1)


@pytest.fixture
def ordered(record: Record) -> Record:
    """The money is ordered; each treasury has an address, and the west's is new."""
    session = record.session
    west = User(login="west", name="西区财政", role=Role.FINANCE, county="west", email=WEST)
    session.add(west)
    for login, address in (("cai", CENTRAL), ("dong", EAST)):
        session.get_one(User, record.actors[login].user_id).email = address
    session.commit()
    approve_funds(record)
    payments.order(session, record.clock, record.system, cycle_id=record.cycle_id)
    return record


def tell(record: Record) -> int:
    return treasuries.tell(
        record.session, record.clock, record.system, settings=record.settings, cycle_id=record.cycle_id
    )


def remind(record: Record) -> int:
    given = {"settings": record.settings, "plan": record.plan, "cycle_id": record.cycle_id}
    return reminders.remind(record.session, record.clock, record.system, **given)


def told(record: Record, kind: str = "payment_request") -> list[tuple[str, object]]:
    """Whom, and how many payments they were told of."""
    return sorted((each.recipient, each.context["count"]) for each in record.messages(kind))


def pay(record: Record, places: Iterable[int]) -> None:
    for place in places:
        report_paid(record, all_payments(record)[place])


def give_back(record: Record, place: int, on: date) -> None:
    returned.note(
        record.session,
        record.clock,
        record.actors["jing"],
        settings=record.settings,
        plan=record.plan,
        payment_id=all_payments(record)[place].id or 0,
        on=on,
        reason="账户已销户",
    )


def test_each_treasury_is_told_of_its_own_once_and_the_citys_of_all(ordered: Record) -> None:
    assert (tell(ordered), tell(ordered)) == (3, 0)
    assert told(ordered) == [(CENTRAL, 5), (EAST, 4), (WEST, 1)]
    (message,) = [each for each in ordered.messages("payment_request") if each.recipient == EAST]
    assert (message.context["treasury"], message.context["due"]) == ("东区财政部门", "2026-03-30")
    assert message.context["path"] == f"/payments/{ordered.cycle_id}"


def test_who_has_nothing_to_pay_is_told_nothing(ordered: Record) -> None:
    pay(ordered, [4])
    tell(ordered)
    assert told(ordered) == [(CENTRAL, 4), (EAST, 4)]


def test_a_treasury_that_came_later_is_told_the_next_morning(ordered: Record) -> None:
    tell(ordered)
    ordered.session.add(User(login="new", name="新人", role=Role.FINANCE, county="east", email="new@example.invalid"))
    ordered.session.commit()
    ordered.days(1)
    remind(ordered)
    assert ("new@example.invalid", 4) in told(ordered) and len(told(ordered)) == 4


def test_before_the_due_day_they_are_reminded_of_what_is_left(ordered: Record) -> None:
    tell(ordered)
    pay(ordered, [0, 1, 2, 3])
    ordered.clock.instant = ordered.clock.instant.replace(month=3, day=25)
    remind(ordered)
    remind(ordered)
    assert told(ordered, "payment_reminder") == [(CENTRAL, 1), (WEST, 1)]
    (message,) = [each for each in ordered.messages("payment_reminder") if each.recipient == WEST]
    assert message.context["working_days_left"] == 3


def test_what_came_back_is_told_to_who_is_to_pay_it_again(ordered: Record) -> None:
    tell(ordered)
    pay(ordered, range(5))
    finish_work(ordered)
    ordered.days(1)
    give_back(ordered, 4, PAID_ON)
    assert tell(ordered) == 2
    assert told(ordered) == [(CENTRAL, 1), (CENTRAL, 5), (EAST, 4), (WEST, 1), (WEST, 1)]


def test_of_a_year_that_was_archived_too(ordered: Record) -> None:
    tell(ordered)
    pay(ordered, range(5))
    for stage in ("payment", "results", "archive"):
        finish_work(ordered)
        leave(ordered, stage)
    ordered.days(2)
    give_back(ordered, 0, PAID_ON + DAY)
    assert tell(ordered) == 2
    assert (EAST, 1) in told(ordered)


def correct(record: Record, place: int, account: str) -> None:
    key = record.application(place).id or 0
    accounts.correct(
        record.session,
        record.clock,
        record.actors["jing"],
        settings=record.settings,
        application_id=key,
        bank_name="示例银行",
        bank_account=account,
    )


def test_another_account_is_told_to_who_pays_there_and_nowhere_stands_in_the_mail(ordered: Record) -> None:
    correct(ordered, 1, "6222021009999999999")
    correct(ordered, 1, "6222021009999999999")
    messages = ordered.messages("account_changed")
    assert sorted(each.recipient for each in messages) == [CENTRAL, EAST], "once"
    assert messages[0].context["payments"] == ["BF-SB2025-00001-1S", "BF-SB2025-00001-1X"]
    assert not any("62220210" in str(each.context) for each in messages)


def test_an_account_of_which_one_share_is_paid_concerns_the_other(ordered: Record) -> None:
    pay(ordered, [0])
    correct(ordered, 1, "6222021009999999999")
    assert ordered.messages("account_changed")[0].context["payments"] == ["BF-SB2025-00001-1X"]


def test_before_anything_is_ordered_nobody_needs_to_know(record: Record) -> None:
    correct(record, 1, "6222021009999999999")
    assert record.messages("account_changed") == []


def test_of_a_cancelled_year_nothing_is_to_be_paid_any_more(ordered: Record) -> None:
    tell(ordered)
    given = {"settings": ordered.settings, "cycle_id": ordered.cycle_id, "reason": "政策停止"}
    cancelling.cancel(ordered.session, ordered.clock, ordered.actors["jing"], **given)
    assert {each.status for each in ordered.messages("payment_request")} == {MessageStatus.CANCELLED}
