"""The reader of tables, for a process of its own: what was read, as JSON, and the rows of each sheet as Arrow IPC."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from services.files.apart_worker import Blobs
from services.tables.problems import RowProblem, TableError
from services.tables.reading import read_bytes
from services.tables.workbook import Sheet


def read(data: bytes, *, file: str, known: Sequence[str]) -> tuple[dict[str, Any], Blobs]:
    """The workbook, or the cause and the remedy of its refusal."""
    try:
        book = read_bytes(data, file, known)
    except TableError as error:
        return {"cause": error.cause, "remedy": error.remedy}, []
    answer = {
        "sheets": [_plain(sheet) for sheet in book.sheets],
        "problems": [_told(problem) for problem in book.problems],
    }
    return answer, [_rows(sheet) for sheet in book.sheets]


def _rows(sheet: Sheet) -> bytes:
    written = io.BytesIO()
    sheet.frame.write_ipc(written)
    return written.getvalue()


def _plain(sheet: Sheet) -> dict[str, object]:
    return {
        "name": sheet.name,
        "header_row": sheet.header_row,
        "columns": sheet.columns,
        "duplicated": sheet.duplicated,
    }


def _told(problem: RowProblem) -> list[object]:
    return [problem.sheet, problem.row, problem.column, problem.value, problem.cause, problem.remedy]
