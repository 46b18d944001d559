"""What a document shows, before it has a format: pages of a template, or the sheets of a workbook."""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from itertools import islice
from typing import Any

from services.documents.rows import Row, Rows
from services.record.chain import canonical, plain, spelling
from services.spilled import Spilled


@dataclass(frozen=True)
class Trace:
    """The frozen list whose numbers a document shows."""

    version: int
    digest: str

    @property
    def short(self) -> str:
        """Enough of the digest to compare by eye."""
        return self.digest[:16]


@dataclass(frozen=True)
class Chart:
    """A bar for each label; `unit` is 万元 when the values are fen, otherwise what is counted."""

    title: str
    unit: str
    labels: tuple[str, ...]
    values: tuple[int, ...]


@dataclass(frozen=True)
class Page:
    """One template and the data it needs. `dated` is the day that the document bears, taken from the record.

    `letter`: laid out as a letter (信函格式). `number` is its 发文字号, when it has one.
    """

    title: str
    template: str
    organisation: str
    dated: date
    data: Mapping[str, Any]
    trace: Trace | None = None
    charts: Mapping[str, Chart] = field(default_factory=dict)
    letter: bool = False
    number: str = ""

    @property
    def footer(self) -> str:
        """The small line under the page number: whose figures these are."""
        return f"名单第{self.trace.version}版　校验码 {self.trace.short}" if self.trace else ""


class CellKind(StrEnum):
    """What the cells of a column hold."""

    TEXT = "text"
    MONEY = "money"  # integer fen, shown in yuan
    INTEGER = "integer"
    NUMBER = "number"  # Decimal
    DATE = "date"


@dataclass(frozen=True)
class Column:
    """One column. People write into those that are `filled_in`, where there are `choices` one of these."""

    title: str
    kind: CellKind = CellKind.TEXT
    width: int = 14
    choices: tuple[str, ...] = ()
    filled_in: bool = False


@dataclass(frozen=True)
class Sheet:
    """One sheet: heading, notes under it, a table, and its closing row (合计) when it has one.

    `new_pages` are the rows, counted from 0, before which a printed page ends.
    """

    name: str
    heading: str
    columns: tuple[Column, ...]
    rows: Rows | tuple[Row, ...]
    notes: tuple[str, ...] = ()
    total: Row | None = None
    new_pages: tuple[int, ...] = ()


@dataclass(frozen=True)
class Book:
    """A workbook."""

    title: str
    organisation: str
    dated: date
    sheets: tuple[Sheet, ...]
    trace: Trace | None = None


Content = Page | Book
_AT_ONCE = 500  # rows that are spelled at once


def subject_of(content: Content, *sources: str) -> str:
    """The SHA-256 of what a document shows: its content and the sources of its templates."""
    digest = hashlib.sha256(f"[{canonical(type(content).__name__)},".encode())
    for piece in _pieces(content):
        digest.update(piece.encode())
    digest.update(f",{canonical(sources)}]".encode())
    return digest.hexdigest()


def _pieces(value: object) -> Iterator[str]:
    """A value as `canonical` spells it, in pieces: the rows of a table are never spelled all at once."""
    if is_dataclass(value):
        value = {each.name: getattr(value, each.name) for each in fields(value)}
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        yield "{"
        for place, (key, item) in enumerate(sorted(value.items())):
            yield f"{',' if place else ''}{canonical(key)}:"
            yield from _pieces(item)
        yield "}"
    elif isinstance(value, list | tuple | Spilled):
        rest, before = iter(value), ""
        yield "["
        while some := list(islice(rest, _AT_ONCE)):
            yield before
            yield from _of_list(some)
            before = ","
        yield "]"
    else:
        yield _SPELLING.encode(value)


def _of_list(items: Sequence[object]) -> Iterator[str]:
    """The items as they stand in a list; those that may be large, one after the other."""
    if not any(is_dataclass(each) for each in items):
        yield _SPELLING.encode(items)[1:-1]
        return
    for place, each in enumerate(items):
        yield "," if place else ""
        yield from _pieces(each)


def _plain(value: object) -> object:
    """Records as mappings, Decimals as text, the rest as the chain has it."""
    if isinstance(value, Decimal):
        return str(value)
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value):
        return {each.name: getattr(value, each.name) for each in fields(value)}
    return plain(value)


_SPELLING = spelling(_plain)
