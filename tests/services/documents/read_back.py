"""Reading written files back."""

import io
import re
import zipfile
from decimal import Decimal
from pathlib import Path

import docx
import pypdfium2
from python_calamine import CalamineWorkbook
from small_cycle import SmallCycle

from models import Document
from services.documents import kind_of, write
from services.documents.record import Record

Rows = list[list[object]]


def about_of(small: SmallCycle, kind: str) -> str:
    """The first object that a document of this kind can be about; nothing for one about the whole cycle."""
    return next(iter(objects_of(small, kind)))


def objects_of(small: SmallCycle, kind: str) -> dict[str, str]:
    """What a document of this kind can be about now."""
    listed = kind_of(kind).objects
    return listed(Record(small.session, small.settings, small.cycle, small.clock, small.actor)) if listed else {"": ""}


def written(small: SmallCycle, kind: str) -> dict[str, Path]:
    """Write a document; its files by format."""
    about = about_of(small, kind)
    rows = write(small.session, small.clock, small.actor, small.settings, small.cycle, kind, about=about)
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


def pdf_pages(path: Path) -> list[str]:
    """The text of every page, without the blanks that only set Chinese and Latin letters apart."""
    with pypdfium2.PdfDocument(path) as document:
        texts = [page.get_textpage().get_text_range() for page in document]
    return [re.sub(r"(?<=[^\x00-\xff]) (?=\S)|(?<=\S) (?=[^\x00-\xff])", "", text) for text in texts]


def pdf_text(path: Path) -> str:
    """All text, its lines joined."""
    return re.sub(r"\s*\n", "", "\n".join(pdf_pages(path)).replace("\r", ""))


def parts(path: Path) -> dict[str, str]:
    """The XML parts of an Office file."""
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist() if name.endswith((".xml", ".rels"))}
