"""Two applications for one item: only the higher is supported, and their spend is counted once (就高、不重复)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import polars as pl

from policy.across import refusing
from policy.environment import Overrides
from policy.evaluation import Evaluation, evaluate
from policy.facts import BESIDE, applicant
from policy.names import AGAIN, SAME_ITEM
from policy.running import MeasureRun, Setting, worth
from policy.schema import Policy

Pairs = Sequence[tuple[str, str]]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Claim:
    """What one of a pair stands for under some evaluation.

    ``worth`` is fen before anything is taken off and before money is short; ``passes`` tells whether the conditions
    hold, ``stands`` whether besides no rule gives its place to another application; ``adds_to`` is the measure and
    the applicant to whose total it adds, None where it adds to none.
    """

    worth: int
    passes: bool
    stands: bool
    adds_to: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Beside:
    """What an application that yields to a higher one counts: what that is worth in fen; whether its spend is there
    ``again``, in the same total."""

    fen: int = 0
    again: bool = False


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
    """As ``evaluate``, where each of ``pairs`` names two applications for the same item (就高、不重复)."""
    paired = {each for pair in pairs for each in pair}

    def evaluated(beside: Mapping[str, Beside]) -> Evaluation:
        frames = {measure: with_beside(frame, beside) for measure, frame in facts.items()} if beside else facts
        return evaluate(policy, frames, year=year, history=history, overrides=overrides, budgets=budgets)

    return settle(pairs, evaluated, lambda evaluation: claims(evaluation, paired))


def settle(
    pairs: Pairs,
    evaluated: Callable[[Mapping[str, Beside]], T],
    claims_of: Callable[[T], Mapping[str, Claim]],
) -> T:
    """What ``evaluated`` gives once of every pair the lower counts what the higher is worth; never are both awarded.

    What each is worth decides: what was granted for it elsewhere is supported too, and a limit or a budget that cuts
    the higher does not bring the lower back. Of equal ones the later yields. Who yields itself, or gives its place to
    another application under a rule, lets nobody yield. Where rules and pairs go round in a turn, no rule does that.
    """
    found, tried = evaluated({}), [dict[str, Beside]()]
    while (beside := yielding(pairs, claims := claims_of(found))) != tried[-1]:
        if beside in tried or len(tried) > 2 * len(pairs):
            return evaluated(yielding(pairs, claims, whatever_rules_say=True))
        tried.append(beside)
        found = evaluated(beside)
    return found


def yielding(pairs: Pairs, claims: Mapping[str, Claim], *, whatever_rules_say: bool = False) -> dict[str, Beside]:
    """Those of the pairs that yield, and what each of them counts."""
    held = {name for name, claim in claims.items() if (claim.passes if whatever_rules_say else claim.stands)}
    totals = {name for name, claim in claims.items() if claim.adds_to is not None}
    fen = _lower((pair for pair in pairs if held.issuperset(pair)), claims)
    together = (pair for pair in pairs if totals.issuperset(pair) and len({claims[each].adds_to for each in pair}) == 1)
    again = _lower(together, claims)
    return {name: Beside(fen.get(name, 0), name in again) for name in sorted(fen.keys() | again.keys())}


def _lower(pairs: Iterable[tuple[str, str]], claims: Mapping[str, Claim]) -> dict[str, int]:
    """By application that yields what those are worth to which it does, from the highest application down."""
    others = defaultdict[str, set[str]](set)
    for one, other in pairs:
        others[one].add(other)
        others[other].add(one)
    kept, found = set[str](), dict[str, int]()
    for name in sorted(others, key=lambda each: (-claims[each].worth, each)):
        if higher := others[name] & kept:
            found[name] = sum(claims[each].worth for each in higher)
        else:
            kept.add(name)
    return found


def claims(evaluation: Evaluation, paired: Collection[str]) -> dict[str, Claim]:
    """What each of the paired applications stands for; those with errors, or of measures that pay nothing, do not."""
    found: dict[str, Claim] = {}
    for measure, run in evaluation.runs.items():
        rows = run.frame.filter(pl.col("application_id").is_in(list(paired))) if paired else run.frame.clear()
        if rows.height and "capped" in rows.columns:
            found |= _claims(run, evaluation.setting[measure], rows)
    return found


def _claims(run: MeasureRun, setting: Setting, rows: pl.DataFrame) -> dict[str, Claim]:
    common = [index for index, each in enumerate(run.program.conditions) if each.common]
    adds = pl.lit("_counted" in rows.columns) & (pl.col("_stop").is_null() | ~pl.col("_stop").is_in(common))
    passes = pl.col("_stop").is_null() & (pl.col("_worth") > 0)
    refused = [(pl.col(name) <= 0).fill_null(False) for name in refusing(setting.policy, run.measure)]
    told = rows.with_columns(_worth=worth(run, setting)).select(
        "application_id",
        "_worth",
        passes.alias("_passes"),
        (passes & ~pl.any_horizontal(pl.lit(False), *refused)).alias("_stands"),
        pl.when(adds).then(applicant()).alias("_who"),
    )
    return {
        name: Claim(fen, passed, stands, None if who is None else (run.measure.id, who))
        for name, fen, passed, stands, who in told.iter_rows()
    }


def with_beside(frame: pl.DataFrame, beside: Mapping[str, Beside]) -> pl.DataFrame:
    """The facts with what each application counts that yields to a higher one."""
    who = pl.col("application_id")
    fen = {name: each.fen for name, each in beside.items()}
    again = {name: each.again for name, each in beside.items()}
    return frame.with_columns(
        who.replace_strict(fen, default=0, return_dtype=BESIDE[SAME_ITEM]).alias(SAME_ITEM),
        who.replace_strict(again, default=False, return_dtype=BESIDE[AGAIN]).alias(AGAIN),
    )
