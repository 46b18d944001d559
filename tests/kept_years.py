"""The sample's year, run once for all the processes of a test run, and kept as it stood at each stage."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fcntl import LOCK_EX, flock
from pathlib import Path

import pytest

from cli.demo.acting import World
from services.clock import FileClock
from services.cycle import cycles
from tests.year import make_world, open_world, run_year


class KeptYears:
    """The folders of the year, stopped before a stage (None: ended); run as far as anybody asks. Copy, never open."""

    def __init__(self, base: Path) -> None:
        self.base = base
        base.mkdir(exist_ok=True)

    def at(self, until: str | None) -> Path:
        """The folder before this stage."""
        folder = self.base / (until or "ended")
        with self.turn():
            while not folder.exists():
                self._run_on()
        return folder

    def copy(self, until: str | None, to: Path) -> World:
        """The world of a copy, in a folder that is not there yet."""
        shutil.copytree(self.at(until), to)
        return open_world(to)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """One process at a time."""
        with (self.base / "turn").open("w") as turn:
            flock(turn, LOCK_EX)
            yield

    def _run_on(self) -> None:
        """Keep a copy of the running year where it stands, and run it past that stage."""
        running = self.base / "running"
        if not running.exists():
            made = make_world(running)
            FileClock(running / "clock").set(made.clock.now())
            leave(made)
        with opened(running) as world:
            position = cycles.position(world.session, world.plan, world.cycle_id)
            kept = self.base / ("ended" if position.finished else position.stage)
            world.session.commit()
            if not kept.exists():  # a return leads through some stages twice
                shutil.copytree(running, self.base / "copy", dirs_exist_ok=True)
                (self.base / "copy").rename(kept)
            if not position.finished:
                run_year(world, past=position.stage)


@contextmanager
def opened(folder: Path) -> Iterator[World]:
    """The world of a folder for a while."""
    world = open_world(folder)
    try:
        yield world
    finally:
        leave(world)


def leave(world: World) -> None:
    """Close the files too: a connection closed later takes the journal away while another process copies the folder."""
    engine = world.session.get_bind().engine
    world.session.close()
    engine.dispose()


@pytest.fixture(scope="session")
def kept_years(tmp_path_factory: pytest.TempPathFactory) -> KeptYears:
    """The sample's year at each stage."""
    own = tmp_path_factory.getbasetemp()
    return KeptYears((own.parent if "PYTEST_XDIST_WORKER" in os.environ else own) / "years")
