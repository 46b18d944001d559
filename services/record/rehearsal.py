"""Trying an operation out: it runs whole, its result is looked at, and nothing of it is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Engine
from sqlmodel import Session

from services.record.database import WRITE


@contextmanager
def rehearsal(engine: Engine) -> Iterator[Session]:
    """A session whose operations end at a savepoint of a transaction that is rolled back in the end.

    It holds the writers' lock meanwhile: look at the result inside, and take along plain values only.
    """
    with engine.connect() as connection:
        connection.execution_options(**WRITE)
        outer = connection.begin()
        try:
            with Session(connection, expire_on_commit=False, join_transaction_mode="create_savepoint") as session:
                yield session
        finally:
            outer.rollback()
