"""The move itself: what must hold before it, all tables in the order of their foreign keys, and nothing by halves."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import psycopg
from sqlalchemy import URL, Connection, Table, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlmodel import SQLModel, col

from config.settings import Settings
from models import Cycle, CycleLease
from services.clock import CHINA, Clock
from services.errors import InputError, StateError
from services.moving.rows import UNTOUCHED, Moved, compare, copy
from services.record.database import WRITE, engine_of, is_empty
from services.record.schema import newest_schema, schema_of, upgrade
from services.record.sealing import keyring

_FORM = "postgresql+psycopg://用户@主机:5432/库名"


def move(settings: Settings, wall: Clock, *, to: str, say: Callable[[Moved], None] = lambda _: None) -> list[Moved]:
    """Copy the settings' record into the PostgreSQL database `to`, which must be empty; its schema is made there.

    The source is only read, and nobody can write to it meanwhile. Everything in the target is one transaction, which is
    kept when every row of every table has been read back the same: whatever goes wrong, or is killed, the target is as
    empty as before. `say` is told each table that agrees.
    Raises InputError for a target that cannot be used, StateError for a source that is in use or of an older schema and
    when the target does not take what it is given, KeysError without the file of keys, which stays the same one.
    """
    source, target = make_url(settings.database_url), _target(to)
    _require_alone(source)
    with _connected(settings, source) as here, _connected(_for(settings, to), target) as there:
        _require_movable(here, wall)
        if not is_empty(there):
            raise InputError(f"{_shown(target)}里已有数据，没有覆盖；请另建一个空的数据库。")
        done = _move(here, there, say)
        there.commit()
    return done


def _move(here: Connection, there: Connection, say: Callable[[Moved], None]) -> list[Moved]:
    tables = SQLModel.metadata.sorted_tables  # what a row refers to comes before it
    done: list[Moved] = []
    with _told(there, "建表"):
        upgrade(there)
        _clear(there, tables)
    for table in tables:
        with _told(there, f"写入 {table.name}"):
            copy(here, there, table)
    for table in tables:
        with _told(there, f"核对 {table.name}"):
            done.append(compare(here, there, table))
        say(done[-1])
    return done


def _clear(there: Connection, tables: list[Table]) -> None:
    """Take out what the migrations put in: it comes from the source."""
    names = ", ".join(there.dialect.identifier_preparer.format_table(table) for table in tables)
    there.execute(text(f"TRUNCATE {names} RESTART IDENTITY"))


@contextmanager
def _told(there: Connection, doing: str) -> Iterator[None]:
    """Say at which step the database gave up; its own words may hold people's data and are left out."""
    try:
        yield
    except (psycopg.Error, DBAPIError) as error:
        there.invalidate()  # it may be gone, and then cannot even be told to roll back
        cause = error.orig if isinstance(error, DBAPIError) else error
        what = " ".join(filter(None, (type(cause).__name__, getattr(cause, "sqlstate", None))))
        raise StateError(
            f"没有搬成，停在“{doing}”：数据库报告 {what}。{UNTOUCHED}；请排除原因后再运行一次。"
        ) from error


def _target(to: str) -> URL:
    try:
        url = make_url(to)
    except ArgumentError as error:
        raise InputError(f"目标数据库的地址写得不对；请写成 {_FORM}。") from error
    if url.drivername != "postgresql+psycopg":
        raise InputError(f"目标数据库的地址以“{url.drivername}”开头；请写成 {_FORM}。")
    return url


def _for(settings: Settings, to: str) -> Settings:
    """The same installation, with the same keys, on the other database."""
    return settings.model_copy(update={"database_url": to})


def _shown(url: URL) -> str:
    if url.get_backend_name() == "sqlite":
        return f"数据库文件 {url.database}"
    return f"{url.host or '本机'} 的数据库 {url.database}"


def _require_alone(url: URL) -> None:
    """Raise StateError unless the source is a file that no part has open: what it wrote later would be left behind."""
    if url.get_backend_name() != "sqlite":
        raise StateError("现在的数据库不是 SQLite，没有可搬的；请核对 DUIXIAN_DATABASE_URL。")
    path = Path(url.database or "")
    if not path.is_file():
        raise StateError(f"没有找到数据库文件 {path}；请核对 DUIXIAN_DATA_DIR 和 DUIXIAN_DATABASE_URL。")
    with closing(sqlite3.connect(path, timeout=0, isolation_level=None)) as probe:
        try:
            probe.execute("PRAGMA locking_mode=EXCLUSIVE")  # not to be had while anybody else has the file open
            probe.execute("BEGIN IMMEDIATE")
            probe.execute("ROLLBACK")
        except sqlite3.OperationalError as error:
            raise StateError(f"{_shown(url)} 还有程序开着；请先停下 duixian serve 和别的 duixian 命令。") from error


@contextmanager
def _connected(settings: Settings, url: URL) -> Iterator[Connection]:
    """A connection in a transaction that is undone unless committed; on SQLite it keeps others from writing."""
    engine = engine_of(settings)
    try:
        try:
            connection = engine.connect().execution_options(**WRITE)
            connection.execute(text("SELECT 1"))
        except DBAPIError as error:
            raise StateError(f"打不开{_shown(url)}；请核对地址、口令和网络。") from error
        with connection:
            yield connection
    finally:
        engine.dispose()


def _require_movable(here: Connection, wall: Clock) -> None:
    """Raise StateError unless the source is of the newest schema and no run works on it, KeysError without its keys."""
    keyring(here.dialect).keys()  # the migrations would make new ones, which open nothing
    if schema_of(here) != newest_schema():
        raise StateError("数据库的结构不是这一版的；请先运行 duixian migrate 升级，再搬。")
    held = select(col(Cycle.year), col(CycleLease.expires_at)).join_from(CycleLease, Cycle)
    for year, until in here.execute(held.where(col(CycleLease.expires_at) > wall.now())):
        ends = f"{until.astimezone(CHINA):%H:%M:%S}"
        raise StateError(f"{year} 年度正在办理（租约到 {ends}）；请先停下 duixian serve，租约到期后再搬。")
