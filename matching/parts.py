"""A long table in parts, of which one at a time is in memory."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from io import BytesIO
from itertools import pairwise
from tempfile import TemporaryFile

import polars as pl

_AT_ONCE = 100_000  # rows: with their keys a kilobyte each
_OWN_TEXTS = pl.CompatLevel.oldest()  # texts one after the other, not where they lay before


def compact(table: pl.DataFrame) -> pl.DataFrame:
    """The same table with texts of its own: rows that were picked keep those of all others in memory."""
    return pl.read_ipc(table.write_ipc(None, compat_level=_OWN_TEXTS).getvalue())


class Parts:
    """The rows of tables of one shape, in their order; gone through as often as asked.

    All parts but the last are of one size and lie in a file, which has no name and ends with the object.
    """

    def __init__(self, tables: Iterable[pl.DataFrame]) -> None:
        """Of these; there is one at least, of no rows if need be."""
        rest = iter(tables)
        self._last = next(rest)
        self._file = TemporaryFile()  # noqa: SIM115 - as long as they are read
        self._ends = [0]  # in the file, of each part before them
        self._put_away()
        for table in rest:
            self._last = pl.concat([self._last, table])
            self._put_away()

    def _put_away(self) -> None:
        while self._last.height > _AT_ONCE:
            part = BytesIO()
            self._last.head(_AT_ONCE).write_ipc(part, compression="lz4", compat_level=_OWN_TEXTS)
            self._file.write(part.getbuffer())
            self._ends.append(self._ends[-1] + part.tell())
            self._last = self._last.slice(_AT_ONCE)
        self._file.flush()

    @property
    def height(self) -> int:
        """How many rows there are."""
        return (len(self._ends) - 1) * _AT_ONCE + self._last.height

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """One part after another."""
        return self.starting(0)

    def starting(self, place: int) -> Iterator[pl.DataFrame]:
        """Those from the place of one on."""
        for start, end in pairwise(self._ends[place:]):
            yield pl.read_ipc(os.pread(self._file.fileno(), end - start, start))
        yield self._last
