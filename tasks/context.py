"""What every task works with: settings, database, clocks, the cycle's plan, and the system as the one who acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache

from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from services.access.actors import Actor, system_actor
from services.clock import Clock, SystemClock, clock_of
from services.cycle.calendar import Calendar
from services.cycle.stages import CyclePlan, load_plan
from services.record.database import engine_of, session_of
from services.watch import logs


@dataclass(frozen=True)
class Context:
    """The parts of this installation. `clock` is the cycle's, `wall` the machine's (leases, mail claims)."""

    settings: Settings
    engine: Engine
    clock: Clock
    wall: Clock
    plan: CyclePlan
    calendar: Calendar


@lru_cache(maxsize=1)
def context() -> Context:
    """The parts named by the environment, made once a process."""
    settings = Settings()
    logs.start(settings, "flow")
    return Context(
        settings=settings,
        engine=engine_of(settings),
        clock=clock_of(settings),
        wall=SystemClock(),
        plan=load_plan(settings.cycle_file),
        calendar=Calendar(settings.calendar_dir),
    )


@contextmanager
def acting() -> Iterator[tuple[Context, Session, Actor]]:
    """A session of its own, and the system to act by rule."""
    parts = context()
    with session_of(parts.engine) as session:
        yield parts, session, system_actor(session)
