"""Bring a database to the newest schema."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine

from config.settings import ROOT


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing; safe to repeat.

    Raises RuntimeError when a migration would leave rows on SQLite that refer to nothing; nothing is changed then.
    """
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table is changed by copying it, which needs the keys let go (sqlite.org/lang_altertable.html)
            _outside_a_transaction(connection, "PRAGMA foreign_keys=OFF")
            _outside_a_transaction(connection, "PRAGMA secure_delete=ON")  # what was in clear is overwritten
        try:
            with connection.begin():
                settings.attributes["connection"] = connection
                command.upgrade(settings, "head")
                if sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"a migration left a row that refers to nothing: {lost}")
        finally:
            if sqlite:
                _outside_a_transaction(connection, "PRAGMA wal_checkpoint(TRUNCATE)")
                _outside_a_transaction(connection, "PRAGMA foreign_keys=ON")


def _outside_a_transaction(connection: Connection, pragma: str) -> None:
    driver = connection.connection.driver_connection
    assert driver is not None
    driver.execute(pragma)
