"""Facts that follow from earlier awards."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from policy.errors import InputError
from policy.facts import fact_type
from policy.names import AMOUNT, YEAR
from policy.schema import Fact, HistoryRule, Measure, Policy

REQUIRED = {"uscc": pl.String(), "measure": pl.String(), "year": pl.Int64(), "amount_fen": pl.Int64()}


def history_columns(policy: Policy) -> dict[str, pl.DataType]:
    """The columns of a history frame: the four required ones and every recorded fact that a rule reads."""
    return {**REQUIRED, **{name: fact_type(fact) for name, fact in recorded_facts(policy).items()}}


def recorded_facts(policy: Policy) -> dict[str, Fact]:
    """The recorded facts that rules read, by column; each is read as the fact that it feeds, or its namesake."""
    facts: dict[str, Fact] = {}
    for measure in policy.measures:
        for fact in measure.all_facts:
            if fact.history is not None:
                _remember(facts, measure, fact.history.per)
            if fact.history is not None and fact.history.aggregate in ("sum", "max", "min"):
                facts.setdefault(fact.history.of, fact)
        for limit in measure.limits:
            for name in (limit.per, *limit.period):
                _remember(facts, measure, name)
    for group in policy.groups:
        for measure in policy.measures:
            if measure.id in group.measures:
                _remember(facts, measure, group.per)
    return {name: fact for name, fact in facts.items() if name not in (AMOUNT, YEAR)}


def _remember(facts: dict[str, Fact], measure: Measure, name: str) -> None:
    fact = measure.fact(name)
    if fact is not None:
        facts.setdefault(name, fact)


def checked_history(policy: Policy, history: pl.DataFrame | None) -> pl.DataFrame:
    """The history in its types; columns of facts that were not recorded are without values."""
    wanted = history_columns(policy)
    if history is None:
        return pl.DataFrame(schema=wanted)
    missing = [name for name in REQUIRED if name not in history.columns]
    if missing:
        raise InputError(f"历年兑现记录缺少列：{'、'.join(missing)}")
    given = [
        pl.col(name).cast(kind) if name in history.columns else pl.lit(None, dtype=kind).alias(name)
        for name, kind in wanted.items()
    ]
    try:
        return history.select(given)
    except pl.exceptions.PolarsError as error:
        raise InputError(f"历年兑现记录列类型不对：{error}") from error


def add_history_facts(frame: pl.DataFrame, measure: Measure, history: pl.DataFrame, year: int) -> pl.DataFrame:
    """Fill the facts that come from history, where the frame does not give them itself."""
    for fact in measure.all_facts:
        if fact.history is None:
            continue
        derived = _derive(fact, fact.history, _relevant(fact.history, measure, history, year))
        if derived.is_empty():
            frame = frame.with_columns(pl.col(fact.name).fill_null(fact.history.plus))
            continue
        joined = frame.join(derived, on=_whose(fact.history), how="left", maintain_order="left")
        value = pl.coalesce(pl.col(fact.name), pl.col("_derived") + fact.history.plus, pl.lit(fact.history.plus))
        frame = joined.with_columns(value.cast(pl.Int64).alias(fact.name)).drop("_derived")
    return frame


def _whose(rule: HistoryRule) -> list[str]:
    """Earlier awards are the enterprise's own, of the same item where the rule looks at one item."""
    return ["uscc"] if rule.per == "uscc" else ["uscc", rule.per]


def _relevant(rule: HistoryRule, measure: Measure, history: pl.DataFrame, year: int) -> pl.DataFrame:
    place = pl.col("year")
    earlier = {"ever": place <= year, "this": place == year}.get(str(rule.years), place < year)
    if isinstance(rule.years, int):
        earlier = earlier & (pl.col("year") >= year - rule.years)
    names = rule.measures or [measure.id]
    return history.filter(earlier if "all" in names else earlier & pl.col("measure").is_in(names))


def _derive(fact: Fact, rule: HistoryRule, rows: pl.DataFrame) -> pl.DataFrame:
    """One exact integer for each enterprise, or each of its items."""
    paid = rows.filter(pl.col("amount_fen") > 0)
    if rule.aggregate in ("count", "years"):
        value = pl.len() if rule.aggregate == "count" else pl.col("year").n_unique()
        return paid.group_by(_whose(rule)).agg(value.cast(pl.Int64).alias("_derived"))
    if rule.of == YEAR:
        rows = paid
    column = pl.col("amount_fen" if rule.of == AMOUNT else rule.of).to_physical().cast(pl.Int128)
    value = {"sum": column.sum(), "max": column.max(), "min": column.min()}[rule.aggregate]
    return rows.group_by(_whose(rule)).agg(value.alias("_derived"))


def used_before(
    history: pl.DataFrame, measures: Sequence[str], per: str, year: int, *, this_year_only: bool
) -> pl.DataFrame:
    """For each key: how many awards (``_times``) and how many fen (``_paid``) it has in the history."""
    when = pl.col("year") == year if this_year_only else pl.col("year") <= year
    rows = history.filter(when & pl.col("measure").is_in(list(measures)) & (pl.col("amount_fen") > 0))
    if per not in history.columns:
        rows = rows.clear().with_columns(pl.lit(None, dtype=pl.String).alias(per))
    counted = rows.group_by(pl.col(per).cast(pl.String).alias("_key")).agg(
        pl.len().cast(pl.Int64).alias("_times"), pl.col("amount_fen").sum().alias("_paid")
    )
    return counted.filter(pl.col("_key").is_not_null())


def periods_before(
    history: pl.DataFrame, measures: Sequence[str], per: str, period: tuple[str, str], year: int
) -> pl.DataFrame:
    """The periods (``_key, _from, _to``) for which awards up to ``year`` were given, where the history records them."""
    if not {per, *period} <= set(history.columns):
        return pl.DataFrame(schema={"_key": pl.String(), "_from": pl.Date(), "_to": pl.Date()})
    paid = (pl.col("year") <= year) & pl.col("measure").is_in(list(measures)) & (pl.col("amount_fen") > 0)
    start, end = period
    named = pl.col(per).cast(pl.String).alias("_key"), pl.col(start).alias("_from"), pl.col(end).alias("_to")
    return history.filter(paid).select(named).drop_nulls()
