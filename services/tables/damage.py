"""Cells whose text shows that Excel has lost the content: error values, ##### and scientific notation."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from services.tables.raw import Fault, error_value

_ERROR = r"#(?:REF!|DIV/0!|VALUE!|NAME\?|NUM!|NULL!|N/A)"
_HIDDEN = r"#{3,}"
_SCIENTIFIC = r"\d(?:\.\d+)?[eE]\+\d+"
_ANY = re.compile(rf"(?:^|\x00)(?:{_ERROR}|{_HIDDEN}|{_SCIENTIFIC})(?:\x00|$)")


def damaged_cells(row: Sequence[str]) -> Iterator[tuple[int, Fault]]:
    """Column index and fault of each damaged cell; a row without any costs one search."""
    if not _ANY.search("\x00".join(row)):
        return
    for column, cell in enumerate(row):
        if re.fullmatch(_ERROR, cell):
            yield column, error_value(cell)
        elif re.fullmatch(_HIDDEN, cell):
            yield column, Fault(cell, "是列宽不够时显示的“#”，导出时内容已丢失", "请在 Excel 中加宽该列后重新导出")
        elif re.fullmatch(_SCIENTIFIC, cell):
            yield column, Fault(cell, "是科学记数法，导出时号码或数字已丢失", "请把该列设为“文本”格式，按原件重新填写")
