"""Two applications for one item: the lower counts what the higher gets as granted already."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import polars as pl

from policy.environment import Overrides
from policy.evaluation import Evaluation, evaluate
from policy.names import GRANTED_ABOVE
from policy.schema import Policy

Pairs = Sequence[tuple[str, str]]


def evaluate_items(
    policy: Policy,
    facts: Mapping[str, pl.DataFrame],
    pairs: Pairs,
    *,
    year: int,
    history: pl.DataFrame | None = None,
    overrides: Overrides | None = None,
    budgets: Mapping[str, int] | None = None,
) -> Evaluation:
    """As ``evaluate``, where each of ``pairs`` names two applications for the same item (就高、不重复).

    What both would get alone decides which is the lower; of equal amounts the later application yields.
    """
    alone = evaluate(policy, facts, year=year, history=history, overrides=overrides, budgets=budgets)
    if not pairs:
        return alone
    amounts = dict(alone.results.select("application_id", "amount_fen").iter_rows())
    extra: dict[str, int] = {}
    for pair in pairs:
        lower, higher = sorted(pair, key=lambda number: (amounts.get(number, 0), _reversed(number)))
        extra[lower] = extra.get(lower, 0) + amounts.get(higher, 0)
    again = {measure: _granted(frame, extra) for measure, frame in facts.items()}
    return evaluate(policy, again, year=year, history=history, overrides=overrides, budgets=budgets)


def _granted(frame: pl.DataFrame, extra: Mapping[str, int]) -> pl.DataFrame:
    more = pl.col("application_id").replace_strict(extra, default=0, return_dtype=pl.Int64)
    before = pl.col(GRANTED_ABOVE).fill_null(0) if GRANTED_ABOVE in frame.columns else pl.lit(0, dtype=pl.Int64)
    return frame.with_columns((before + more).alias(GRANTED_ABOVE))


def _reversed(number: str) -> tuple[int, ...]:
    """Sorts numbers from the last to the first."""
    return tuple(-ord(character) for character in number)
