"""The static types of the language: what a value is, its exact scale and its greatest size."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from policy.amounts import MAX_MONEY_FEN, MONEY_SCALE

Base = Literal["money", "number", "date", "boolean", "choice", "text", "list", "table"]

BASE_NAMES: dict[Base, str] = {
    "money": "金额",
    "number": "数",
    "date": "日期",
    "boolean": "是否",
    "choice": "选项",
    "text": "文本",
    "list": "清单",
    "table": "档位表",
}
INT64_MAX = 2**63 - 1
INT128_MAX = 10**38 - 1
DIVISION_SCALE = 8
"""Digits kept after the point by a division, which rounds down."""
COUNT_MAX = 10**9
MIN_YEAR, MAX_YEAR = 1949, 2199


@dataclass(frozen=True)
class Kind:
    """A static type. A number is the integer ``value * 10**scale`` between ``low`` and ``high``; money is in yuan."""

    base: Base
    scale: int = 0
    low: int = 0
    high: int = 0
    percent: bool = False
    nullable: bool = False
    choices: tuple[str, ...] = ()

    @property
    def numeric(self) -> bool:
        """Whether arithmetic works on it."""
        return self.base in ("money", "number")

    @property
    def size(self) -> int:
        """The greatest magnitude of the scaled integer."""
        return max(abs(self.low), abs(self.high))

    @property
    def wide(self) -> bool:
        """Whether the scaled integer needs 128 bits."""
        return self.numeric and self.size > INT64_MAX

    @property
    def title(self) -> str:
        """What it is called in a Chinese sentence."""
        return BASE_NAMES[self.base]

    def maybe(self, nullable: bool) -> Kind:
        """The same type, perhaps without a value."""
        return replace(self, nullable=nullable)


BOOLEAN = Kind("boolean")
DATE = Kind("date")
TEXT = Kind("text")
LIST = Kind("list")
MONEY = Kind("money", MONEY_SCALE, 0, MAX_MONEY_FEN)
FEN = Kind("money", MONEY_SCALE, -MAX_MONEY_FEN, MAX_MONEY_FEN)
"""What a rule, a grant or a rounding leaves; below zero where more was taken off than there was."""
COUNT = Kind("number", 0, 0, COUNT_MAX)
YEAR = Kind("number", 0, MIN_YEAR, MAX_YEAR)


def number(low: int, high: int, scale: int = 0, *, percent: bool = False) -> Kind:
    """A dimensionless number between two scaled integers."""
    return Kind("number", scale, low, high, percent)
