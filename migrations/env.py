"""Alembic's entry: migrates the database of the settings, or the connection that the caller hands in."""

from alembic import context
from sqlalchemy import Connection
from sqlmodel import SQLModel

import models  # noqa: F401  (registers the tables)
from config.settings import Settings
from services.record.database import engine_of


def _migrate(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=SQLModel.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
    )
    with context.begin_transaction():
        context.run_migrations()


given: Connection | None = context.config.attributes.get("connection")
if given is not None:
    _migrate(given)
else:
    with engine_of(Settings()).connect() as own:
        _migrate(own)
        own.commit()
