"""Bring a database to the newest schema."""

from functools import cache

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, text

from config.settings import ROOT
from services.database import outside_a_transaction
from services.errors import StateError

_TURN = 20240814  # the key of PostgreSQL's advisory lock: of two machines that migrate at once the second waits


def migrate(engine: Engine) -> tuple[str | None, str | None]:
    """Run the migrations that are missing; safe to repeat. The revision before (None: an empty database) and after.

    Raises StateError for a database of a newer version of the program, and RuntimeError when a migration would leave
    rows on SQLite that refer to nothing; nothing is changed then.
    """
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table is changed by copying it, which needs the keys let go (sqlite.org/lang_altertable.html)
            outside_a_transaction(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                before = schema_of(connection)
                upgrade(connection)
                after = schema_of(connection)
                if sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"a migration left a row that refers to nothing: {lost}")
        finally:
            if sqlite:
                outside_a_transaction(connection, "wal_checkpoint(TRUNCATE)")
                outside_a_transaction(connection, "foreign_keys=ON")
    return before, after


def upgrade(connection: Connection) -> None:
    """The same within the caller's transaction."""
    _require_known(schema_of(connection))
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _TURN})
    settings = _config()
    settings.attributes["connection"] = connection
    command.upgrade(settings, "head")


@cache
def newest_schema() -> str | None:
    """The revision that the migrations lead to."""
    return ScriptDirectory.from_config(_config()).get_current_head()


def schema_of(connection: Connection) -> str | None:
    """The revision that a database is at; None for one that was never migrated."""
    return MigrationContext.configure(connection).get_current_revision()


def _require_known(revision: str | None) -> None:
    known = {each.revision for each in ScriptDirectory.from_config(_config()).walk_revisions()}
    if revision is not None and revision not in known:
        raise StateError(
            f"数据库的结构是 {revision}，比这一版程序（{newest_schema()}）新；请换用升级后的程序，或恢复升级前的备份。"
        )


def _config() -> Config:
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    return settings
