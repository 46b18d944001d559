"""Many new rows by one statement: as if each were a record that is added, without making any."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from itertools import islice
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlmodel import Session, SQLModel

from services.record import audit, fitting

_AT_ONCE = 5_000


def add_rows(session: Session, model: type[SQLModel], rows: Iterable[Mapping[str, Any]]) -> int:
    """Insert rows of a table with an `id`: columns by name, the others by the model's defaults. Returns how many.

    Each is looked at before it is written, and told by the operation's entry, as a record that is added; outside of an
    operation nothing is told. Raises InputError for the first that does not fit, which ends the operation. Records take
    three to four times as long, which counts where there are thousands; some thousand are in memory at once.
    """
    rest, added = iter(rows), 0
    while some := list(islice(rest, _AT_ONCE)):
        _add(session, model, some)
        added += len(some)
    return added


def _add(session: Session, model: type[SQLModel], rows: Sequence[Mapping[str, Any]]) -> None:
    constant, made = _defaults(model)
    filled = [{**constant, **{name: new() for name, new in made.items() if name not in row}, **row} for row in rows]
    for row in filled:
        fitting.check(model, row)
    session.flush()
    ids = _inserted(session, SQLModel.metadata.tables[str(model.__tablename__)], filled)
    audit.tell_rows(session, model, ({**row, "id": number} for number, row in zip(ids, filled, strict=True)))


def _inserted(session: Session, table: Table, rows: list[dict[str, Any]]) -> list[int]:
    """Insert the rows; their ids, in the order of the rows.

    SQLite would give ids back for one row a statement only. It counts on from the largest, and nobody else writes
    between: an operation has the turn, and outside of one the insert fails after another's (SQLITE_BUSY_SNAPSHOT).
    """
    connection = session.connection()
    if connection.dialect.name != "sqlite":
        made = table.insert().returning(table.c.id, sort_by_parameter_order=True)
        return list(connection.execute(made, rows).scalars())
    first = connection.execute(select(func.coalesce(func.max(table.c.id), 0) + 1)).scalar_one()
    ids = list(range(first, first + len(rows)))
    connection.execute(table.insert(), [{**row, "id": number} for number, row in zip(ids, rows, strict=True)])
    return ids


@cache
def _defaults(model: type[SQLModel]) -> tuple[dict[str, Any], dict[str, Callable[[], Any]]]:
    """What a record has in each column that nobody set, its id apart: always the same, or made for each record."""
    fields = {name: each for name, each in model.model_fields.items() if not each.is_required() and name != "id"}
    made = {
        name: cast(Callable[[], Any], each.default_factory) for name, each in fields.items() if each.default_factory
    }
    return {name: each.default for name, each in fields.items() if name not in made}, made
