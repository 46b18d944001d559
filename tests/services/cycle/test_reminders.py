"""Reminders go to those who still have something to do, when the plan says so, and never twice."""

from datetime import timedelta

import pytest
from sqlmodel import select

from models import (
    ApplicationStatus,
    MessageAction,
    MessageStatus,
    RequestStatus,
    ReviewerKind,
    Role,
    Supplement,
    User,
    VerificationRequest,
)
from services.award import lists
from services.cycle import cycles, extensions, gates, guide, reminders
from services.cycle.deadlines import end_of_day
from services.notices import upcoming
from tests.services.filled_record import Record, finish_work, stand_at


def remind(record: Record) -> int:
    return reminders.remind(
        record.session,
        record.clock,
        record.system,
        settings=record.settings,
        plan=record.plan,
        cycle_id=record.cycle_id,
    )


def on_each_day(record: Record, days: int) -> list[tuple[str, int]]:
    """Remind daily, twice, and send it; the days (MM-DD) on which something went out, and how much."""
    found = []
    for _ in range(days):
        new = remind(record)
        if new:
            found.append((record.clock.now().strftime("%m-%d"), new))
        assert remind(record) == 0
        for message in record.messages():
            message.status = MessageStatus.SENT
        record.session.commit()
        record.days(1)
    return found


def test_only_those_who_have_not_applied_are_reminded_of_the_end_of_intake(record: Record) -> None:
    record.application(1).status = ApplicationStatus.DRAFT
    record.application(2).status = ApplicationStatus.WITHDRAWN
    record.session.add(
        User(login="qi", name="新企业", role=Role.APPLICANT, enterprise_id=None, email="new@example.invalid")
    )
    record.session.add(
        User(login="qi3", name="已申报", role=Role.APPLICANT, enterprise_id=3, email="third@example.invalid")
    )
    record.session.commit()
    stand_at(record, "intake")  # to Monday 30 March: reminders 7, 3 and 1 working days before
    assert on_each_day(record, 31) == [("03-19", 3), ("03-25", 3), ("03-27", 3)]
    told = record.messages("intake_reminder")
    assert {message.recipient for message in told} == {
        "new@example.invalid",
        "unit1@example.invalid",
        "unit2@example.invalid",
    }
    assert (told[0].context["ends"], told[0].context["working_days_left"]) == ("2026-03-30", 7)


def test_a_reminder_missed_on_its_day_goes_out_late_and_an_extension_reminds_again(record: Record) -> None:
    record.application(1).status = ApplicationStatus.DRAFT
    record.session.commit()
    stand_at(record, "intake")
    record.days(18)  # Friday 20 March, six working days left
    assert remind(record) == 1
    assert record.messages()[0].context["working_days_left"] == 6
    extensions.extend(
        record.session,
        record.clock,
        record.actors["jing"],
        settings=record.settings,
        cycle_id=record.cycle_id,
        working_days=1,
        reason="系统维护",
    )
    assert remind(record) == 1


def test_a_supplement_is_reminded_of_until_it_is_answered(record: Record) -> None:
    stand_at(record, "completeness")
    for place in (1, 2):
        application = record.application(place)
        application.status = ApplicationStatus.SUPPLEMENT
        record.session.add(
            Supplement(
                application_id=application.id or 0,
                remarks="缺少发票",
                due_at=end_of_day(record.clock.now().date() + timedelta(days=7)),
                requested_by=record.cycle.opened_by,
                requested_at=record.clock.now(),
                answered_at=record.clock.now() if place == 2 else None,
            )
        )
    record.session.commit()
    assert on_each_day(record, 10) == [("03-05", 1), ("03-06", 1)]
    assert {message.recipient for message in record.messages("supplement_reminder")} == {"unit1@example.invalid"}


def ask(record: Record, kind: ReviewerKind, reviewer: str, *places: int) -> None:
    visit = stand_at(record, {ReviewerKind.COUNTY: "county_review", ReviewerKind.BUREAU: "verification"}[kind])
    assert visit.due_at is not None
    for place in places:
        record.session.add(
            VerificationRequest(
                cycle_id=record.cycle_id,
                application_id=record.application(place).id or 0,
                kind=kind,
                reviewer=reviewer,
                status=RequestStatus.ANSWERED if place == 5 else RequestStatus.OPEN,
                sent_at=record.clock.now(),
                due_at=visit.due_at,
            )
        )
    record.session.commit()


