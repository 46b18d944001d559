"""Two applications for one item: the lower counts what the higher gets as granted already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

import polars as pl

from policy.environment import Overrides
from policy.evaluation import Evaluation, evaluate
from policy.names import GRANTED_ABOVE
from policy.schema import Policy

Pairs = Sequence[tuple[str, str]]
T = TypeVar("T")


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

    What both would get alone decides which is the lower; of equal amounts the later application yields. What the
    higher gets may itself be less for the sake of a third, so that it is evaluated until nothing changes: at most once
    a pair, since each round settles at least the highest that was not settled.
    """

    def evaluated(granted: Mapping[str, int]) -> Evaluation:
        frames = {measure: with_granted(frame, granted) for measure, frame in facts.items()} if granted else facts
        return evaluate(policy, frames, year=year, history=history, overrides=overrides, budgets=budgets)

    return settle(pairs, evaluated, _amounts)


def settle(
    pairs: Pairs, evaluated: Callable[[Mapping[str, int]], T], amounts_of: Callable[[T], Mapping[str, int]]
) -> T:
    """What ``evaluated`` gives once of every pair the lower counts what the higher gets.

    ``evaluated`` takes fen granted besides by application; ``amounts_of`` gives at least the amounts of the paired.
    Where rules across awards have it go round in a turn, it is left where the last of as many rounds as there are
    pairs would leave it, without making them.
    """
    found = evaluated({})
    amounts = amounts_of(found)
    ranked = [sorted(pair, key=lambda each: (amounts.get(each, 0), _reversed(each))) for pair in pairs]
    tried: list[dict[str, int]] = [{}]
    rounds: dict[frozenset[tuple[str, int]], int] = {frozenset(): 0}
    while len(tried) <= len(pairs):
        granted = _granted(ranked, amounts_of(found))
        if granted == tried[-1]:
            break
        before = rounds.setdefault(frozenset(granted.items()), len(tried))
        if before < len(tried):
            turn = tried[before:]
            return evaluated(turn[(len(pairs) - before) % len(turn)])
        tried.append(granted)
        found = evaluated(granted)
    return found


def _granted(ranked: Sequence[Sequence[str]], amounts: Mapping[str, int]) -> dict[str, int]:
    """Fen granted besides by application, when the higher of each pair gets these amounts."""
    granted: dict[str, int] = {}
    for lower, higher in ranked:
        granted[lower] = granted.get(lower, 0) + amounts.get(higher, 0)
    return granted


def _amounts(evaluation: Evaluation) -> dict[str, int]:
    return dict(evaluation.results.select("application_id", "amount_fen").iter_rows())


def with_granted(frame: pl.DataFrame, extra: Mapping[str, int]) -> pl.DataFrame:
    """The facts with fen granted besides, by application."""
    more = pl.col("application_id").replace_strict(extra, default=0, return_dtype=pl.Int64)
    before = pl.col(GRANTED_ABOVE).fill_null(0) if GRANTED_ABOVE in frame.columns else pl.lit(0, dtype=pl.Int64)
    return frame.with_columns((before + more).alias(GRANTED_ABOVE))


def _reversed(number: str) -> tuple[int, ...]:
    """Sorts numbers from the last to the first."""
    return tuple(-ord(character) for character in number)
