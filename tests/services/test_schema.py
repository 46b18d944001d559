"""The migrations make exactly the tables that the models describe, on both databases, and can be taken back."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlmodel import SQLModel

from config.settings import ROOT, Settings
from services.database import engine_of
from services.schema import migrate


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    """An empty database."""
    url = request.getfixturevalue("postgres") if request.param == "postgresql" else ""
    made = engine_of(Settings(_env_file=None, data_dir=tmp_path, database_url=url))
    if url:
        with made.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    yield made
    made.dispose()


def test_migrations_and_models_agree(engine: Engine) -> None:
    migrate(engine)
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), SQLModel.metadata) == []


def test_migrations_can_be_taken_back_and_made_again(engine: Engine) -> None:
    migrate(engine)
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(engine)
