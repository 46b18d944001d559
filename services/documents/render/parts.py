"""Long tables in parts: laid out whole, a table takes 140 KB of memory a row, and pandoc as much again."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

ROWS = 1000
"""Of a table in one part."""

_TABLE = re.compile(
    r"<table>(?P<head>(?:(?!<tbody>|</table>).)*)<tbody>(?P<rows>.*?)</tbody>\s*</table>", re.DOTALL
)  # one without a body of its own is left whole
_NOT_CUT = ("<table", "rowspan")  # nor is one that has others in it, or cells of several rows
_ROW_ENDS = re.compile(r"</tr>\s*")
_END = "</tbody>\n</table>\n"


@dataclass(frozen=True)
class Part:
    """HTML; `rows` are those of a table that came from the part before and goes on in the next, else nothing."""

    before: str
    rows: str = ""
    after: str = ""

    @property
    def html(self) -> str:
        """The whole part."""
        return self.before + self.rows + self.after


def parts(html: str) -> Iterator[Part]:
    """The page in parts with at most `ROWS` rows of a table each; a table that goes on has its head again."""
    start, beginning = 0, ""
    for table in _TABLE.finditer(html):
        head = f"<table>{table['head']}<tbody>\n"
        for number, end in enumerate(_cuts(html, table)):
            yield Part(head, html[start:end], _END) if number else Part(beginning + html[start:end] + _END)
            start, beginning = end, head
    yield Part(beginning + html[start:])


def _cuts(html: str, table: re.Match[str]) -> list[int]:
    """Where the parts of a table end; none when it is short enough, or left whole."""
    ends = [row.end() for row in _ROW_ENDS.finditer(html, table.start("rows"), table.end("rows"))]
    if len(ends) <= ROWS or any(each in table["rows"] for each in _NOT_CUT):
        return []
    return ends[ROWS - 1 : -1 : ROWS]
