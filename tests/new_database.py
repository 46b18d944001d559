"""A new database for a test: the migrations run once a process, and every test gets a copy of what they made."""

import subprocess
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from config.settings import Settings
from services.backups.database import _major, _tool
from services.record.database import engine_of, is_empty
from services.record.schema import migrate
from services.record.sealing import keyring

_MADE_ON_POSTGRESQL: list[str] = []  # what makes again what the migrations made


def new_database(engine: Engine) -> None:
    """Bring a database to the newest schema: by copying where there is nothing yet, else by migrating."""
    path = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and not path.exists():
        path.write_bytes(_migrated())
        keyring(engine).make_first()
    elif engine.dialect.name == "postgresql" and _empty(engine):
        _migrated_into(engine)
        keyring(engine).make_first()
    else:
        migrate(engine)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        engine = engine_of(Settings(_env_file=None, data_dir=Path(folder), database_url=""))
        migrate(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return (Path(folder) / "duixian.db").read_bytes()


def _empty(engine: Engine) -> bool:
    with engine.connect() as connection:
        return is_empty(connection)


def _migrated_into(engine: Engine) -> None:
    if _MADE_ON_POSTGRESQL:
        put_into(engine, _MADE_ON_POSTGRESQL[0])
    else:
        migrate(engine)
        _MADE_ON_POSTGRESQL.append(statements(engine))


def put_into(engine: Engine, made: str) -> None:
    """Put into an empty PostgreSQL database what `statements` found in another."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        driver.execute(made)  # type: ignore[union-attr]
        driver.commit()  # type: ignore[union-attr]
        connection.invalidate()  # the statements leave settings of their own


def statements(engine: Engine) -> str:
    """All that is in a PostgreSQL database, as SQL."""
    with engine.connect() as connection:
        driver = connection.connection.driver_connection
        command = [_tool("pg_dump", _major(driver.info.server_version)), "--inserts", "--no-owner"]  # type: ignore[union-attr]
    address = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    told = subprocess.run([*command, f"--dbname={address}"], capture_output=True, text=True, check=True).stdout
    return "\n".join(
        line for line in told.splitlines() if not line.startswith(("\\", "CREATE SCHEMA", "COMMENT ON SCHEMA"))
    )
