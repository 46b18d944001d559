"""Workbooks through calamine: typed cells to exact text, merged ranges, and the cells whose value is an error."""

from __future__ import annotations

import io
from collections.abc import Mapping
from itertools import islice
from xml.etree.ElementTree import ParseError

import polars as pl
from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from services.tables.filetype import FileType
from services.tables.numbers import EXCEL_DIGITS, CellValue, cell_text, lost_digits, number_text, percent_text
from services.tables.percents import Places, percent_cells
from services.tables.problems import TableError
from services.tables.raw import Fault, Merge, RawSheet, without_invisible
from services.tables.xls_faults import xls_faults
from services.tables.xlsx_faults import xlsx_faults

_ROWS_AT_A_TIME = 20_000
_OF_WPS = "WpsReserved_"
"""WPS hides a sheet of such a name in a workbook with pictures in its cells: nobody wrote it."""

_REPAIR = "请在 Excel 中打开检查，修复后另存为 XLSX 再提交"


def read_excel(data: bytes, kind: FileType, file: str) -> tuple[list[RawSheet], list[str]]:
    """Every visible sheet that has cells, and the names of hidden ones that have some."""
    faults: Mapping[str, Mapping[tuple[int, int | None], Fault]] = {}
    if kind is FileType.XLSX:
        faults = xlsx_faults(data, file)
    try:
        with CalamineWorkbook.from_object(io.BytesIO(data)) as book:
            if kind is FileType.XLS:
                faults = dict(zip(book.sheet_names, xls_faults(data, file), strict=False))
            return _sheets(book, faults, percent_cells(data, kind, file))
    except PasswordError as error:
        raise TableError(file, "设有打开密码，无法读取", "请在 Excel 中取消密码后重新保存") from error
    except (CalamineError, ParseError) as error:
        raise TableError(file, "已损坏，无法作为工作簿打开", _REPAIR) from error


def _sheets(
    book: CalamineWorkbook,
    faults: Mapping[str, Mapping[tuple[int, int | None], Fault]],
    percents: Mapping[str | int, Places],
) -> tuple[list[RawSheet], list[str]]:
    sheets, hidden = [], []
    for index, meta in enumerate(book.sheets_metadata):
        if meta.typ is not SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_name(meta.name)
        if sheet.end is None:
            continue
        if meta.visible is not SheetVisibleEnum.Visible:
            if not meta.name.startswith(_OF_WPS):
                hidden.append(meta.name)
        else:
            shown = percents.get(meta.name, percents.get(index, set()))
            sheets.append(_raw_sheet(sheet, faults.get(meta.name, {}), shown))
    return sheets, hidden


def _raw_sheet(sheet: CalamineSheet, errors: Mapping[tuple[int, int | None], Fault], percents: Places) -> RawSheet:
    faults: dict[tuple[int, int | None], Fault] = {**errors}
    frames = [pl.DataFrame()]
    left: list[CellValue] = [""] * (sheet.start[1] if sheet.start else 0)  # calamine leaves out the columns before
    rows, start = (left + row for row in sheet.iter_rows()), 0
    while some := list(islice(rows, _ROWS_AT_A_TIME)):
        frames.append(_cells(some, start, percents, faults))
        start += len(some)
    merges = [Merge(top, left, bottom, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or []]
    return RawSheet(
        name=sheet.name, cells=without_invisible(pl.concat(frames, how="diagonal")), merges=merges, faults=faults
    )


def _cells(
    rows: list[list[CellValue]], start: int, percents: Places, faults: dict[tuple[int, int | None], Fault]
) -> pl.DataFrame:
    """Some rows, the first of which is number `start` of the sheet, as text; numbers that Excel cut go to `faults`."""
    texts = []
    for column, values in enumerate(zip(*rows, strict=True)):
        if set(map(type, values)) == {str}:
            texts.append(pl.Series(str(column), values, dtype=pl.String).str.strip_chars())
            continue
        for index, value in enumerate(values, start=start):
            if not isinstance(value, str) and lost_digits(value):
                faults[(index, column)] = _lost(float(value))
        shown = [
            percent_text(value)
            if (index, column) in percents and isinstance(value, int | float) and not isinstance(value, bool)
            else cell_text(value)
            for index, value in enumerate(values, start=start)
        ]
        texts.append(pl.Series(str(column), shown, dtype=pl.String))
    return pl.DataFrame(texts)


def _lost(value: float) -> Fault:
    return Fault(
        number_text(value),
        f"是按数字存放的长号码，Excel 只保留前 {EXCEL_DIGITS} 位，后面的数字已经丢失",
        "请把该列设为“文本”格式，按原件重新填写完整号码",
    )
