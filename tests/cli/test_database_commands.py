"""The commands that bring the database to this version, and move it to PostgreSQL."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer

import pytest
from sqlalchemy import create_engine, make_url, text

from services.record.database import wait_for_server
from services.record.schema import newest_schema
from tests.cli.conftest import Office
from tests.engine_parts import free_port


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


def test_a_database_of_another_version_is_opened_by_no_command(office: Office) -> None:
    """An older program would write into what it does not know; a newer one would fail at the first missing table."""
    commands = (
        ("cycle", "status"),
        ("notice", "status"),
        ("ban", "lift", "1", "--reason", "x", "--as", "chen"),
        ("user", "add", "wu", "--name", "吴", "--role", "operator"),
        ("cycle", "open", "--policy", "zhangzhou-ai-2024", "--year", "2026", "--as", "chen"),
    )
    with office.desk.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    for words in commands:
        assert "数据库的结构是 9999，比这一版程序" in office.told(*words, code=1)
    with office.desk.engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = :now"), {"now": newest_schema()})
    office.told("migrate", "--back-to", "0016", "--yes")
    for words in commands:
        assert "请停下各部件，运行 duixian backup，再运行 duixian migrate" in office.told(*words, code=1)
    assert "已备份到" in office.told("backup")  # as that sentence and the check-up say, though it has not all tables
    office.told("migrate")
    assert "2025 年度" in office.told("cycle", "status")


def test_a_record_is_moved_once_everything_is_stopped(office: Office, target: str) -> None:
    assert "还有程序开着" in office.told("move", "--to", target, code=1)
    office.desk.session.close()
    office.desk.engine.dispose()
    assert "写得不对" in office.told("move", "--to", "nonsense", code=1)
    said = office.told("move", "--to", target)
    assert "逐行核对相符" in said and "auditentry" in said
    assert "已有数据" in office.told("move", "--to", target, code=1)


@pytest.fixture
def socket_of(target: str) -> Iterator[tuple[str, Path, Path]]:
    """The address of a server that is not there yet, the folder where it looks for its socket, and where it is."""
    url = make_url(target)
    with TemporaryDirectory(prefix="duixian-") as folder:  # a socket's name must be short
        late = Path(folder) / "late"
        given = url.set(query={"host": str(late)}).render_as_string(hide_password=False)
        yield given, late, Path(str(url.query["host"]))


def test_a_database_that_comes_up_late_is_waited_for(
    office: Office, monkeypatch: pytest.MonkeyPatch, socket_of: tuple[str, Path, Path]
) -> None:
    """After a power cut: what fails at once is started again by nobody, and all that needs it stays away."""
    address, late, real = socket_of
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", address)
    assert "没有应答；请确认 PostgreSQL 已经启动" in office.told("migrate", code=1)
    Timer(0.5, late.symlink_to, (real,)).start()
    assert "已经建好" in office.told("migrate", "--wait", "600")


def test_waiting_says_so_once_and_a_server_that_refuses_us_is_not_waited_for(
    socket_of: tuple[str, Path, Path],
) -> None:
    address, late, real = socket_of
    said: list[str] = []

    def appear(told: str) -> None:
        said.append(told)
        late.symlink_to(real)

    wait_for_server(make_url(address).set(database="of_nobody").render_as_string(hide_password=False), 600, appear)
    assert len(said) == 1 and str(late) in said[0]
    wait_for_server("sqlite:///nowhere.db", 600, said.append)
    assert len(said) == 1


def test_the_engines_database_is_waited_for_too() -> None:
    url = f"postgresql+asyncpg://prefect@127.0.0.1:{free_port()}/prefect"
    environ = {**os.environ, "PREFECT_API_DATABASE_CONNECTION_URL": url}
    done = subprocess.run([sys.executable, "-m", "flows.upgrade", "--wait", "1"], env=environ, capture_output=True)
    told = done.stderr.decode()
    assert done.returncode == 1 and "还没有应答，等它启动，最多 1 秒" in told and "没有应答；请确认" in told, told