def test_reviewers_are_reminded_and_an_overdue_review_is_escalated_to_the_operator(record: Record) -> None:
    ask(record, ReviewerKind.BUREAU, "industry", 1, 2, 5)  # due on Monday 16 March
    assert on_each_day(record, 20) == [("03-11", 1), ("03-13", 1), ("03-17", 1)]
    reminder, _, escalation = record.messages()
    assert (reminder.kind, reminder.recipient) == ("review_reminder", "he@example.invalid")
    assert (reminder.context["reviewer"], reminder.context["count"]) == ("市工信局", 2)
    assert (escalation.kind, escalation.recipient) == ("review_escalation", "jing@example.invalid")
    assert (escalation.context["working_days_over"], escalation.context["due"]) == (1, "2026-03-16")


def test_an_overdue_review_goes_to_the_countys_own_superior_where_there_is_one(record: Record) -> None:
    record.session.add(
        User(login="head", name="区局长", role=Role.SECTION_HEAD, county="east", email="head@example.invalid")
    )
    record.session.commit()
    ask(record, ReviewerKind.COUNTY, "east", 1)
    record.days(15)
    remind(record)
    told = record.messages("review_escalation")
    assert "head@example.invalid" in {message.recipient for message in told}
    assert "jing@example.invalid" not in {message.recipient for message in told}
    assert told[0].context["reviewer"] == "东区"


def test_an_overdue_review_is_no_matter_of_the_countys_treasury(record: Record) -> None:
    record.session.add(
        User(login="czj", name="区财政", role=Role.FINANCE, county="east", email="treasury@example.invalid")
    )
    record.session.commit()
    ask(record, ReviewerKind.COUNTY, "east", 1)
    record.days(15)
    remind(record)
    assert [message.recipient for message in record.messages("review_escalation")] == ["jing@example.invalid"]


def test_whose_turn_it_is_gets_one_digest_a_day(record: Record) -> None:
    stand_at(record, "guide")
    assert remind(record) == 0
    finish_work(record)
    assert on_each_day(record, 2) == [("03-02", 1), ("03-03", 1)]
    approve(record, "ke")
    assert remind(record) == 1
    assert [message.recipient for message in record.messages("approval_waiting")] == [
        "ke@example.invalid",
        "ke@example.invalid",
        "fen@example.invalid",
    ]
    assert record.messages()[-1].context["matters"] == [{"title": "2025年度指南编制", "since": "2026-03-04"}]
    approve(record, "fen")
    record.days(1)
    assert remind(record) == 0


def morning(record: Record) -> list[tuple[str, str, object]]:
    """The morning's round while no mail goes out. What waits then: kind, recipient and working days left."""
    remind(record)
    upcoming.call_off_past(record.session, record.clock, record.system)
    waiting = [message for message in record.messages() if message.status is MessageStatus.PENDING]
    return [(message.kind, message.recipient, message.context.get("working_days_left")) for message in waiting]


def test_after_days_without_mail_an_approver_gets_one_digest_and_none_of_what_is_decided(record: Record) -> None:
    stand_at(record, "guide")
    finish_work(record)
    for _ in range(3):
        assert morning(record) == [("approval_waiting", "ke@example.invalid", None)]
        record.days(1)
    approve(record, "ke")
    assert morning(record) == [("approval_waiting", "fen@example.invalid", None)]
    called_off = record.messages("approval_waiting")[:3]
    assert {message.status for message in called_off} == {MessageStatus.CANCELLED}
    changes = [upcoming.changes(record.session, message.id or 0) for message in called_off]
    assert [(each.by, each.change.remark) for (each,) in changes] == [("系统", "当天没有发出，所说的情况已经过时")] * 3


def test_a_reminder_that_did_not_go_says_next_morning_what_is_so_then(record: Record) -> None:
    ask(record, ReviewerKind.BUREAU, "industry", 1, 2)  # due on Monday 16 March
    record.days(9)
    assert morning(record) == [("review_reminder", "he@example.invalid", 3)]
    queued = record.messages("review_reminder")[0].id
    record.session.exec(select(VerificationRequest)).first().status = RequestStatus.ANSWERED
    record.session.commit()
    record.days(1)
    assert morning(record) == [("review_reminder", "he@example.invalid", 2)]
    (told,) = record.messages("review_reminder")
    assert (told.id, told.context["count"]) == (queued, 1)
    record.days(1)
    assert morning(record) == [("review_reminder", "he@example.invalid", 1)], "the last one takes its place"


