"""Delimited text: its encoding, its delimiter and its rows, without ever losing a character."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator
from itertools import islice

import polars as pl

from services.tables.damage import bears_marks
from services.tables.plain_text import plain_cells
from services.tables.problems import TableError, shortened
from services.tables.raw import Fault, RawSheet, TooLargeError, cells_of, may_have_invisible, without_invisible

MAX_LINES_IN_A_CELL = 50
"""A quoted cell with more lines than this is taken for a forgotten closing quote."""

_BOMS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_DELIMITERS = (",", "\t", ";", "|")
_SAMPLE_LINES = 50
_SAMPLE = 1 << 20
csv.field_size_limit(1 << 30)  # as long as a file may be: a long cell is no broken one
_LOST = "\ufffd"
"""Stands where a character was lost in an export."""


def read_text(data: bytes, file: str) -> RawSheet:
    """The one sheet of a delimited text file. Raises TableError."""
    utf8 = decode(data, file)
    try:
        return _sheet(utf8)
    except TooLargeError as error:
        raise TableError(file, str(error), "请删除数据区以外的行和列，或拆分成几个文件") from error


def _sheet(utf8: bytes) -> RawSheet:
    sample = io.StringIO(utf8[:_SAMPLE].decode(errors="ignore"), newline="")
    delimiter = _delimiter(list(islice(sample, _SAMPLE_LINES)))
    cells = plain_cells(utf8, delimiter)
    faults: dict[tuple[int, int | None], Fault] = {}
    if cells is None:
        cells, faults = carefully(utf8.decode(), delimiter)
    if may_have_invisible(utf8):
        cells = without_invisible(cells)
    if _LOST.encode() in utf8:
        faults |= _unreadable(cells)
    return RawSheet(name="", cells=cells, faults=faults, intact=not bears_marks(utf8))


def _unreadable(cells: pl.DataFrame) -> dict[tuple[int, int | None], Fault]:
    """The cells that hold the mark of a character that was lost."""
    found: dict[tuple[int, int | None], Fault] = {}
    for index, column in enumerate(cells.iter_columns()):
        for row in column.str.contains(_LOST, literal=True).fill_null(False).arg_true():
            found[(row, index)] = _damaged(column[row])
    return found


def carefully(text: str, delimiter: str) -> tuple[pl.DataFrame, dict[tuple[int, int | None], Fault]]:
    """The cells of a text in which some lines are not plain, record by record."""
    rows: list[list[str]] = []
    faults: dict[tuple[int, int | None], Fault] = {}
    for record in _records(list(io.StringIO(text, newline="")), delimiter):
        if isinstance(record, Fault):
            faults[(len(rows), None)] = record
            rows.append([])
        else:
            rows.append([cell.strip() for cell in record])
    return cells_of(rows), faults


def decode(data: bytes, file: str) -> bytes:
    """The text in UTF-8: read by the byte-order mark, else as UTF-8, UTF-16, GB18030 strictly in that order.

    The bytes stay bytes: as Python's text a long Chinese file would take twice its size.
    """
    for mark, encoding in _BOMS.items():
        if data.startswith(mark):
            return _decoded(data, encoding, file).encode()
    if b"\x00" in data[:4096]:
        encoding = "utf-16-le" if data[1:4096:2].count(0) >= data[:4096:2].count(0) else "utf-16-be"
        return _decoded(data, encoding, file).encode()
    return data if _is_utf8(data) else _decoded(data, "gb18030", file).encode()


def _is_utf8(data: bytes) -> bool:
    """By Polars, which takes a fifth of the time that decoding takes."""
    try:
        pl.Series([data]).cast(pl.String)
    except pl.exceptions.ComputeError:
        return False
    return True


def _decoded(data: bytes, encoding: str, file: str) -> str:
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        where = data[: error.start].count(b"\n") + 1
        raise TableError(
            file,
            f"第 {where} 行附近的文字编码无法识别（已试 UTF-8、UTF-16、GB18030），或者不是文本文件",
            "请用 Excel 打开后另存为“CSV UTF-8”或 XLSX 再提交",
        ) from error
    if "\x00" in text:
        raise TableError(file, "不是文本表格（含有二进制内容）", "请提交 CSV、XLSX 或 XLS 文件")
    return text


def _delimiter(lines: list[str]) -> str:
    """The candidate that cuts the first lines into the most columns on most lines; the comma wins a tie.

    Where tabs cut more lines than commas, as the heading that has no amounts, the commas are those of amounts.
    """
    widths = {
        delimiter: Counter(len(row) for row in csv.reader(lines, delimiter=delimiter) if len(row) > 1)
        for delimiter in _DELIMITERS
    }

    def columns(delimiter: str) -> int:
        return max(widths[delimiter], key=lambda width: (widths[delimiter][width], width), default=0)

    commas, tabs = ((widths[delimiter].total(), columns(delimiter)) for delimiter in ",\t")
    if columns(","):
        return "\t" if tabs > commas else ","
    return max(_DELIMITERS, key=columns)


def _records(lines: list[str], delimiter: str) -> Iterator[list[str] | Fault]:
    """Records one by one; after a broken one reading goes on at the next line, so that no row is swallowed."""
    start = 0
    while start < len(lines):
        reader = csv.reader(lines[start:], delimiter=delimiter, strict=True, skipinitialspace=True)
        done = 0
        try:
            for record in reader:
                if reader.line_num - done > MAX_LINES_IN_A_CELL:
                    raise csv.Error("unexpected end of data")
                done = reader.line_num
                yield record
            return
        except csv.Error:
            yield _broken(lines[start + done])
            start += done + 1


def _broken(line: str) -> Fault:
    return Fault(
        shortened(line.strip()),
        "引号不成对，无法确定单元格从哪里到哪里",
        "请检查这一行的英文双引号，单元格内的引号要写成两个",
    )


def _damaged(cell: str) -> Fault:
    return Fault(cell, "含有乱码字符“\ufffd”，原文在导出或转码时已丢失", "请从原系统重新导出，或改正这一格")
