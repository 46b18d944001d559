"""What the services' tests work on: a bureau at its desk, and a small computed cycle."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from cli.demo.acting import World
from config.settings import Settings
from services.cycle import overview
from services.record.database import engine_of, session_of
from tests.desk import Desk, make_desk
from tests.kept_years import KeptYears, leave
from tests.services.documents.small_cycle import ITEMS, Item
from tests.services.filled_record import Record, build


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """A bureau on SQLite whose 2025 cycle was just opened."""
    made = make_desk(tmp_path / "data")
    yield made
    made.session.close()
    made.engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest) -> Desk:
    """The desk, once on each database."""
    found: Desk = request.getfixturevalue("desk" if request.param == "sqlite" else "pg")
    return found


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
def whole(
    kept_years: KeptYears, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, list[dict[str, str]]]]:
    """The sample's year, run to its end, and what its stages said on entering 形式审查 and 名单审批, and at the end."""
    folder, said = tmp_path_factory.mktemp("year"), []
    with ExitStack() as open_ones:
        for until in ("completeness", "approval", None):
            world = kept_years.copy(until, folder / (until or "ended"))
            open_ones.callback(leave, world)
            shown = overview.stages(world.session, world.clock, world.plan, world.cycle)
            said.append({stage.id: stage.counts for stage in shown})
        yield world, said


@pytest.fixture
def year(whole: tuple[World, list[dict[str, str]]]) -> Iterator[World]:
    """The year as it ended; what a test does to it is taken back."""
    yield whole[0]
    whole[0].session.rollback()
    whole[0].session.expunge_all()
