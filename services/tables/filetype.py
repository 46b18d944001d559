"""What a file is, told from its bytes and never from its suffix."""

from __future__ import annotations

import io
import zipfile
from enum import Enum

from services.files.archives import DAMAGED
from services.tables.problems import TableError

MAX_UNPACKED_BYTES = 1 << 30
"""A workbook that unpacks to more than this is refused: no table of a bureau is that large, a zip bomb is."""

_NOTHING, _START = b"\x00 \t\r\n\xef\xbb\xbf\xff\xfe", 64
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_SAVE_AS = "请用 Excel 或 WPS 打开后另存为 XLSX 或 CSV 再提交"
_FOREIGN = {
    b"%PDF": "是 PDF 文件",
    b"\x89PNG": "是图片",
    b"\xff\xd8\xff": "是图片",
    b"GIF8": "是图片",
    b"Rar!": "是 RAR 压缩包",
    b"7z\xbc\xaf": "是 7z 压缩包",
    b"{\\rtf": "是 RTF 文档",
}


class FileType(Enum):
    """The kinds of file that can be read."""

    TEXT = "text"
    XLSX = "xlsx"
    XLS = "xls"
    ODS = "ods"


def file_type(data: bytes, file: str) -> FileType:
    """The type of a file's content; raises `TableError` for everything that is not a table."""
    if not (data[:_START].strip(_NOTHING) or data.strip(_NOTHING)):
        raise TableError(file, "是空文件，没有任何内容", "请检查导出或上传是否成功，重新提交有内容的文件")
    for magic, what in _FOREIGN.items():
        if data.startswith(magic):
            raise TableError(file, f"{what}，不是表格文件（与文件后缀无关）", _SAVE_AS)
    if data.startswith(b"PK"):
        return _zip_type(data, file)
    if data.startswith(_OLE):
        return _ole_type(data, file)
    if data.lstrip(b"\xef\xbb\xbf \t\r\n")[:5].lower() in (b"<html", b"<?xml", b"<!doc", b"<tabl", b"<meta"):
        raise TableError(file, "是网页或 XML 文件，不是真正的 Excel 文件（有的系统导出时只改了后缀）", _SAVE_AS)
    return FileType.TEXT


def _zip_type(data: bytes, file: str) -> FileType:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = set(archive.namelist())
            unpacked = sum(info.file_size for info in archive.infolist())
    except DAMAGED as error:
        raise TableError(
            file, "已损坏，无法作为工作簿打开（文件不完整）", "请向提供方重新索取，或在 Excel 中修复后另存"
        ) from error
    if unpacked > MAX_UNPACKED_BYTES:
        raise TableError(file, f"解压后有 {unpacked:,} 字节，超过上限 {MAX_UNPACKED_BYTES:,}", "请拆分成几个文件提交")
    if "xl/workbook.xml" in names:
        return FileType.XLSX
    if "content.xml" in names and "mimetype" in names:
        return FileType.ODS
    if "xl/workbook.bin" in names:
        raise TableError(file, "是 XLSB（二进制工作簿）", _SAVE_AS)
    if any(name.startswith("word/") for name in names):
        raise TableError(
            file, "是 Word 文档，不是表格文件（与文件后缀无关）", "请把其中的表格复制到 Excel，另存为 XLSX 再提交"
        )
    raise TableError(file, "是压缩包，不是表格文件", "请解压后提交其中的表格文件")


def _ole_type(data: bytes, file: str) -> FileType:
    def has(stream: str) -> bool:
        return stream.encode("utf-16-le") in data

    if has("EncryptedPackage"):
        raise TableError(file, "设有打开密码，无法读取", "请在 Excel 中取消密码后重新保存")
    if has("Workbook") or has("Book"):
        return FileType.XLS
    if has("WordDocument"):
        raise TableError(
            file, "是 Word 文档，不是表格文件（与文件后缀无关）", "请把其中的表格复制到 Excel，另存为 XLSX 再提交"
        )
    raise TableError(file, "不是能识别的工作簿，或已损坏", _SAVE_AS)
