"""Which rows of two tables belong to one enterprise: by code, name, former name, or doubtfully by what names share."""

from __future__ import annotations

import polars as pl

from matching.former_names import members

_RANKS = ("code", "name", "former", "learned", "core", "alike")
BY_CODE, BY_NAME, BY_FORMER_NAME, BY_LEARNED_NAME, BY_CORE, BY_ALIKE = _RANKS
"""How a pair of rows was recognised, the strongest first."""

DOUBTFUL = (BY_LEARNED_NAME, BY_CORE, BY_ALIKE)
"""By these two rows may be one enterprise: a person must look."""


def same_enterprise(left: pl.DataFrame, right: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Pairs `row`, `row_right`, `identity`: each pair once, by its strongest key.

    Two rows with different valid codes are namesakes and never a pair. The core of the name, and the core with
    mistakable characters as one, count only where a valid code is missing on one side and no two places are told.
    `names` are those of `matching.former_names`.
    """
    listed = names.filter(~pl.col("learned"))
    pairs = pl.concat(
        [
            _paired(_codes(left), _codes(right), BY_CODE),
            _paired(_column(left, "name"), _column(right, "name"), BY_NAME),
            _paired(members(left, listed), members(right, listed), BY_FORMER_NAME),
            _paired(members(left, names), members(right, names), BY_LEARNED_NAME),
            _paired(_column(left, "core"), _column(right, "core"), BY_CORE),
            _paired(_column(left, "alike"), _column(right, "alike"), BY_ALIKE),
        ]
    )
    strongest = pairs.group_by("row", "row_right").agg(pl.col("rank").min())
    checked = strongest.join(_who(left), on="row").join(
        _who(right).rename({"row": "row_right"}), on="row_right", suffix="_right"
    )
    doubtful = pl.col("rank") >= _RANKS.index(BY_CORE)
    namesakes = (pl.col("valid") != pl.col("valid_right")).fill_null(False) | (doubtful & differ("place"))
    identity = pl.col("rank").replace_strict(dict(enumerate(_RANKS)), return_dtype=pl.String).alias("identity")
    return checked.filter(~namesakes).select("row", "row_right", identity)


def differ(column: str) -> pl.Expr:
    """Whether both sides tell something in this column, and not the same."""
    ours, theirs = pl.col(column), pl.col(f"{column}_right")
    return (ours != "") & (theirs != "") & (ours != theirs)


def _paired(left: pl.DataFrame, right: pl.DataFrame, how: str) -> pl.DataFrame:
    rank = pl.lit(_RANKS.index(how), pl.Int8).alias("rank")
    return left.join(right, on="key").select("row", "row_right", rank)


def _codes(table: pl.DataFrame) -> pl.DataFrame:
    return table.filter("code_valid").select("row", pl.col("code").alias("key"))


def _column(table: pl.DataFrame, column: str) -> pl.DataFrame:
    return table.filter(pl.col(column) != "").select("row", pl.col(column).alias("key"))


def _who(table: pl.DataFrame) -> pl.DataFrame:
    return table.select("row", pl.when("code_valid").then("code").alias("valid"), "place")
