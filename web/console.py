"""The installation as pages see it: made once a process."""

from asyncio import Semaphore
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from limits import RateLimitItemPerMinute
from limits.storage import MemoryStorage
from limits.strategies import MovingWindowRateLimiter
from sqlalchemy import Engine

from config.settings import Settings
from services.access.passwords import nobodys
from services.clock import Clock, SystemClock, clock_of
from services.cycle.calendar import Calendar
from services.cycle.stages import CyclePlan, load_plan
from services.record.database import engine_of

_AT_ONCE = 12  # requests that hold a session; fewer than the engine's pool has connections
_TRIES_A_MINUTE = RateLimitItemPerMinute(20)


@dataclass(frozen=True)
class Console:
    """Settings, database and clocks. `clock` is the cycle's, `wall` the machine's (visits, lock-out)."""

    settings: Settings
    engine: Engine
    clock: Clock
    wall: Clock
    limiter: MovingWindowRateLimiter
    places: Semaphore

    @cached_property
    def plan(self) -> CyclePlan:
        """The stages and gates of config/cycle.yaml."""
        return load_plan(self.settings.cycle_file)

    @cached_property
    def calendar(self) -> Calendar:
        """The working days."""
        return Calendar(self.settings.calendar_dir)

    @property
    def idle(self) -> timedelta:
        """How long a visit may be idle."""
        return timedelta(minutes=self.settings.idle_minutes)

    @property
    def secure(self) -> bool:
        """Whether people reach the console through TLS, so that cookies may insist on it."""
        return self.settings.console_url.startswith("https://")

    def too_often(self, what: str, address: str) -> bool:
        """Whether this address has tried this 20 times within a minute."""
        return not self.limiter.test(_TRIES_A_MINUTE, what, address)

    def count_try(self, what: str, address: str) -> None:
        """Count a try of this address."""
        self.limiter.hit(_TRIES_A_MINUTE, what, address)


def open_console(settings: Settings) -> Console:
    """The console of these settings."""
    nobodys()  # made before anybody signs in, so that the first unknown login takes no longer than the others
    limiter = MovingWindowRateLimiter(MemoryStorage())
    return Console(settings, engine_of(settings), clock_of(settings), SystemClock(), limiter, Semaphore(_AT_ONCE))
