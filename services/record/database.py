"""Engines and sessions: SQLite with WAL and foreign keys by default, any SQLAlchemy URL by setting."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from sqlalchemy import Connection, Engine, event, text
from sqlalchemy.engine import make_url
from sqlmodel import Session, create_engine

from config.settings import Settings
from models.columns import give_keyring
from services.errors import StateError
from services.record import fitting  # noqa: F401  (looks at what is written)
from services.record.sealing import Keyring

WRITE = {"duixian_write": True}
_TURN = 20240813  # the key of PostgreSQL's advisory lock
_ANSWERS_WITHIN = 5  # seconds
_PRIMARY = 0xFF  # of an error code of SQLite; the other bits say more of it


def engine_of(settings: Settings) -> Engine:
    """The engine for the settings' database, with the keys to it; a SQLite file's folder is made when missing."""
    engine = _engine(settings)
    give_keyring(engine.dialect, Keyring(settings.keys_file))
    return engine


def _engine(settings: Settings) -> Engine:
    """Its errors do not tell the values of a statement: they are people's data, and errors are logged."""
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite":
        return create_engine(url, pool_pre_ping=True, hide_parameters=True)
    if url.database:
        Path(url.database).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(url, connect_args={"timeout": 30, "isolation_level": None}, hide_parameters=True)
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    for pragma in ("journal_mode=WAL", "busy_timeout=30000", "foreign_keys=ON", "synchronous=FULL", "secure_delete=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: Connection) -> None:
    """Take the write lock at the start of an operation: a read that later writes could not wait for it."""
    writes = connection.get_execution_options().get("duixian_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def take_turn(session: Session) -> None:
    """Let one operation run after the other, so that what it read still holds when it writes: numbers, rounds, states.

    On SQLite a writing transaction has the turn from its start. Raises OperationalError when it does not come in 30 s.
    """
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SET LOCAL lock_timeout = '30s'"))
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURN})


def is_being_written(session: Session) -> bool:
    """Whether an operation has a SQLite record to itself now, so that nobody else can write, not even a lease.

    On PostgreSQL operations wait for each other only (`take_turn`).
    """
    url = session.get_bind().engine.url
    if url.get_backend_name() != "sqlite" or not url.database:
        return False
    with closing(sqlite3.connect(url.database, timeout=0, isolation_level=None)) as connection:
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY != sqlite3.SQLITE_BUSY:
                raise
            return True
        connection.execute("ROLLBACK")
    return False


def outside_a_transaction(connection: Connection, pragma: str) -> Any:
    """Have SQLite do what it does not do within a transaction; the first row of its answer."""
    driver = connection.connection.driver_connection
    assert driver is not None
    return driver.execute(f"PRAGMA {pragma}").fetchone()


def wait_for_server(database_url: str, within: float, say: Callable[[str], None]) -> None:
    """Wait until the PostgreSQL server of an address takes connections, which after a power cut may be late.

    Whether it lets us in does not matter: a wrong password is no reason to wait. Raises StateError when so many seconds
    are over.
    """
    url = make_url(database_url)
    if url.get_backend_name() != "postgresql":
        return
    from psycopg.conninfo import make_conninfo
    from psycopg.pq import PGconn, Ping

    url = url.set(drivername="postgresql+psycopg")  # which reads an address as libpq does
    _, given = url.get_dialect()().create_connect_args(url)
    at = {name: given[name] for name in ("host", "port", "dbname", "user", "password") if name in given}
    asked, until, told = make_conninfo(**at, connect_timeout=_ANSWERS_WITHIN).encode(), monotonic() + within, False
    while PGconn.ping(asked) in (Ping.REJECT, Ping.NO_RESPONSE):  # it starts or recovers, or is not there
        where = f"数据库服务器 {at.get('host', '本机')}:{at.get('port', 5432)}"
        if monotonic() >= until:
            raise StateError(f"{where} 没有应答；请确认 PostgreSQL 已经启动，数据库地址的主机和端口没有写错。")
        if not told:
            say(f"{where} 还没有应答，等它启动，最多 {within:.0f} 秒。")
            told = True
        sleep(1)


def is_empty(connection: Connection) -> bool:
    """Whether a PostgreSQL database has no tables of anybody."""
    tables = text("SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'")
    return not connection.execute(tables).scalar_one()


def clean_log(session: Session) -> bool:
    """Leave nothing of what was erased in the log of SQLite; elsewhere the database's own upkeep does it (VACUUM).

    False when somebody who reads an older state kept it from being cut for as long as one waits.
    """
    session.rollback()
    bind = session.get_bind()
    if bind.dialect.name == "sqlite":
        with bind.engine.connect() as connection:
            busy, *_ = outside_a_transaction(connection, "wal_checkpoint(TRUNCATE)") or (0,)
            return not busy
    return True


@contextmanager
def session_of(engine: Engine) -> Iterator[Session]:
    """A session whose objects stay readable after its operations commit."""
    with Session(engine, expire_on_commit=False) as session:
        yield session


@contextmanager
def writing(session: Session) -> Iterator[None]:
    """A writing transaction outside of the audit chain: for what is no part of the record."""
    session.rollback()
    session.connection(execution_options=WRITE)
    try:
        yield
        session.commit()
    except BaseException:
        session.rollback()
        raise
