"""Cells of an XLS (BIFF) whose value is an error such as #REF!: calamine shows them as empty cells.

Layouts: [MS-CFB] for the container, [MS-XLS] for the records BoundSheet8, BoolErr, Formula and FilePass.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from services.tables.problems import TableError
from services.tables.raw import Fault, error_value

_BOF, _EOF, _BOUNDSHEET, _FORMULA, _BOOLERR, _FILEPASS = 0x0809, 0x000A, 0x0085, 0x0006, 0x0205, 0x002F
_ERRORS = {0x00: "#NULL!", 0x07: "#DIV/0!", 0x0F: "#VALUE!", 0x17: "#REF!", 0x1D: "#NAME?", 0x24: "#NUM!", 0x2A: "#N/A"}
_HEADER_SECTORS = 109
_LAST_SECTOR = 0xFFFFFFFA
_DIRECTORY_ENTRY = 128
_SMALL_STREAM = 4096
_SMALL_SECTOR = 64

Faults = dict[tuple[int, int | None], Fault]


def xls_faults(data: bytes, file: str) -> list[Faults]:
    """Faults of each sheet in the workbook's order, by zero-based (row, column)."""
    try:
        stream = workbook_stream(data)
        sheets = sheet_offsets(stream, file)
        return [_sheet_faults(stream, offset) for offset in sheets]
    except (struct.error, IndexError, StopIteration) as error:
        raise TableError(
            file, "已损坏，无法读取工作簿的内容", "请在 Excel 中打开检查，修复后另存为 XLSX 再提交"
        ) from error


def records(stream: bytes, offset: int) -> Iterator[tuple[int, bytes]]:
    """Records of one substream, up to its own end (charts inside a sheet have theirs)."""
    depth = 0
    while True:
        kind, length = struct.unpack_from("<HH", stream, offset)
        yield kind, stream[offset + 4 : offset + 4 + length]
        depth += (kind == _BOF) - (kind == _EOF)
        if depth == 0:
            return
        offset += 4 + length


def sheet_offsets(stream: bytes, file: str) -> list[int]:
    offsets = []
    for kind, body in records(stream, 0):
        if kind == _FILEPASS:
            raise TableError(file, "设有打开密码，无法读取", "请在 Excel 中取消密码后重新保存")
        if kind == _BOUNDSHEET:
            offsets.append(struct.unpack_from("<I", body)[0])
    return offsets


def _sheet_faults(stream: bytes, offset: int) -> Faults:
    faults: Faults = {}
    for kind, body in records(stream, offset):
        if kind == _BOOLERR and body[7] == 1:
            code = body[6]
        elif kind == _FORMULA and body[12:14] == b"\xff\xff" and body[6] == 2:
            code = body[8]
        else:
            continue
        faults[struct.unpack_from("<HH", body)] = error_value(_ERRORS.get(code, "#ERROR"))
    return faults


def workbook_stream(data: bytes) -> bytes:
    """The stream `Workbook` (or `Book`, Excel 95) of the compound file."""
    size = 1 << struct.unpack_from("<H", data, 30)[0]
    table = _sector_table(data, size)
    directory = _chain(data, size, table, struct.unpack_from("<I", data, 48)[0], size)
    entries = [directory[at : at + _DIRECTORY_ENTRY] for at in range(0, len(directory), _DIRECTORY_ENTRY)]
    book = next(entry for entry in entries if _name(entry) in ("Workbook", "Book"))
    start, length = struct.unpack_from("<II", book, 116)
    if length >= _SMALL_STREAM:
        return _chain(data, size, table, start, size)[:length]
    small = _chain(data, size, table, struct.unpack_from("<I", entries[0], 116)[0], size)
    small_table = _numbers(_chain(data, size, table, struct.unpack_from("<I", data, 60)[0], size))
    return _chain(small, _SMALL_SECTOR, small_table, start, 0)[:length]


def _name(entry: bytes) -> str:
    length = struct.unpack_from("<H", entry, 64)[0]
    return entry[: max(length - 2, 0)].decode("utf-16-le", "replace")


def _sector_table(data: bytes, size: int) -> list[int]:
    """The file allocation table: for each sector, the next one of its chain."""
    parts = list(struct.unpack_from(f"<{_HEADER_SECTORS}I", data, 76))
    more = struct.unpack_from("<I", data, 68)[0]
    while more < _LAST_SECTOR and len(parts) * size <= len(data) + _HEADER_SECTORS * size:
        *sectors, more = _numbers(data[(more + 1) * size : (more + 2) * size])
        parts += sectors
    table: list[int] = []
    for part in parts:
        if part < _LAST_SECTOR:
            table += _numbers(data[(part + 1) * size : (part + 2) * size])
    return table


def _chain(data: bytes, size: int, table: list[int], sector: int, offset: int) -> bytes:
    """The content of a chain of sectors; `offset` is where sector 0 begins."""
    parts: list[bytes] = []
    while sector < _LAST_SECTOR and len(parts) <= len(table):
        parts.append(data[offset + sector * size : offset + (sector + 1) * size])
        sector = table[sector]
    return b"".join(parts)


def _numbers(data: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4]))
