"""Many made-up applications of any policy: typed facts within their bounds, the same for the same seed."""

import datetime
from collections.abc import Mapping
from decimal import Decimal
from random import Random
from typing import Any

import polars as pl

import policy
from policy import Fact, Policy
from policy.values import bounds

_LARGEST_FEN = 10_000_000_000
_LARGEST = 40


def random_facts(law: Policy, count: int, *, year: int = 2025, seed: int = 7) -> dict[str, pl.DataFrame]:
    """``count`` applications shared evenly among the measures; an enterprise has about two of them."""
    random = Random(seed)
    frames: dict[str, pl.DataFrame] = {}
    for place, measure in enumerate(law.measures):
        wanted = count // len(law.measures) + (place < count % len(law.measures))
        rows = [_row(random, measure.id, number, count, measure.all_facts, year) for number in range(wanted)]
        frames[measure.id] = policy.frame(measure, rows)
    return frames


def random_history(law: Policy, count: int, *, year: int = 2025, seed: int = 11) -> pl.DataFrame:
    """Earlier awards of the enterprises of `random_facts`."""
    random = Random(seed)
    rows = [
        {
            "uscc": _enterprise(random, count),
            "measure": random.choice(law.measures).id,
            "year": year - random.randint(1, 3),
            "amount_fen": random.randrange(1, 50_000_000),
        }
        for _ in range(count // 3)
    ]
    return pl.DataFrame(rows, schema=["uscc", "measure", "year", "amount_fen"])


def _enterprise(random: Random, count: int) -> str:
    return f"U{random.randrange(max(1, count // 2)):06d}"


def _row(
    random: Random, measure: str, number: int, count: int, facts: tuple[Fact, ...], year: int
) -> Mapping[str, Any]:
    who = {"application_id": f"{measure}-{number:06d}", "uscc": _enterprise(random, count), "enterprise": "示例企业"}
    return who | {fact.name: _value(random, fact, year) for fact in facts if fact.source != "history"}


def _value(random: Random, fact: Fact, year: int) -> Any:
    if not fact.must_be_given and random.random() < 0.5:
        return None
    low, high = bounds(fact) if fact.type in ("money", "integer", "decimal") else (0, 0)
    match fact.type:
        case "money":
            return random.randrange(max(low, 0), min(high, 10 ** random.randint(6, 10), _LARGEST_FEN) + 1)
        case "integer":
            return random.randrange(max(low, 0), min(high, max(low, 0) + _LARGEST) + 1)
        case "decimal":
            return Decimal(random.randrange(max(low, 0), min(high, 10**6) + 1)).scaleb(-fact.decimals)
        case "date":
            return datetime.date(year, 1, 1) + datetime.timedelta(days=random.randrange(365))
        case "boolean":
            return random.random() < (0.02 if fact.default == "false" else 0.9)
        case "choice":
            return random.choice(fact.choices)
        case "list":
            return tuple(f"U{random.randrange(_LARGEST):06d}" for _ in range(25))
        case _:
            return "示例"
