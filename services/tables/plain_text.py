"""Delimited text read a slice at a time, as long as no record takes more than its line and every quote is in order."""

from __future__ import annotations

import csv
from collections.abc import Iterator

import polars as pl

_SLICE = 1 << 24
"""Characters that are taken apart at a time: what is needed beside the cells themselves stays small."""

_LONGEST_LINE = 1 << 16
_OTHER_SPACE = ("\x1c", "\x1d", "\x1e", "\x1f")
"""Python strips these, polars does not."""


def plain_cells(text: str, delimiter: str) -> pl.DataFrame | None:
    """The stripped cells as `RawSheet` has them, or None: then the text is for the careful reader.

    That is a text with a broken or a many-lined quotation, a lone carriage return, or an immensely long line.
    """
    if text.count("\r") != text.count("\r\n") or any(space in text for space in _OTHER_SPACE):
        return None
    frames = [pl.DataFrame()]
    for part in _slices(text):
        lines = pl.Series([part]).str.split("\n").explode()
        cells = None if _too_long(lines) else _split(lines, delimiter)
        if cells is None:
            return None
        frames.append(_columns(cells))
    return pl.concat(frames, how="diagonal", rechunk=False)


def _slices(text: str) -> Iterator[str]:
    """Whole lines, without the end of the last one."""
    start = 0
    while start < len(text):
        end = text.find("\n", start + _SLICE)
        end = len(text) - text.endswith("\n") if end < 0 else end
        yield text[start:end]
        start = end + 1


def _too_long(lines: pl.Series) -> bool:
    longest = lines.str.len_bytes().max()
    return isinstance(longest, int) and longest > _LONGEST_LINE


def _split(lines: pl.Series, delimiter: str) -> pl.Series | None:
    """The cells of each line; lines with quotes are for the csv module, which must find a record in each."""
    quoted = lines.str.contains('"', literal=True)
    if not quoted.any():
        return lines.str.split(delimiter)
    try:
        records = list(csv.reader(lines.filter(quoted), delimiter=delimiter, strict=True, skipinitialspace=True))
    except csv.Error:
        return None
    if len(records) != quoted.sum():
        return None
    both = pl.concat([lines.filter(~quoted).str.split(delimiter), pl.Series(records, dtype=pl.List(pl.String))])
    return both.gather(pl.concat([(~quoted).arg_true(), quoted.arg_true()]).arg_sort())


def _columns(cells: pl.Series) -> pl.DataFrame:
    width = cells.list.len().max()
    assert isinstance(width, int)
    column = pl.col("cells").list
    split = [column.get(index, null_on_oob=True).str.strip_chars().alias(str(index)) for index in range(width)]
    return cells.to_frame("cells").select(split)
