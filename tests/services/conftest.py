"""What the services' tests work on: a bureau at its desk, and a small computed cycle."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.demo.acting import World
from config.settings import Settings
from services.database import engine_of, session_of
from tests.desk import Desk, make_desk
from tests.services.documents.small_cycle import ITEMS, Item
from tests.services.record import Record, build
from tests.year import make_world, run_year


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bureau on SQLite whose 2025 cycle was just opened."""
    made = make_desk(tmp_path / "data")
    yield made
    made.session.close()
    made.engine.dispose()


@pytest.fixture
def make_record(tmp_path: Path) -> Iterator[Callable[..., Record]]:
    """A function that builds a record from items."""
    with ExitStack() as opened:

        def make(items: tuple[Item, ...] = ITEMS) -> Record:
            engine = engine_of(Settings(_env_file=None, data_dir=tmp_path))
            opened.callback(engine.dispose)
            return build(opened.enter_context(session_of(engine)), tmp_path, items)

        yield make


@pytest.fixture
def record(make_record: Callable[..., Record]) -> Record:
    """One application of every outcome."""
    return make_record()


@pytest.fixture(scope="session")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The sample's year, run to its end; who asks for it is of the group "sample year that ended"."""
    world = make_world(tmp_path_factory.mktemp("year"))
    run_year(world)
    yield world
    world.session.close()


@pytest.fixture
def year(ended: World) -> Iterator[World]:
    """The year as it ended; what a test does to it is taken back."""
    yield ended
    ended.session.rollback()
    ended.session.expunge_all()
