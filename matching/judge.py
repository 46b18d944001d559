"""How a compared pair is judged: same item or only the same enterprise, how surely, and who has to look."""

from __future__ import annotations

import polars as pl

from matching.identity import BY_CODE, BY_CORE

SAME_ITEM, SAME_ENTERPRISE = "same_item", "same_enterprise"
CERTAIN, LIKELY, REVIEW = "certain", "likely", "review"

_SURE_FROM = 0.95
_LIKELY_FROM = 0.8
_DOUBTFUL = 0.7


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
    enterprise = pl.when(pl.col("identity") == BY_CODE).then(pl.lit(CERTAIN)).when(pl.col("identity") == BY_CORE)
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
    doubt = pl.when(pl.col("identity") == BY_CORE).then(_DOUBTFUL).otherwise(1.0)
    weaker = pl.max_horizontal(_contract_score(), _title_score(), pl.when("same_bare").then(0.75).otherwise(0.0))
    return pl.when("same_invoice").then(1.0).otherwise(weaker * doubt)


def _contract_score() -> pl.Expr:
    """A contract paid in several years is one contract but not always one item."""
    sure = ~pl.col("other_year") | pl.col("same_amount")
    return pl.when("same_contract").then(pl.when(sure).then(0.95).otherwise(0.85)).otherwise(0.0)


def _title_score() -> pl.Expr:
    """The same title in the same year is likely the same item; yearly purchases often keep their title."""
    apart = (pl.col("year_number") - pl.col("year_number_right")).abs().fill_null(0)
    by_year = (
        pl.when(pl.col("same_year") & pl.col("same_amount"))
        .then(0.95)
        .when(apart == 0)
        .then(pl.when("same_amount").then(0.9).otherwise(0.85))
        .when(apart == 1)
        .then(pl.when("same_amount").then(0.8).otherwise(0.7))
        .otherwise(pl.when("same_amount").then(0.65).otherwise(0.55))
    )
    return pl.when("same_title").then(by_year).when("near_title").then(by_year * 0.8).otherwise(0.0)


def _enterprise_score() -> pl.Expr:
    strength = pl.when(pl.col("identity") == BY_CODE).then(0.3).when(pl.col("identity") == BY_CORE).then(0.1)
    return strength.otherwise(0.2)
