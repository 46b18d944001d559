"""Tables for others: CSV and XLSX files that Excel opens rightly, and lists of problems."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import chain
from pathlib import Path
from typing import Any, Literal

import polars as pl
import xlsxwriter

from services.tables.numbers import EXCEL_DIGITS
from services.tables.problems import RowProblem

PROBLEM_COLUMNS = ("row", "column", "value", "cause", "remedy", "file", "sheet")

_DIALECT: dict[str, Any] = {"line_terminator": "\r\n", "quote_style": "necessary"}
_FORMULA_START = ("=", "+", "-", "@", "\t", "\r")
_NUMBER = re.compile(r"[+-]?\d[\d,]*(\.\d+)?%?")


def safe_for_people(text: str) -> str:
    """`text` that a spreadsheet will not run as a formula: a leading apostrophe before = + - @, numbers untouched.

    >>> safe_for_people("=HYPERLINK(1)"), safe_for_people("-5.00")
    ("'=HYPERLINK(1)", '-5.00')
    """
    return "'" + text if text.startswith(_FORMULA_START) and not _NUMBER.fullmatch(text) else text


def write_csv(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, for_people: bool = False
) -> None:
    """Write UTF-8 with a byte-order mark, CRLF line ends; None is an empty cell; the file appears whole or not at all.

    With `for_people` text that Excel would run as a formula gets an apostrophe; files read by programs keep their text.
    """
    clean = safe_for_people if for_people else str
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows([clean(_text(value)) for value in row] for row in rows)
    partial.replace(path)


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]], *, for_people: bool = False
) -> None:
    """Write XLSX when the path ends so, else CSV. In XLSX numbers are numbers and everything else is text."""
    if path.suffix.lower() != ".xlsx":
        write_csv(path, columns, rows, for_people=for_people)
        return
    partial = path.with_name(path.name + ".part")
    with xlsxwriter.Workbook(partial, {"constant_memory": True}) as book:
        sheet = _sheet(book, columns)
        for index, row in enumerate(rows, start=1):
            for column, value in enumerate(row):
                _write_cell(sheet, index, column, value)
    partial.replace(path)


def write_frames(path: Path, columns: Mapping[str, Literal["text", "number"]], frames: Iterable[pl.DataFrame]) -> None:
    """Write frames of text one after the other as one table, each gone before the next is made; XLSX or CSV by suffix.

    A `number`, which must be there, is plain digits as `Decimal` writes them, and a number in XLSX if Excel can keep
    it. Null is an empty cell. The file appears whole or not at all.
    """
    partial = path.with_name(path.name + ".part")
    if path.suffix.lower() == ".xlsx":
        _frames_to_xlsx(partial, columns, frames)
    else:
        with partial.open("wb") as file:
            pl.DataFrame(schema=dict.fromkeys(columns, pl.String())).write_csv(file, include_bom=True, **_DIALECT)
            for frame in frames:
                _emptied(frame).write_csv(file, include_header=False, **_DIALECT)
    partial.replace(path)


def _emptied(frame: pl.DataFrame) -> pl.DataFrame:
    """Without empty texts, which polars would write in quotes."""
    return frame.select(pl.when(pl.all() != "").then(pl.all()))


def _frames_to_xlsx(
    path: Path, columns: Mapping[str, Literal["text", "number"]], frames: Iterable[pl.DataFrame]
) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = _sheet(book, list(columns))
        numbers = [kind == "number" for kind in columns.values()]
        rows = chain.from_iterable(frame.iter_rows() for frame in frames)
        for row, cells in enumerate(rows, start=1):
            for column, cell in enumerate(cells):
                if numbers[column] and len(cell) <= EXCEL_DIGITS:
                    sheet.write_number(row, column, float(cell))
                elif cell is not None:
                    sheet.write_string(row, column, cell)


def write_problems(path: Path, problems: Iterable[RowProblem]) -> None:
    """Write problems as CSV with the columns of `PROBLEM_COLUMNS`, made for people."""
    rows = ([getattr(problem, column) for column in PROBLEM_COLUMNS] for problem in problems)
    write_csv(path, PROBLEM_COLUMNS, rows, for_people=True)


def _sheet(book: xlsxwriter.Workbook, columns: Sequence[str]) -> xlsxwriter.worksheet.Worksheet:
    """A sheet with its headings."""
    sheet = book.add_worksheet()
    bold = book.add_format({"bold": True})
    sheet.freeze_panes(1, 0)
    for column, name in enumerate(columns):
        sheet.write_string(0, column, name, bold)
    return sheet


def _write_cell(sheet: xlsxwriter.worksheet.Worksheet, row: int, column: int, value: object) -> None:
    """A text cell is never run, so it needs no apostrophe; a number that Excel would cut short is written as text."""
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    if is_number and len(Decimal(str(value)).as_tuple().digits) <= EXCEL_DIGITS:
        sheet.write_number(row, column, float(str(value)))
    elif value is not None:
        sheet.write_string(row, column, _text(value))


def _text(value: object) -> str:
    if value is None:
        return ""
    return format(value, "f") if isinstance(value, Decimal) else str(value)