def test_nobody_is_reminded_of_a_supplement_that_came_while_no_mail_went_out(record: Record) -> None:
    stand_at(record, "completeness")
    application = record.application(1)
    application.status = ApplicationStatus.SUPPLEMENT
    supplement = Supplement(
        application_id=application.id or 0,
        remarks="缺少发票",
        due_at=end_of_day(record.clock.now().date() + timedelta(days=7)),
        requested_by=record.cycle.opened_by,
        requested_at=record.clock.now(),
    )
    record.session.add(supplement)
    record.session.commit()
    record.days(3)
    assert morning(record) == [("supplement_reminder", "unit1@example.invalid", 2)]
    application.status, supplement.answered_at = ApplicationStatus.SUBMITTED, record.clock.now()
    record.session.commit()
    record.days(1)
    assert morning(record) == []


def test_what_the_operator_decided_about_a_reminder_stays(record: Record) -> None:
    ask(record, ReviewerKind.BUREAU, "industry", 1)
    record.days(9)
    remind(record)
    (message,) = record.messages("review_reminder")
    who, chosen = (record.session, record.clock, record.actors["jing"]), {"numbers": [message.id or 0]}
    upcoming.add_remark(*who, cycle_id=record.cycle_id, **chosen, remark="请尽快")
    upcoming.change(*who, cycle_id=record.cycle_id, **chosen, action=MessageAction.HOLD)
    record.days(1)
    assert morning(record) == []
    assert (message.status, message.context["remark"]) == (MessageStatus.HELD, "请尽快")
    assert message.context["working_days_left"] == 2
    upcoming.change(*who, cycle_id=record.cycle_id, **chosen, action=MessageAction.CANCEL)
    assert morning(record) == []


def test_nobody_is_reminded_of_what_was_returned(record: Record) -> None:
    stand_at(record, "guide")
    finish_work(record)
    digest = guide.digest(record.session, record.cycle)
    gates.send_back(
        record.session,
        record.clock,
        record.actors["ke"],
        plan=record.plan,
        cycle_id=record.cycle_id,
        digest=digest,
        reason="比例写错",
    )
    assert remind(record) == 0


def test_who_prepared_the_list_is_not_asked_to_approve_it(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    record.session.add(User(login="ke2", name="副科长", role=Role.SECTION_HEAD, email="ke2@example.invalid"))
    record.session.get_one(User, record.cycle.opened_by).role = Role.SECTION_HEAD
    record.session.commit()
    stand_at(record, "approval")
    finish_work(record)
    remind(record)
    told = {message.recipient for message in record.messages("approval_waiting")}
    assert told == {"ke@example.invalid", "ke2@example.invalid"}


def approve(record: Record, who: str) -> None:
    digest = guide.digest(record.session, record.cycle)
    gates.approve(
        record.session, record.clock, record.actors[who], plan=record.plan, cycle_id=record.cycle_id, digest=digest
    )


def test_a_failed_cycle_is_told_to_the_operator_every_day_until_it_goes_on(record: Record) -> None:
    stand_at(record, "computation")
    failed_at = record.clock.now()
    cycles.note_failure(record.session, record.clock, record.system, cycle_id=record.cycle_id, failure="缺少核定值")
    record.clock.advance(timedelta(hours=2))
    assert on_each_day(record, 2) == [("03-02", 1), ("03-03", 1)]
    told = record.messages("cycle_failed")[0]
    assert (told.recipient, told.context["stage"]) == ("jing@example.invalid", "奖补测算")
    assert told.context["failed_at"] == failed_at.isoformat()
    finish_work(record)
    assert remind(record) == 0


@pytest.mark.parametrize("stage", ["publication", "matching", "panel", "freeze", "public_notice", "results", "archive"])
def test_stages_that_wait_for_nobody_outside_remind_nobody(record: Record, stage: str) -> None:
    stand_at(record, stage)
    finish_work(record)
    assert on_each_day(record, 12) == []
