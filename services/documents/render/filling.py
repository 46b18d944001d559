"""A workbook that xlsxwriter made with samples of cells, with the rows of its tables in their place."""

import re
from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import dataclass
from itertools import chain, islice
from typing import IO
from zipfile import ZIP_DEFLATED, ZipFile

from xlsxwriter.utility import xl_col_to_name

from services.documents.content import Column, Sheet
from services.documents.render.cells import Look, spelled

_SAMPLES = 4  # rows of samples: values, texts in place of them, and both as the closing row has them
_AT_ONCE = 200  # rows
# Cells whose part of the file may pass 2 GiB, which it has to allow for before it is written; Excel may then offer to
# repair the file, so that no other does. A cell takes some 100 bytes.
_LARGE = 8_000_000
_STYLE = re.compile(rb' s="(\d+)"')
_DIMENSION = re.compile(rb'<dimension ref="[^"]*"')


@dataclass(frozen=True)
class Table:
    """The rows of a sheet from `start` up to `stop`, and where its samples begin (a row of Excel, from 1)."""

    sheet: Sheet
    start: int
    stop: int
    first: int

    @property
    def cells(self) -> int:
        """How many there are, but for the closing row."""
        return (self.stop - self.start) * len(self.sheet.columns)

    @property
    def end(self) -> int:
        """The last row of Excel, the closing row included."""
        return self.first + self.stop - self.start - (self.sheet.total is None)


def fill(frame: IO[bytes], out: IO[bytes], tables: Sequence[Table]) -> None:
    """Copy the workbook with the rows of the tables, one for each of its sheets, instead of the samples."""
    sheets = {f"xl/worksheets/sheet{place}.xml": table for place, table in enumerate(tables, 1)}
    with ZipFile(frame) as made, ZipFile(out, "w", ZIP_DEFLATED) as book:
        for info in made.infolist():
            table = sheets.get(info.filename)
            pieces = iter([made.read(info)]) if table is None else _filled(made.read(info), table)
            large = table is not None and table.cells > _LARGE
            with book.open(copy(info), "w", force_zip64=large) as part:
                for piece in pieces:
                    part.write(piece)


def _filled(sheet: bytes, table: Table) -> Iterator[bytes]:
    """The part of a sheet, in pieces."""
    before, row, rest = sheet.partition(f'<row r="{table.first}"'.encode())
    samples, end, after = rest.partition(b"</sheetData>")
    assert row and end, "xlsxwriter writes its sheets in another way"
    columns = table.sheet.columns
    styles = [int(style) for style in _STYLE.findall(samples)]
    values, texts, totals, total_texts = (styles[row * len(columns) :][: len(columns)] for row in range(_SAMPLES))
    looks = _looks(columns, values, texts)
    last = f"{looks[-1].letters}{table.end}"
    yield _DIMENSION.sub(f'<dimension ref="A1:{last}"'.encode(), before, count=1)
    rows = spelled(islice(table.sheet.rows, table.start, table.stop), table.first, looks)
    if table.sheet.total is not None:
        rows = chain(rows, spelled([table.sheet.total], table.end, _looks(columns, totals, total_texts)))
    while some := "".join(islice(rows, _AT_ONCE)):
        yield some.encode()
    yield end + after


def _looks(columns: Sequence[Column], values: Sequence[int], texts: Sequence[int]) -> list[Look]:
    return [
        Look(column, xl_col_to_name(place), value, text)
        for place, (column, value, text) in enumerate(zip(columns, values, texts, strict=True))
    ]
