"""When notices that are not urgent go out: on working days, in office hours, in China."""

import re
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from config.settings import Settings
from services.clock import CHINA
from services.cycle.calendar import Calendar
from services.errors import InputError

_TEXT = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)")


@dataclass(frozen=True)
class Hours:
    """The office hours of working days, in minutes of the day; `end` is no part of them."""

    calendar: Calendar
    start: int
    end: int

    def next(self, at: datetime) -> datetime:
        """This instant when it is within office hours, else the next one that is. Raises CalendarError."""
        local = at.astimezone(CHINA)
        minute = local.hour * 60 + local.minute
        if self.calendar.is_working_day(local.date()):
            if self.start <= minute < self.end:
                return at
            if minute < self.start:
                return self._opening(local)
        return self._opening(datetime.combine(self.calendar.add_working_days(local.date(), 1), time(), CHINA))

    def open(self, at: datetime) -> bool:
        """Whether this instant is within office hours. Raises CalendarError."""
        return self.next(at) == at

    def same_hour_of_a_working_day(self, at: datetime) -> datetime:
        """The instant, or on a day off the same hour of the next working day. Raises CalendarError."""
        local = at.astimezone(CHINA)
        if self.calendar.is_working_day(local.date()):
            return at
        return datetime.combine(self.calendar.add_working_days(local.date(), 1), local.time(), CHINA)

    def _opening(self, local: datetime) -> datetime:
        midnight = datetime.combine(local.date(), time(), CHINA)
        return midnight + timedelta(minutes=self.start)


class AnyTime:
    """No office hours are kept."""

    def next(self, at: datetime) -> datetime:
        """This instant."""
        return at

    def open(self, at: datetime) -> bool:
        """Always."""
        return True

    def same_hour_of_a_working_day(self, at: datetime) -> datetime:
        """This instant."""
        return at


def hours_of(settings: Settings) -> Hours | AnyTime:
    """The hours of the settings. Raises InputError."""
    if not settings.mail_hours.strip():
        return AnyTime()
    found = _TEXT.fullmatch(settings.mail_hours.strip())
    start, end = (int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])) if found else (0, 0)
    if not start < end <= 24 * 60:
        raise InputError(
            f"设置 DUIXIAN_MAIL_HOURS（办公时间）是“{settings.mail_hours}”，应写成 08:00-18:00 的样子，先早后晚。"
        )
    return Hours(Calendar(settings.calendar_dir), start, end)
