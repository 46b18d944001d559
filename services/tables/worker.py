"""The process in which a workbook is read: `python -m services.tables.worker KIND FILE < data > sheets`.

Written is one line of JSON, with the sheets or the refusal, and behind it the cells of each sheet as Arrow IPC.
"""

from __future__ import annotations

import io
import json
import resource
import sys

from services.tables.excel import read_excel
from services.tables.filetype import FileType
from services.tables.problems import TableError
from services.tables.raw import RawSheet

MEMORY_BYTES = 3 << 30


def main(kind: str, file: str) -> None:
    """Write the sheets, or the refusal."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    tables: list[bytes] = []
    try:
        sheets, notes = read_excel(sys.stdin.buffer.read(), FileType(kind), file)
    except TableError as error:
        answer: dict[str, object] = {"cause": error.cause, "remedy": error.remedy}
    else:
        tables = [_table(sheet) for sheet in sheets]
        plain = [_plain(sheet, len(table)) for sheet, table in zip(sheets, tables, strict=True)]
        answer = {"sheets": plain, "notes": notes}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode() + b"\n")
    sys.stdout.buffer.writelines(tables)


def _table(sheet: RawSheet) -> bytes:
    written = io.BytesIO()
    sheet.cells.write_ipc(written)
    return written.getvalue()


def _plain(sheet: RawSheet, size: int) -> dict[str, object]:
    return {
        "name": sheet.name,
        "bytes": size,
        "merges": [[merge.top, merge.left, merge.bottom, merge.right] for merge in sheet.merges],
        "faults": [[*place, fault.value, fault.cause, fault.remedy] for place, fault in sheet.faults.items()],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
