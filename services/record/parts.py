"""Many values some at a time: a statement takes 65,535 variables on PostgreSQL, and fewer than 250,000 on SQLite."""

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")
AT_ONCE = 500
"""Values in one statement."""


def in_parts(values: Sequence[T]) -> Iterator[Sequence[T]]:
    """The values in their order, `AT_ONCE` of them at a time; nothing of none."""
    for start in range(0, len(values), AT_ONCE):
        yield values[start : start + AT_ONCE]
