"""Which of a sheet's columns is which: headings written in other ways are recognised, renamed ones are named."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from services.tables.headers import fold_heading
from services.tables.problems import RowProblem
from services.tables.workbook import Sheet, Workbook

_NEAR = 0.6
"""difflib's ratio from which a heading is offered as the likely renamed one."""


@dataclass(frozen=True)
class ColumnMatch:
    """`columns`: expected name to the heading in the sheet. `problems`: missing, renamed and doubled columns."""

    columns: Mapping[str, str]
    problems: list[RowProblem]


def match_columns(
    sheet: Sheet, expected: Mapping[str, Sequence[str]], optional: Collection[str] = frozenset()
) -> ColumnMatch:
    """Find the column of each expected name among the sheet's headings.

    `expected` maps a name to its headings, the preferred one first; the name itself is always accepted. Headings are
    compared without regard to width, spaces and case, and the last part of a two-row heading suffices where it is
    unique. A missing `optional` column is a problem only when a heading looks like a misspelling of it.
    """
    by_heading = _headings(sheet)
    columns: dict[str, str] = {}
    problems: list[RowProblem] = []
    for name, aliases in expected.items():
        wanted = {fold_heading(alias) for alias in (name, *aliases)}
        found = [heading for folded, heading in by_heading.items() if folded in wanted]
        doubled = [heading for heading in found if heading in sheet.duplicated]
        if len(found) == 1 and not doubled:
            columns[name] = found[0]
        elif found:
            problems.append(_doubled(sheet, found, doubled))
    by_name = any(fold_heading(heading) == fold_heading(name) for name, heading in columns.items())
    free = [heading for heading in sheet.columns if heading not in columns.values()]
    for name, aliases in expected.items():
        if name in columns or any(fold_heading(alias) in by_heading for alias in (name, *aliases)):
            continue
        near = _nearest([name, *aliases], free)
        if near or name not in optional:
            problems.append(_missing(sheet, aliases[0] if aliases else name, name if by_name else "", near))
    return ColumnMatch(columns, problems)


@dataclass(frozen=True)
class Tables:
    """The sheets of a workbook to be read, one at least, and what is told of those that are not."""

    sheets: list[Sheet]
    problems: list[RowProblem]
    notes: list[RowProblem]


def tables(
    workbook: Workbook, expected: Mapping[str, Sequence[str]], optional: Collection[str] = frozenset()
) -> Tables:
    """All sheets that have the columns, as of a file with a sheet a year; else the one sheet that comes nearest.

    A sheet that is passed over is a problem when it has rows and most of the columns, and else a note.
    Raises TableError when no sheet comes nearest.
    """
    whole = _whole(workbook, expected, optional) or [workbook.table(headings_of(expected))]
    needed, taken = [name for name in expected if name not in optional], {sheet.name for sheet in whole}
    found = Tables(whole, [], [])
    for sheet in [each for each in workbook.sheets if each.name not in taken]:
        absent = _absent(sheet, expected, optional)
        if sheet.frame.height and len(absent) * 2 < len(needed):
            missing = "、".join(f"“{[*expected[name], name][0]}”" for name in absent)
            remedy = "如应读取，请补上这些列（有的可能是改了表头）后再提交"
            found.problems.append(
                sheet.problem(sheet.header_row, "", "", f"缺少{missing}列，这张工作表没有读取", remedy)
            )
        else:
            cause, remedy = "没有要读的数据，这张工作表未读取", "如应读取，请照其他工作表补上表头"
            found.notes.append(sheet.problem(sheet.header_row, "", "", cause, remedy))
    return found


def only_table(
    workbook: Workbook, expected: Mapping[str, Sequence[str]], optional: Collection[str] = frozenset()
) -> Sheet:
    """The one sheet that has the columns, or that comes nearest. Raises TableError when several have them."""
    whole = _whole(workbook, expected, optional)
    if len(whole) > 1:
        raise workbook.unclear(whole)
    return whole[0] if whole else workbook.table(headings_of(expected))


def headings_of(expected: Mapping[str, Sequence[str]]) -> list[str]:
    """All writings of all columns, with which `read_workbook` finds the header."""
    return [text for name, aliases in expected.items() for text in (name, *aliases)]


def _whole(workbook: Workbook, expected: Mapping[str, Sequence[str]], optional: Collection[str]) -> list[Sheet]:
    """The sheets with rows and all required columns."""
    return [sheet for sheet in workbook.sheets if sheet.frame.height and not _absent(sheet, expected, optional)]


def _absent(sheet: Sheet, expected: Mapping[str, Sequence[str]], optional: Collection[str]) -> list[str]:
    """The required names of which the sheet has no column."""
    there = set(_headings(sheet))
    wanted = {name: {fold_heading(text) for text in (name, *expected[name])} for name in expected}
    return [name for name in expected if name not in optional and not wanted[name] & there]


def _headings(sheet: Sheet) -> dict[str, str]:
    """Folded heading to heading; the last part of a two-row heading stands for it where no other column ends so."""
    whole = {fold_heading(column): column for column in sheet.columns}
    last: dict[str, list[str]] = {}
    for column in sheet.columns:
        if "-" in column:
            last.setdefault(fold_heading(column.rpartition("-")[2]), []).append(column)
    return whole | {part: places[0] for part, places in last.items() if len(places) == 1 and part not in whole}


def _nearest(aliases: Sequence[str], free: Sequence[str]) -> str:
    """The free heading most like one of the aliases, or nothing."""

    def likeness(heading: str) -> float:
        return max(_likeness(fold_heading(alias), fold_heading(heading)) for alias in aliases)

    best = max(free, key=likeness, default="")
    return best if best and likeness(best) >= _NEAR else ""


def _likeness(one: str, other: str) -> float:
    """difflib's ratio; a heading that is part of the other (金额 of 金额（元）) is near too."""
    part = len(min(one, other, key=len)) > 1 and (one in other or other in one)
    return max(difflib.SequenceMatcher(None, one, other).ratio(), _NEAR if part else 0)


def _doubled(sheet: Sheet, found: Sequence[str], doubled: Sequence[str]) -> RowProblem:
    if doubled:
        where = f"{'、'.join(sheet.duplicated[doubled[0]])} 列都叫“{doubled[0]}”"
    else:
        where = f"{'、'.join(f'“{heading}”' for heading in found)}是同一个意思"
    return sheet.problem(sheet.header_row, found[0], found[0], f"{where}，不能确定用哪一列", "请只保留一列，或改名区分")


def _missing(sheet: Sheet, heading: str, name: str, near: str) -> RowProblem:
    """`name` is told only where the sheet calls other columns by their names: elsewhere it helps nobody."""
    shown = f"“{heading}”（{name}）列" if name not in ("", heading) else f"“{heading}”列"
    if near:
        remedy = f"如果“{near}”就是这一列，请把表头改为“{heading}”（注意单位是否一致）"
        return sheet.problem(sheet.header_row, heading, near, f"缺少{shown}，最接近的表头是“{near}”", remedy)
    return sheet.problem(sheet.header_row, heading, "", f"缺少{shown}", f"请补上“{heading}”列")
