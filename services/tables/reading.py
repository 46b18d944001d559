"""A whole file to frames of exact text: one sheet after another, with what could not be read listed beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator, Sequence

import polars as pl

from services.tables.damage import damaged_cells, may_be_damaged
from services.tables.excel import read_excel
from services.tables.filetype import FileType, file_type
from services.tables.headers import Header, UnclearHeaderError, find_header
from services.tables.problems import RowProblem, TableError, shortened
from services.tables.raw import ROW, Fault, RawSheet, column_letter, rows_of
from services.tables.text import read_text
from services.tables.workbook import Sheet, Workbook


def read_bytes(data: bytes, file: str, known: Collection[str] = ()) -> Workbook:
    """What `read_workbook` gives, read in this very process: for the one that it starts. Raises `TableError`."""
    raws, hidden = _raw_sheets(data, file)
    if all(raw.empty for raw in raws):
        raise _nothing(file, hidden)
    workbook = Workbook(file, hashlib.sha256(data).hexdigest(), [], [])
    workbook.problems += [RowProblem(file, name, 1, "", "", _HIDDEN, _SHOW) for name in hidden]
    for raw in raws:
        if not raw.empty:
            _add(workbook, raw, known)
    return workbook


def _raw_sheets(data: bytes, file: str) -> tuple[list[RawSheet], list[str]]:
    """The sheets to be read, and the names of hidden ones that are not."""
    kind = file_type(data, file)
    return ([read_text(data, file)], []) if kind is FileType.TEXT else read_excel(data, kind, file)


def _nothing(file: str, hidden: Sequence[str]) -> TableError:
    if hidden:
        names = "、".join(f"「{name}」" for name in hidden)
        return TableError(file, f"里只有隐藏的工作表（{names}）有数据，没有读取", _SHOW)
    return TableError(file, "里没有任何数据", "请检查导出或上传是否成功，重新提交有内容的文件")


def _add(workbook: Workbook, raw: RawSheet, known: Collection[str]) -> None:
    try:
        header = find_header(raw, known)
    except UnclearHeaderError as unclear:
        problem = RowProblem(workbook.file, raw.name, unclear.row + 1, "", "", unclear.cause, unclear.remedy)
        workbook.problems.append(problem)
        return
    body = _body(raw, header)
    names, duplicated = _column_names(body, header)
    faults = _faults(raw, header, body)
    for (row, column), fault in sorted(faults.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        name = names.get(column, column_letter(column)) if column is not None else ""
        workbook.problems.append(
            RowProblem(workbook.file, raw.name, row + 1, name, shortened(fault.value), fault.cause, fault.remedy)
        )
    bad = {row for row, _ in faults}
    frame = _frame(body, names, bad)
    workbook.sheets.append(Sheet(workbook.file, raw.name, header.first + 1, list(names.values()), frame, duplicated))


def _body(raw: RawSheet, header: Header) -> pl.DataFrame:
    """The rows below the header that hold anything, with `_row`, their zero-based number in the sheet."""
    below = raw.cells.slice(header.last + 1).with_row_index(ROW, offset=header.last + 1)
    return below.filter(pl.any_horizontal(pl.exclude(ROW) != "")) if raw.cells.width else below


def _column_names(body: pl.DataFrame, header: Header) -> tuple[dict[int, str], dict[str, list[str]]]:
    """Column index to a unique name; columns with neither heading nor data are left out."""
    names: dict[int, str] = {}
    letters: dict[str, list[str]] = {}
    for column, heading in enumerate(header.headings):
        if not heading and not (body[str(column)] != "").any():
            continue
        letters.setdefault(heading, []).append(column_letter(column))
        plain = heading not in ("", ROW) and len(letters[heading]) == 1
        names[column] = heading if plain else f"{heading}（{column_letter(column)} 列）"
    return names, {heading: places for heading, places in letters.items() if heading and len(places) > 1}


def _faults(raw: RawSheet, header: Header, body: pl.DataFrame) -> dict[tuple[int, int | None], Fault]:
    """Every reason, below the header, not to use a row: unreadable cells, cells beyond the header, merged rows."""
    faults = {place: fault for place, fault in raw.faults.items() if place[0] > header.last}
    for index, row in _numbered(body.clear() if raw.intact else body.filter(may_be_damaged(body.drop(ROW)))):
        faults |= {(index, column): fault for column, fault in damaged_cells(row)}
    width = len(header.headings)
    needed = max((column + 1 for column, heading in enumerate(header.headings) if heading), default=0)
    beyond = pl.any_horizontal(pl.lit(False), *(pl.col(name) != "" for name in body.columns[width + 1 :]))
    for index, row in _numbered(body.filter(beyond)):
        extra = "，".join(cell for cell in row[width:] if cell)
        faults[(index, None)] = Fault(extra, f"有 {len(row)} 格，比表头的 {width} 列多，列可能错位", _SHIFTED)
    for index, row in _numbered(body.filter(pl.col(str(needed - 1)).is_null()) if needed else body.clear()):
        faults[(index, None)] = Fault(row[-1], f"只有 {len(row)} 格，比表头的 {needed} 列少，列可能错位", _SHIFTED)
    return faults | _merged_rows(raw, header)


def _numbered(body: pl.DataFrame) -> Iterator[tuple[int, list[str]]]:
    """Rows of the body with their number, each as long as it is in the sheet."""
    return zip(body[ROW], rows_of(body.drop(ROW)), strict=True)


def _merged_rows(raw: RawSheet, header: Header) -> dict[tuple[int, int | None], Fault]:
    faults: dict[tuple[int, int | None], Fault] = {}
    for merge in raw.merges:
        if merge.top == merge.bottom or merge.bottom <= header.last:
            continue
        text = raw.cell(merge.top, merge.left)
        for index in range(max(merge.top, header.last + 1), min(merge.bottom + 1, raw.cells.height)):
            if text:
                faults[(index, merge.left)] = Fault(text, _MERGED, "请取消合并，逐行填写")
    return faults


_HIDDEN = "这张工作表是隐藏的，没有读取"
_SHOW = "如应读取，请在 Excel 中取消隐藏后重新提交；不用的请删去"
_SHIFTED = "请检查该行的分隔符；单元格里的逗号要用英文双引号括起来"
_MERGED = "是跨行合并的单元格，不能确定它属于哪一行"


def _frame(body: pl.DataFrame, names: dict[int, str], bad: set[int]) -> pl.DataFrame:
    kept = body.filter(~pl.col(ROW).is_in(list(bad))) if bad else body
    texts = [pl.col(str(column)).fill_null("").alias(name) for column, name in names.items()]
    return kept.select(*texts, (pl.col(ROW).cast(pl.Int64) + 1).alias(ROW))
