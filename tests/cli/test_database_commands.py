"""The commands that bring the database to this version, and move it to PostgreSQL."""

import pytest
from sqlalchemy import create_engine, text

from tests.cli.conftest import Office


@pytest.fixture
def target(postgres: str) -> str:
    """URL of an empty PostgreSQL database."""
    server = create_engine(postgres, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text("DROP DATABASE IF EXISTS moved_by_command"))
        connection.execute(text("CREATE DATABASE moved_by_command"))
    server.dispose()
    return server.url.set(database="moved_by_command").render_as_string(hide_password=False)


def test_a_database_is_made_and_then_left_as_it_is(
    office: Office, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    assert "没有改动" in office.told("migrate")
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", target)
    made = office.json("migrate")
    assert made["before"] is None and made["after"]
    assert office.json("migrate") == {"before": made["after"], "after": made["after"]}
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(office.desk.settings.data_dir / "new"))
    monkeypatch.delenv("DUIXIAN_DATABASE_URL")
    assert "已经建好" in office.told("migrate")
    assert "退回到 0021" in office.told("migrate", "--back-to", "0021", "--yes")
    assert "没有比它早的 0022" in office.told("migrate", "--back-to", "0022", "--yes", code=1)


def test_a_record_is_moved_once_everything_is_stopped(office: Office, target: str) -> None:
    assert "还有程序开着" in office.told("move", "--to", target, code=1)
    office.desk.session.close()
    office.desk.engine.dispose()
    assert "写得不对" in office.told("move", "--to", "nonsense", code=1)
    said = office.told("move", "--to", target)
    assert "逐行核对相符" in said and "auditentry" in said
    assert "已有数据" in office.told("move", "--to", target, code=1)
