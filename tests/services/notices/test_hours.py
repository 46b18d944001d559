"""What is not urgent waits for office hours of a working day; what the operator chose goes when it was chosen."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from models import MessageStatus
from services.clock import CHINA, FixedClock
from services.cycle.calendar import CalendarError
from services.errors import InputError
from services.notices.claims import transaction
from services.notices.delivery import deliver_due
from services.notices.hours import hours_of
from tests.services.notices.support import WALL_TIME, Script, messages, queue_one, scripted, settings_for


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CHINA)


@pytest.mark.parametrize(
    ("asked", "next_one"),
    [
        ("2026-04-09 09:30", "2026-04-09 09:30"),
        ("2026-04-09 07:59", "2026-04-09 08:00"),
        ("2026-04-09 18:00", "2026-04-10 08:00"),
        ("2026-04-10 18:30", "2026-04-13 08:00"),  # a Friday evening
        ("2026-09-30 18:30", "2026-10-08 08:00"),  # 国庆
        ("2026-10-03 10:00", "2026-10-08 08:00"),
        ("2026-02-14 20:00", "2026-02-24 08:00"),  # 春节: the 14th is a Saturday that is worked
        ("2026-02-14 10:00", "2026-02-14 10:00"),
    ],
)
def test_the_next_moment_of_office_hours(settings: Settings, asked: str, next_one: str) -> None:
    assert hours_of(settings).next(at(asked)) == at(next_one)


def test_a_day_off_moves_to_the_same_hour_of_the_next_working_day(settings: Settings) -> None:
    hours = hours_of(settings)
    assert hours.same_hour_of_a_working_day(at("2026-10-03 20:15")) == at("2026-10-08 20:15")
    assert hours.same_hour_of_a_working_day(at("2026-10-08 20:15")) == at("2026-10-08 20:15")


def test_hours_that_nobody_can_read_and_years_that_nobody_knows(tmp_path: Path) -> None:
    for text in ("8:00-18:00", "18:00-08:00", "08:00-24:30", "x"):
        with pytest.raises(InputError, match="DUIXIAN_MAIL_HOURS"):
            hours_of(settings_for(tmp_path, mail_hours=text))
    with pytest.raises(CalendarError, match="2031"):
        hours_of(settings_for(tmp_path)).next(at("2031-04-09 09:30"))


def test_without_hours_everything_goes_at_any_time(tmp_path: Path) -> None:
    hours, night = hours_of(settings_for(tmp_path, mail_hours="")), at("2031-10-03 03:00")
    assert hours.open(night) and hours.next(night) == hours.same_hour_of_a_working_day(night) == night


def queued(engine: Engine) -> None:
    with transaction(engine) as session:
        for kind in ("receipt", "supplement_request"):
            queue_one(session, kind=kind, recipient=f"{kind.replace('_', '-')}@example.invalid")


def delivered(engine: Engine, clock: datetime) -> Mapping[str, int]:
    script = Script()
    with scripted(script) as port:
        report = deliver_due(engine, settings_for(Path("/nonexistent"), port), FixedClock(clock), FixedClock(WALL_TIME))
    return vars(report)


def test_a_receipt_goes_at_night_and_a_request_in_the_morning(engine: Engine) -> None:
    queued(engine)
    night = delivered(engine, at("2026-04-09 21:00"))
    assert (night["sent"], night["left"], night["trouble"]) == (1, 1, None)
    assert [row.status for row in messages(engine)] == [MessageStatus.SENT, MessageStatus.PENDING]
    assert delivered(engine, at("2026-04-10 08:00"))["sent"] == 1


def test_in_an_unknown_year_what_is_urgent_goes_and_the_rest_waits_with_a_reason(engine: Engine) -> None:
    queued(engine)
    report = delivered(engine, at("2031-04-09 09:30"))
    assert (report["sent"], report["left"]) == (1, 1)
    assert "没有 2031 年的工作日历" in str(report["trouble"])


def test_a_time_that_was_chosen_counts_whatever_the_hours(engine: Engine) -> None:
    queued(engine)
    chosen = at("2026-04-11 20:00")  # a Saturday
    with Session(engine) as session:
        for row in messages(engine):
            row.send_at = chosen
            session.merge(row)
        session.commit()
    assert delivered(engine, chosen - timedelta(minutes=1))["sent"] == 0
    assert delivered(engine, chosen)["sent"] == 2
