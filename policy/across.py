"""Rules between applications, over the whole table: limits, exclusive groups, caps, pools, budgets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from policy.amounts import yuan
from policy.history import used_before
from policy.schema import AmountCap, Group, HighestOnly, Limit, Measure, Times

Kind = Literal["highest_only", "times", "amount", "pro_rata", "by_rank", "warn"]


@dataclass(frozen=True)
class Rule:
    """One rule across rows in plain figures; ``most`` is fen, ``times`` a count."""

    column: str
    label: str
    kind: Kind
    measures: tuple[str, ...]
    clause: str
    quote: str
    per: str | None = "uscc"
    most: int = 0
    times: int | None = None
    this_year_only: bool = False
    keep_highest: bool = True
    pro_rata: bool = False
    whole: bool = False
    earlier: Literal["reject", "top_up", "ignore"] = "reject"
    rank_by: str | None = None
    is_budget: bool = False


def limit_rule(measure: Measure, limit: Limit, numbers: Mapping[str, int]) -> Rule:
    """The rule of a measure's own limit; ``numbers`` gives parameters by name."""
    return Rule(
        column="limit_" + limit.id.replace("-", "_"),
        label=limit.label,
        kind="times" if limit.times is not None else "amount",
        measures=(measure.id,),
        clause=limit.clause or measure.clause,
        quote=limit.quote or measure.quote,
        per=limit.per,
        most=numbers[limit.amount] if limit.amount is not None else 0,
        times=_number(limit.times, numbers) if limit.times is not None else None,
        this_year_only=limit.within == "year",
        keep_highest=limit.keep == "highest",
        pro_rata=limit.share == "pro_rata",
    )


def group_rule(group: Group, numbers: Mapping[str, int]) -> Rule:
    """The rule of a group."""
    column = "group_" + group.id.replace("-", "_")
    base = Rule(column, group.label, "times", tuple(group.measures), group.clause, group.quote, per=group.per)
    if isinstance(group, HighestOnly):
        return replace(base, kind="highest_only", earlier=group.earlier)
    if isinstance(group, Times):
        times = _number(group.times, numbers)
        return replace(base, times=times, this_year_only=group.within == "year", keep_highest=group.keep == "highest")
    most = numbers[group.amount]
    if isinstance(group, AmountCap):
        yearly, shared = group.within == "year", group.share == "pro_rata"
        return replace(base, kind="amount", most=most, this_year_only=yearly, pro_rata=shared)
    top = _number(group.top, numbers) if group.top is not None else None
    return replace(base, kind=group.share, per=None, most=most, times=top, rank_by=group.rank_by, whole=group.whole)


def budget_rule(measure: Measure, fen: int) -> Rule:
    """The rule of a measure's yearly budget."""
    return Rule(
        column="budget",
        label="年度预算",
        kind=measure.budget.when_short,
        measures=(measure.id,),
        clause=measure.clause,
        quote="",
        per=None,
        most=fen,
        rank_by=measure.budget.rank_by,
        is_budget=True,
    )


def _number(text: str, numbers: Mapping[str, int]) -> int:
    return int(text) if text.isdecimal() else numbers[text]


def apply_rule(rule: Rule, rows: pl.DataFrame, history: pl.DataFrame, year: int) -> pl.DataFrame:
    """``_row, _new, _why`` for every award of the rule's measures.

    ``rows`` has ``_row, application_id, _order, amount_fen, _key`` and, when the rule ranks, ``_rank``.
    """
    if rule.per is not None:
        used = used_before(history, rule.measures, rule.per, year, this_year_only=rule.this_year_only)
        rows = rows.join(used, on="_key", how="left", maintain_order="left")
    else:
        rows = rows.with_columns(_key=pl.lit(""), _times=pl.lit(0, dtype=pl.Int64), _paid=pl.lit(0, dtype=pl.Int64))
    rows = rows.with_columns(pl.col("_times", "_paid").fill_null(0))
    changed = _CHANGES[rule.kind](rule, rows)
    return changed.select("_row", pl.col("_new").cast(pl.Int64), pl.col("_why").cast(pl.String))


