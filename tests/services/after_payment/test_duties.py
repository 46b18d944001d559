"""Each bureau of a duty gives its own line of progress; earlier lines are kept."""

import pytest
from sqlmodel import col, select

from models import DutyReport
from services.after_payment import duties
from services.after_payment.duties import By, Show
from services.cycle import reminders
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.law import policies
from tests.services.filled_record import Record, stand_at


def report(
    record: Record, who: str = "he", duty: str = "alliances", bureau: str = "industry", line: str = "已成立1家。"
) -> DutyReport:
    return duties.report(
        record.session,
        record.clock,
        record.actors[who],
        cycle_id=record.cycle_id,
        duty=duty,
        bureau=bureau,
        progress=line,
    )


def test_the_newest_line_counts_and_the_earlier_stays(record: Record) -> None:
    assert report(record).seq == 1
    assert report(record, line=" 已成立2家。 ").seq == 2
    lines = record.session.exec(select(DutyReport.progress).order_by(col(DutyReport.seq))).all()
    assert lines == ["已成立1家。", "已成立2家。"]


def test_the_operator_may_report_for_any_bureau_of_the_duty(record: Record) -> None:
    assert report(record, who="jing", bureau="finance").bureau == "finance"


def test_a_bureau_reports_for_itself_only(record: Record) -> None:
    with pytest.raises(NotAllowedError, match="市财政局"):
        report(record, bureau="finance")


def test_an_unknown_duty_bureau_or_an_empty_line_is_refused(record: Record) -> None:
    with pytest.raises(NotFoundError, match="已有的是：alliances"):
        report(record, duty="other")
    with pytest.raises(InputError, match="应由市工信局、市财政局填报"):
        report(record, who="jing", bureau="science")
    with pytest.raises(InputError, match="没有填写"):
        report(record, line=" ")


def shown(record: Record, by: By, show: Show) -> list[tuple[str, int, int, list[str]]]:
    law = policies.policy_of(record.session, record.cycle)
    found = duties.of_year(record.session, record.actors["jing"], law, record.cycle)
    groups = duties.grouped(found, by, show)
    return [(each.title, each.total, each.done, [part.bureau for _, part in each.rows]) for each in groups]


def test_parts_are_gathered_by_clause_or_bureau_and_filtered(record: Record) -> None:
    report(record)
    assert shown(record, By.CLAUSE, Show.ALL) == [("一（九）", 2, 1, ["industry", "finance"])]
    assert shown(record, By.BUREAU, Show.SILENT) == [("市财政局", 1, 0, ["finance"])]
    assert shown(record, By.BUREAU, Show.DONE) == [("市工信局", 1, 1, ["industry"])]


def test_bureaus_that_told_nothing_are_reminded_by_hand_at_most_once_a_day(record: Record) -> None:
    def remind(who: str = "jing") -> int:
        at = (record.session, record.clock, record.actors[who])
        return duties.remind(*at, settings=record.settings, cycle_id=record.cycle_id)

    with pytest.raises(NotAllowedError):
        remind("he")
    assert (remind(), remind()) == (1, 0)
    (told,) = record.messages("duty_reminder")
    assert (told.recipient, told.context["bureau"], told.context["count"]) == ("he@example.invalid", "市工信局", 1)
    record.days(1)
    assert remind() == 1
    report(record)
    record.days(1)
    with pytest.raises(StateError, match="没有人可以催报"):  # the treasury has no account
        remind()


def test_they_are_reminded_by_rule_while_the_money_is_paid(record: Record) -> None:
    stand_at(record, "payment")  # twenty working days from Monday 2 March: Monday the 30th
    days = []
    for _ in range(30):
        at = (record.session, record.clock, record.system)
        if reminders.remind(*at, settings=record.settings, plan=record.plan, cycle_id=record.cycle_id):
            days.append(record.clock.now().strftime("%m-%d"))
        record.days(1)
    assert days == ["03-16", "03-25"]
    assert record.messages("duty_reminder")[0].context["due"] == "2026-03-30"


def test_a_bureau_has_told_everything_whatever_others_have_not(record: Record) -> None:
    law = policies.policy_of(record.session, record.cycle)

    def untold(who: str) -> int:
        actor = record.actors[who]
        return duties.untold(actor, duties.of_year(record.session, actor, law, record.cycle))

    assert (untold("he"), untold("jing")) == (1, 2)
    report(record)
    assert (untold("he"), untold("jing")) == (0, 1)
