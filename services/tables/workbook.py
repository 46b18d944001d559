"""What was read of a file: its sheets with their rows, and what of it could not be used."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import polars as pl

from services.tables.headers import fold_heading
from services.tables.problems import RowProblem, TableError


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
    """What was read of a file. Rows and sheets in `problems` are left out."""

    file: str
    sha256: str
    sheets: list[Sheet]
    problems: list[RowProblem]

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
        raise self.unclear(self.sheets)

    def unclear(self, sheets: Sequence[Sheet]) -> TableError:
        """That it is not clear which of some sheets is meant."""
        names = "、".join(f"「{sheet.name}」" for sheet in sheets)
        return TableError(
            self.file, f"有 {len(sheets)} 个工作表（{names}），不能确定用哪一个", "请只保留要提交的工作表"
        )
