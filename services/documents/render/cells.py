"""The rows of a table in SpreadsheetML (ECMA-376 part 1, 18.3.1), one after the other, as xlsxwriter spells them.

A workbook of a year has millions of cells, and xlsxwriter takes 6 to 8 microseconds for each. It writes everything
else: see docs/decisions/0036-rows-beside-the-libraries.md.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from services.documents.content import CellKind, Column
from services.documents.rows import Cell
from services.money import decimal_yuan, yuan

_EXACT_DIGITS = 15  # what Excel keeps of a number
_LONGEST_CELL = 32767  # units of UTF-16
_CUT = "……（过长，全文见系统）"
_DAY_ZERO = 693594  # 1899-12-30, from which Excel counts days
_MOST_KNOWN = 5_000  # texts of a column that are remembered
_SPECIAL = re.compile(r"[&<>\x00-\x08\x0b-\x1f\ufffe\uffff]|_x[0-9a-fA-F]{4}_|\A\s|\s\Z")
_LIKE_ESCAPED = re.compile(r"(_x[0-9a-fA-F]{4}_)")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class _Spelled(NamedTuple):
    """A cell from its style on, and how many lines its text takes."""

    xml: str
    lines: int


@dataclass(frozen=True, slots=True)
class Look:
    """A column: the styles (`s`) of its values and of a text that stands in place of one."""

    column: Column
    letters: str
    value: int
    text: int
    known: dict[str, _Spelled] = field(default_factory=dict)

    def spelled(self, cell: Cell) -> _Spelled:
        """The cell; nothing but text is wrapped."""
        if isinstance(cell, str) and cell:
            return self.known.get(cell) or self._text(cell)
        if cell is None or cell == "":
            return _Spelled(f'" s="{self.value}"/>', 1)
        if isinstance(cell, date):
            return self._number(str(cell.toordinal() - _DAY_ZERO))
        return self._exact(cell)

    def _exact(self, cell: int | Decimal) -> _Spelled:
        """As a number while Excel keeps all its digits, otherwise as text."""
        money = self.column.kind is CellKind.MONEY
        if not money and isinstance(cell, int) and abs(cell) < 10**_EXACT_DIGITS:
            return self._number(str(cell))
        exact = decimal_yuan(int(cell)) if money else Decimal(cell)
        digits = len(exact.normalize().as_tuple().digits)
        if max(digits, exact.adjusted() + 1) <= _EXACT_DIGITS:
            return self._number(f"{exact:.16G}")
        return self._text(yuan(int(cell)) if money else str(cell))

    def _number(self, spelled: str) -> _Spelled:
        return _Spelled(f'" s="{self.value}"><v>{spelled}</v></c>', 1)

    def _text(self, text: str) -> _Spelled:
        lines = lines_of(text, self.column.width)
        shown, preserve = _fitting(text), ""
        if _SPECIAL.search(shown):
            shown = _visible(shown)
            preserve = ' xml:space="preserve"' if shown != shown.strip() else ""
            shown = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        made = _Spelled(f'" s="{self.text}" t="inlineStr"><is><t{preserve}>{shown}</t></is></c>', lines)
        if len(self.known) >= _MOST_KNOWN:
            self.known.clear()
        self.known[text] = made
        return made


def spelled(rows: Iterable[Sequence[Cell]], first: int, looks: Sequence[Look]) -> Iterator[str]:
    """The `row` elements, numbered (from 1) from `first` on; each is as high as its longest text needs."""
    for number, row in enumerate(rows, first):
        lines, cells = 1, []
        for look, cell in zip(looks, row, strict=True):
            xml, taken = look.spelled(cell)
            cells.append(f'<c r="{look.letters}{number}{xml}')
            if taken > lines:
                lines = taken
        yield f'<row r="{number}" ht="{_points(height(lines))}" customHeight="1">{"".join(cells)}</row>'


def lines_of(text: str, width: int) -> int:
    """How many lines a text takes."""
    room = max(width - 1, 1)
    if 2 * len(text) <= room and "\n" not in text:  # short for certain, as most are
        return 1
    return sum(max(1, -(-_places(line) // room)) for line in text.split("\n"))


def _places(line: str) -> int:
    """How wide a line is: a Chinese character takes two places, what Latin-1 has takes one."""
    return len(line) if line.isascii() else 2 * len(line) - len(line.encode("latin-1", "ignore"))


def height(lines: int) -> float:
    """Points for so many lines; Excel allows 409. Set by us, so that WPS, Excel and LibreOffice show the same."""
    return min(14 * lines + 6, 409)


def _points(wanted: float) -> str:
    """A height that is a whole number of pixels, as Excel keeps it."""
    return f"{int(wanted * 4 / 3 + 0.5) * 0.75:.16g}"


def _fitting(text: str) -> str:
    """What a cell holds of it."""
    if len(text) <= _LONGEST_CELL // 2:
        return text
    units = text.encode("utf-16-le")
    if len(units) <= 2 * _LONGEST_CELL:
        return text
    return units[: 2 * (_LONGEST_CELL - len(_CUT))].decode("utf-16-le", "ignore") + _CUT


def _visible(text: str) -> str:
    """With what Excel reads for characters that XML does not hold (ECMA-376 part 1, 22.9.2.19)."""
    text = _LIKE_ESCAPED.sub(r"_x005F\1", text)
    return _CONTROLS.sub(lambda found: f"_x{ord(found[0]):04X}_", text)
