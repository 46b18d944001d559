"""The errors of the rule language, each a Chinese sentence with its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True)
class Problem:
    """One finding in a policy file; ``line`` and ``column`` count from 1.

    A ``computable`` error is almost surely not what was meant, and refused; a year that runs by it already goes on.
    """

    file: str
    line: int
    column: int
    value: str
    message: str
    nearest: str | None = None
    severity: Severity = "error"
    computable: bool = False

    def sentence(self) -> str:
        """The finding as one Chinese sentence with its place."""
        level = "" if self.severity == "error" else "（提醒）"
        seen = f"，看到的是“{self.value}”" if self.value else ""
        hint = f"，是否想写“{self.nearest}”？" if self.nearest else ""
        return f"{self.file} 第 {self.line} 行第 {self.column} 列{level}：{self.message}{seen}{hint}"


class PolicyError(Exception):
    """A policy that cannot be used; ``problems`` names everything that is wrong with it."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__("\n".join(problem.sentence() for problem in self.problems))


class PolicyNotFoundError(Exception):
    """No policy of that id or path."""


class InputError(Exception):
    """Facts, history, overrides or budgets that do not fit the policy as a whole."""


@dataclass(frozen=True)
class ValueProblem:
    """A value that could not be read: what is wrong with it, as a Chinese sentence."""

    message: str


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name most like ``name``, if any is like it."""
    found = get_close_matches(name, sorted(set(known)), n=1, cutoff=0.5)
    return found[0] if found else None
