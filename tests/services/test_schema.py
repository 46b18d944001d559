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


def test_a_request_for_money_has_its_number_by_the_list_of_its_day(engine: Engine) -> None:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.begin() as connection:
        settings.attributes["connection"] = connection
        command.upgrade(settings, "0018")
        if connection.dialect.name == "postgresql":
            connection.execute(text("SET session_replication_role = replica"))  # rows without what they refer to
        else:
            connection.execute(text("PRAGMA defer_foreign_keys = ON"))
        for statement in (*_OLDER[:2], *_NUMBERED):
            connection.execute(text(statement))
        command.upgrade(settings, "0020")
        query = text("SELECT id, about FROM documentnumber ORDER BY id")
        assert connection.execute(query).all() == [(1, "名单第1版"), (2, "名单第2版"), (3, "")]
        command.downgrade(settings, "0018")
        assert connection.execute(query).all() == [(1, "名单第1版"), (2, ""), (3, "")]
        connection.rollback()


_LIST = "INSERT INTO awardlist VALUES ({0}, 1, {0}, 1, 'd{0}', 1, 1, '2026-05-0{0} 00:00:00')"
_NUMBER = (
    "INSERT INTO documentnumber VALUES ({0}, '漳工信', 2026, {0}, 1, '{1}', '', '题', '2026-05-0{0} 12:00:00', {2})"
)
_NUMBERED = (
    _LIST.format(1),
    _LIST.format(2),
    _NUMBER.format(1, "funds_request", "'2026-05-01 13:00:00', '改稿'"),
    _NUMBER.format(2, "funds_request", "NULL, ''"),
    _NUMBER.format(3, "funds_notice", "NULL, ''"),
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
