"""Long tables in parts: laid out whole, a table takes 140 KB of memory a row, and pandoc as much again."""

import re
from collections.abc import Iterator

ROWS = 1000
"""Of a table in one part."""

_TABLE = re.compile(
    r"<table>(?P<head>(?:(?!<tbody>|</table>).)*)<tbody>(?P<rows>.*?)</tbody>\s*</table>", re.DOTALL
)  # one without a body of its own is left whole
_NOT_CUT = ("<table", "rowspan")  # nor is one that has others in it, or cells of several rows
_ROW_ENDS = re.compile(r"</tr>\s*")


def parts(html: str) -> list[str]:
    """The page in parts with at most `ROWS` rows of a table each; a table that goes on has its head again."""
    return list(_parts(html))


def _parts(html: str) -> Iterator[str]:
    start, beginning = 0, ""
    for table in _TABLE.finditer(html):
        for end in _cuts(html, table):
            yield beginning + html[start:end] + "</tbody>\n</table>\n"
            start, beginning = end, f"<table>{table['head']}<tbody>\n"
    yield beginning + html[start:]


def _cuts(html: str, table: re.Match[str]) -> list[int]:
    """Where the parts of a table end; none when it is short enough, or left whole."""
    ends = [row.end() for row in _ROW_ENDS.finditer(html, table.start("rows"), table.end("rows"))]
    if len(ends) <= ROWS or any(each in table["rows"] for each in _NOT_CUT):
        return []
    return ends[ROWS - 1 : -1 : ROWS]
