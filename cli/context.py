"""The installation as commands see it: settings, the record, the clock, the cycle's plan, and who acts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the record is imported when a command runs, so that --help stays quick
    from sqlmodel import Session

    from config.settings import Settings
    from models import Cycle
    from policy import Policy
    from services.access.actors import Actor
    from services.clock import Clock
    from services.cycle.calendar import Calendar
    from services.cycle.stages import CyclePlan


@dataclass(frozen=True)
class Desk:
    """What a command works with; open one with `desk()`."""

    settings: "Settings"
    session: "Session"
    clock: "Clock"

    @property
    def plan(self) -> "CyclePlan":
        """The stages and gates of config/cycle.yaml."""
        from services.cycle.stages import load_plan

        return load_plan(self.settings.cycle_file)

    @property
    def calendar(self) -> "Calendar":
        """The working days."""
        from services.cycle.calendar import Calendar

        return Calendar(self.settings.calendar_dir)

    def actor(self, login: str) -> "Actor":
        """The active user who acts. Raises NotFoundError."""
        from services.access.actors import find_actor

        return find_actor(self.session, login)

    def cycle(self, number: int | None) -> "Cycle":
        """The cycle with this id, or the only one under way. Raises NotFoundError or InputError."""
        from services.cycle import cycles
        from services.errors import InputError, NotFoundError

        if number is not None:
            return cycles.get_cycle(self.session, number)
        under_way = cycles.open_cycles(self.session)
        if not under_way:
            raise NotFoundError("没有进行中的年度流程；请用 --cycle 写明编号，或先运行 duixian cycle open。")
        if len(under_way) > 1:
            known = "、".join(f"{cycle.id}（{cycle.policy_id} {cycle.year} 年度）" for cycle in under_way)
            raise InputError(f"进行中的年度流程不止一个：{known}；请用 --cycle 写明编号。")
        return under_way[0]

    def law(self, cycle: "Cycle") -> "Policy":
        """The exact policy that the cycle runs under."""
        from services.law.policies import policy_of

        return policy_of(self.session, cycle)


@contextmanager
def desk(*, prepare: bool = False) -> Iterator[Desk]:
    """Open the installation that the settings name; with `prepare` its database is set up first when it is empty.

    Raises NotFoundError when there is no database, StateError for one of another version of the program.
    """
    from config.settings import Settings
    from services.clock import clock_of
    from services.record.database import engine_of, session_of
    from services.record.schema import migrate, require_newest, schema_of

    settings = Settings()
    engine = engine_of(settings)
    try:
        with engine.connect() as connection:
            is_new = prepare and schema_of(connection) is None
            if not is_new:
                require_newest(connection)
        if is_new:
            migrate(engine)
        with session_of(engine) as session:
            yield Desk(settings, session, clock_of(settings))
    finally:
        engine.dispose()
