"""A new database for a test: the migrations run once a process, and every test gets a copy of what they made."""

from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Engine

from config.settings import Settings
from services.database import engine_of
from services.schema import migrate
from services.sealing import keyring


def new_database(engine: Engine) -> None:
    """Bring a database to the newest schema: a SQLite file that is not there yet by copying, others by migrating."""
    path = Path(engine.url.database or "")
    if engine.dialect.name == "sqlite" and not path.exists():
        path.write_bytes(_migrated())
        keyring(engine).make_first()
    else:
        migrate(engine)


@cache
def _migrated() -> bytes:
    with TemporaryDirectory() as folder:
        engine = engine_of(Settings(_env_file=None, data_dir=Path(folder)))
        migrate(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        engine.dispose()
        return (Path(folder) / "duixian.db").read_bytes()
