"""The three measures as a careful programmer writes them by hand: a row at a time, Decimal yuan, no trail.

Written from the text of the policy and not from its rules in `config/policies`: what both agree on is right twice.
"""

import datetime
from collections.abc import Iterable, Mapping
from decimal import ROUND_FLOOR, Decimal
from typing import Any

from benchmarks.compute.world import YEAR

Row = Mapping[str, Any]
ZERO = Decimal(0)
_FIRST_DAY, _LAST_DAY = datetime.date(2024, 1, 1), datetime.date(2026, 12, 31)
_LEVELS = (
    (Decimal(100_000_000), Decimal(1_500_000)),
    (Decimal(80_000_000), Decimal(1_000_000)),
    (Decimal(50_000_000), Decimal(800_000)),
    (Decimal(30_000_000), Decimal(500_000)),
)


def amounts(measure: str, rows: Iterable[Row]) -> list[Decimal]:
    """Yuan for each row of a measure; 0 where nothing is given. Rows have yuan and rates as Decimal."""
    rule = _RULES[measure]
    return [_paid(row, rule(row)) if _in_good_standing(row) else ZERO for row in rows]


def _in_good_standing(row: Row) -> bool:
    day = row["item_date"]
    dated = day is None or (_FIRST_DAY <= day <= _LAST_DAY and day.year == YEAR)
    return dated and not row["serious_violation"]


def _paid(row: Row, due: Decimal) -> Decimal:
    """What others granted is taken off, and what is left is cut to the yuan."""
    granted: Decimal = row["granted_above"]
    return max(due - granted, ZERO).to_integral_value(ROUND_FLOOR)


def _dataset_trade(row: Row) -> Decimal:
    amount: Decimal = row["trade_amount"]
    return min(amount * Decimal("0.30"), Decimal(1_000_000)) if row["on_exchange"] else ZERO


def _annotation_platform(row: Row) -> Decimal:
    amount: Decimal = row["investment"]
    return min(amount * Decimal("0.15"), Decimal(5_000_000)) if amount >= Decimal(20_000_000) else ZERO


def _revenue_milestone(row: Row) -> Decimal:
    previous: Decimal = row["previous_revenue"]
    revenue: Decimal = row["revenue"]
    paid: Decimal = row["paid_earlier"]
    if revenue - previous < previous * row["industry_growth"]:
        return ZERO
    level, before = _level(revenue), _level(max(row["highest_earlier_revenue"], previous))
    if level <= before or level <= paid:
        return ZERO
    return level - paid


def _level(revenue: Decimal) -> Decimal:
    return next((award for least, award in _LEVELS if revenue >= least), ZERO)


_RULES = {
    "dataset-trade": _dataset_trade,
    "annotation-platform": _annotation_platform,
    "revenue-milestone": _revenue_milestone,
}
