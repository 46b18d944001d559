"""Which rows of two tables belong to one enterprise: by code, name, former name, or doubtfully by what names share."""

from __future__ import annotations

import polars as pl

from matching import uscc
from matching.normalise import name_key

BY_CODE, BY_NAME, BY_FORMER_NAME, BY_CORE, BY_ALIKE = "code", "name", "former", "core", "alike"
"""How a pair of rows was recognised, the strongest first."""

DOUBTFUL = (BY_CORE, BY_ALIKE)
"""By these two rows may be one enterprise: a person must look."""

_RANKS = (BY_CODE, BY_NAME, BY_FORMER_NAME, BY_CORE, BY_ALIKE)


def same_enterprise(left: pl.DataFrame, right: pl.DataFrame, former_names: pl.DataFrame | None) -> pl.DataFrame:
    """Pairs `row`, `row_right`, `identity`: each pair once, by its strongest key.

    Two rows with different valid codes are namesakes and never a pair. The core of the name, and the core with
    mistakable characters as one, count only where a valid code is missing on one side and no two places are told.
    `former_names` has the columns `uscc`, `enterprise`, `former_name`.
    """
    pairs = pl.concat(
        [
            _paired(_codes(left), _codes(right), BY_CODE),
            _paired(_column(left, "name"), _column(right, "name"), BY_NAME),
            _paired(*_former(left, right, former_names), BY_FORMER_NAME),
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


def _valid_code(table: pl.DataFrame) -> pl.DataFrame:
    return table.select("row", pl.when("code_valid").then("code").alias("valid"))


def _former(
    left: pl.DataFrame, right: pl.DataFrame, former_names: pl.DataFrame | None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    names = _names_of_groups(former_names)
    return _members(left, names), _members(right, names)


def _names_of_groups(former_names: pl.DataFrame | None) -> pl.DataFrame:
    """`key` (the enterprise that changed its name), `code` (its valid code or null), `name` (each name it ever had)."""
    rows: list[tuple[str, str | None, str]] = []
    if former_names is not None:
        for code, current, former in former_names.select("uscc", "enterprise", "former_name").iter_rows():
            valid = uscc.normalised(code) if code and uscc.is_valid(code) else None
            key = valid or name_key(current or "")
            rows += [(key, valid, name_key(name)) for name in (current, former) if key and name]
    schema = {"key": pl.String, "code": pl.String, "name": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row").unique(maintain_order=True)


def _members(table: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Rows of the enterprises that changed their names, found by code, or by name where no other valid code speaks."""
    own = table.join(_valid_code(table), on="row").select("row", "name", "valid")
    by_code = own.join(names.select("key", "code").unique(), left_on="valid", right_on="code")
    by_name = own.join(names, on="name").filter((pl.col("valid") == pl.col("code")).fill_null(True))
    return pl.concat([by_code.select("row", "key"), by_name.select("row", "key")]).unique()
