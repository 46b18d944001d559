"""Rules between applications, over the whole table: limits, exclusive groups, caps, pools, budgets, periods."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import polars as pl

from policy.amounts import MAX_MONEY_FEN, yuan
from policy.history import periods_before, used_before
from policy.schema import AmountCap, Group, HighestOnly, Limit, Measure, Policy, Times

_NO_LIMIT = 1000 * MAX_MONEY_FEN
Kind = Literal["highest_only", "times", "amount", "apart", "pro_rata", "by_rank", "warn"]


@dataclass(frozen=True)
class Rule:
    """One rule across rows in plain figures; ``most`` is fen, ``times`` a count, ``period`` the facts of both its days.

    ``most_of`` is the fact that gives the most of each key, where it is not the same for all.
    ``worth`` adds up what awards come to before others' grants are taken off; ``looks_at_covered`` says whether an
    application counts whose award others have paid in full already.
    """

    column: str
    label: str
    kind: Kind
    measures: tuple[str, ...]
    clause: str
    quote: str
    per: str | None = "uscc"
    most: int = 0
    most_of: str | None = None
    times: int | None = None
    this_year_only: bool = False
    keep_highest: bool = True
    pro_rata: bool = False
    worth: bool = False
    whole: bool = False
    earlier: Literal["reject", "top_up", "ignore"] = "reject"
    rank_by: str | None = None
    period: tuple[str, str] | None = None

    @property
    def looks_at_covered(self) -> bool:
        return self.worth or self.kind in ("highest_only", "apart")


def limit_rule(measure: Measure, limit: Limit, numbers: Mapping[str, int]) -> Rule:
    """The rule of a measure's own limit; ``numbers`` gives parameters by name."""
    return Rule(
        column=_column("limit", limit.id),
        label=limit.label,
        kind="apart" if limit.period else "times" if limit.times is not None else "amount",
        measures=(measure.id,),
        clause=limit.clause or measure.clause,
        quote=limit.quote or measure.quote,
        per=limit.per,
        most=numbers.get(limit.amount or "", 0),
        most_of=limit.amount if measure.fact(limit.amount or "") is not None else None,
        times=_number(limit.times, numbers) if limit.times is not None else None,
        this_year_only=limit.within == "year",
        keep_highest=limit.keep == "highest",
        pro_rata=limit.share == "pro_rata",
        worth=limit.counts == "worth",
        period=(limit.period[0], limit.period[1]) if limit.period else None,
    )


def group_rule(group: Group, numbers: Mapping[str, int]) -> Rule:
    """The rule of a group."""
    base = Rule(
        _column("group", group.id),
        group.label,
        "times",
        tuple(group.measures),
        group.clause,
        group.quote,
        per=group.per,
    )
    if isinstance(group, HighestOnly):
        return replace(base, kind="highest_only", earlier=group.earlier, this_year_only=group.within == "year")
    if isinstance(group, Times):
        times = _number(group.times, numbers)
        return replace(base, times=times, this_year_only=group.within == "year", keep_highest=group.keep == "highest")
    if isinstance(group, AmountCap):
        own = group.amount if group.amount not in numbers else None
        most, yearly, shared = numbers.get(group.amount, 0), group.within == "year", group.share == "pro_rata"
        return replace(base, kind="amount", most=most, most_of=own, this_year_only=yearly, pro_rata=shared)
    most = numbers[group.amount]
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
        quote="年度预算由年度申报指南确定",
        per=None,
        most=fen,
        rank_by=measure.budget.rank_by,
    )


def refusing(policy: Policy, measure: Measure) -> list[str]:
    """The columns of the rules that refuse an application altogether: not for money's sake but for another's."""
    limits = [_column("limit", limit.id) for limit in measure.limits if limit.amount is None]
    groups = [group for group in policy.groups if measure.id in group.measures]
    return limits + [_column("group", group.id) for group in groups if isinstance(group, HighestOnly | Times)]


def _column(kind: str, rule_id: str) -> str:
    return f"{kind}_{rule_id.replace('-', '_')}"


def _number(text: str, numbers: Mapping[str, int]) -> int:
    return int(text) if text.isdecimal() else numbers[text]


