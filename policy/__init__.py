"""The rule language: the law as data, checked, computed over whole tables, and explained.

Money is integer fen inside, text in yuan at the edges. What computes is imported when first asked for, so that
``import policy`` stays fast.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from policy.catalogue import find, listed
from policy.errors import InputError, PolicyError, PolicyNotFoundError, Problem, ValueProblem
from policy.loading import check, load, parse
from policy.schema import Fact, Measure, Policy
from policy.values import Value, read_value

if TYPE_CHECKING:
    from policy.cases import CaseResult, run_cases
    from policy.environment import check_overrides
    from policy.evaluation import Evaluation, Step, evaluate
    from policy.facts import RowError, columns, frame
    from policy.history import history_columns
    from policy.same_item import evaluate_items

_LAZY = {
    "CaseResult": "cases",
    "run_cases": "cases",
    "check_overrides": "environment",
    "Evaluation": "evaluation",
    "Step": "evaluation",
    "evaluate": "evaluation",
    "evaluate_items": "same_item",
    "RowError": "facts",
    "columns": "facts",
    "frame": "facts",
    "history_columns": "history",
}

__all__ = [
    "CaseResult",
    "Evaluation",
    "Fact",
    "InputError",
    "Measure",
    "Policy",
    "PolicyError",
    "PolicyNotFoundError",
    "Problem",
    "RowError",
    "Step",
    "Value",
    "ValueProblem",
    "check",
    "check_overrides",
    "columns",
    "evaluate",
    "evaluate_items",
    "find",
    "frame",
    "history_columns",
    "listed",
    "load",
    "parse",
    "read_value",
    "run_cases",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'policy' has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"policy.{_LAZY[name]}"), name)
