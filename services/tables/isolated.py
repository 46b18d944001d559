"""Workbooks are read in a process of their own: calamine may crash, stall or take all memory on a broken one."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import polars as pl

from services.tables.filetype import FileType
from services.tables.problems import TableError
from services.tables.raw import Fault, Merge, RawSheet

SECONDS = 120
_ROOT = Path(__file__).resolve().parents[2]
_REMEDY = "请在 Excel 或 WPS 中打开检查，另存为 XLSX 再提交"


def read_isolated(data: bytes, kind: FileType, file: str) -> tuple[list[RawSheet], list[str]]:
    """What `read_excel` gives; a crash, a stall or too much memory is a `TableError` like any broken file."""
    command = [sys.executable, "-m", "services.tables.worker", kind.value, file]
    try:
        done = subprocess.run(command, input=data, capture_output=True, cwd=_ROOT, timeout=SECONDS, check=True)
    except subprocess.TimeoutExpired as error:
        raise TableError(file, f"读取超过 {SECONDS} 秒仍未完成，可能已损坏", _REMEDY) from error
    except subprocess.CalledProcessError as error:
        raise TableError(file, "已损坏，无法作为工作簿打开", _REMEDY) from error
    told = io.BytesIO(done.stdout)
    answer = json.loads(told.readline())
    if "cause" in answer:
        raise TableError(file, answer["cause"], answer["remedy"])
    return [_sheet(plain, told.read(plain["bytes"])) for plain in answer["sheets"]], answer["notes"]


def _sheet(plain: dict[str, Any], cells: bytes) -> RawSheet:
    faults = {(row, column): Fault(*words) for row, column, *words in plain["faults"]}
    return RawSheet(plain["name"], pl.read_ipc(cells), [Merge(*bounds) for bounds in plain["merges"]], faults)
