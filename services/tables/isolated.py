"""Tables are read in a process of their own: a broken or hostile one may crash or stall the reader, or fill memory."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Collection
from pathlib import Path
from typing import Any

import polars as pl

from services.files.apart import ApartError, read_apart
from services.tables.problems import RowProblem, TableError
from services.tables.workbook import Sheet, Workbook


def read_workbook(path: Path, known: Collection[str] = ()) -> Workbook:
    """Read CSV (UTF-8, UTF-8-BOM, UTF-16, GBK/GB18030), XLSX, XLS or ODS, told apart by content.

    `known` are headings that the caller expects; with them the header row is found more surely. Raises `TableError`
    when the file cannot be opened, is empty, is of another kind, or takes too much memory or time.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise TableError(path.name, "无法打开（文件不存在或没有读取权限）", "请检查路径和权限") from error
    try:
        told, frames = read_apart("table", data, file=path.name, known=sorted(known))
    except ApartError as error:
        raise TableError(path.name, error.cause, error.remedy) from error
    if "cause" in told:
        raise TableError(path.name, told["cause"], told["remedy"])
    sheets = [_sheet(path.name, *each) for each in zip(told["sheets"], frames, strict=True)]
    problems = [RowProblem(path.name, *each) for each in told["problems"]]
    return Workbook(path.name, hashlib.sha256(data).hexdigest(), sheets, problems)


def _sheet(file: str, plain: dict[str, Any], rows: bytes) -> Sheet:
    return Sheet(file, frame=pl.read_ipc(io.BytesIO(rows)), **plain)