def apply_rule(rule: Rule, rows: pl.DataFrame, history: pl.DataFrame, year: int) -> pl.DataFrame:
    """``_row, _new, _why`` for every award of the rule's measures, in the order of ``_row``.

    ``rows`` has ``_row, application_id, _order, amount_fen, _key, _off, _covered`` (what was taken off for grants from
    elsewhere, and whether nothing was left), and, when the rule reads them, ``_most``, ``_rank`` or ``_from`` and
    ``_to``.
    """
    if rule.period is not None:
        earlier = periods_before(history, rule.measures, rule.per or "", rule.period, year)
        return _told(_apart(rule, rows, earlier))
    if rule.per is not None:
        used = used_before(history, rule.measures, rule.per, year, this_year_only=rule.this_year_only)
    else:
        used, rows = pl.DataFrame(), rows.with_columns(_key=pl.lit(""))
    if used.is_empty():
        rows = rows.with_columns(_times=pl.lit(0, dtype=pl.Int64), _paid=pl.lit(0, dtype=pl.Int64))
    else:
        rows = rows.join(used, on="_key", how="left", maintain_order="left")
        rows = rows.with_columns(pl.col("_times", "_paid").fill_null(0))
    return _told(_CHANGES[rule.kind](rule, rows))


def _told(changed: pl.DataFrame) -> pl.DataFrame:
    return changed.select("_row", pl.col("_new").cast(pl.Int64), pl.col("_why").cast(pl.String)).sort("_row")


