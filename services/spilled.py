"""Things that are gone through as often as asked, in their order; of many most lie in a file instead of in memory."""

import os
import pickle
import tempfile
from collections.abc import Iterable, Iterator
from itertools import pairwise
from typing import IO, Generic, TypeVar

T = TypeVar("T")

_HELD = 5_000  # in memory: a kilobyte each
_TOGETHER = 500  # that go into the file, and come back from it, at once


class Spilled(Generic[T]):
    """Things that are added, and read in their order. The file has no name, and ends with the object."""

    def __init__(self, things: Iterable[T] = ()) -> None:
        """Of these, to begin with."""
        self._held: list[T] = []  # the last ones
        self._ends = [0]  # in the file, of each so many before them
        self._file: IO[bytes] | None = None
        self.add(things)

    def add(self, things: Iterable[T]) -> None:
        """Put more behind."""
        for thing in things:
            self._held.append(thing)
            if len(self._held) == _HELD:
                self._put_away()

    def _put_away(self) -> None:
        if self._file is None:
            self._file = tempfile.TemporaryFile()  # noqa: SIM115 - as long as they are read
        for start in range(0, _HELD, _TOGETHER):
            some = pickle.dumps(self._held[start : start + _TOGETHER], pickle.HIGHEST_PROTOCOL)
            self._file.write(some)
            self._ends.append(self._ends[-1] + len(some))
        self._held.clear()

    def __len__(self) -> int:
        """How many there are."""
        return (len(self._ends) - 1) * _TOGETHER + len(self._held)

    def __iter__(self) -> Iterator[T]:
        """From the first on; several readers do not disturb one another."""
        if self._file is not None:
            self._file.flush()
            for start, end in pairwise(self._ends):
                yield from pickle.loads(os.pread(self._file.fileno(), end - start, start))  # noqa: S301 - our own
        yield from self._held
