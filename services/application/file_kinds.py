"""Files that people hand in as evidence: which kinds are taken, what they are called, how many and how large."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import PurePosixPath
from time import monotonic

from config.settings import Settings
from services.errors import InputError
from services.files import scanning
from services.files.apart import ApartError, read_apart, sentence

MEGABYTE = 1024 * 1024
LARGEST = 50 * MEGABYTE
MOST_FILES, MOST_BYTES = 30, 200 * MEGABYTE  # of one application
_PASSES_FOR = 600  # seconds
_LONGEST_NAME = 255  # bytes, as file systems count

_PDF = "application/pdf"
_OFFICE = "application/vnd.openxmlformats-officedocument."
TYPES = {
    ".pdf": _PDF,
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".docx": f"{_OFFICE}wordprocessingml.document",
    ".xlsx": f"{_OFFICE}spreadsheetml.sheet",
}
_MAGIC = {_PDF: b"%PDF-", "image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
_PARTS = {TYPES[".docx"]: "word/document.xml", TYPES[".xlsx"]: "xl/workbook.xml"}
_MACROS = "vbaproject.bin"
_MOST_UNPACKED = 1024 * MEGABYTE


def check_file(settings: Settings, filename: str, data: bytes) -> str:
    """The name without folders. Raises InputError unless the content is what the name says, of a kind that we take,
    and the virus scanner, if there is one, has nothing against it.

    What passed is not looked at again for ten minutes at most: doors check a file before they wait for their turn to
    write, services that keep it check it once more. Later the scanner may know more.
    """
    name = plain_name(filename)
    if not data:
        raise InputError(f"“{name}”是空文件（大小为 0 字节）；请重新选择。")
    if len(data) > LARGEST:
        raise InputError(
            f"“{name}”有 {_megabytes(len(data))} 兆字节，最多 {LARGEST // MEGABYTE} 兆字节；请压缩或拆分后上传。"
        )
    kind = content_type(name)
    if kind is None:
        raise InputError(f"“{name}”不是可以上传的文件；请上传 PDF、PNG、JPG、DOCX 或 XLSX。")
    passed = _passed(hashlib.sha256(data).hexdigest(), kind, settings.clamd, int(monotonic() // _PASSES_FOR))
    if not passed:
        if not _is(kind, name, data):
            raise InputError(f"“{name}”的内容与后缀不符，或含有宏；请用原来的软件另存后再上传。")
        scanning.scan(settings, name, data)
        passed.append(True)
    return name


@lru_cache(maxsize=1000)
def _passed(_sha256: str, _kind: str, _clamd: str, _while: int) -> list[bool]:
    """Not empty once such a file has passed in this while; a file that did not is looked at again each time."""
    return []


def check_room(sizes: Sequence[int], name: str, size: int, *, files: int = MOST_FILES, total: int = MOST_BYTES) -> None:
    """Raise InputError when one more file of this size beside those of `sizes` is too many or too much."""
    if len(sizes) >= files:
        raise InputError(f"最多上传 {files} 个文件，已有 {len(sizes)} 个，“{name}”没有收下；请合并成较少的文件。")
    if sum(sizes) + size > total:
        together = _megabytes(sum(sizes) + size)
        raise InputError(
            f"文件合计最多 {total // MEGABYTE} 兆字节，加上“{name}”共 {together} 兆字节，没有收下；请压缩后再上传。"
        )


def content_type(filename: str) -> str | None:
    """The media type that a name stands for; None for kinds that are not taken."""
    return TYPES.get(PurePosixPath(filename).suffix.lower())


def plain_name(filename: str) -> str:
    """A name that somebody chose, without folders and without what is not seen, short enough for every file system."""
    name = filename.replace("\\", "/").rpartition("/")[2]
    name = "".join(each for each in name if each.isprintable()).strip().lstrip(".")
    ending = PurePosixPath(name).suffix[:10]
    stem = name.removesuffix(ending).encode()[: _LONGEST_NAME - len(ending.encode())]
    return f"{stem.decode(errors='ignore')}{ending}" or "上传的文件"


def _megabytes(size: int) -> str:
    return f"{size / MEGABYTE:.1f}"


def _is(kind: str, name: str, data: bytes) -> bool:
    if kind in _MAGIC:
        return data.startswith(_MAGIC[kind])
    try:
        parts, _ = read_apart("office_file", data)
    except ApartError as error:
        raise InputError(sentence(name, error)) from error
    if parts is None:
        return False
    if parts["unpacked"] > _MOST_UNPACKED:
        raise InputError(
            f"“{name}”解压后有 {_megabytes(parts['unpacked'])} 兆字节，没有收下；请用原来的软件另存，或拆分后再上传。"
        )
    return _PARTS[kind] in parts["names"] and not any(each.endswith(_MACROS) for each in parts["names"])
