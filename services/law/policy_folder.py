"""The reader of a policy folder, for a process of its own: counted while it unpacks, every file plain text."""

import io
import re
import stat
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from policy.positions import read_document
from services.errors import InputError
from services.files.apart_worker import Blobs
from services.files.archives import DAMAGED

POLICY = "policy.yaml"
MOST_FILES = 20
MOST_BYTES = 5 * 1024 * 1024
_ZIP = (b"PK\x03\x04", b"PK\x05\x06")  # with members; empty
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}\.(yaml|yml|txt|md)")
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufffe\uffff]")

File = tuple[str, bytes]


def read(data: bytes, *, uploads: Sequence[tuple[str, int]]) -> tuple[dict[str, Any], Blobs]:
    """The names of the folder's files and the id that its policy.yaml states, behind them the files.

    `uploads` are name and size of what lies in `data` one after the other. Raises InputError.
    """
    sent = io.BytesIO(data)
    files = unpack([(name, sent.read(size)) for name, size in uploads])
    return {"names": list(files), "policy_id": _stated_id(files[POLICY])}, list(files.values())


def unpack(uploads: Sequence[File]) -> dict[str, bytes]:
    """The files by name. Raises InputError, which names the file and what to do."""
    zipped = [name for name, data in uploads if data.startswith(_ZIP)]
    if zipped and len(uploads) > 1:
        raise InputError(f"“{_shown(zipped[0])}”是压缩包，不能与别的文件一起上传；请只选压缩包，或解压后选其中的文件。")
    files: dict[str, bytes] = {}
    for name, data in _limited(_unzipped(*uploads[0]) if zipped else iter(uploads)):
        _check_name(name, files)
        _check_text(name, data)
        files[name] = data
    if POLICY not in files:
        seen = "、".join(files) or "没有文件"
        raise InputError(
            f"没有 {POLICY}，看到的是：{seen}；政策本身要写在名为 {POLICY} 的文件里，请补上或改名后再上传。"
        )
    return files


def _stated_id(data: bytes) -> str:
    """The id that a policy.yaml states; empty when that cannot be read."""
    found = read_document(data.decode("utf-8-sig"), POLICY).data
    return str(found.get("id") or "") if isinstance(found, dict) else ""


def _limited(files: Iterable[File]) -> Iterator[File]:
    left = MOST_BYTES
    for number, (name, data) in enumerate(files, start=1):
        left -= len(data)
        if number > MOST_FILES:
            raise InputError(f"一份政策最多 {MOST_FILES} 个文件，看到的更多；请只上传政策用到的文件。")
        if left < 0:
            raise InputError(
                f"读到“{_shown(name)}”时，全部文件解开后已超过 {MOST_BYTES // 1024 // 1024} 兆字节；"
                "请去掉与政策无关的文件。"
            )
        yield name, data


def _unzipped(archive_name: str, data: bytes) -> Iterator[File]:
    """The files of a zip, one after the other; no more of one is unpacked than may be taken of all."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for member in _members(archive):
                with archive.open(member) as file:
                    yield member.orig_filename.rsplit("/", 1)[-1], file.read(MOST_BYTES + 1)
    except DAMAGED as error:
        raise InputError(f"压缩包“{_shown(archive_name)}”打不开，可能已经损坏；请重新压缩成 .zip 再上传。") from error


def _members(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
    """What is to be unpacked, when all of it lies in one place and is plain."""
    tops = {_top(member) for member in archive.infolist()}
    if len(tops) > 1:
        raise InputError("压缩包里的文件不在同一个文件夹里；请只压缩这一份政策的文件夹。")
    return [member for member in archive.infolist() if not member.orig_filename.endswith("/")]


def _top(member: zipfile.ZipInfo) -> str:
    """The one folder in which a member lies; empty when it lies in none. Raises InputError for what is not plain."""
    name = member.orig_filename
    *folders, _ = name.split("/")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if len(folders) > 1 or any(part in ("", ".", "..") for part in folders):
        raise InputError(f"压缩包里的“{_shown(name)}”在另一层文件夹里；请把文件都放在同一个文件夹里再压缩。")
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise InputError(f"压缩包里的“{_shown(name)}”是链接，不是文件；请换成文件本身再压缩。")
    if member.flag_bits & 1:
        raise InputError(f"压缩包里的“{_shown(name)}”设有密码；请重新压缩，不要设密码。")
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise InputError(f"压缩包里的“{_shown(name)}”用了不能识别的压缩方式；请用系统自带的“压缩为 zip”重新压缩。")
    return folders[0] if folders else ""


def _check_name(name: str, taken: Iterable[str]) -> None:
    if not _NAME.fullmatch(name):
        raise InputError(
            f"不能用“{_shown(name)}”这个文件名；文件名只用英文字母、数字、点、横线和下划线，"
            "以 .yaml、.yml、.txt 或 .md 结尾。请改名或去掉这个文件。"
        )
    if name.lower() in {other.lower() for other in taken}:
        raise InputError(f"有两个名为“{name}”的文件；请只留一个。")


def _check_text(name: str, data: bytes) -> None:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise InputError(f"“{name}”第 {line} 行不是 UTF-8 编码的文字；请用记事本打开，另存为 UTF-8 编码。") from error
    strange = _CONTROL.search(text)
    if strange:
        line = text.count("\n", 0, strange.start()) + 1
        raise InputError(f"“{name}”第 {line} 行有不是文字的内容；请确认它是文本文件，另存为 UTF-8 编码。")


def _shown(name: str) -> str:
    return _CONTROL.sub("?", name)[:80]
