"""Where time comes from: a clock that is handed in, never `now()`."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Protocol
from zoneinfo import ZoneInfo

from config.settings import Settings

CHINA = ZoneInfo("Asia/Shanghai")


class Clock(Protocol):
    """Tells the time of the cycle."""

    def now(self) -> datetime:
        """The present instant, aware, in UTC."""
        ...


def today(clock: Clock) -> date:
    """The present day in China."""
    return clock.now().astimezone(CHINA).date()


def day_began(moment: datetime) -> datetime:
    """When the day of this moment began in China."""
    return datetime.combine(moment.astimezone(CHINA).date(), time(), CHINA)


@dataclass(frozen=True)
class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The present instant."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until it is moved: for what is foreseen, and for tests."""

    instant: datetime

    def now(self) -> datetime:
        """The instant it was set to."""
        return self.instant.astimezone(UTC)

    def set(self, instant: datetime) -> None:
        """Move it."""
        self.instant = instant

    def advance(self, step: timedelta) -> None:
        """Move it on."""
        self.instant += step


@dataclass(frozen=True)
class FileClock:
    """A clock kept in a small file, so that several processes share one moved time (demo and engine tests)."""

    path: Path

    def now(self) -> datetime:
        """The instant in the file."""
        return datetime.fromisoformat(self.path.read_text(encoding="ascii").strip()).astimezone(UTC)

    def set(self, instant: datetime) -> None:
        """Move it; the file is replaced in one step, so that no reader sees half of it."""
        draft = self.path.with_suffix(".new")
        draft.write_text(instant.astimezone(UTC).isoformat(), encoding="ascii")
        draft.replace(self.path)


def clock_of(settings: Settings) -> Clock:
    """The clock that the settings name."""
    return FileClock(settings.clock_file) if settings.clock_file else SystemClock()
