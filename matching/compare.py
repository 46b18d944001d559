"""Pairs of rows side by side, and what agrees and what contradicts between them."""

from __future__ import annotations

import polars as pl

from matching.identity import same_enterprise
from matching.keys import FEN_PER_WAN

_CLOSE = 20


def compared(left: pl.DataFrame, right: pl.DataFrame, former_names: pl.DataFrame | None) -> pl.DataFrame:
    """Every pair that shares an enterprise or an invoice, once, with the columns of both sides and the comparisons.

    `identity` is null for a shared invoice of what is not known to be one enterprise. `same_*`, `near_title` and
    `other_*` are Booleans, never null; a field that is empty on one side neither agrees nor contradicts.
    """
    enterprises = same_enterprise(left, right, former_names)
    invoices = _sharing(left, right, "invoice").join(enterprises, on=["row", "row_right"], how="anti")
    pairs = pl.concat([enterprises, invoices.with_columns(pl.lit(None, pl.String).alias("identity"))])
    sides = pairs.join(left, on="row").join(right.rename({"row": "row_right"}), on="row_right", suffix="_right")
    return sides.with_columns(_shared_numbers()).with_columns(_comparisons())


def _sharing(left: pl.DataFrame, right: pl.DataFrame, numbers: str) -> pl.DataFrame:
    exploded = [
        table.select("row", pl.col(numbers).alias("key")).filter(pl.col("key").list.len() > 0).explode("key")
        for table in (left, right)
    ]
    return exploded[0].join(exploded[1], on="key").select("row", "row_right").unique()


def _shared_numbers() -> list[pl.Expr]:
    """Numbers on both sides; an 8-digit number without code agrees with its like or with a whole number's end."""
    ends = [
        pl.concat_list(pl.col(bare), pl.col(whole).list.eval(pl.element().str.tail(8)))
        for bare, whole in (("bare", "invoice"), ("bare_right", "invoice_right"))
    ]
    return [
        pl.col("invoice").list.set_intersection("invoice_right").alias("shared_invoices"),
        pl.col("contract").list.set_intersection("contract_right").alias("shared_contracts"),
        pl.concat_list(
            pl.col("bare").list.set_intersection(ends[1]), pl.col("bare_right").list.set_intersection(ends[0])
        )
        .list.unique()
        .alias("shared_bare"),
    ]


def _comparisons() -> list[pl.Expr]:
    known = pl.col("identity").is_not_null()
    both_titles = (pl.col("title") != "") & (pl.col("title_right") != "")
    same_title = known & both_titles & (pl.col("title") == pl.col("title_right"))
    near_title = (
        known & ~same_title & (pl.col("loose_title") != "") & (pl.col("loose_title") == pl.col("loose_title_right"))
    )
    same_invoice = pl.col("shared_invoices").list.len() > 0
    same_year = pl.col("year_number") == pl.col("year_number_right")
    equal, close = pl.col("fen") == pl.col("fen_right"), _close("fen", "fen_right")
    same_amount = equal | (close & (_rounded("fen", "fen_right") | _rounded("fen_right", "fen")))
    return [
        same_invoice.alias("same_invoice"),
        (known & ~same_invoice & (pl.col("shared_bare").list.len() > 0)).alias("same_bare"),
        (known & (pl.col("shared_contracts").list.len() > 0)).alias("same_contract"),
        same_title.alias("same_title"),
        near_title.alias("near_title"),
        (both_titles & ~same_title & ~near_title & (pl.col("title") != pl.col("title_right"))).alias("other_title"),
        _both_and_different("measure").alias("two_measures"),
        same_year.fill_null(False).alias("same_year"),
        (~same_year).fill_null(False).alias("other_year"),
        equal.fill_null(False).alias("equal_amount"),
        same_amount.fill_null(False).alias("same_amount"),
        (close & ~same_amount).fill_null(False).alias("near_amount"),
        (~close & ~same_amount).fill_null(False).alias("other_amount"),
    ]


def _both_and_different(column: str) -> pl.Expr:
    ours, theirs = pl.col(column), pl.col(f"{column}_right")
    return (ours != "") & (theirs != "") & (ours != theirs)


def _rounded(given: str, exact: str) -> pl.Expr:
    """Whether one amount is a whole number of 万元 and the other's rounding (half up), as ledgers often write it."""
    wan = (pl.col(exact) + FEN_PER_WAN // 2) // FEN_PER_WAN
    return (pl.col(given) > 0) & (pl.col(given) == wan * FEN_PER_WAN)


def _close(one: str, other: str) -> pl.Expr:
    """Whether two amounts differ by a twentieth of the greater at the most."""
    greater = pl.max_horizontal(one, other)
    return (greater > 0) & ((pl.col(one) - pl.col(other)).abs() <= greater // _CLOSE)
