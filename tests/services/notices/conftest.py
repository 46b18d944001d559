"""Databases for the tests of notices: SQLite for each test, a real PostgreSQL for those that ask for both."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, text

from config.settings import Settings
from services.record.database import engine_of
from tests.services.notices.support import prepared_engine, settings_for


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_for(tmp_path)


@pytest.fixture
def engine(settings: Settings) -> Iterator[Engine]:
    engine = prepared_engine(settings)
    yield engine
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def either(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Settings]:
    """Settings of an installation with a fresh record, once on each database."""
    if request.param == "sqlite":
        settings = settings_for(tmp_path)
    else:
        settings = settings_for(tmp_path, url=request.getfixturevalue("postgres"))
        cleaner = engine_of(settings)
        with cleaner.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
        cleaner.dispose()
    prepared_engine(settings).dispose()
    yield settings
