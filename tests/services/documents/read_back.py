"""Reading written files back."""

import io
import zipfile
from decimal import Decimal
from pathlib import Path

import docx
from python_calamine import CalamineWorkbook
from small_cycle import SmallCycle

from models import Document
from services.documents import write

Rows = list[list[object]]


def written(small: SmallCycle, kind: str) -> dict[str, Path]:
    """Write a document; its files by format."""
    rows = write(small.session, small.clock, small.actor, small.settings, small.cycle, kind)
    return {row.format: path_of(small, row) for row in rows}


def path_of(small: SmallCycle, row: Document) -> Path:
    """Where a recorded document lies."""
    return small.settings.output_dir / row.path


def table_of(path: Path, sheet: str, first: str) -> Rows:
    """The rows from the heading row (which has the column `first`) on."""
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    start = next(number for number, row in enumerate(rows) if first in row)
    return rows[start:]


def column(rows: Rows, title: str) -> list[object]:
    """The cells under a heading."""
    place = rows[0].index(title)
    return [row[place] for row in rows[1:]]


def fen(value: object) -> int:
    """A money cell in fen; the cell must hold it exactly."""
    exact = Decimal(repr(value)) * 100
    assert exact == int(exact), value
    return int(exact)


def docx_text(path: Path) -> str:
    """All paragraphs of the body."""
    return "\n".join(paragraph.text for paragraph in docx.Document(str(path)).paragraphs)


def docx_table(path: Path, heading: str) -> list[list[str]]:
    """The table whose first row has this heading."""
    for table in docx.Document(str(path)).tables:
        if heading in [cell.text for cell in table.rows[0].cells]:
            return [[cell.text for cell in row.cells] for row in table.rows]
    raise AssertionError(f"no table with {heading}")


def parts(path: Path) -> dict[str, str]:
    """The XML parts of an Office file."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith((".xml", ".rels"))}
