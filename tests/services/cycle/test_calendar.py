"""Working days: the State Council's notices, an operator's file, and years that nobody knows."""

from datetime import date
from pathlib import Path

import pytest

from config.settings import ROOT
from services.cycle.calendar import Calendar, CalendarError

DIRECTORY = ROOT / "config" / "calendar"


@pytest.fixture
def calendar() -> Calendar:
    return Calendar(DIRECTORY)


@pytest.mark.parametrize(
    ("day", "works"),
    [
        (date(2026, 2, 13), True),  # a plain Friday
        (date(2026, 2, 14), True),  # a Saturday worked for 春节
        (date(2026, 2, 16), False),  # 除夕, a Monday
        (date(2026, 2, 22), False),  # a Sunday within 春节
        (date(2026, 5, 9), True),  # a Saturday worked for 劳动节
        (date(2026, 10, 1), False),
    ],
)
def test_2026_follows_the_notice(calendar: Calendar, day: date, works: bool) -> None:
    assert calendar.is_working_day(day) is works


def test_the_nth_working_day_skips_holidays_and_counts_worked_weekends(calendar: Calendar) -> None:
    # 2026-02-13 Fri; 14 Sat is worked; 15–23 are 春节; 24 Tue is the second working day
    assert calendar.add_working_days(date(2026, 2, 13), 1) == date(2026, 2, 14)
    assert calendar.add_working_days(date(2026, 2, 13), 2) == date(2026, 2, 24)


def test_counting_is_the_inverse_of_adding(calendar: Calendar) -> None:
    start = date(2026, 12, 21)
    for count in range(1, 40):
        assert calendar.working_days_between(start, calendar.add_working_days(start, count)) == count
    assert calendar.working_days_between(start, start) == 0


def test_a_deadline_may_reach_into_a_year_from_a_file(calendar: Calendar) -> None:
    assert calendar.add_working_days(date(2026, 12, 31), 1) == date(2027, 1, 4)


def test_2027_is_marked_provisional_and_knows_the_statutory_days(calendar: Calendar) -> None:
    assert calendar.provisional_years(date(2026, 1, 1), date(2027, 12, 31)) == [2027]
    off = [date(2027, 2, 5), date(2027, 2, 8), date(2027, 4, 5), date(2027, 6, 9), date(2027, 9, 15), date(2027, 10, 1)]
    assert not any(calendar.is_working_day(day) for day in off)


def test_an_unknown_year_names_the_file_to_add(calendar: Calendar) -> None:
    with pytest.raises(CalendarError, match=r"2031 年.*2031\.yaml"):
        calendar.is_working_day(date(2031, 1, 6))


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("year: 2031", "恰好有这几个键"),
        ("year: 2030\nsource: x\nprovisional: true\nholidays: {}\nworkdays: {}", "year 是 2030"),
        ("year: 2031\nsource: x\nprovisional: 是\nholidays: {}\nworkdays: {}", "provisional"),
        ("year: 2031\nsource: x\nprovisional: true\nholidays: [a]\nworkdays: {}", "holidays 应写成"),
        (
            "year: 2031\nsource: x\nprovisional: true\nholidays: {2030-01-01: a}\nworkdays: {}",
            "“2030-01-01”不是 2031 年",
        ),
        ("year: 2031\nsource: x\nprovisional: true\nholidays: {}\nworkdays: {2031-01-01: a}", "2031-01-01 不是周六"),
        (
            "year: 2031\nsource: x\nprovisional: true\nholidays: {2031-01-04: a}\nworkdays: {2031-01-04: a}",
            "2031-01-04 既写了放假又写了上班",
        ),
        ("year: [", "第 2 行：YAML 写法有误"),
    ],
)
def test_a_wrong_file_is_refused_with_its_fault(tmp_path: Path, text: str, cause: str) -> None:
    (tmp_path / "2031.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(CalendarError, match=cause):
        Calendar(tmp_path).is_working_day(date(2031, 1, 6))


def test_an_operators_file_rules_its_year(tmp_path: Path) -> None:
    (tmp_path / "2031.yaml").write_text(
        "year: 2031\nsource: 通知\nprovisional: false\nholidays:\n  2031-01-01: 元旦\nworkdays:\n  2031-01-04: 调休\n",
        encoding="utf-8",
    )
    calendar = Calendar(tmp_path)
    assert not calendar.is_working_day(date(2031, 1, 1))
    assert calendar.is_working_day(date(2031, 1, 4))  # a Saturday
    assert not calendar.is_working_day(date(2031, 1, 5))
    assert calendar.provisional_years(date(2031, 1, 1), date(2031, 1, 1)) == []


def test_wrong_use_is_an_error_not_an_endless_loop(calendar: Calendar) -> None:
    with pytest.raises(ValueError, match="至少为 1"):
        calendar.add_working_days(date(2026, 1, 1), 0)
    with pytest.raises(ValueError, match="早于"):
        calendar.working_days_between(date(2026, 1, 2), date(2026, 1, 1))
