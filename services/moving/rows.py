"""The rows of one table: copied from SQLite into PostgreSQL as they are, and compared there one by one."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

from sqlalchemy import (
    JSON,
    ColumnElement,
    Connection,
    LargeBinary,
    Table,
    Text,
    cast,
    collate,
    func,
    select,
    text,
    type_coerce,
)
from sqlalchemy.types import TypeEngine
from sqlmodel import AutoString

from models.columns import PackedText, SealedDocument, SealedText
from services.errors import StateError

UNTOUCHED = "目标数据库没有留下任何内容，来源没有改动"
_AT_ONCE = 2000


@dataclass(frozen=True)
class Moved:
    """A table that is the same on both sides: so many rows, and the SHA-256 of all of them in the order of their key.

    The digest is of the rows as this program reads them, for comparing two moves of the same record with each other.
    """

    table: str
    rows: int
    sha256: str


def copy(here: Connection, there: Connection, table: Table) -> None:
    """Copy every row in one statement, in which rows may refer to later ones of the table, and set the counter.

    Raises psycopg.Error when PostgreSQL does not take one.
    """
    format_of = there.dialect.identifier_preparer
    columns = ", ".join(format_of.format_column(column) for column in table.columns)
    driver: Any = there.connection.driver_connection
    with driver.cursor().copy(f"COPY {format_of.format_table(table)} ({columns}) FROM STDIN") as target:
        for row in _bound(here, there, table):
            target.write_row(row)
    _set_counter(there, table)


def compare(here: Connection, there: Connection, table: Table) -> Moved:
    """Read the table on both sides. Raises StateError for the first row that is not the same."""
    digest, rows = hashlib.sha256(), 0
    for source, target in zip_longest(_rows(here, table), _rows(there, table)):
        if source != target:
            key = _key(table, source or target)
            raise StateError(
                f"没有搬成：表 {table.name} 里主键为 {key} 的一行搬过去以后不一样。{UNTOUCHED}；请把这句话告诉开发者。"
            )
        digest.update(repr(source).encode())
        rows += 1
    return Moved(table.name, rows, digest.hexdigest())


def _bound(here: Connection, there: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """The rows of the source as PostgreSQL's driver takes them."""
    changes = [_kind(column).dialect_impl(there.dialect).bind_processor(there.dialect) for column in table.columns]
    for row in _rows(here, table):
        yield tuple(change(value) if change is not None else value for change, value in zip(changes, row, strict=True))


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    """Every row in the order of the key, the same on both sides, so many at a time."""
    read = select(*(_as_kept(column) for column in table.columns)).order_by(
        *(_in_bytes(connection, column) for column in table.primary_key.columns)
    )
    with connection.execute(read.execution_options(yield_per=_AT_ONCE)) as found:
        for row in found:
            yield tuple(row)


def _as_kept(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """What the database holds: sealed texts unopened, JSON and packed texts not written anew."""
    if isinstance(column.type, JSON):
        return cast(column, Text)
    return type_coerce(column, _kind(column))


def _kind(column: ColumnElement[Any]) -> TypeEngine[Any]:
    if isinstance(column.type, SealedText | SealedDocument | JSON):
        return Text()
    return LargeBinary() if isinstance(column.type, PackedText) else column.type


def _in_bytes(connection: Connection, column: ColumnElement[Any]) -> ColumnElement[Any]:
    """The column to sort by: texts by their bytes, as SQLite does, whatever the language of the other database."""
    sorts = connection.dialect.name == "postgresql" and isinstance(column.type, AutoString)
    return collate(column, "C") if sorts else column


def _set_counter(there: Connection, table: Table) -> None:
    """The next row gets the number after the last one."""
    column = table.autoincrement_column
    if column is None:
        return
    last = there.execute(select(func.max(column))).scalar()
    if last is not None:
        name = there.dialect.identifier_preparer.format_table(table)
        there.execute(
            text("SELECT setval(pg_get_serial_sequence(:name, :column), :last)"),
            {"name": name, "column": column.name, "last": last},
        )


def _key(table: Table, row: tuple[Any, ...] | None) -> str:
    values = dict(zip(table.columns.keys(), row or (), strict=True))
    return "、".join(str(values[column.name]) for column in table.primary_key.columns)
