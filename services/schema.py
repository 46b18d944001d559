"""Bring a database to the newest schema."""

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine

from config.settings import ROOT
from services.database import outside_a_transaction


def migrate(engine: Engine) -> None:
    """Run the migrations that are missing; safe to repeat.

    Raises RuntimeError when a migration would leave rows on SQLite that refer to nothing; nothing is changed then.
    """
    settings = Config()
    settings.set_main_option("script_location", str(ROOT / "migrations"))
    with engine.connect() as connection:
        sqlite = connection.dialect.name == "sqlite"
        if sqlite:  # a table is changed by copying it, which needs the keys let go (sqlite.org/lang_altertable.html)
            outside_a_transaction(connection, "foreign_keys=OFF")
        try:
            with connection.begin():
                settings.attributes["connection"] = connection
                command.upgrade(settings, "head")
                if sqlite and (lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()):
                    raise RuntimeError(f"a migration left a row that refers to nothing: {lost}")
        finally:
            if sqlite:
                outside_a_transaction(connection, "wal_checkpoint(TRUNCATE)")
                outside_a_transaction(connection, "foreign_keys=ON")
