"""The database is seen both ways, on SQLite and on a real PostgreSQL, and never made by looking."""

from datetime import timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import text
from sqlalchemy.engine import make_url

from config.settings import ROOT, Settings
from services.clock import FixedClock
from services.doctor import Mark, record
from services.record.database import engine_of
from services.record.schema import migrate
from services.record.sealing import keyring
from tests.desk import Desk
from tests.services.doctor.support import WALL, all_good, installed, only, told


@pytest.fixture
def submitted(desk: Desk) -> Desk:
    """A bureau with something sealed."""
    desk.open_intake()
    desk.submit()
    return desk


def test_a_sqlite_database_in_order(submitted: Desk) -> None:
    settings = submitted.settings
    for thorough in (False, True):
        assert all_good(record.database(settings, WALL, thorough=thorough))
    assert all_good(record.schema(settings)) and all_good(record.keys(settings))


def test_a_missing_database_is_told_and_not_made(tmp_path: Path) -> None:
    settings = installed(tmp_path / "none")
    assert "没有数据库文件" in only(record.database(settings, WALL, thorough=False), Mark.BAD).seen
    for look in (record.schema, record.keys):
        assert "没有查" in only(look(settings), Mark.LOOK).seen
    assert not (tmp_path / "none").exists()


def test_a_damaged_database_is_told(submitted: Desk) -> None:
    submitted.session.close()
    with submitted.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        root = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'auditentry'").scalar_one()
    submitted.engine.dispose()
    file = Path(make_url(submitted.settings.database_url).database or "")
    with file.open("r+b") as pages:
        pages.seek((root - 1) * 4096 + 8)
        pages.write(b"\xff" * 400)
    found = only(record.database(submitted.settings, WALL, thorough=False), Mark.BAD)
    assert "损坏" in found.seen and "从最近的备份恢复" in found.remedy


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    (tmp_path / "duixian.db").write_bytes(b"x" * 5000)
    assert "打不开" in only(record.database(settings, WALL, thorough=False), Mark.BAD).seen
    assert "没有查" in only(record.schema(settings), Mark.LOOK).seen
    (tmp_path / "duixian.db").unlink()
    (tmp_path / "duixian.db").mkdir()
    assert "打不开" in only(record.database(settings, WALL, thorough=False), Mark.BAD).seen


def test_a_large_database_is_read_as_long_as_there_is_time(submitted: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_READS_FOR", -1.0)
    monkeypatch.setattr(record, "_STEPS", 1)
    (found,) = record.database(submitted.settings, WALL, thorough=False)
    assert found.mark is Mark.GOOD and "没有查完" in found.seen
    (found,) = record.database(submitted.settings, WALL, thorough=True)
    assert "检查完好" in found.seen


def test_the_kind_of_a_file_system_is_known(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert record.filesystem(Path("/proc/self")) == "proc"
    kind = record.filesystem(tmp_path)
    (tmp_path / "duixian.db").touch()
    assert kind and kind not in record._NETWORKS
    monkeypatch.setattr(record, "_NETWORKS", {kind})
    assert "网络文件系统" in only(record.database(installed(tmp_path), WALL, thorough=False), Mark.BAD).seen


def test_an_address_that_is_none_is_told(tmp_path: Path) -> None:
    for address in ("sqlite", "oracle9://x", "mysql+nothing://x/y"):
        settings = installed(tmp_path, database_url=address)
        assert "看不懂" in only(record.database(settings, WALL, thorough=False), Mark.BAD).seen
        assert "没有查" in only(record.schema(settings), Mark.LOOK).seen


def test_an_older_and_a_newer_schema_and_none_are_told_apart(tmp_path: Path) -> None:
    settings, config = installed(tmp_path), Config()
    config.set_main_option("script_location", str(ROOT / "migrations"))
    engine = engine_of(settings)
    migrate(engine)
    assert all_good(record.schema(settings))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.downgrade(config, "-1")
    assert "旧" in (found := only(record.schema(settings), Mark.BAD)).seen and "duixian backup" in found.remedy
    for revision, said in (("9999", "程序比数据库旧"), (None, "还没有建表")):
        with engine.begin() as connection:
            connection.execute(text("DELETE FROM alembic_version"))
            if revision:
                connection.execute(text("INSERT INTO alembic_version VALUES (:it)"), {"it": revision})
        assert said in only(record.schema(settings), Mark.BAD).seen


def test_an_empty_database_is_told(tmp_path: Path) -> None:
    settings = installed(tmp_path)
    with engine_of(settings).connect() as connection:
        connection.exec_driver_sql("CREATE TABLE other (id)")
    assert "还没有建表" in only(record.schema(settings), Mark.BAD).seen
    assert "没有查" in only(record.keys(settings), Mark.LOOK).seen


def test_keys_that_are_missing_strange_or_open_are_told(submitted: Desk) -> None:
    settings, file = submitted.settings, submitted.settings.keys_file
    file.chmod(0o640)
    assert "chmod 600" in only(record.keys(settings), Mark.BAD).remedy
    file.unlink()
    assert "读不了数据密钥文件" in only(record.keys(settings), Mark.BAD).seen
    keyring(submitted.session).make_first()
    assert "没有" in (found := only(record.keys(settings), Mark.BAD)).seen and "2 项" in found.seen


def test_postgresql_in_order(pg: Desk) -> None:
    assert all_good(record.database(pg.settings, WALL, thorough=False))
    assert all_good(record.schema(pg.settings)) and all_good(record.keys(pg.settings))


def test_a_clock_that_differs_from_that_of_postgresql_is_told(pg: Desk) -> None:
    for seconds, mark in ((10, Mark.LOOK), (-90, Mark.BAD)):
        wall = FixedClock(WALL.now() + timedelta(seconds=seconds))
        assert "相差" in only(record.database(pg.settings, wall, thorough=False), mark).seen


def test_an_old_postgresql_is_told(pg: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_OLDEST_POSTGRESQL", 99)
    assert "不再维护" in only(record.database(pg.settings, WALL, thorough=False), Mark.LOOK).seen


def test_a_postgresql_of_another_encoding_is_told(tmp_path: Path, postgres: str) -> None:
    engine = engine_of(Settings(_env_file=None, data_dir=tmp_path, database_url=postgres))
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("DROP DATABASE IF EXISTS narrow"))
        connection.execute(text("CREATE DATABASE narrow ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"))
    other = make_url(postgres).set(database="narrow").render_as_string(hide_password=False)
    settings = installed(tmp_path, database_url=other)
    (found,) = told(record.database(settings, WALL, thorough=False))  # nor is it said to be in order
    assert found.mark is Mark.BAD and "LATIN1" in found.seen
    engine.dispose()


def test_a_postgresql_that_is_away_is_told_without_its_password(tmp_path: Path) -> None:
    settings = installed(tmp_path, database_url="postgresql+psycopg://u:geheim@127.0.0.1:9/duixian")
    found = only(record.database(settings, WALL, thorough=False), Mark.BAD)
    assert "127.0.0.1:9" in found.seen and "geheim" not in found.seen
    assert "没有查" in only(record.keys(settings), Mark.LOOK).seen