def _highest_only(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    ordered = rows.sort(["amount_fen", "_order", "application_id"], descending=[True, False, False])
    place = pl.int_range(pl.len()).over("_key")
    amount, paid = pl.col("amount_fen"), pl.col("_paid") if rule.earlier != "ignore" else pl.lit(0, dtype=pl.Int64)
    left = amount if rule.earlier == "ignore" else pl.when(paid > 0).then(pl.lit(0)).otherwise(amount)
    if rule.earlier == "top_up":
        left = pl.when(paid > amount).then(pl.lit(0)).otherwise(amount - paid)
    beaten = f"{rule.label}：同年度另一件金额更高，只给最高的一件"
    had = pl.concat_str(pl.lit(f"{rule.label}：以前已得 "), _yuan(paid), pl.lit("元，不再给"))
    return ordered.with_columns(_place=place).with_columns(
        _new=pl.when(pl.col("_place") == 0).then(left).otherwise(pl.lit(0)),
        _why=pl.when(pl.col("_place") > 0).then(pl.lit(beaten)).otherwise(had),
    )


def _times(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    highest_first = [pl.col("amount_fen").neg()] if rule.keep_highest else []
    ordered = rows.sort([*highest_first, pl.col("application_id"), pl.col("_order")])
    number = pl.col("_times") + pl.int_range(1, pl.len() + 1).over("_key")
    why = pl.concat_str(
        pl.lit(f"{rule.label}：最多 {rule.times} 次，以前已有 "), pl.col("_times").cast(pl.String), pl.lit(" 次")
    )
    return ordered.with_columns(
        _new=pl.when(number <= pl.lit(rule.times or 0)).then(pl.col("amount_fen")).otherwise(pl.lit(0)), _why=why
    )


def _amount(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    left = pl.max_horizontal(pl.lit(rule.most, dtype=pl.Int64) - pl.col("_paid"), pl.lit(0, dtype=pl.Int64))
    rows = rows.with_columns(_left=left)
    why = pl.concat_str(
        pl.lit(f"{rule.label}：最多 {yuan(rule.most)}元，以前已有 "), _yuan(pl.col("_paid")), pl.lit("元，额度已用完")
    )
    shared = _share(rows, whole=False) if rule.pro_rata else _in_turn(rows, ["_order", "application_id"])
    return shared.with_columns(_why=why)


def _pro_rata(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    shared = _share(rows.with_columns(_left=pl.lit(rule.most, dtype=pl.Int64)), whole=rule.whole)
    return shared.with_columns(_why=pl.lit(f"{rule.label}：{yuan(rule.most)}元，按比例分到的不足一分"))


def _by_rank(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    order = ["_rank", "application_id", "_order"]
    ordered = rows.sort(order, descending=[True, False, False], nulls_last=True)
    ordered = ordered.with_columns(_left=pl.lit(rule.most, dtype=pl.Int64), _place=pl.int_range(1, pl.len() + 1))
    inside = pl.lit(True) if rule.times is None else pl.col("_place") <= rule.times
    taken = _in_turn(ordered.filter(inside), ["_place"])
    out = ordered.filter(~inside).with_columns(_new=pl.lit(0, dtype=pl.Int64))
    both = pl.concat([taken.select(*out.columns), out])
    top = f"只取前 {rule.times} 名，" if rule.times is not None else ""
    why = pl.concat_str(
        pl.lit(f"{rule.label}：{yuan(rule.most)}元，{top}排名第 "),
        pl.col("_place").cast(pl.String),
        pl.lit("，未能分到"),
    )
    return both.with_columns(_why=why)


def _warn(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    return rows.with_columns(_new=pl.col("amount_fen"), _why=pl.lit(""))


def _in_turn(rows: pl.DataFrame, order: Sequence[str]) -> pl.DataFrame:
    """Give each in full, in order, until ``_left`` of its key is used up; the last one gets the rest."""
    ordered = rows.sort(order)
    amount = pl.col("amount_fen").cast(pl.Int128)
    before = amount.cum_sum().over("_key") - amount
    rest = pl.max_horizontal(pl.col("_left").cast(pl.Int128) - before, pl.lit(0, dtype=pl.Int128))
    return ordered.with_columns(_new=pl.min_horizontal(amount, rest).cast(pl.Int64))


def _share(rows: pl.DataFrame, *, whole: bool) -> pl.DataFrame:
    """Share ``_left`` of each key in proportion, to the fen, by the largest remainder."""
    amount, left = pl.col("amount_fen").cast(pl.Int128), pl.col("_left").cast(pl.Int128)
    total = amount.sum().over("_key")
    rows = rows.with_columns(_total=total).with_columns(
        _floor=left * amount // pl.col("_total"), _rest=left * amount % pl.col("_total")
    )
    rows = rows.sort(["_rest", "_order", "application_id"], descending=[True, False, False])
    spare = pl.col("_left").cast(pl.Int128) - pl.col("_floor").sum().over("_key")
    place = pl.int_range(pl.len()).over("_key")
    shared = pl.col("_floor") + (place < spare).cast(pl.Int128)
    fits = pl.col("_total") <= left
    kept = shared if whole else pl.when(fits).then(amount).otherwise(shared)
    return rows.with_columns(_new=kept)


def _yuan(fen: pl.Expr) -> pl.Expr:
    return pl.concat_str((fen // 100).cast(pl.String), pl.lit("."), (fen % 100).cast(pl.String).str.zfill(2))


_CHANGES = {
    "highest_only": _highest_only,
    "times": _times,
    "amount": _amount,
    "pro_rata": _pro_rata,
    "by_rank": _by_rank,
    "warn": _warn,
}
