"""The three measures as GoRules decisions: fen and whole percents, a row at a time, every step kept.

Once as a decision graph with all rows handed over in one call (how it is meant to be used), once as its compiled
expressions called one after the other (the fastest that it can do from Python).
"""

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import zen

from benchmarks.compute.world import YEAR

Row = dict[str, Any]
_FLOOR = ("award", "standing and eligible ? floor(after / 10000) * 100 : 0")
_STANDING = (
    "standing",
    f"(day == 0 or (day >= 20240101 and day <= 20261231 and floor(day / 10000) == {YEAR})) and not serious_violation",
)
_OVERLAP = ("after", "max([capped - granted_above * 100, 0])")
_LEVEL = (
    "{0} >= 10000000000 ? 150000000 : {0} >= 8000000000 ? 100000000 : "
    "{0} >= 5000000000 ? 80000000 : {0} >= 3000000000 ? 50000000 : 0"
)
STEPS: dict[str, list[tuple[str, str]]] = {
    "dataset-trade": [
        ("reward", "trade_amount * 30"),
        ("capped", "min([reward, 10000000000])"),
        ("eligible", "on_exchange"),
    ],
    "annotation-platform": [
        ("reward", "investment * 15"),
        ("capped", "min([reward, 50000000000])"),
        ("eligible", "investment >= 2000000000"),
    ],
    "revenue-milestone": [
        ("increase", "revenue - previous_revenue"),
        ("required", "previous_revenue * industry_growth"),
        ("level", _LEVEL.format("revenue")),
        ("highest", "max([highest_earlier_revenue, previous_revenue])"),
        ("before", _LEVEL.format("highest")),
        ("top_up", "level - paid_earlier"),
        ("capped", "top_up * 100"),
        ("eligible", "increase * 1000000 >= required and level > before and top_up > 0"),
    ],
}


def by_graph(measure: str, rows: Sequence[Row]) -> list[int]:
    """Fen for each row."""
    engine = zen.ZenEngine({"loader": lambda _: _graph(_steps(measure))})
    answers = engine.evaluate_batch([{"key": measure, "context": row} for row in rows])
    return [int(answer["data"]["result"]["award"]) for answer in answers]


def by_expressions(measure: str, rows: Sequence[Row]) -> list[int]:
    """Fen for each row."""
    steps = [(name, zen.compile_expression(text)) for name, text in _steps(measure)]
    found = []
    for row in rows:
        known = dict(row)
        for name, expression in steps:
            known[name] = expression.evaluate(known)
        found.append(int(known["award"]))
    return found


def _steps(measure: str) -> list[tuple[str, str]]:
    return [_STANDING, *STEPS[measure], _OVERLAP, _FLOOR]


def _graph(steps: Sequence[tuple[str, str]]) -> str:
    """One node of expressions between input and output; there a step reads an earlier one as `$.name`."""
    names = "|".join(name for name, _ in steps)
    expressions = [{"id": name, "key": name, "value": re.sub(rf"\b({names})\b", r"$.\1", text)} for name, text in steps]
    contents = {"inputNode": {}, "expressionNode": {"expressions": expressions}, "outputNode": {}}
    nodes = [
        {"id": kind, "type": kind, "name": kind, "content": content, "position": {"x": 0, "y": 0}}
        for kind, content in contents.items()
    ]
    edges = [
        {"id": f"to {after}", "type": "edge", "sourceId": before, "targetId": after}
        for before, after in pairwise(contents)
    ]
    return json.dumps({"nodes": nodes, "edges": edges})
