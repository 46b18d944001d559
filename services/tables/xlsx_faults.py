"""What calamine does not tell of an XLSX: error values and formulas never calculated (it shows both as empty cells).

It also reserves memory for the whole used area, and ends the process when that fails: one far cell would do it, so
the area is measured here first.
"""

from __future__ import annotations

import html
import io
import posixpath
import re
import zipfile

from services.files.archives import DAMAGED
from services.tables.problems import TableError, damaged
from services.tables.raw import MAX_CELLS, Fault, TooLargeError, check_area, error_value

_COLUMN_OF_CELL = re.compile(rb"""\sr=["']([A-Z]+)""")
_ROW_NUMBER = re.compile(rb"""<row\s[^>]*?\br=["'](\d+)""")
_ROW_NUMBER_OF_ANY_PREFIX = re.compile(rb"""<(?:\w+:)?row\s[^>]*?\br=["'](\d+)""")
# What begins with plain letters is looked for ten times as fast; where nothing of these is, nothing of the above is.
_PREFIXED_ROW = re.compile(rb":row")
_LONG_COLUMNS = {26: re.compile(rb"""r=["'][A-Z]{2}"""), 26 + 26**2: re.compile(rb"""r=["'][A-Z]{3}""")}
_MARKS_OF_FAULTS = [re.compile(mark) for mark in (b"<f", b":f", b'"e"', b"'e'")]
CELL = re.compile(
    rb"<(?:\w+:)?row(?P<row>(?:\s[^>]*)?)>|<(?:\w+:)?c(?P<cell>\s[^>]*?)?(?:/>|>(?P<content>.*?)</(?:\w+:)?c>)",
    re.DOTALL,
)
_VALUE = re.compile(rb"<(?:\w+:)?v[^>]*>(.*?)</(?:\w+:)?v>", re.DOTALL)
_FORMULA = re.compile(rb"<(?:\w+:)?f[\s/>]")
_ERROR = re.compile(rb"""\st\s*=\s*["']e["']""")
_ATTRIBUTE = re.compile(rb"""([\w:]+)\s*=\s*(?:"([^"]*)"|'([^']*)')""")
_REFERENCE = re.compile(rb"""\sr\s*=\s*["']([A-Z]+)(\d+)["']""")


def xlsx_faults(data: bytes, file: str) -> dict[str, dict[tuple[int, int | None], Fault]]:
    """Faults by sheet name and zero-based (row, column). Raises `TableError` when a part of the file is unreadable."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            parts = sheet_parts(archive)
            return {name: _sheet_faults(_measured(archive.read(part), name, file)) for name, part in parts.items()}
    except (*DAMAGED, KeyError) as error:  # KeyError: a part that is not there
        raise damaged(file) from error


def _measured(xml: bytes, sheet: str, file: str) -> bytes:
    """The sheet's XML; raises `TableError` when its used area is too large."""
    numbers = _ROW_NUMBER_OF_ANY_PREFIX if _PREFIXED_ROW.search(xml) else _ROW_NUMBER
    rows = max((int(found.group(1)) for found in numbers.finditer(xml)), default=0)
    if any(rows * most <= MAX_CELLS and not longer.search(xml) for most, longer in _LONG_COLUMNS.items()):
        return xml
    letters = {found.group(1) for found in _COLUMN_OF_CELL.finditer(xml)}
    columns = max((_column_index(each) + 1 for each in letters), default=0)
    try:
        check_area(rows, columns)
    except TooLargeError as error:
        raise TableError(file, f"工作表「{sheet}」{error}", "请删除数据区以外的行和列后另存") from error
    return xml


def _column_index(letters: bytes) -> int:
    index = 0
    for letter in letters:
        index = index * 26 + letter - ord("A") + 1
    return index - 1


def sheet_parts(archive: zipfile.ZipFile) -> dict[str, str]:
    """Sheet name to the path of its XML inside the archive."""
    targets = {}
    for tag in re.findall(rb"<(?:\w+:)?Relationship\s[^>]*>", archive.read("xl/_rels/workbook.xml.rels")):
        attributes = attributes_of(tag)
        targets[attributes.get("Id", "")] = posixpath.normpath(posixpath.join("/xl", attributes.get("Target", "")))[1:]
    sheets = {}
    for tag in re.findall(rb"<(?:\w+:)?sheet\s[^>]*>", archive.read("xl/workbook.xml")):
        attributes = attributes_of(tag)
        part = targets.get(next((value for key, value in attributes.items() if key.endswith(":id")), ""), "")
        if part in archive.namelist():
            sheets[attributes.get("name", "")] = part
    return sheets


def attributes_of(tag: bytes) -> dict[str, str]:
    return {
        key.decode(): html.unescape((double or single).decode("utf-8", "replace"))
        for key, double, single in _ATTRIBUTE.findall(tag)
    }


def _sheet_faults(xml: bytes) -> dict[tuple[int, int | None], Fault]:
    if not any(mark.search(xml) for mark in _MARKS_OF_FAULTS) or not (_ERROR.search(xml) or _FORMULA.search(xml)):
        return {}
    faults: dict[tuple[int, int | None], Fault] = {}
    row, column = -1, -1
    for match in CELL.finditer(xml):
        attributes, content = match.group("cell") or b"", match.group("content") or b""
        if match.group("row") is not None:
            row, column = row_number(match.group("row"), row), -1
            continue
        row, column = cell_position(attributes, row, column)
        fault = _fault(attributes, content)
        if fault is not None:
            faults[(row, column)] = fault
    return faults


def row_number(attributes: bytes, previous: int) -> int:
    number = attributes_of(attributes).get("r", "")
    return int(number) - 1 if number.isdigit() else previous + 1


def cell_position(attributes: bytes, row: int, column: int) -> tuple[int, int]:
    """A cell without a reference stands right of the one before it."""
    reference = _REFERENCE.search(attributes)
    if reference is None:
        return row, column + 1
    return int(reference.group(2)) - 1, _column_index(reference.group(1))


def _fault(attributes: bytes, content: bytes) -> Fault | None:
    value = _VALUE.search(content)
    if _ERROR.search(attributes):
        text = html.unescape(value.group(1).decode("utf-8", "replace")) if value else "#ERROR"
        return error_value(text)
    if value is None and _FORMULA.search(content):
        return Fault("", "有公式但没有保存计算结果", "请用 Excel 打开该文件，重新计算并保存后再提交")
    return None
