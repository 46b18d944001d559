"""公示: once a list, for all of its working days; objections while it runs; an upheld one reopens its application."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import select

from models import Application, ApplicationStatus, Decision, Objection, ObjectionStatus, PublicNotice
from services import documents
from services.award import lists, public_notices
from services.clock import CHINA
from services.cycle import extensions, gates, reminders
from services.errors import InputError, NotAllowedError, StateError
from tests.services.documents.small_cycle import ITEMS
from tests.services.filled_record import Record, changed, compute, finish_work, leave, stand_at

OBJECTOR = {"raised_by": "某单位", "contact": "who@example.invalid", "grounds": "该企业营业收入不实"}


@pytest.fixture
def published(record: Record) -> Record:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    stand_at(record, "public_notice")
    publish(record)
    return record


def publish(record: Record) -> PublicNotice:
    return public_notices.publish(
        record.session, record.clock, record.system, settings=record.settings, cycle_id=record.cycle_id
    )


def raise_objection(record: Record, **changes: Any) -> Objection:
    return public_notices.raise_objection(
        record.session,
        record.clock,
        record.actors["jing"],
        settings=record.settings,
        cycle_id=record.cycle_id,
        **(OBJECTOR | changes),
    )


def answer(record: Record, objection: Objection, **changes: Any) -> Objection:
    given: dict[str, Any] = {"upheld": False, "answer": "经复核无误", "who": "jing", **changes}
    return public_notices.answer(
        record.session,
        record.clock,
        record.actors[given.pop("who")],
        settings=record.settings,
        objection_id=objection.id or 0,
        **given,
    )


def test_the_notice_runs_five_working_days_and_is_published_once(published: Record) -> None:
    notice = publish(published)
    assert (notice.starts_on, notice.ends_on) == (date(2026, 3, 2), date(2026, 3, 9))
    assert publish(published).id == notice.id
    assert len(published.messages("notice_started")) == len(ITEMS)


def test_a_late_publication_still_runs_five_working_days(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    visit = stand_at(record, "public_notice")
    due = visit.due_at
    record.days(3)
    notice = publish(record)
    assert (notice.starts_on, notice.ends_on) == (date(2026, 3, 5), date(2026, 3, 12))
    assert due is not None and visit.due_at is not None and (visit.due_at - due).days == 3


def test_a_list_is_not_published_before_its_stage(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    with pytest.raises(StateError, match="不是名单公示阶段"):
        publish(record)


def test_an_objection_gets_a_number_and_a_receipt_with_the_day_of_the_answer(published: Record) -> None:
    first = raise_objection(published, application_id=published.application(1).id)
    second = raise_objection(published, contact="0596-2000000")
    assert (first.number, second.number) == ("YY2025-001", "YY2025-002")
    (receipt,) = published.messages("objection_received")
    assert receipt.recipient == "who@example.invalid"
    assert receipt.context["due"] == "2026-03-17"
    assert receipt.context["subject"] == "YY2025-001（拟奖补名单第1版，受理编号 SB2025-00001）"


def test_no_objection_is_taken_to_what_was_published_before_the_year_was_opened_again(published: Record) -> None:
    raise_objection(published)
    published.days(1)
    published.cycle.opened_at = published.clock.now()
    published.session.commit()
    with pytest.raises(StateError, match="还没有公示"):
        raise_objection(published)


@pytest.mark.parametrize(("days", "open_still"), [(0, True), (7, True), (8, False)])
def test_objections_are_taken_to_the_end_of_the_last_day(published: Record, days: int, open_still: bool) -> None:
    published.days(days)
    if open_still:
        assert raise_objection(published).status is ObjectionStatus.OPEN
    else:
        with pytest.raises(StateError, match="公示期是 2026-03-02 至 2026-03-09，今天是 2026-03-10"):
            raise_objection(published)


def test_an_extended_notice_takes_objections_longer(published: Record) -> None:
    extensions.extend(
        published.session,
        published.clock,
        published.actors["jing"],
        settings=published.settings,
        cycle_id=published.cycle_id,
        working_days=2,
        reason="公告栏停电",
    )
    notice = published.session.exec(select(PublicNotice)).one()
    assert notice.ends_on == date(2026, 3, 11)
    files = documents.write(
        published.session, published.clock, published.system, published.settings, published.cycle, "public_list"
    )
    page = next(each for each in files if each.format == "html")
    text = (published.settings.output_dir / page.path).read_text(encoding="utf-8")
    assert "2026年3月2日至2026年3月11日。" in text
    published.days(9)
    raise_objection(published)
    assert published.messages("objection_received")[0].context["due"] == "2026-03-19"


@pytest.mark.parametrize("left_out", ["raised_by", "contact", "grounds"])
def test_an_objection_needs_a_name_a_contact_and_grounds(published: Record, left_out: str) -> None:
    with pytest.raises(InputError, match="没有填写"):
        raise_objection(published, **{left_out: " "})


def test_an_objection_against_something_not_on_the_list_is_refused(published: Record) -> None:
    with pytest.raises(InputError, match="里没有编号为 99"):
        raise_objection(published, application_id=99)


def test_an_upheld_objection_has_its_application_verified_again(published: Record) -> None:
    objection = raise_objection(published, application_id=published.application(1).id)
    answer(published, objection, upheld=True, answer="收入数据有误，重新核定")
    assert objection.status is ObjectionStatus.UPHELD
    states = [published.application(place).status for place in range(1, len(ITEMS) + 1)]
    assert states == [ApplicationStatus.COUNTY_PASSED] + [ApplicationStatus.VERIFIED] * (len(ITEMS) - 1)
    (told,) = published.messages("objection_answered")
    assert told.context["upheld"] is True


def test_two_upheld_objections_may_concern_one_application(published: Record) -> None:
    first, second = (raise_objection(published, application_id=published.application(1).id) for _ in range(2))
    answer(published, first, upheld=True)
    answer(published, second, upheld=True)
    assert published.application(1).status is ApplicationStatus.COUNTY_PASSED


@pytest.mark.parametrize("status", [ApplicationStatus.COUNTY_REFUSED, ApplicationStatus.LAPSED])
def test_an_application_that_ended_early_is_verified_after_an_upheld_objection(
    published: Record, status: ApplicationStatus
) -> None:
    published.application(2).status = status
    published.session.commit()
    answer(published, raise_objection(published, application_id=published.application(2).id), upheld=True)
    assert published.application(2).status is ApplicationStatus.COUNTY_PASSED


def test_a_dismissed_objection_changes_no_application(published: Record) -> None:
    objection = raise_objection(published, application_id=published.application(1).id)
    answer(published, objection)
    assert published.application(1).status is ApplicationStatus.VERIFIED
    with pytest.raises(StateError, match="已经答复"):
        answer(published, objection, upheld=True)


def test_an_upheld_objection_must_name_an_application(published: Record) -> None:
    objection = raise_objection(published)
    with pytest.raises(InputError, match="没有指明申报"):
        answer(published, objection, upheld=True)
    assert published.session.get_one(Objection, objection.id).status is ObjectionStatus.OPEN
    answer(published, objection, upheld=True, application_id=published.application(2).id)
    assert published.session.get_one(Application, objection.application_id).status is ApplicationStatus.COUNTY_PASSED


def test_only_the_operator_answers_and_says_why(published: Record) -> None:
    objection = raise_objection(published)
    with pytest.raises(NotAllowedError):
        answer(published, objection, who="he")
    with pytest.raises(InputError, match="答复内容没有填写"):
        answer(published, objection, answer=" ")


def test_the_gate_waits_for_answers_and_leads_back_when_one_is_upheld(published: Record) -> None:
    objection = raise_objection(published, application_id=published.application(1).id)
    stand_at(published, "objections")
    gate = gates.read_gate(published.session, published.clock, published.plan, published.cycle)
    assert [(wait.who, wait.count) for wait in gate.waits] == [("经办人", 1)]
    answer(published, objection, upheld=True)
    gate = gates.read_gate(published.session, published.clock, published.plan, published.cycle)
    assert gate.target == "verification"


@pytest.mark.parametrize("fen", [ITEMS[0].fen, ITEMS[0].fen - 1])
def test_the_new_version_is_published_anew_and_the_old_objection_leads_back_no_more(
    published: Record, fen: int
) -> None:
    answer(published, raise_objection(published, application_id=published.application(1).id), upheld=True)
    stand_at(published, "objections")
    assert leave(published, "objections") == "verification"
    published.days(10)
    compute(published, changed(ITEMS, 1, fen))
    stand_at(published, "freeze")
    lists.freeze(published.session, published.clock, published.system, cycle_id=published.cycle_id)
    stand_at(published, "public_notice")
    notice = publish(published)
    assert notice.starts_on == date(2026, 3, 12)
    assert len(published.messages("notice_started")) == 2 * len(ITEMS)
    stand_at(published, "objections")
    assert leave(published, "objections") == "funds"


@pytest.mark.parametrize(("answered", "leads_to"), [("before", "funds"), ("after", "verification")])
def test_what_was_upheld_before_the_year_was_cancelled_leads_back_no_more(
    published: Record, answered: str, leads_to: str
) -> None:
    objection = raise_objection(published, application_id=published.application(1).id)
    if answered == "before":
        answer(published, objection, upheld=True)
    published.days(10)
    published.cycle.opened_at = published.clock.now()
    stand_at(published, "freeze")
    lists.freeze(published.session, published.clock, published.system, cycle_id=published.cycle_id)
    stand_at(published, "public_notice")
    publish(published)
    stand_at(published, "objections")
    if answered == "after":
        answer(published, objection, upheld=True)
    assert leave(published, "objections") == leads_to


def test_what_came_on_paper_while_the_notice_ran_is_recorded_later(published: Record) -> None:
    published.clock.instant = datetime(2026, 3, 10, 1, tzinfo=UTC)
    with pytest.raises(StateError, match="收到日期是 2026-03-01，不能再登记异议"):
        raise_objection(published, received_on=date(2026, 3, 1))
    with pytest.raises(InputError, match="收到日期 2026-03-11 还没有到"):
        raise_objection(published, received_on=date(2026, 3, 11))
    stand_at(published, "objections")
    raised = raise_objection(published, received_on=date(2026, 3, 9))
    assert raised.received_at.astimezone(CHINA).date() == date(2026, 3, 9)
    stand_at(published, "payment")
    with pytest.raises(StateError, match="异议处理已经结束"):
        raise_objection(published, received_on=date(2026, 3, 9))


@pytest.fixture
def asked(published: Record) -> Record:
    """The notice ended on a Monday, nobody had objected, and at five past midnight the money was to be approved."""
    published.clock.instant = datetime(2026, 3, 9, 16, 5, tzinfo=UTC)
    for stage in ("public_notice", "objections"):
        finish_work(published)
        leave(published, stage)
    assert published.cycle.stage == "funds"
    finish_work(published)
    published.clock.instant = datetime(2026, 3, 10, 1, tzinfo=UTC)
    return published


def approve(record: Record) -> Decision:
    digest = lists.current_list(record.session, record.cycle).digest
    at = record.session, record.clock, record.actors["fu"]
    return gates.approve(*at, plan=record.plan, cycle_id=record.cycle_id, digest=digest)


def gate(record: Record) -> gates.Gate:
    return gates.read_gate(record.session, record.clock, record.plan, record.cycle)


def test_what_came_on_the_last_day_is_recorded_the_next_morning_and_the_money_waits(asked: Record) -> None:
    assert [wait.who for wait in gate(asked).waits] == ["市政府办公室"]
    raised = raise_objection(asked, received_on=date(2026, 3, 9))
    assert asked.messages("objection_received")[0].context["due"] == "2026-03-17"
    (wait,) = gate(asked).waits
    assert (wait.who, wait.what, wait.due) == ("经办人", "1 件异议待答复", date(2026, 3, 17))
    given = {"settings": asked.settings, "plan": asked.plan, "cycle_id": asked.cycle_id}
    assert reminders.remind(asked.session, asked.clock, asked.system, **given) == 0, "nobody is asked to approve"
    with pytest.raises(StateError, match="异议还没有答复"):
        approve(asked)
    answer(asked, raised)
    approve(asked)
    with pytest.raises(StateError, match="资金已经批准"):
        raise_objection(asked, received_on=date(2026, 3, 9))
    assert leave(asked, "funds") == "payment"


def test_what_is_upheld_while_the_money_waits_leads_back_once(asked: Record) -> None:
    raised = raise_objection(asked, received_on=date(2026, 3, 9), application_id=1)
    answer(asked, raised, upheld=True, answer="重新核定")
    with pytest.raises(StateError, match="已认定成立"):
        approve(asked)
    assert leave(asked, "funds") == "verification"
    stand_at(asked, "objections")
    assert gate(asked).target == "funds", "it has led back already"
