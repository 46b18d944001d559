"""A whole file to frames of exact text: one sheet after another, with what could not be read listed beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from services.tables.damage import damaged_cells, may_be_damaged
from services.tables.filetype import FileType, file_type
from services.tables.headers import Header, UnclearHeaderError, find_header, fold_heading
from services.tables.isolated import read_isolated
from services.tables.problems import RowProblem, TableError, shortened
from services.tables.raw import ROW, Fault, RawSheet, column_letter, rows_of
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
    if all(raw.empty for raw in raws):
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
    if raw.empty:
        workbook.notes.append(f"工作表「{raw.name}」是空的，已跳过")
        return
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
        names[column] = (
            heading if heading and len(letters[heading]) == 1 else f"{heading}（{column_letter(column)} 列）"
        )
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
        for index in range(max(merge.top, header.last + 1), merge.bottom + 1):
            if text:
                faults[(index, merge.left)] = Fault(text, _MERGED, "请取消合并，逐行填写")
    return faults


_SHIFTED = "请检查该行的分隔符；单元格里的逗号要用英文双引号括起来"
_MERGED = "是跨行合并的单元格，不能确定它属于哪一行"


def _frame(body: pl.DataFrame, names: dict[int, str], bad: set[int]) -> pl.DataFrame:
    kept = body.filter(~pl.col(ROW).is_in(list(bad))) if bad else body
    texts = [pl.col(str(column)).fill_null("").alias(name) for column, name in names.items()]
    return kept.select(*texts, (pl.col(ROW).cast(pl.Int64) + 1).alias(ROW))
