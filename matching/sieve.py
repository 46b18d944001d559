"""Which rows of a ledger can match anything at all: told column by column, before the dear keys are made.

A ledger has a row for every grant of a province; the applications of a year touch one in ten of them, or one in a
thousand. What passes here is judged by the full keys; what does not shares no code, name, number or uneven amount with
them, nor title and amount together.
"""

from __future__ import annotations

import polars as pl

from matching.keys import FEN_PER_WAN, code_of, fen_of, half_width, text_of
from matching.normalise import core_key, formless_key, letters_only, read
from matching.projects import without_generic_end
from matching.regions import Home

_END = 8  # figures of an invoice's number by which it is looked up


class Sieve:
    """Codes, names, invoices, amounts and titles that are looked for."""

    def __init__(self, applications: pl.DataFrame, marked: pl.DataFrame, names: pl.DataFrame, home: Home) -> None:
        """`applications` have their keys and `marks`; `names` are their enterprises' (`matching.former_names`)."""
        self._home, fen = home, marked["fen"]
        self._codes, self._cores = applications.filter("code_valid")["code"].unique(), marked["core"]
        self._fens, self._claims = fen.filter(fen % FEN_PER_WAN != 0).unique(), marked["claim"].drop_nulls().unique()
        numbers = pl.concat([applications[name].explode() for name in ("invoice", "bare")])
        self._ends = numbers.drop_nulls().str.tail(_END).unique()
        self.want(names)

    def want(self, names: pl.DataFrame) -> None:
        """Look for these names and their codes as well."""
        self._codes = pl.concat([self._codes, names["code"].drop_nulls()]).unique()
        cores = pl.concat([self._cores, marks(names.select(enterprise="name"), self._home)["core"]])
        self._cores = cores.filter(cores != "").unique()

    def passing(self, ledger: pl.DataFrame, marked: pl.DataFrame) -> pl.DataFrame:
        """Those rows of a ledger, with its `marks`, that may match; without invoices that end as none of ours does."""
        wanted = {"code": self._codes, "core": self._cores, "fen": self._fens, "claim": self._claims}
        shared = [pl.col(name).is_in(values.implode()).fill_null(False) for name, values in wanted.items()]
        ends = self._with_an_end(ledger)
        invoices = pl.when(ends).then(text_of(ledger, "invoices")).otherwise(pl.lit("")).alias("invoices")
        return ledger.with_columns(invoices).filter(marked.select(pl.any_horizontal(*shared))[:, 0] | ends)

    def _with_an_end(self, ledger: pl.DataFrame) -> pl.Series:
        """Which rows have a number that ends as an invoice of ours."""
        found = invoice_ends(ledger).filter(pl.col("end").is_in(self._ends.implode()))
        rows = ledger.select(pl.row_index("row")).to_series()
        return rows.is_in(found["row"].unique().implode())


def invoice_ends(table: pl.DataFrame) -> pl.DataFrame:
    """`row` and the last figures, `end`, of each number that may be an invoice's, however its figures are set apart."""
    written = half_width(pl.col("written"))
    rows = table.select(text_of(table, "invoices").alias("written")).with_row_index("row")
    joined = written.str.replace_all(r"[^\d;\n\r|]", "")
    numbers = pl.concat_list(*(text.str.extract_all(r"\d{8,}") for text in (written, joined)))
    return (
        rows.lazy()
        .filter(pl.col("written") != "")
        .select("row", numbers.alias("number"))
        .explode("number")
        .drop_nulls()
        .select("row", pl.col("number").str.tail(_END).alias("end"))
        .collect()
    )


def marks(table: pl.DataFrame, home: Home) -> pl.DataFrame:
    """What a row is told by at a glance: `code`, `core` of the name, `title`, `fen`, `claim` (title and 万元 together).

    A name of nothing but a place and a form is its own core. `claim` is null where title or amount is missing.
    """
    claim = pl.concat_str("title", pl.lit("|"), (pl.col("fen") + FEN_PER_WAN // 2) // FEN_PER_WAN)
    return (
        table.lazy()
        .select(
            code_of(text_of(table, "uscc")).alias("code"),
            formless_key(read(text_of(table, "enterprise")), home).alias("formless"),
            without_generic_end(letters_only(read(text_of(table, "project")))).alias("title"),
            fen_of(text_of(table, "amount_yuan")).alias("fen"),
        )
        .with_columns(
            core_key(pl.col("formless"), home).alias("core"), pl.when(pl.col("title") != "").then(claim).alias("claim")
        )
        .with_columns(pl.when(pl.col("core") != "").then("core").otherwise("formless").alias("core"))
        .drop("formless")
        .collect()
    )
