"""How a compared pair is judged: same item or only the same enterprise, how surely, and who has to look."""

from __future__ import annotations

import polars as pl

from matching.identity import BY_CODE, DOUBTFUL

SAME_ITEM, SAME_ENTERPRISE = "same_item", "same_enterprise"
CERTAIN, LIKELY, REVIEW = "certain", "likely", "review"

_SURE_FROM = 0.95
_LIKELY_FROM = 0.8
_DOUBT = 0.7


def judged() -> list[pl.Expr]:
    """`kind`, `score` and `certainty` over compared pairs.

    The score says how surely both rows are one item. `same_enterprise` alone is no duplicate and stays at 0.3 or less.
    """
    item = _item_score()
    score = pl.when(item > 0).then(item).otherwise(_enterprise_score())
    mistyped = (pl.col("code") != "") & (pl.col("code_right") != "") & (pl.col("code") != pl.col("code_right"))
    by_score = (
        pl.when((score >= _SURE_FROM) & ~mistyped)
        .then(pl.lit(CERTAIN))
        .when(score >= _LIKELY_FROM)
        .then(pl.lit(LIKELY))
    ).otherwise(pl.lit(REVIEW))
    enterprise = pl.when(pl.col("identity") == BY_CODE).then(pl.lit(CERTAIN)).when(pl.col("identity").is_in(DOUBTFUL))
    return [
        pl.when(item > 0).then(pl.lit(SAME_ITEM)).otherwise(pl.lit(SAME_ENTERPRISE)).alias("kind"),
        score.round(2).alias("score"),
        pl.when(pl.col("identity").is_null())
        .then(pl.lit(REVIEW))
        .when(item > 0)
        .then(by_score)
        .otherwise(enterprise.then(pl.lit(REVIEW)).otherwise(pl.lit(LIKELY)))
        .alias("certainty"),
    ]


def _item_score() -> pl.Expr:
    """The strongest ground; a shared invoice stands alone, the others need one enterprise and suffer from its doubt."""
    doubt = pl.when(pl.col("identity").is_in(DOUBTFUL)).then(_DOUBT).otherwise(1.0)
    bare = pl.when("same_bare").then(0.75).otherwise(0.0)
    indistinct = pl.when("indistinct").then(0.5).otherwise(0.0)
    weaker = pl.max_horizontal(_contract_score(), _title_score(), _amount_score(), bare, indistinct)
    claim = pl.when("same_claim").then(0.5).otherwise(0.0)
    return pl.when("same_invoice").then(1.0).otherwise(pl.max_horizontal(weaker * doubt, claim))


def _contract_score() -> pl.Expr:
    """A contract paid in several years is one contract but not always one item."""
    sure = ~pl.col("other_year") | pl.col("same_amount")
    return pl.when("same_contract").then(pl.when(sure).then(0.95).otherwise(0.85)).otherwise(0.0)


def _title_score() -> pl.Expr:
    """One title in one year is likely one item; in another year with another amount it is bought again."""
    apart = (pl.col("year_number") - pl.col("year_number_right")).abs().fill_null(0)
    again = pl.col("other_amount") & (apart > 0)
    by_year = (
        pl.when(pl.col("same_year") & pl.col("same_amount"))
        .then(0.95)
        .when(again)
        .then(0.0)
        .when(apart == 0)
        .then(pl.when("same_amount").then(0.9).otherwise(0.85))
        .when(apart == 1)
        .then(pl.when("same_amount").then(0.8).otherwise(0.7))
        .otherwise(pl.when("same_amount").then(0.65).otherwise(0.55))
    )
    alike = pl.when("other_amount").then(0.0).otherwise(by_year * 0.75)
    same = pl.when("same_title").then(by_year).when("near_title").then(by_year * 0.8)
    return same.when("alike_title").then(alike).otherwise(0.0)


def _amount_score() -> pl.Expr:
    """An amount to the fen hardly occurs twice within one enterprise and two years, whatever the titles say."""
    apart = (pl.col("year_number") - pl.col("year_number_right")).abs().fill_null(0)
    return pl.when(pl.col("rare_amount") & (apart <= 1)).then(0.6).otherwise(0.0)


def _enterprise_score() -> pl.Expr:
    strength = pl.when(pl.col("identity") == BY_CODE).then(0.3).when(pl.col("identity").is_in(DOUBTFUL)).then(0.1)
    return strength.otherwise(0.2)
