"""Due moments: the end of the n-th working day, in China."""

from datetime import date, datetime, time, timedelta

from services.clock import CHINA, Clock, today
from services.cycle.calendar import Calendar
from services.errors import InputError


def end_of_day(day: date) -> datetime:
    """The instant at which a day in China ends (midnight of the next)."""
    return datetime.combine(day + timedelta(days=1), time(), CHINA)


def due_after(clock: Clock, calendar: Calendar, working_days: int) -> datetime:
    """The end of the n-th working day after today."""
    return end_of_day(calendar.add_working_days(today(clock), working_days))


def due_day(due_at: datetime) -> date:
    """The last day on which something can still be done in time."""
    return (due_at.astimezone(CHINA) - timedelta(microseconds=1)).date()


def read_day(text: str, what: str) -> date:
    """A day that somebody typed, as in 2026-04-30. Raises InputError."""
    try:
        return date.fromisoformat(text.strip())
    except ValueError as error:
        seen = f"，看到的是“{text}”" if text.strip() else ""
        raise InputError(f"{what}要写成 2026-04-30 的样子{seen}。") from error


def working_days_left(clock: Clock, calendar: Calendar, due_at: datetime) -> int:
    """Working days from today to the due day: 0 on the day itself, negative once it has passed."""
    now, due = today(clock), due_day(due_at)
    if now <= due:
        return calendar.working_days_between(now, due)
    return -calendar.working_days_between(due, now)
