"""A sheet before its header is known: text cells by position, merged ranges, and cells that could not be read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ROW = "_row"
"""The frame column that carries the row number that the user sees in Excel."""


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


@dataclass
class RawSheet:
    """Rows of stripped text from the sheet's first row on; `faults` is keyed by zero-based (row, column or None)."""

    name: str
    rows: list[list[str]]
    merges: list[Merge] = field(default_factory=list)
    faults: Mapping[tuple[int, int | None], Fault] = field(default_factory=dict)


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
