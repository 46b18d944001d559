"""A small office beside a real Prefect server: its people and its cycle, and waiting for what a run does."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from cli.parts import Parts
from config.settings import Settings
from flows import control
from flows.control import RunState
from models import Cycle, CycleStatus, Role, StageVisit
from services.access import people
from services.access.actors import find_actor, system_actor
from services.clock import FileClock, SystemClock
from services.cycle import cancelling, cycles, gates, lease
from services.cycle.stages import Subject, load_plan
from services.enterprise import invitations
from services.record.database import engine_of, session_of
from tests.engine_parts import clock_of_parts, wait_for_run, wait_until

POLICY, YEAR = "zhangzhou-ai-2024", 2025
PEOPLE = {
    "operator": Role.OPERATOR,
    "head": Role.SECTION_HEAD,
    "leader": Role.BUREAU_LEADER,
}
LIMIT = 120  # seconds that a run may take to get somewhere on a busy machine


@dataclass
class Office:
    """The record that the runs work on, seen from outside of them."""

    parts: Parts
    settings: Settings = field(init=False)
    engine: Engine = field(init=False)
    clock: FileClock = field(init=False)
    cycle_id: int = field(init=False)

    def __post_init__(self) -> None:
        """Add the people, and open the cycle without a run."""
        self.settings = self.parts.settings
        self.engine, self.clock = engine_of(self.settings), clock_of_parts(self.settings)
        with self.session() as session:
            for login, role in PEOPLE.items():
                people.add_user(
                    session,
                    self.clock,
                    system_actor(session),
                    login=login,
                    name=login,
                    role=role,
                    email=f"{login}@example.invalid",
                )
            cycle = cycles.open_cycle(
                session,
                self.clock,
                find_actor(session, "operator"),
                settings=self.settings,
                plan=load_plan(self.settings.cycle_file),
                policy_id=POLICY,
                year=YEAR,
            )
            self.cycle_id = cycle.id or 0

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A session of its own."""
        with session_of(self.engine) as session:
            yield session

    def later(self, step: timedelta) -> None:
        """Move the clock on."""
        self.clock.set(self.clock.now() + step)

    def close(self) -> None:
        """End the cycle, so that the scheduled flows pass it over."""
        with self.session() as session:
            if cycles.get_cycle(session, self.cycle_id).status is CycleStatus.OPEN:
                operator = find_actor(session, "operator")
                cancelling.cancel(
                    session, self.clock, operator, settings=self.settings, cycle_id=self.cycle_id, reason="测试结束"
                )

    def approve_guide(self) -> None:
        """Both steps of the guide's chain."""
        plan = load_plan(self.settings.cycle_file)
        for login in ("head", "leader"):
            with self.session() as session:
                digest = gates.subject_digest(session, cycles.get_cycle(session, self.cycle_id), Subject.GUIDE)
                actor = find_actor(session, login)
                gates.approve(session, self.clock, actor, plan=plan, cycle_id=self.cycle_id, digest=digest)

    def invite(self, path: Path) -> None:
        """Take the list at this path, of those whose revenue has passed a threshold."""
        with self.session() as session:
            operator = find_actor(session, "operator")
            invitations.take(
                session,
                self.clock,
                operator,
                settings=self.settings,
                cycle_id=self.cycle_id,
                measure_id="revenue-milestone",
                given_by="市统计局",
                path=path,
            )

    def cycle(self) -> Cycle:
        """The cycle as it stands."""
        with self.session() as session:
            return cycles.get_cycle(session, self.cycle_id)

    def visits(self) -> list[StageVisit]:
        """All visits in order."""
        with self.session() as session:
            query = select(StageVisit).where(StageVisit.cycle_id == self.cycle_id).order_by(col(StageVisit.id))
            return list(session.exec(query))

    def start(self) -> str:
        """Start a run through the deployment."""
        return control.start(self.settings, POLICY, YEAR)

    def wake(self) -> str:
        """Wake the run."""
        return control.wake(self.settings, self.cycle_id)

    def state(self) -> str:
        """What has become of the run."""
        return control.run_state(self.settings, self.cycle_id)

    def note_run(self, flow_run_id: str) -> None:
        """Say that this run carries the cycle."""
        with self.session() as session:
            system = system_actor(session)
            cycles.note_run(session, self.clock, system, cycle_id=self.cycle_id, flow_run_id=flow_run_id)

    def until(self, state: RunState, stage: str, *, worked_since: StageVisit | None = None) -> None:
        """Wait until the cycle's run is in this state at this stage; the server is asked only when the record fits.

        `worked_since` is the visit as it was before: the stage must have done its work again, at a later hour.
        """

        def there() -> bool:
            with self.session() as session:
                held = lease.holder(session, SystemClock(), self.cycle_id) is not None
            if held or self.cycle().stage != stage:
                return False
            if worked_since is not None and self.visits()[-1].work_done_at == worked_since.work_done_at:
                return False
            return self.state() == state

        wait_until(self.parts, there, LIMIT)

    def ended(self, flow_run_id: str) -> Any:
        """Wait until a run has ended; the run."""
        return wait_for_run(self.parts, flow_run_id, seconds=LIMIT)