def _highest_only(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    """Compared by what each is worth before others' grants are taken off: what is paid elsewhere is paid too."""
    ordered = rows.with_columns(_worth=pl.col("amount_fen") + pl.col("_off")).sort(
        ["_worth", "_covered", "_order", "application_id"], descending=[True, True, False, False]
    )
    place = pl.int_range(pl.len()).over("_key")
    amount, paid = pl.col("amount_fen"), pl.col("_paid") if rule.earlier != "ignore" else pl.lit(0, dtype=pl.Int64)
    left = amount if rule.earlier == "ignore" else pl.when(paid > 0).then(pl.lit(0)).otherwise(amount)
    if rule.earlier == "top_up":
        left = pl.when(paid > amount).then(pl.lit(0)).otherwise(amount - paid)
    beaten = (
        pl.when(pl.col("_covered").first().over("_key"))
        .then(pl.lit(f"{rule.label}：同年度金额最高的一件已由上级或其他措施资助，不再给"))
        .when(pl.col("_worth") == pl.col("_worth").first().over("_key"))
        .then(pl.lit(f"{rule.label}：同年度另一件金额相同，只给其中一件"))
        .otherwise(pl.lit(f"{rule.label}：同年度另一件金额更高，只给最高的一件"))
    )
    had = pl.concat_str(pl.lit(f"{rule.label}：以前已得 "), _yuan(paid), pl.lit("元，不再给"))
    return ordered.with_columns(_place=place, _beaten=beaten).with_columns(
        _new=pl.when(pl.col("_place") == 0).then(left).otherwise(pl.lit(0)),
        _why=pl.when(pl.col("_place") > 0).then(pl.col("_beaten")).otherwise(had),
    )


def _times(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    """Who applies once and has not had all of it keeps it; the others, few as a rule, are put in order."""
    most = rule.times or 0
    alone = rows["_key"].n_unique() == rows.height
    safe = pl.col("_times") < most if alone else ~pl.col("_key").is_duplicated() & (pl.col("_times") < most)
    marked = rows.with_columns(_safe=safe, _new=pl.col("amount_fen"), _why=pl.lit(None, dtype=pl.String))
    if marked["_safe"].all():
        return marked
    kept, others = marked.filter("_safe"), marked.filter(~pl.col("_safe"))
    return pl.concat([kept, _counted(rule, others, most)])


def _counted(rule: Rule, rows: pl.DataFrame, most: int) -> pl.DataFrame:
    highest_first = [pl.col("amount_fen").neg()] if rule.keep_highest else []
    ordered = rows.sort([*highest_first, pl.col("application_id"), pl.col("_order")])
    number = pl.col("_times") + pl.int_range(1, pl.len() + 1).over("_key")
    had, given = pl.col("_times").cast(pl.String), (pl.lit(most) - pl.col("_times")).cast(pl.String)
    others = pl.concat_str(pl.lit("本年度已给另 "), given, pl.lit(" 件"))
    before = pl.concat_str(pl.lit("以前已有 "), had, pl.lit(" 次"))
    seen = (
        pl.when(pl.col("_times") >= most)
        .then(before)
        .when(pl.col("_times") == 0)
        .then(others)
        .otherwise(pl.concat_str(before, pl.lit("，"), others))
    )
    why = pl.concat_str(pl.lit(f"{rule.label}：最多 {most} 次，"), seen)
    return ordered.with_columns(
        _new=pl.when(number <= pl.lit(most)).then(pl.col("amount_fen")).otherwise(pl.lit(0)), _why=why
    )


def _amount(rule: Rule, rows: pl.DataFrame) -> pl.DataFrame:
    """Where applications of one key state several mosts the least holds; a key that states none has no limit."""
    rows = rows.with_columns(_most=pl.col("_most").min().over("_key").fill_null(_NO_LIMIT))
    left = pl.max_horizontal(pl.col("_most") - pl.col("_paid"), pl.lit(0, dtype=pl.Int64))
    rows = rows.with_columns(_left=left)
    paid, left_over = pl.col("_paid") > 0, pl.col("_left") > 0
    before = pl.concat_str(pl.lit("以前已有 "), _yuan(pl.col("_paid")), pl.lit("元，"))
    others = pl.when(left_over).then(pl.lit("本年度另外的申请用去其余，"))
    seen = pl.concat_str(pl.when(paid).then(before), others, pl.lit("额度已用完"), ignore_nulls=True)
    why = pl.concat_str(pl.lit(f"{rule.label}：最多 "), _yuan(pl.col("_most")), pl.lit("元，"), seen)
    off = pl.col("_off") if rule.worth else pl.lit(0, dtype=pl.Int64)
    rows = rows.with_columns(amount_fen=pl.col("amount_fen") + off)
    shared = _share(rows, whole=False) if rule.pro_rata else _in_turn(rows, ["_order", "application_id"])
    left = pl.max_horizontal(pl.col("_new").cast(pl.Int64) - off, pl.lit(0, dtype=pl.Int64))
    return shared.with_columns(_new=left, _why=why)


def _apart(rule: Rule, rows: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """No day twice: keep what shares no day with an award of before, nor with one of this year that is kept.

    In each round those are kept whom nobody still open goes before, and those who share a day with them are refused.
    """
    highest_first = [pl.col("amount_fen").neg()] if rule.keep_highest else []
    first = [pl.col("_covered").not_(), *highest_first, pl.col("application_id"), pl.col("_order")]
    ordered = rows.sort(first).with_row_index("_place")
    spans = ordered.select("_place", "_key", "_from", "_to").drop_nulls()
    paid = _shared_days(spans, earlier)["_place"].unique()
    clashes = _shared_days(spans, spans).filter(pl.col("_place") < pl.col("_place_right"))
    again = _refused(clashes.filter(~pl.col("_place").is_in(paid.implode())), spans)
    stopped, twice = pl.col("_place").is_in(paid.implode()), pl.col("_place").is_in(again.implode())
    days = pl.concat_str(pl.col("_from").cast(pl.String), pl.lit(" 至 "), pl.col("_to").cast(pl.String))
    other = pl.when(stopped).then(pl.lit("以前已兑现的期间")).otherwise(pl.lit("本年度另一件的期间"))
    why = pl.concat_str(pl.lit(f"{rule.label}："), days, pl.lit(" 与"), other, pl.lit("重叠，不重复计算"))
    new = pl.when(stopped | twice).then(pl.lit(0, dtype=pl.Int64)).otherwise(pl.col("amount_fen"))
    return ordered.with_columns(_new=new, _why=why)


def _shared_days(spans: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
    pairs = spans.join(others, on="_key")
    return pairs.filter((pl.col("_from") <= pl.col("_to_right")) & (pl.col("_from_right") <= pl.col("_to")))


def _refused(clashes: pl.DataFrame, spans: pl.DataFrame) -> pl.Series:
    """Of ``clashes`` (``_place`` goes before ``_place_right``) the places that give way."""
    refused = spans["_place"].clear()
    while clashes.height:
        kept = clashes.filter(~pl.col("_place").is_in(clashes["_place_right"].unique().implode()))["_place"].unique()
        lost = clashes.filter(pl.col("_place").is_in(kept.implode()))["_place_right"].unique()
        refused = pl.concat([refused, lost])
        gone = pl.concat([kept, lost]).implode()
        clashes = clashes.filter(~pl.col("_place").is_in(gone) & ~pl.col("_place_right").is_in(lost.implode()))
    return refused


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
}
