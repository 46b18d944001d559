"""Workbooks through calamine: typed cells to exact text, merged ranges, and the cells whose value is an error."""

from __future__ import annotations

import io
from collections.abc import Mapping

from python_calamine import (
    CalamineError,
    CalamineSheet,
    CalamineWorkbook,
    PasswordError,
    SheetTypeEnum,
    SheetVisibleEnum,
)

from services.tables.filetype import FileType
from services.tables.numbers import EXCEL_DIGITS, cell_text, lost_digits, number_text, percent_text
from services.tables.percents import Places, percent_cells
from services.tables.problems import TableError
from services.tables.raw import Fault, Merge, RawSheet, cells_of
from services.tables.xls_faults import xls_faults
from services.tables.xlsx_faults import xlsx_faults

_REPAIR = "请在 Excel 中打开检查，修复后另存为 XLSX 再提交"


def read_excel(data: bytes, kind: FileType, file: str) -> tuple[list[RawSheet], list[str]]:
    """Every visible sheet that has cells, and notes on the sheets that were passed over."""
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
    except CalamineError as error:
        raise TableError(file, "已损坏，无法作为工作簿打开", _REPAIR) from error


def _sheets(
    book: CalamineWorkbook,
    faults: Mapping[str, Mapping[tuple[int, int | None], Fault]],
    percents: Mapping[str | int, Places],
) -> tuple[list[RawSheet], list[str]]:
    sheets, notes = [], []
    for index, meta in enumerate(book.sheets_metadata):
        if meta.typ is not SheetTypeEnum.WorkSheet:
            continue
        sheet = book.get_sheet_by_name(meta.name)
        if sheet.end is None:
            notes.append(f"工作表「{meta.name}」是空的，已跳过")
        elif meta.visible is not SheetVisibleEnum.Visible:
            notes.append(f"工作表「{meta.name}」是隐藏的，已跳过；如需读取请取消隐藏后重新提交")
        else:
            shown = percents.get(meta.name, percents.get(index, set()))
            sheets.append(_raw_sheet(sheet, faults.get(meta.name, {}), shown))
    return sheets, notes


def _raw_sheet(sheet: CalamineSheet, errors: Mapping[tuple[int, int | None], Fault], percents: Places) -> RawSheet:
    faults: dict[tuple[int, int | None], Fault] = {**errors}
    rows = []
    cells = sheet.to_python(skip_empty_area=False)
    for index, values in enumerate(cells):
        rows.append([cell_text(value) for value in values])
        for column, value in enumerate(values):
            if not isinstance(value, str) and lost_digits(value):
                faults[(index, column)] = _lost(float(value))  # type: ignore[arg-type]
    for index, column in percents:
        shown = cells[index][column] if index < len(cells) and column < len(cells[index]) else None
        if isinstance(shown, int | float) and not isinstance(shown, bool):
            rows[index][column] = percent_text(shown)
    merges = [Merge(top, left, bottom, right) for (top, left), (bottom, right) in sheet.merged_cell_ranges or []]
    return RawSheet(name=sheet.name, cells=cells_of(rows), merges=merges, faults=faults)


def _lost(value: float) -> Fault:
    return Fault(
        number_text(value),
        f"是按数字存放的长号码，Excel 只保留前 {EXCEL_DIGITS} 位，后面的数字已经丢失",
        "请把该列设为“文本”格式，按原件重新填写完整号码",
    )
