"""The process in which a workbook is read: `python -m services.tables.worker KIND FILE < data > sheets.json`."""

from __future__ import annotations

import json
import resource
import sys

from services.tables.excel import read_excel
from services.tables.filetype import FileType
from services.tables.problems import TableError
from services.tables.raw import RawSheet

MEMORY_BYTES = 3 << 30


def main(kind: str, file: str) -> None:
    """Write the sheets, or the refusal, as JSON."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    try:
        sheets, notes = read_excel(sys.stdin.buffer.read(), FileType(kind), file)
    except TableError as error:
        answer: dict[str, object] = {"cause": error.cause, "remedy": error.remedy}
    else:
        answer = {"sheets": [_plain(sheet) for sheet in sheets], "notes": notes}
    sys.stdout.buffer.write(json.dumps(answer, ensure_ascii=False).encode())


def _plain(sheet: RawSheet) -> dict[str, object]:
    return {
        "name": sheet.name,
        "rows": sheet.rows,
        "merges": [[merge.top, merge.left, merge.bottom, merge.right] for merge in sheet.merges],
        "faults": [[*place, fault.value, fault.cause, fault.remedy] for place, fault in sheet.faults.items()],
    }


if __name__ == "__main__":
    main(*sys.argv[1:])
