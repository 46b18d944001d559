"""Delimited text read a slice at a time, as long as no record takes more than its line and every quote is in order."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import polars as pl

from services.tables.raw import cells_of, check_area

_SLICE = 1 << 24
"""Bytes that are taken apart at a time: what is needed beside the cells themselves stays small."""

_LONGEST_LINE = 1 << 16
_OTHER_SPACE = (b"\x1c", b"\x1d", b"\x1e", b"\x1f")
"""Python strips these, polars does not."""


def plain_cells(text: bytes, delimiter: str) -> pl.DataFrame | None:
    """The stripped cells of a text in UTF-8 as `RawSheet` has them, or None: then it is for the careful reader.

    That is a text with a broken or a many-lined quotation, a lone carriage return, or an immensely long line.
    Raises TooLargeError.
    """
    lone_return = b"\r" in text and text.count(b"\r") != text.count(b"\r\n")
    if lone_return or any(space in text for space in _OTHER_SPACE):
        return None
    frames, rows = [pl.DataFrame()], 0
    for part in _slices(text):
        cells = _even(part, delimiter)
        if cells is None:
            cells = _split(part.decode(), delimiter)
        if cells is None:
            return None
        frames.append(cells)
        rows += cells.height
        check_area(rows, max(frame.width for frame in frames))
    return pl.concat(frames, how="diagonal", rechunk=False)


def _slices(text: bytes) -> Iterator[bytes]:
    """Whole lines, without the end of the last one."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _SLICE)
        end = len(text) - text.endswith(b"\n") if end < 0 else end
        yield text[start:end]
        start = end + 1


def _even(part: bytes, delimiter: str) -> pl.DataFrame | None:
    """The cells of lines without quotes that are all of one length, which is how nearly all are."""
    if b'"' in part:
        return None
    end, cell_end = part.find(b"\n"), delimiter.encode()
    width = part.count(cell_end, 0, end if end >= 0 else len(part)) + 1
    if part.count(cell_end) != (width - 1) * (part.count(b"\n") + 1):
        return None
    check_area(part.count(b"\n") + 1, width)
    # at the very end of a text polars overlooks a last empty cell, hence the end of the line
    schema = {str(index): pl.String() for index in range(width)}
    try:
        cells = pl.read_csv(
            part + b"\n",
            has_header=False,
            schema=schema,
            separator=delimiter,
            quote_char=None,
            extra_columns="raise",
        )
    except pl.exceptions.ComputeError:  # a longer line; as many others are shorter
        return None
    return cells.select(pl.all().str.strip_chars().fill_null(""))


def _split(part: str, delimiter: str) -> pl.DataFrame | None:
    """The cells of any lines; those with quotes are for the csv module, which must find a record in each."""
    lines = pl.Series([part]).str.split("\n").explode()
    longest = lines.str.len_bytes().max()
    if isinstance(longest, int) and longest > _LONGEST_LINE:
        return None
    quoted = lines.str.contains('"', literal=True)
    if not quoted.any():
        return _columns(lines.str.split(delimiter))
    try:
        records = list(csv.reader(lines.filter(quoted), delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    if len(records) != quoted.sum():
        return None
    read = cells_of(records).select(pl.all().str.strip_chars())
    both = pl.concat([_columns(lines.filter(~quoted).str.split(delimiter)), read], how="diagonal")
    return both[pl.concat([(~quoted).arg_true(), quoted.arg_true()]).arg_sort()]


def _columns(cells: pl.Series) -> pl.DataFrame:
    longest = cells.list.len().max()
    width = longest if isinstance(longest, int) else 0
    check_area(cells.len(), width)
    column = pl.col("cells").list
    split = [column.get(index, null_on_oob=True).str.strip_chars().alias(str(index)) for index in range(width)]
    return cells.to_frame("cells").select(split)
