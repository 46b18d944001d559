"""Workbooks: typed cells, frozen heads, filters, paper; what somebody typed is never a formula."""

import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

import xlsxwriter

from services.documents.content import Book, Cell, CellKind, Column, Sheet
from services.money import decimal_yuan, yuan

MOST_ROWS = 1_000_000  # of a table on one sheet
_HELD = 50_000  # rows that are held until the workbook is whole: a kilobyte or two each, and a third faster
_EXACT_DIGITS = 15  # what Excel keeps of a number
_LONGEST_CELL = 32767
_CUT = "……（过长，全文见系统）"
_FORBIDDEN_IN_NAMES = re.compile(r"[\[\]:*?/\\]")
_PICTURE = {"x_scale": 0.5, "y_scale": 0.5}  # drawn at twice the size, for print
_FONT = {"font_name": "宋体", "font_size": 10.5}
_ALLOWED = {"format_columns": True, "format_rows": True, "autofilter": True}
"""What a protected sheet still lets people do; without a password, it keeps from slips and from nothing else."""

_DAYS = {"minimum": date(2000, 1, 1), "maximum": date(2099, 12, 31)}
_CELL = {**_FONT, "border": 1, "valign": "vcenter", "text_wrap": True}
_OPEN = {"locked": False, "bg_color": "#FFF8DC"}
_FORMATS: dict[str, dict[str, Any]] = {
    "heading": {"font_name": "黑体", "font_size": 16, "align": "center", "valign": "vcenter"},
    "note": {**_FONT, "align": "left", "valign": "vcenter", "text_wrap": True},
    "head": {**_CELL, "font_name": "黑体", "align": "center", "bg_color": "#E7EDF3"},
    "text": _CELL,
    "money": {**_CELL, "num_format": "#,##0.00", "align": "right"},
    "integer": {**_CELL, "num_format": "0", "align": "center"},
    "number": {**_CELL, "num_format": "General", "align": "right"},
    "date": {**_CELL, "num_format": "yyyy-mm-dd", "align": "center"},
}


