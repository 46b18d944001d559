"""A sheet before its header is known: text cells by position, merged ranges, and cells that could not be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest

import polars as pl

ROW = "_row"
"""The frame column that carries the row number that the user sees in Excel."""
_INVISIBLE = r"\p{Cf}"
_BEGINNINGS = (b"\xe2\x80", b"\xe2\x81", b"\xef\xbb\xbf", b"\xc2\xad", b"\xd8\x9c", b"\xe1\xa0\x8e")


@dataclass(frozen=True)
class Fault:
    """Why one cell, or one row when the column is unknown, cannot be used."""

    value: str
    cause: str
    remedy: str


@dataclass(frozen=True)
class Merge:
    """A merged range; all four bounds are zero-based and included."""

    top: int
    left: int
    bottom: int
    right: int


MAX_COLUMNS = 16_384
"""As many as Excel has: a text with more is refused."""

MAX_CELLS = 60_000_000
"""A sheet with a larger used area is refused."""


class TooLargeError(Exception):
    """A table whose used area is beyond every bureau's; the message is what of it is too large."""


def check_area(rows: int, columns: int) -> None:
    """Raise TooLargeError for a used area that is too large, before memory is taken for it."""
    if columns > MAX_COLUMNS:
        raise TooLargeError(f"有 {columns:,} 列，表格最多 {MAX_COLUMNS:,} 列")
    if rows * columns > MAX_CELLS:
        raise TooLargeError(f"的使用区域大到 {rows:,} 行 × {columns:,} 列，远处有零散单元格或格式")


TOP_ROWS = 62
"""Enough rows to find a header in: those in which it may begin, and as many below."""


@dataclass
class RawSheet:
    """A sheet from its first row and column on, as stripped text; `faults` by zero-based (row, column or None).

    The columns of `cells` are called `0`, `1` …; a cell right of a row's last one is null, an empty one is "".
    """

    name: str
    cells: pl.DataFrame
    merges: list[Merge] = field(default_factory=list)
    faults: Mapping[tuple[int, int | None], Fault] = field(default_factory=dict)
    intact: bool = False
    """Known to hold no mark of damage; else it is looked for."""

    @cached_property
    def top(self) -> list[list[str]]:
        """The rows in which the header is, each as long as it is in the sheet."""
        tall = max((merge.bottom + 2 for merge in self.merges if merge.top < TOP_ROWS), default=0)
        return rows_of(self.cells.head(max(TOP_ROWS, tall)))

    @property
    def empty(self) -> bool:
        """Whether no cell holds anything."""
        return not any((column != "").any() for column in self.cells.iter_columns())

    def cell(self, row: int, column: int) -> str:
        """The text of one cell; nothing beyond the sheet."""
        inside = row < self.cells.height and column < self.cells.width
        return self.cells[row, column] or "" if inside else ""


def without_invisible(cells: pl.DataFrame) -> pl.DataFrame:
    """Cells without characters that are not seen (Unicode Cf), as the U+200B that web pages put before a code."""
    beyond_ascii = cells.select((pl.all().str.len_bytes() != pl.all().str.len_chars()).any())
    suspects = [name for name in cells.columns if beyond_ascii[name].any()]
    marked = [name for name in suspects if cells[name].str.contains(_INVISIBLE).any()]
    cleaned = [pl.col(name).str.replace_all(_INVISIBLE, "").str.strip_chars() for name in marked]
    return cells.with_columns(cleaned) if cleaned else cells


def may_have_invisible(text: bytes) -> bool:
    """Whether a text in UTF-8 has the beginning of any that pages and word processors write."""
    return any(mark in text for mark in _BEGINNINGS)


def cells_of(rows: Sequence[Sequence[str]]) -> pl.DataFrame:
    """Rows of any lengths as the `cells` of a sheet."""
    check_area(len(rows), max(map(len, rows), default=0))
    columns = zip_longest(*rows)
    return pl.DataFrame({str(index): pl.Series(column, dtype=pl.String) for index, column in enumerate(columns)})


def rows_of(cells: pl.DataFrame) -> list[list[str]]:
    """The rows of `cells`, each as long as it is in the sheet."""
    return [[cell for cell in row if cell is not None] for row in cells.iter_rows()]


def error_value(text: str) -> Fault:
    """The fault of a cell that shows a formula's error."""
    return Fault(text, "是公式错误值，没有可用的内容", "请改正公式，或直接填写结果后保存")


def column_letter(index: int) -> str:
    """Excel's letter of a zero-based column.

    >>> column_letter(0), column_letter(27)
    ('A', 'AB')
    """
    letters = ""
    index += 1
    while index:
        index, digit = divmod(index - 1, 26)
        letters = chr(ord("A") + digit) + letters
    return letters
