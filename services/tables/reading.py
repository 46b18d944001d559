"""A whole file to frames of exact text: one sheet after another, with what could not be read listed beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from services.tables.damage import damaged_cells
from services.tables.filetype import FileType, file_type
from services.tables.headers import Header, UnclearHeaderError, find_header, fold_heading
from services.tables.isolated import read_isolated
from services.tables.problems import RowProblem, TableError, shortened
from services.tables.raw import ROW, Fault, RawSheet, column_letter
from services.tables.text import read_text


@dataclass
class Sheet:
    """One table: `frame` has a String column per heading (an empty cell is "") and `_row`, the row number in Excel.

    `duplicated` names headings that several columns share, with those columns' letters; in the frame the second and
    later ones are called `heading（X 列）`.
    """

    file: str
    name: str
    header_row: int
    columns: list[str]
    frame: pl.DataFrame
    duplicated: dict[str, list[str]] = field(default_factory=dict)

    def problem(self, row: int, column: str, value: str, cause: str, remedy: str) -> RowProblem:
        """A problem of this sheet, for callers that find more than the reader can know."""
        return RowProblem(self.file, self.name, row, column, value, cause, remedy)


@dataclass
class Workbook:
    """What was read of a file. Rows in `problems` are left out of the frames; `notes` tell what was passed over."""

    file: str
    sha256: str
    sheets: list[Sheet]
    problems: list[RowProblem]
    notes: list[str]

    def table(self, known: Collection[str] = ()) -> Sheet:
        """The only sheet, or the one with the most `known` headings; raises `TableError` when that is not one sheet."""
        if len(self.sheets) == 1:
            return self.sheets[0]
        if not self.sheets:
            causes = "；".join(problem.cause for problem in self.problems)
            raise TableError(self.file, f"没有可用的工作表（{causes}）", "请按模板整理后重新提交")
        folded = {fold_heading(heading) for heading in known}
        hits = [len(folded & {fold_heading(column) for column in sheet.columns}) for sheet in self.sheets]
        if max(hits) and hits.count(max(hits)) == 1:
            return self.sheets[hits.index(max(hits))]
        names = "、".join(f"「{sheet.name}」" for sheet in self.sheets)
        raise TableError(
            self.file, f"有 {len(self.sheets)} 个工作表（{names}），不能确定用哪一个", "请只保留要提交的工作表"
        )


def read_workbook(path: Path, known: Collection[str] = ()) -> Workbook:
    """Read CSV (UTF-8, UTF-8-BOM, UTF-16, GBK/GB18030), XLSX, XLS or ODS, told apart by content.

    `known` are headings that the caller expects; with them the header row is found more surely. Raises `TableError`
    when the file cannot be opened, is empty, or is of another kind.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(path.name, "无法打开（文件不存在或没有读取权限）", "请检查路径和权限") from error
    raws, notes = _raw_sheets(data, path.name)
    if not any(any(row) for raw in raws for row in raw.rows):
        raise TableError(path.name, "里没有任何数据", "请检查导出或上传是否成功，重新提交有内容的文件")
    workbook = Workbook(path.name, hashlib.sha256(data).hexdigest(), [], [], notes)
    for raw in raws:
        _add(workbook, raw, known)
    return workbook


def _raw_sheets(data: bytes, file: str) -> tuple[list[RawSheet], list[str]]:
    kind = file_type(data, file)
    if kind is FileType.TEXT:
        sheet, encoding = read_text(data, file)
        return [sheet], [f"文字编码：{encoding.upper()}"]
    return read_isolated(data, kind, file)


