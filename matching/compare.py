"""Pairs of rows side by side, and what agrees and what contradicts between them."""

from __future__ import annotations

import polars as pl

from matching.identity import BY_ALIKE, differ, same_enterprise
from matching.keys import FEN_PER_WAN
from matching.likeness import likeness

_CLOSE = 20
_ALIKE_NAMES = 75  # rapidfuzz's ratio, of 100
_ALIKE_TITLES = 80


def paired(left: pl.DataFrame, right: pl.DataFrame, names: pl.DataFrame) -> pl.DataFrame:
    """Every pair that shares an enterprise or an invoice, once: `row`, `row_right`, `identity`.

    Pairs that share no enterprise are those with one invoice, or with one title and amount where two valid codes do not
    speak against it; `identity` is then null, or BY_ALIKE where the names are nearly one.
    """
    enterprises = same_enterprise(left, right, names)
    invoices = _unknown(_sharing(left, right, "invoice").join(enterprises, on=["row", "row_right"], how="anti"))
    known = pl.concat([enterprises, invoices])
    claims = _same_claim(left, right).join(known, on=["row", "row_right"], how="anti")
    return pl.concat([known, _recognised(claims, left, right)])


def compared(pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Pairs with the columns of both sides and the comparisons.

    `same_*`, `near_title`, `alike_title` and `other_*` are Booleans, never null; a field that is empty on one side
    neither agrees nor contradicts.
    """
    sides = _sides(pairs, left, right)
    return sides.with_columns(_shared_numbers()).with_columns(_titles_alike(sides)).with_columns(_comparisons())


def _sides(pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    return pairs.join(left, on="row").join(right.rename({"row": "row_right"}), on="row_right", suffix="_right")


def _unknown(pairs: pl.DataFrame) -> pl.DataFrame:
    return pairs.with_columns(pl.lit(None, pl.String).alias("identity"))


def _same_claim(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Rows with one loose title, or one bag of its characters, and one amount to the 万元."""
    wan = ((pl.col("fen") + FEN_PER_WAN // 2) // FEN_PER_WAN).alias("wan")
    sides = [
        table.filter((pl.col("bag") != "") & (pl.col("fen") > 0)).select("row", "bag", wan) for table in (left, right)
    ]
    return sides[0].join(sides[1], on=["bag", "wan"]).select("row", "row_right").unique()


def _recognised(pairs: pl.DataFrame, left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Those of one claim that may be one enterprise: names nearly alike, or an amount that hardly occurs twice."""
    columns = ("row", "alike", "place", "person", "code", "code_valid", "fen", "year_number")
    sides = _sides(pairs, left.select(columns), right.select(columns))
    names_alike = likeness(sides["alike"], sides["alike_right"]) >= _ALIKE_NAMES
    others = (
        (pl.col("code_valid") & pl.col("code_valid_right") & (pl.col("code") != pl.col("code_right")))
        | differ("place")
        | (pl.col("person") != pl.col("person_right"))
        | ((pl.col("year_number") - pl.col("year_number_right")).abs().fill_null(0) > 1)
    )
    identity = pl.when("names_alike").then(pl.lit(BY_ALIKE)).otherwise(None).alias("identity")
    return (
        sides.with_columns(names_alike.alias("names_alike"))
        .filter(~others & (pl.col("names_alike") | _rare_amount()))
        .select("row", "row_right", identity)
    )


def _rare_amount() -> pl.Expr:
    """The same amount on both sides, to the fen and no round figure."""
    return ((pl.col("fen") == pl.col("fen_right")) & (pl.col("fen") % FEN_PER_WAN != 0)).fill_null(False)


def _titles_alike(sides: pl.DataFrame) -> pl.Series:
    """Whether two titles say nearly the same, their parts in this order or another, and no other phase or year."""
    figures = (sides["figures"] != "") & (sides["figures_right"] != "") & (sides["figures"] != sides["figures_right"])
    near = (likeness(sides["loose_title"], sides["loose_title_right"]) >= _ALIKE_TITLES) | (
        likeness(sides["bag"], sides["bag_right"]) >= _ALIKE_TITLES
    )
    return (near & ~figures).alias("titles_alike")


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
    equal, close = pl.col("fen") == pl.col("fen_right"), _close("fen", "fen_right")
    both_titles = (pl.col("title") != "") & (pl.col("title_right") != "")
    same_title = known & both_titles & (pl.col("title") == pl.col("title_right"))
    near_title = (
        known & ~same_title & (pl.col("loose_title") != "") & (pl.col("loose_title") == pl.col("loose_title_right"))
    )
    alike_title = known & ~same_title & ~near_title & pl.col("titles_alike")
    same_claim = ~known & (pl.col("bag") != "") & (pl.col("bag") == pl.col("bag_right")) & equal
    same_invoice = pl.col("shared_invoices").list.len() > 0
    same_year = pl.col("year_number") == pl.col("year_number_right")
    same_amount = equal | (close & (_rounded("fen", "fen_right") | _rounded("fen_right", "fen")))
    return [
        same_invoice.alias("same_invoice"),
        (known & ~same_invoice & (pl.col("shared_bare").list.len() > 0)).alias("same_bare"),
        (known & (pl.col("shared_contracts").list.len() > 0)).alias("same_contract"),
        same_title.alias("same_title"),
        near_title.alias("near_title"),
        alike_title.alias("alike_title"),
        same_claim.fill_null(False).alias("same_claim"),
        (known & _rare_amount()).alias("rare_amount"),
        (differ("title") & ~near_title & ~alike_title & ~same_claim.fill_null(False)).alias("other_title"),
        differ("measure").alias("two_measures"),
        (known & same_year & (pl.col("measure") != "") & (pl.col("measure") == pl.col("measure_right")) & _untold())
        .fill_null(False)
        .alias("indistinct"),
        same_year.fill_null(False).alias("same_year"),
        (~same_year).fill_null(False).alias("other_year"),
        equal.fill_null(False).alias("equal_amount"),
        same_amount.fill_null(False).alias("same_amount"),
        (close & ~same_amount).fill_null(False).alias("near_amount"),
        (~close & ~same_amount).fill_null(False).alias("other_amount"),
    ]


def _untold() -> pl.Expr:
    """Whether neither side has a title, a contract or an invoice, by which one item is told from another."""
    titles = [pl.col(f"title{side}") == "" for side in ("", "_right")]
    papers = [
        pl.col(f"{name}{side}").list.len() == 0 for name in ("contract", "invoice", "bare") for side in ("", "_right")
    ]
    return pl.all_horizontal(*titles, *papers)


def _rounded(given: str, exact: str) -> pl.Expr:
    """Whether one amount is a whole number of 万元 and the other's rounding (half up), as ledgers often write it."""
    wan = (pl.col(exact) + FEN_PER_WAN // 2) // FEN_PER_WAN
    return (pl.col(given) > 0) & (pl.col(given) == wan * FEN_PER_WAN)


def _close(one: str, other: str) -> pl.Expr:
    """Whether two amounts differ by a twentieth of the greater at the most."""
    greater = pl.max_horizontal(one, other)
    return (greater > 0) & ((pl.col(one) - pl.col(other)).abs() <= greater // _CLOSE)
