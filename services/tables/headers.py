"""Where a sheet's header is: below titles, in one row or in several merged ones, and what each column is called."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from services.tables.raw import RawSheet, column_letter

SEARCHED_ROWS = 30
"""The header must begin within this many rows."""

_LONGEST_HEADING = 60
_NUMBER_OR_DATE = re.compile(r"[+-]?[\d,.]+%?|\d{4}[-/.年]\d{1,2}([-/.月]\d{1,2}日?)?|[0-9A-Z]{15,}")
_CAPTION = re.compile(r"[:：]")
_SPACE = re.compile(r"\s+")


@dataclass(frozen=True)
class Header:
    """Zero-based first and last row of the header, and the heading of each column (empty where there is none)."""

    first: int
    last: int
    headings: list[str]


class UnclearHeaderError(Exception):
    """No row can be taken for the header, or two readings are possible. Carries zero-based row, cause and remedy."""

    def __init__(self, row: int, cause: str, remedy: str) -> None:
        self.row, self.cause, self.remedy = row, cause, remedy
        super().__init__(cause)


def fold_heading(text: str) -> str:
    """What stays the same when people write one heading in different ways: width, spaces, case, star marks.

    >>> fold_heading("企业 名称*"), fold_heading("金额（万元）")
    ('企业名称', '金额(万元)')
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return (
        _SPACE.sub("", folded).strip("*:").replace("〔", "(").replace("〕", ")").replace("【", "(").replace("】", ")")
    )


def find_header(sheet: RawSheet, known: Collection[str] = ()) -> Header:
    """The sheet's header. `known` are headings that the caller expects; they settle what would be a guess otherwise.

    Two-row headers become `上级-下级`. Raises `UnclearHeaderError`.
    """
    folded = {fold_heading(heading) for heading in known}
    candidates = [_header_at(sheet, row) for row in _candidate_rows(sheet)]
    if folded and candidates:
        best = max(candidates, key=lambda header: _hits(header, folded))
        if _hits(best, folded) >= min(2, len(folded)):
            return best
    first = _first_header_row(sheet)
    header = _header_at(sheet, first)
    _refuse_unclear(sheet, header)
    return header


def _candidate_rows(sheet: RawSheet) -> list[int]:
    return [index for index, row in enumerate(sheet.top[:SEARCHED_ROWS]) if any(row)]


def _hits(header: Header, folded: set[str]) -> int:
    parts = {fold_heading(heading) for heading in header.headings if heading}
    parts |= {fold_heading(heading.rpartition("-")[2]) for heading in header.headings if heading}
    return len(parts & folded)


def _first_header_row(sheet: RawSheet) -> int:
    """The first row of labels that is about as wide as the rows below it."""
    for row in _candidate_rows(sheet):
        below = [sum(map(bool, cells)) for cells in sheet.top[row + 1 : row + 1 + SEARCHED_ROWS] if any(cells)]
        width = max(below, default=sum(map(bool, sheet.top[row])))
        if _labels(sheet.top[row]) and _covered(sheet, row) >= max(1, (width + 1) // 2):
            return row
    raise UnclearHeaderError(
        0,
        f"在前 {SEARCHED_ROWS} 行里找不到表头",
        "请保证有一行写明各列名称（例如“企业名称”“统一社会信用代码”），表头下面紧接数据",
    )


def _covered(sheet: RawSheet, row: int) -> int:
    """Columns under a heading that begins in `row`; a title merged over the sheet counts as one."""
    filled = {column for column, cell in enumerate(sheet.top[row]) if cell}
    if len(filled) < 2:
        return len(filled)
    return len(filled.union(*(range(m.left, m.right + 1) for m in sheet.merges if m.top == row and m.left in filled)))


def _labels(cells: Sequence[str]) -> bool:
    """Whether every filled cell can be a heading; “填报单位：某局” is a caption, not a heading."""
    filled = [cell for cell in cells if cell]
    return bool(filled) and all(
        len(cell) <= _LONGEST_HEADING and not _NUMBER_OR_DATE.fullmatch(cell) and not _CAPTION.search(cell)
        for cell in filled
    )


def _header_at(sheet: RawSheet, row: int) -> Header:
    last = _last_header_row(sheet, row)
    width = max(len(cells) for cells in sheet.top[row : last + 1])
    levels = [_filled_level(sheet, index, width, last) for index in range(row, last + 1)]
    headings = []
    for column in range(width):
        parts = [level[column] for level in levels if level[column]]
        headings.append("-".join(dict.fromkeys(_SPACE.sub("", part) for part in parts)))
    return Header(row, last, headings)


def _filled_level(sheet: RawSheet, row: int, width: int, last: int) -> list[str]:
    """One row of a header with merged text repeated; without merges a group reaches to the next heading."""
    cells = [*sheet.top[row], *[""] * (width - len(sheet.top[row]))]
    merged = [m for m in sheet.merges if m.top == row and m.left < m.right]
    for merge in merged:
        for column in range(merge.left, min(merge.right, width - 1) + 1):
            cells[column] = cells[merge.left]
    if not merged and not sheet.merges and row < last:
        below = sheet.top[row + 1]
        for column in range(1, width):
            if not cells[column] and column < len(below) and below[column]:
                cells[column] = cells[column - 1]
    return cells


def _last_header_row(sheet: RawSheet, row: int) -> int:
    """Vertical merges say how deep the header is; without merges, gaps that the next row's labels fill make it two."""
    tall = [m.bottom for m in sheet.merges if m.top == row and m.bottom > row and _cell(sheet, row, m.left)]
    if tall:
        return min(max(tall), len(sheet.top) - 1)
    wide = any(m.top == row and m.left < m.right and _cell(sheet, row, m.left) for m in sheet.merges)
    if (wide or not sheet.merges) and row + 1 < len(sheet.top) and _is_second_level(sheet, row):
        return row + 1
    return row


def _cell(sheet: RawSheet, row: int, column: int) -> str:
    return sheet.top[row][column] if column < len(sheet.top[row]) else ""


def _is_second_level(sheet: RawSheet, row: int) -> bool:
    """Whether the next row names the parts of groups: labels under every gap, nothing under single headings."""
    upper, lower = sheet.top[row], sheet.top[row + 1]
    filled = [column for column, cell in enumerate(upper) if cell]
    children = {column for column, cell in enumerate(lower) if cell}
    gaps = {column for column in range(len(lower)) if column not in filled}
    if len(filled) < 2 or not gaps or not gaps <= children or not (_labels(upper) and _labels(lower)):
        return False
    parents = {max((f for f in filled if f < gap), default=-1) for gap in gaps}
    return children == gaps | parents and (len(filled) > len(parents) or bool(sheet.merges))


def _refuse_unclear(sheet: RawSheet, header: Header) -> None:
    """A gap in the first level whose group is uncertain must not be guessed when nothing is known of the headings."""
    if header.first != header.last or header.first + 1 >= len(sheet.top):
        return
    upper, lower = sheet.top[header.first], sheet.top[header.first + 1]
    gaps = [c for c in range(len(lower)) if lower[c] and not _cell(sheet, header.first, c)]
    if gaps and _labels(lower) and any(upper[gaps[0] + 1 :]):
        raise UnclearHeaderError(
            header.first + 1,
            f"像两行表头，但不能确定 {column_letter(gaps[0])} 列属于哪个上级标题",
            "请把表头改成一行，每列一个名称，不要合并单元格",
        )
