"""The rows of a table, gone through as often as asked; those of a long one lie in a file instead of in memory."""

import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import IO

Cell = str | int | Decimal | date | None
Row = tuple[Cell, ...]

_HELD = 20_000  # rows in memory: a kilobyte each
_TOGETHER = 500  # rows that go into the file, and come back from it, at once


class Rows:
    """Rows that are added, and read in their order. The file has no name, and ends with the object."""

    def __init__(self, rows: Iterable[Row] = ()) -> None:
        """Of these, to begin with."""
        self._held: list[Row] = []  # the last ones
        self._ends = [0]  # in the file, of each so many rows before them
        self._file: IO[bytes] | None = None
        self.add(rows)

    def add(self, rows: Iterable[Row]) -> None:
        """Put more behind."""
        for row in rows:
            self._held.append(row)
            if len(self._held) == _HELD:
                self._put_away()

    def _put_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as the rows are read
        for start in range(0, _HELD, _TOGETHER):
            some = pickle.dumps(self._held[start : start + _TOGETHER], pickle.HIGHEST_PROTOCOL)
            self._file.write(some)
            self._ends.append(self._ends[-1] + len(some))
        self._held.clear()

    def __len__(self) -> int:
        """How many there are."""
        return (len(self._ends) - 1) * _TOGETHER + len(self._held)

    def __iter__(self) -> Iterator[Row]:
        """From the first on; several readers do not disturb one another."""
        if self._file is not None:
            self._file.flush()
            for start, end in pairwise(self._ends):
                yield from pickle.loads(os.pread(self._file.fileno(), end - start, start))  # noqa: S301 - our own
        yield from self._held
