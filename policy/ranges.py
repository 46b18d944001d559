"""Many values of one figure: from, to, step; and all combinations of several such ranges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import prod

from policy.amounts import MONEY_SCALE, plain
from policy.changes import Change, Law, Lever, find_lever, read_change
from policy.errors import InputError
from policy.parameters import read_exact, value_type

_WAN = 10_000
MOST_VARIANTS = 5_000
"""Of all ranges together; above it the answer would no longer come while somebody waits."""


@dataclass(frozen=True)
class Range:
    """The values that one figure runs through, ascending; each is a change with its value as a number.

    The numbers are exact: yuan for money, 0.3 for 30 %.
    """

    lever: Lever
    row: str
    changes: tuple[Change, ...]
    values: tuple[Decimal, ...]

    @property
    def title(self) -> str:
        """How people name what runs."""
        return f"{self.lever.title}（{self.row} 档）" if self.row else self.lever.title

    def text(self, place: int) -> str:
        """A value as people read it."""
        value = self.values[place]
        if self.unit == "元":
            return f"{plain(value / _WAN)}万元" if value >= _WAN else f"{plain(value)}元"
        return self.changes[place].text + ("" if self.unit == "%" else self.unit)

    @property
    def present(self) -> Decimal | None:
        """The number that holds now; None when nothing is set."""
        text = self.lever.at(self.row)
        return read_exact(value_type(self.lever.parameter), text, ()) if text else None

    @property
    def unit(self) -> str:
        """What the numbers count when they are shown: %, 元, or the parameter's own unit."""
        kind = value_type(self.lever.parameter)
        return {"rate": "%", "money": "元"}.get(kind, self.lever.parameter.unit)


def read_range(law: Law, name: str, text: str, most: int = MOST_VARIANTS) -> Range:
    """The values of ``从:到:步长`` for the figure ``name``, at most so many. Raises InputError."""
    lever, row = find_lever(law, name)
    if not (lever.is_number or row):
        other = "请写明档，如 参数.1" if lever.parameter.type == "table" else "请用 --set 逐个试"
        raise InputError(f"{lever.title}（{lever.path}）不是一个数，不能从小到大试；{other}。")
    parts = [part.strip() for part in text.replace("：", ":").split(":")]
    if len(parts) != 3 or not all(parts):
        raise InputError(f"{lever.title}（{lever.path}）的范围要写成 从:到:步长，如 20%:40%:1%，看到的是“{text}”。")
    first, last, step = (_exact(law, lever, name, part) for part in parts)
    if step <= 0 or first > last:
        raise InputError(f"{lever.title}（{lever.path}）的范围“{text}”不对：步长要大于零，从要不大于到。")
    count = int((last - first) / step) + 1
    if count > most:
        raise _too_many(count, most)
    values = tuple(first + place * step for place in range(count))
    changes = tuple(read_change(law, name, _written(lever, value))[1] for value in values)
    return Range(lever, row, changes, values)


def combinations(ranges: Sequence[Range], most: int = MOST_VARIANTS) -> list[tuple[int, ...]]:
    """Every combination as places in the ranges, the last range running fastest. Raises InputError for too many."""
    names = [(each.lever.path, each.row) for each in ranges]
    for name in names:
        if names.count(name) > 1:
            raise InputError(f"“{'.'.join(part for part in name if part)}”的范围写了两次。")
    count = prod(len(each.changes) for each in ranges)
    if count > most:
        raise _too_many(count, most)
    return list(product(*(range(len(each.changes)) for each in ranges)))


def _too_many(count: int, most: int) -> InputError:
    return InputError(f"一共要试 {count:,} 种取值，超过一次 {most:,} 种的上限；请加大步长或缩小范围。")


def _exact(law: Law, lever: Lever, name: str, text: str) -> Decimal:
    change = read_change(law, name, text)[1]
    return read_exact(value_type(lever.parameter), change.text, ())


def _written(lever: Lever, value: Decimal) -> str:
    """A number as a policy file has it."""
    kind = value_type(lever.parameter)
    if kind == "rate":
        return f"{plain(value.scaleb(2))}%"
    return f"{value:.{MONEY_SCALE}f}" if kind == "money" else plain(value)
