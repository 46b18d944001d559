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


def test_codes_and_applications_of_an_older_record_are_brought_along(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0007")
        for statement in _OLDER:
            connection.execute(text(statement))
    migrate(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT uscc FROM enterprise")).all() == [("91350699MA7XW0001X",)]
        found = connection.execute(text("SELECT county, kind, papers FROM application ORDER BY id")).all()
        assert [(county, kind, papers and bool(papers)) for county, kind, papers in found] == [
            ("xiangcheng", "企业", True),
            ("xiangcheng", "企业", None),
        ]


_APPLICATION = (
    "INSERT INTO application VALUES ({0}, 1, 'N{0}', 1, '甲', 'm', '', '', '', 'd{0}', 'submitted', '{1}', "
    "'', '', '', '', '', true, NULL, '')"
)
_OLDER = (
    "INSERT INTO policyversion VALUES (1, 'p', 's', 't', '2026-01-01 00:00:00')",
    "INSERT INTO cycle VALUES "
    "(1, 'p', 2025, 1, 'open', 'intake', '{}', '{}', 1, '2026-01-01 00:00:00', NULL, NULL, NULL)",
    "INSERT INTO enterprise VALUES (1, '９1350699ma7xw0001x', '甲', '企业', 'xiangcheng')",
    _APPLICATION.format(1, "汇总.xlsx「措施」第 2 行"),
    _APPLICATION.format(2, "在线申报"),
)


def test_migrations_can_be_taken_back_and_made_again(engine: Engine) -> None:
    migrate(engine)
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.downgrade(settings, "base")
        assert inspect(connection).get_table_names() == ["alembic_version"]
    migrate(engine)
