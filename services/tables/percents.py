"""Cells that show a percentage: the file holds 0.085 where the user sees 8.5%, and calamine tells only the former.

Layouts: ECMA-376 part 1, 18.8 (styles) for XLSX; [MS-XLS] XF, Format, Number, RK, MulRk, Formula for XLS; OpenDocument
1.3, 19.385 (value type) for ODS.
"""

from __future__ import annotations

import io
import re
import struct
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

from services.files.archives import DAMAGED
from services.tables.filetype import FileType
from services.tables.problems import damaged
from services.tables.xls_faults import records, sheet_offsets, workbook_stream
from services.tables.xlsx_faults import CELL, attributes_of, cell_position, row_number, sheet_parts

Places = set[tuple[int, int]]
"""Zero-based (row, column)."""

_BUILT_IN = {9, 10}
"""The numbers of 0% and 0.00% in every Excel file."""

_NOT_SHOWN = re.compile(r"\"[^\"]*\"|\\.|_.|\*.|\[[^\]]*\]")
_NUMBER, _RK, _MULRK, _FORMULA = 0x0203, 0x027E, 0x00BD, 0x0006
_XF, _FORMAT = 0x00E0, 0x041E
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"


def percent_cells(data: bytes, kind: FileType, file: str) -> dict[str | int, Places]:
    """The places by sheet: by name, or in XLS by the sheet's place in the workbook. Raises TableError."""
    if kind is FileType.XLS:
        return dict(enumerate(_xls(data, file)))
    try:
        return dict(_xlsx(data) if kind is FileType.XLSX else _ods(data))
    except (*DAMAGED, KeyError) as error:  # KeyError: a part that is not there
        raise damaged(file) from error


def is_percent(code: str) -> bool:
    """Whether a number format shows percentages.

    >>> is_percent("0.00%;[Red]-0.00%"), is_percent('0.0"%"')
    (True, False)
    """
    return "%" in _NOT_SHOWN.sub("", code)


def _xlsx(data: bytes) -> Iterator[tuple[str, Places]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        styles = _xlsx_styles(archive.read("xl/styles.xml")) if "xl/styles.xml" in archive.namelist() else set()
        for name, part in sheet_parts(archive).items() if styles else ():
            yield name, _xlsx_sheet(archive.read(part), styles)


def _xlsx_styles(xml: bytes) -> set[str]:
    """The cell styles (indexes into cellXfs) whose number format is a percentage."""
    formats = [attributes_of(tag) for tag in re.findall(rb"<(?:\w+:)?numFmt\s[^>]*>", xml)]
    numbers = {str(each) for each in _BUILT_IN}
    numbers |= {each.get("numFmtId", "") for each in formats if is_percent(each.get("formatCode", ""))}
    cells = re.search(rb"<(?:\w+:)?cellXfs[\s>].*?</(?:\w+:)?cellXfs>", xml, re.DOTALL)
    used = re.findall(rb"<(?:\w+:)?xf\s[^>]*>", cells.group()) if cells else []
    return {str(index) for index, tag in enumerate(used) if attributes_of(tag).get("numFmtId") in numbers}


def _xlsx_sheet(xml: bytes, styles: set[str]) -> Places:
    places: Places = set()
    row, column = -1, -1
    for match in CELL.finditer(xml):
        if match.group("row") is not None:
            row, column = row_number(match.group("row"), row), -1
            continue
        given = match.group("cell") or b""
        row, column = cell_position(given, row, column)
        if attributes_of(given).get("s") in styles:
            places.add((row, column))
    return places


def _xls(data: bytes, file: str) -> list[Places]:
    stream = workbook_stream(data)
    styles = _xls_styles(stream)
    return [_xls_sheet(stream, offset, styles) for offset in sheet_offsets(stream, file)]


def _xls_styles(stream: bytes) -> set[int]:
    formats, numbers = list[int](), set(_BUILT_IN)
    for kind, body in records(stream, 0):
        if kind == _XF:
            formats.append(struct.unpack_from("<H", body, 2)[0])
        elif kind == _FORMAT and is_percent(_xls_text(body[2:])):
            numbers.add(struct.unpack_from("<H", body)[0])
    return {index for index, number in enumerate(formats) if number in numbers}


def _xls_text(body: bytes) -> str:
    """An XLUnicodeString: count of characters, whether they are of two bytes, the characters."""
    return body[3:].decode("utf-16-le" if body[2] & 1 else "latin-1", "replace")


def _xls_sheet(stream: bytes, offset: int, styles: set[int]) -> Places:
    places: Places = set()
    for kind, body in records(stream, offset):
        if kind in (_NUMBER, _RK, _FORMULA):
            row, column, style = struct.unpack_from("<HHH", body)
            if style in styles:
                places.add((row, column))
        elif kind == _MULRK:
            row, first = struct.unpack_from("<HH", body)
            cells = range(4, len(body) - 2, 6)
            shown = [struct.unpack_from("<H", body, at)[0] in styles for at in cells]
            places |= {(row, first + index) for index, percent in enumerate(shown) if percent}
    return places


def _ods(data: bytes) -> Iterator[tuple[str, Places]]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        root = ElementTree.fromstring(archive.read("content.xml"))  # noqa: S314 - in a process bounded in memory
    for table in root.iter(f"{_TABLE}table"):
        yield table.get(f"{_TABLE}name", ""), _ods_sheet(table)


def _ods_sheet(table: ElementTree.Element) -> Places:
    places: Places = set()
    row = 0
    for line in table.iter(f"{_TABLE}table-row"):
        column, percents = 0, list[int]()
        for cell in line:
            width = int(cell.get(f"{_TABLE}number-columns-repeated", "1"))
            if cell.get(f"{_OFFICE}value-type") == "percentage":
                percents += range(column, column + width)
            column += width
        height = int(line.get(f"{_TABLE}number-rows-repeated", "1"))
        places |= {(row + below, each) for below in range(height if percents else 0) for each in percents}
        row += height
    return places
