"""Bring a database to the newest schema."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import IntegrityError

from config.settings import ROOT
from services.errors import NotFoundError, StateError
from services.record.database import outside_a_transaction

_TURN = 20240814  # the key of PostgreSQL's advisory lock


def migrate(engine: Engine, to: str = "head") -> tuple[str | None, str | None]:
    """Run the migrations that are missing; safe to repeat. The revision before (None: an empty database) and after.

    Raises StateError for a database of a newer version of the program, and RuntimeError when a migration would leave
    rows on SQLite that refer to nothing; nothing is changed then.
    """
    with _changing(engine) as connection:
        before = schema_of(connection)
        upgrade(connection, to)
        return before, schema_of(connection)


def take_back(engine: Engine, to: str) -> tuple[str | None, str | None]:
    """Bring the schema back to an earlier revision, for an older version of the program; what is newer in it is lost.

    The revision before and after. Raises StateError for a revision that is not an earlier one or that cannot hold what
    is there, and as `migrate`.
    """
    with _changing(engine) as connection:
        before = schema_of(connection)
        _require_known(before)
        if before is None:
            raise StateError("数据库是空的，没有可以退回的结构；请核对 DUIXIAN_DATABASE_URL 和 DUIXIAN_DATA_DIR。")
        known = [each.revision for each in ScriptDirectory.from_config(_config()).iterate_revisions(before, "base")]
        if to not in known[1:]:
            choice = f"可以退回到 {'、'.join(known[1:])}" if known[1:] else "它是第一版，不能再退"
            raise StateError(f"数据库的结构是 {before}，没有比它早的 {to}；{choice}。")
        try:
            command.downgrade(_config(connection), to)
        except IntegrityError as error:
            raise StateError(
                f"没有退回：数据库里有结构 {to} 放不下的内容（{error.orig}），没有改动；"
                "请恢复升级前的备份，或者退到离现在近一些的编号。"
            ) from error
        return before, schema_of(connection)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Run the migrations that are missing within the caller's transaction."""
    _require_known(schema_of(connection))
    command.upgrade(_config(connection), to)


def require_newest(connection: Connection) -> None:
    """Raise NotFoundError for a database without tables, StateError for one of another version of the program."""
    found, newest = schema_of(connection), newest_schema()
    if found is None:
        raise NotFoundError("数据库尚未建立；请先用 duixian user add 添加第一个管理员，或检查 DUIXIAN_DATABASE_URL。")
    _require_known(found)
    if found != newest:
        raise StateError(
            f"数据库的结构是 {found}，比这一版程序（{newest}）旧；"
            "请停下各部件，运行 duixian backup，再运行 duixian migrate（或重新启动 duixian serve，它会升级）。"
        )


@contextmanager
def _changing(engine: Engine) -> Iterator[Connection]:
    """A transaction in which tables can be changed; of two machines that change them at once the second waits."""
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table is changed by copying it, which needs the keys let go (sqlite.org/lang_altertable.html)
            outside_a_transaction(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                if not sqlite:
                    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURN})
                yield connection
                if sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"a migration left a row that refers to nothing: {lost}")
        finally:
            if sqlite:
                outside_a_transaction(connection, "wal_checkpoint(TRUNCATE)")
                outside_a_transaction(connection, "foreign_keys=ON")


@cache
def newest_schema() -> str | None:
    """The revision that the migrations lead to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def schema_of(connection: Connection) -> str | None:
    """The revision that a database is at; None for one that was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


@cache
def revisions() -> frozenset[str]:
    """Every revision that this version of the program knows."""
    return frozenset(each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions())


def _require_known(revision: str | None) -> None:
    if revision is not None and revision not in revisions():
        raise StateError(
            f"数据库的结构是 {revision}，比这一版程序（{newest_schema()}）新；请换用升级后的程序，或恢复升级前的备份。"
        )


def _config(connection: Connection | None = None) -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    settings.attributes["connection"] = connection
    return settings