def _add(workbook: Workbook, raw: RawSheet, known: Collection[str]) -> None:
    if not any(any(row) for row in raw.rows):
        workbook.notes.append(f"工作表「{raw.name}」是空的，已跳过")
        return
    try:
        header = find_header(raw, known)
    except UnclearHeaderError as unclear:
        problem = RowProblem(workbook.file, raw.name, unclear.row + 1, "", "", unclear.cause, unclear.remedy)
        workbook.problems.append(problem)
        return
    names, duplicated = _column_names(raw, header)
    faults = _faults(raw, header)
    for (row, column), fault in sorted(faults.items(), key=lambda item: (item[0][0], item[0][1] or 0)):
        name = names.get(column, column_letter(column)) if column is not None else ""
        workbook.problems.append(
            RowProblem(workbook.file, raw.name, row + 1, name, shortened(fault.value), fault.cause, fault.remedy)
        )
    bad = {row for row, _ in faults}
    frame = _frame(raw, header, names, bad)
    workbook.sheets.append(Sheet(workbook.file, raw.name, header.first + 1, list(names.values()), frame, duplicated))


def _column_names(raw: RawSheet, header: Header) -> tuple[dict[int, str], dict[str, list[str]]]:
    """Column index to a unique name; columns with neither heading nor data are left out."""
    width = len(header.headings)
    used = {column for row in raw.rows[header.last + 1 :] for column, cell in enumerate(row[:width]) if cell}
    names: dict[int, str] = {}
    letters: dict[str, list[str]] = {}
    for column, heading in enumerate(header.headings):
        if not heading and column not in used:
            continue
        letters.setdefault(heading, []).append(column_letter(column))
        names[column] = (
            heading if heading and len(letters[heading]) == 1 else f"{heading}（{column_letter(column)} 列）"
        )
    return names, {heading: places for heading, places in letters.items() if heading and len(places) > 1}


def _faults(raw: RawSheet, header: Header) -> dict[tuple[int, int | None], Fault]:
    """Every reason, below the header, not to use a row: unreadable cells, cells beyond the header, merged rows."""
    faults = {place: fault for place, fault in raw.faults.items() if place[0] > header.last}
    width = len(header.headings)
    needed = max((column + 1 for column, heading in enumerate(header.headings) if heading), default=0)
    for index, row in enumerate(raw.rows[header.last + 1 :], start=header.last + 1):
        faults |= {(index, column): fault for column, fault in damaged_cells(row)}
        if len(row) > width and any(row[width:]):
            extra = "，".join(cell for cell in row[width:] if cell)
            faults[(index, None)] = Fault(extra, f"有 {len(row)} 格，比表头的 {width} 列多，列可能错位", _SHIFTED)
        elif len(row) < needed and any(row):
            faults[(index, None)] = Fault(row[-1], f"只有 {len(row)} 格，比表头的 {needed} 列少，列可能错位", _SHIFTED)
    return faults | _merged_rows(raw, header)


def _merged_rows(raw: RawSheet, header: Header) -> dict[tuple[int, int | None], Fault]:
    faults: dict[tuple[int, int | None], Fault] = {}
    for merge in raw.merges:
        if merge.top == merge.bottom or merge.bottom <= header.last or merge.top >= len(raw.rows):
            continue
        text = raw.rows[merge.top][merge.left] if merge.left < len(raw.rows[merge.top]) else ""
        for index in range(max(merge.top, header.last + 1), merge.bottom + 1):
            if text:
                faults[(index, merge.left)] = Fault(text, _MERGED, "请取消合并，逐行填写")
    return faults


_SHIFTED = "请检查该行的分隔符；单元格里的逗号要用英文双引号括起来"
_MERGED = "是跨行合并的单元格，不能确定它属于哪一行"


def _frame(raw: RawSheet, header: Header, names: dict[int, str], bad: set[int]) -> pl.DataFrame:
    kept = [
        (index, row)
        for index, row in enumerate(raw.rows[header.last + 1 :], start=header.last + 1)
        if index not in bad and any(row)
    ]
    data: dict[str, pl.Series] = {
        name: pl.Series(name, [row[column] if column < len(row) else "" for _, row in kept], dtype=pl.String)
        for column, name in names.items()
    }
    data[ROW] = pl.Series(ROW, [index + 1 for index, _ in kept], dtype=pl.Int64)
    return pl.DataFrame(data)