def to_xlsx(book: Book, pictures: Mapping[str, bytes] | None = None) -> bytes:
    """The workbook; the same book always gives the same bytes. ``pictures`` are PNGs to stand under a sheet's table."""
    out = io.BytesIO()
    held = sum(len(sheet.rows) for sheet in book.sheets) <= _HELD
    how = {"in_memory": True} if held else {"constant_memory": True}
    workbook = xlsxwriter.Workbook(
        out, {**how, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    )
    formats = {name: workbook.add_format(style) for name, style in _FORMATS.items()}
    formats |= {f"{name} total": workbook.add_format({**_FORMATS[name], "bold": True}) for name in CellKind}
    formats |= {f"{name} open": workbook.add_format({**_FORMATS[name], **_OPEN}) for name in CellKind}
    formats["text open"].set_num_format("@")  # what is typed stays as typed: a bank account is no number
    names: set[str] = set()
    for sheet in (part for whole in book.sheets for part in _parts(whole)):
        paper = workbook.add_worksheet(_sheet_name(sheet.name, names))
        end = _write_sheet(paper, sheet, formats, book)
        if picture := (pictures or {}).get(sheet.name):
            paper.insert_image(end + 2, 0, f"{sheet.name}.png", {"image_data": io.BytesIO(picture), **_PICTURE})
    _properties(workbook, book)
    workbook.close()
    return out.getvalue()


def _parts(sheet: Sheet) -> list[Sheet]:
    """The sheet, on several where one does not hold its rows: Excel has 1,048,576, and what lies beyond is lost."""
    starts = range(0, len(sheet.rows), MOST_ROWS)
    if len(starts) <= 1:
        return [sheet]
    return [
        replace(
            sheet,
            rows=sheet.rows[start : start + MOST_ROWS],
            new_pages=tuple(row - start for row in sheet.new_pages if start <= row < start + MOST_ROWS),
            total=sheet.total if start == starts[-1] else None,
        )
        for start in starts
    ]


def keeps_name(wanted: str) -> bool:
    """Whether a sheet can be called so, to the letter."""
    return _sheet_name(wanted, set()) == wanted


def _sheet_name(wanted: str, taken: set[str]) -> str:
    """What Excel takes as a name, each once."""
    base = _FORBIDDEN_IN_NAMES.sub("－", wanted).strip("'")[:31] or "表"
    name, number = base, 2
    while name.casefold() in taken:
        name, number = f"{base[:27]}({number})", number + 1
    taken.add(name.casefold())
    return name


def _write_sheet(paper: Any, sheet: Sheet, formats: dict[str, Any], book: Book) -> int:
    """Write the sheet; gives its last row."""
    last = len(sheet.columns) - 1
    head = _write_heading(paper, sheet, formats, last)
    for place, column in enumerate(sheet.columns):
        paper.set_column(place, place, column.width)
    paper.set_row(head, _height(max(_lines(column.title, column.width) for column in sheet.columns)))
    for place, column in enumerate(sheet.columns):
        paper.write_string(head, place, column.title, formats["head"])
    looks = _looks(sheet.columns, formats, "")
    for number, row in enumerate(sheet.rows, head + 1):
        _write_row(paper, number, row, looks)
    end = head + len(sheet.rows)
    if sheet.rows:
        paper.autofilter(head, 0, end, last)
        _open(paper, sheet, head + 1, end)
    if sheet.total is not None:
        end += 1
        _write_row(paper, end, sheet.total, _looks(sheet.columns, formats, " total"))
    paper.freeze_panes(head + 1, 0)
    _set_up_print(paper, head, end, last, book)
    paper.set_h_pagebreaks([head + 1 + row for row in sheet.new_pages])
    return end


def _write_heading(paper: Any, sheet: Sheet, formats: dict[str, Any], last: int) -> int:
    """Heading and notes over the table; gives the row of the table's head."""
    paper.set_row(0, 30)
    for row, text in enumerate((sheet.heading, *sheet.notes)):
        style = formats["note" if row else "heading"]
        if last > 0:
            paper.merge_range(row, 0, row, last, "", style)
        paper.write_string(row, 0, text, style)
        if row:
            paper.set_row(row, _height(_lines(text, sum(column.width for column in sheet.columns))))
    return 1 + len(sheet.notes)


def _lines(text: str, width: int) -> int:
    """How many lines a text takes."""
    room = max(width - 1, 1)
    if 2 * len(text) <= room and "\n" not in text:  # short for certain, as most are
        return 1
    return sum(max(1, -(-_places(line) // room)) for line in text.split("\n"))


def _places(line: str) -> int:
    """How wide a line is: a Chinese character takes two places, what Latin-1 has takes one."""
    return len(line) if line.isascii() else 2 * len(line) - len(line.encode("latin-1", "ignore"))


def _height(lines: int) -> float:
    """Points for so many lines; Excel allows 409. Set by us, so that WPS, Excel and LibreOffice show the same."""
    return min(14 * lines + 6, 409)


@dataclass(frozen=True, slots=True)
class _Look:
    """How the cells of a column look: its values, and a text that stands in place of one."""

    column: Column
    value: Any
    text: Any


def _looks(columns: tuple[Column, ...], formats: dict[str, Any], kind: str) -> list[_Look]:
    kinds = [kind or (" open" if column.filled_in else "") for column in columns]
    return [
        _Look(column, formats[column.kind + own], formats["text" + own])
        for column, own in zip(columns, kinds, strict=True)
    ]


def _write_row(paper: Any, row: int, cells: tuple[Cell, ...], looks: list[_Look]) -> None:
    lines = 1  # nothing but text is wrapped
    for place, (cell, look) in enumerate(zip(cells, looks, strict=True)):
        if isinstance(cell, str) and cell:
            lines = max(lines, _lines(cell, look.column.width))
            text = cell if len(cell) <= _LONGEST_CELL else cell[: _LONGEST_CELL - len(_CUT)] + _CUT
            paper.write_string(row, place, text, look.text)
        elif cell is None or cell == "":
            paper.write_blank(row, place, None, look.value)
        elif isinstance(cell, date):
            paper.write_datetime(row, place, datetime.combine(cell, time()), look.value)
        else:
            _write_number(paper, row, place, cell, look.column, look.value)
    paper.set_row(row, _height(lines))


def _write_number(paper: Any, row: int, place: int, value: int | Decimal, column: Column, style: Any) -> None:
    """As a number while Excel keeps all its digits, otherwise as text."""
    money = column.kind is CellKind.MONEY
    exact = decimal_yuan(int(value)) if money else Decimal(value)
    digits = len(exact.normalize().as_tuple().digits)
    if max(digits, exact.adjusted() + 1) <= _EXACT_DIGITS:
        paper.write_number(row, place, exact, style)
    else:
        paper.write_string(row, place, yuan(int(value)) if money else str(value), style)


def _open(paper: Any, sheet: Sheet, first: int, end: int) -> None:
    """Let people write into the columns that are theirs, and into no others."""
    for place, column in enumerate(sheet.columns):
        if column.filled_in and (rule := _rule(column)):
            paper.data_validation(first, place, end, place, rule)
    if any(column.filled_in for column in sheet.columns):
        paper.protect("", _ALLOWED)


def _rule(column: Column) -> dict[str, Any] | None:
    """What a spreadsheet accepts in a column; None where any text will do."""
    if column.choices:
        told = "请从下拉列表中选择：" + "、".join(column.choices)
        return {
            "validate": "list",
            "source": list(column.choices),
            "error_title": "不在选项中",
            "error_message": told,
        }
    if column.kind is CellKind.DATE:
        told = "请填写日期，如 2026-03-05"
        return {
            "validate": "date",
            "criteria": "between",
            **_DAYS,
            "error_title": "不是日期",
            "error_message": told,
        }
    return None


def _set_up_print(paper: Any, head: int, end: int, last: int, book: Book) -> None:
    """A4 landscape, one page wide, the table's head on every page."""
    paper.set_paper(9)
    paper.set_landscape()
    paper.set_margins(left=0.5, right=0.5, top=0.6, bottom=0.7)
    paper.center_horizontally()
    paper.fit_to_pages(1, 0)
    paper.repeat_rows(head)
    paper.print_area(0, 0, end, last)
    trace = f"&L&8名单第{book.trace.version}版 校验码 {book.trace.short}" if book.trace else ""
    paper.set_footer(f"{trace}&C&9第 &P 页 共 &N 页")


def _properties(workbook: Any, book: Book) -> None:
    workbook.set_properties(
        {
            "title": book.title,
            "author": book.organisation,
            "subject": f"奖补名单第{book.trace.version}版" if book.trace else "",
            "keywords": f"SHA-256 {book.trace.digest}" if book.trace else "",
            "created": datetime.combine(book.dated, time()),
        }
    )
    if book.trace:
        workbook.set_custom_property("名单摘要", book.trace.digest, "text")
