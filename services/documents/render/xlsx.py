"""Workbooks: typed cells, frozen heads, filters, paper; what somebody typed is never a formula.

xlsxwriter writes all that is around the rows; the rows are put in by `filling`."""

import io
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import date, datetime, time
from typing import IO, Any

import xlsxwriter

from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.render.cells import height, lines_of
from services.documents.render.filling import Table, fill

MOST_ROWS = 1_000_000  # of a table on one sheet
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
    """The workbook as bytes, for one that is handed out at once."""
    out = io.BytesIO()
    write_xlsx(book, out, pictures)
    return out.getvalue()


def write_xlsx(book: Book, out: IO[bytes], pictures: Mapping[str, bytes] | None = None) -> None:
    """Write the workbook; the same book always gives the same bytes. ``pictures`` are PNGs to stand under a sheet's
    table. The rows are gone through once, a few at a time."""
    frame = io.BytesIO()
    workbook = xlsxwriter.Workbook(
        frame,
        {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False},
    )
    formats = {name: workbook.add_format(style) for name, style in _FORMATS.items()}
    formats |= {f"{name} total": workbook.add_format({**_FORMATS[name], "bold": True}) for name in CellKind}
    formats |= {f"{name} open": workbook.add_format({**_FORMATS[name], **_OPEN}) for name in CellKind}
    formats["text open"].set_num_format("@")  # what is typed stays as typed: a bank account is no number
    names: set[str] = set()
    tables = [table for sheet in book.sheets for table in _tables(sheet)]
    for table in tables:
        name = table.sheet.name
        paper = workbook.add_worksheet(_sheet_name(name, names))
        _write_around(paper, table, formats, book)
        if picture := (pictures or {}).get(name):
            paper.insert_image(table.end + 1, 0, f"{name}.png", {"image_data": io.BytesIO(picture), **_PICTURE})
    _properties(workbook, book)
    workbook.close()
    fill(frame, out, tables)


def _tables(sheet: Sheet) -> list[Table]:
    """The sheet, as several where one does not hold its rows: Excel has 1,048,576, and what lies beyond is lost."""
    count, first = len(sheet.rows), len(sheet.notes) + 3  # after the heading, the notes and the head
    stops = [*range(MOST_ROWS, count, MOST_ROWS), count]
    return [
        Table(
            replace(
                sheet,
                new_pages=tuple(row - start for row in sheet.new_pages if start <= row < stop),
                total=sheet.total if stop == count else None,
            ),
            start,
            stop,
            first,
        )
        for start, stop in zip([0, *stops], stops, strict=False)
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


def _write_around(paper: Any, table: Table, formats: dict[str, Any], book: Book) -> None:
    """Write the sheet but for its rows, with samples of their cells."""
    sheet, last = table.sheet, len(table.sheet.columns) - 1
    head = _write_heading(paper, sheet, formats, last)
    for place, column in enumerate(sheet.columns):
        paper.set_column(place, place, column.width)
    paper.set_row(head, height(max(lines_of(column.title, column.width) for column in sheet.columns)))
    for place, column in enumerate(sheet.columns):
        paper.write_string(head, place, column.title, formats["head"])
    _write_samples(paper, table, formats)
    end = head + table.stop - table.start
    if end > head:
        paper.autofilter(head, 0, end, last)
        _open(paper, sheet, head + 1, end)
    paper.freeze_panes(head + 1, 0)
    _set_up_print(paper, head, table.end - 1, last, book)
    paper.set_h_pagebreaks([head + 1 + row for row in sheet.new_pages])


def _write_samples(paper: Any, table: Table, formats: dict[str, Any]) -> None:
    """An empty cell of each kind in each column, whose styles the rows get in their place."""
    for place, column in enumerate(table.sheet.columns):
        own = " open" if column.filled_in else ""
        names = (column.kind + own, "text" + own, f"{column.kind} total", "text total")
        for row, name in enumerate(names, table.first - 1):
            paper.write_blank(row, place, None, formats[name])


def _write_heading(paper: Any, sheet: Sheet, formats: dict[str, Any], last: int) -> int:
    """Heading and notes over the table; gives the row of the table's head."""
    paper.set_row(0, 30)
    for row, text in enumerate((sheet.heading, *sheet.notes)):
        style = formats["note" if row else "heading"]
        if last > 0:
            paper.merge_range(row, 0, row, last, "", style)
        paper.write_string(row, 0, text, style)
        if row:
            paper.set_row(row, height(lines_of(text, sum(column.width for column in sheet.columns))))
    return 1 + len(sheet.notes)


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
