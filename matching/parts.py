"""A long table in parts, of which one at a time is in memory."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

_AT_ONCE = 100_000  # rows: with their keys a kilobyte each

_OWN_TEXTS = pl.CompatLevel.oldest()  # texts one after the other, not where they lay before


def compact(table: pl.DataFrame) -> pl.DataFrame:
    """The same table with texts of its own: rows that were picked keep those of all others in memory."""
    return pl.read_ipc(table.write_ipc(None, compat_level=_OWN_TEXTS).getvalue())


class Parts:
    """The rows of tables of one shape, in their order; gone through as often as asked.

    All parts but the last are of one size and lie in files, which end with the object.
    """

    def __init__(self, tables: Iterable[pl.DataFrame]) -> None:
        """Of these; there is one at least, of no rows if need be."""
        rest = iter(tables)
        self._last, self._files, self._folder = next(rest), 0, TemporaryDirectory()
        self._put_away()
        for table in rest:
            self._last = pl.concat([self._last, table])
            self._put_away()

    def _put_away(self) -> None:
        while self._last.height > _AT_ONCE:
            self._last.head(_AT_ONCE).write_ipc(self._file(self._files), compression="lz4", compat_level=_OWN_TEXTS)
            self._last = self._last.slice(_AT_ONCE)
            self._files += 1

    def _file(self, place: int) -> Path:
        return Path(self._folder.name, f"{place}.arrow")

    @property
    def height(self) -> int:
        """How many rows there are."""
        return self._files * _AT_ONCE + self._last.height

    def __iter__(self) -> Iterator[pl.DataFrame]:
        """One part after another."""
        return self.starting(0)

    def starting(self, place: int) -> Iterator[pl.DataFrame]:
        """Those from the place of one on."""
        for file in range(place, self._files):
            yield pl.read_ipc(self._file(file))
        yield self._last
