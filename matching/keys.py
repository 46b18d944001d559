"""The derived columns on which two tables are compared: each distinct text is normalised once."""

from __future__ import annotations

import re
from collections.abc import Callable

import polars as pl

from matching import uscc
from matching.contracts import contract_keys
from matching.invoices import read_invoices
from matching.normalise import alike_name_key, core_name_key, name_key, person_key, place_key
from matching.projects import bag_key, loose_title_key, numbers_key, title_key

TEXTS = ("enterprise", "uscc", "project", "invoices", "contracts", "amount_yuan", "year", "measure")
FEN_PER_WAN = 1_000_000


def with_keys(frame: pl.DataFrame, id_column: str) -> pl.DataFrame:
    """`frame` as `row`, `id`, its texts (empty where a column is missing), and the keys:

    `code` (normalised), `code_valid`, `name`, `core`, `alike` (the core, mistakable characters as one), `place`,
    `person` (group, branch …), `title`, `loose_title`, `bag` (its characters in order), `figures` (its phases and
    years), `invoice` / `bare` / `contract` (lists), `fen` (null where the amount is no plain number), `year_number`
    (null likewise).
    """
    texts = [
        (pl.col(name).cast(pl.String) if name in frame.columns else pl.lit(None, pl.String)).fill_null("").alias(name)
        for name in TEXTS
    ]
    table = frame.select(pl.col(id_column).cast(pl.String).fill_null("").alias("id"), *texts).with_row_index("row")
    table = _mapped(table, ["uscc"], ["code", "code_fault"], lambda text: (uscc.normalised(text), uscc.fault(text)))
    table = _mapped(table, ["enterprise"], ["name", "core", "alike", "place", "person"], _name_keys)
    table = _mapped(table, ["project"], ["title"], lambda text: (title_key(text),))
    table = _mapped(table, ["title", "year", "name", "core"], ["loose_title", "bag", "figures"], _title_keys)
    table = _mapped(table, ["contracts"], ["contract"], lambda text: (_JOIN.join(contract_keys(text)),))
    table = _mapped(table, ["invoices"], ["invoice", "bare"], _invoice_keys)
    return _with_figures(
        table.with_columns(
            (pl.col("code_fault") == "").alias("code_valid"), *map(_as_list, ("contract", "invoice", "bare"))
        )
    )


_JOIN = ";"
_YEAR = re.compile(r"\d{4}", re.ASCII)


def _name_keys(text: str) -> tuple[str, ...]:
    return name_key(text), core_name_key(text), alike_name_key(text), place_key(text), person_key(text)


def _title_keys(title: str, year: str, *own_names: str) -> tuple[str, ...]:
    loose = loose_title_key(title, year if _YEAR.fullmatch(year) else "", *own_names)
    return loose, bag_key(loose), numbers_key(loose)


def _invoice_keys(text: str) -> tuple[str, str]:
    read = read_invoices(text)
    return _JOIN.join(read.whole), _JOIN.join(read.bare)


def _as_list(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column).str.split(_JOIN)).otherwise(pl.lit([], pl.List(pl.String)))


def _mapped(
    table: pl.DataFrame, columns: list[str], names: list[str], function: Callable[..., tuple[str, ...]]
) -> pl.DataFrame:
    """The texts that depend on `columns`, computed once for each distinct combination."""
    distinct = table.select(columns).unique()
    rows = [function(*row) for row in distinct.iter_rows()]
    derived = [pl.Series(name, [row[place] for row in rows], dtype=pl.String) for place, name in enumerate(names)]
    return table.join(distinct.with_columns(derived), on=columns, how="left", maintain_order="left")


def _with_figures(table: pl.DataFrame) -> pl.DataFrame:
    year = half_width(pl.col("year")).str.extract(r"^\s*(\d{4})\s*(?:年度?)?\s*$", 1).cast(pl.Int32)
    return table.with_columns(fen_of(pl.col("amount_yuan")).alias("fen"), year.alias("year_number"))


def fen_of(amount: pl.Expr) -> pl.Expr:
    """An amount in yuan as integer fen; null where it is no plain number."""
    plain = half_width(amount).str.replace_all(r"[,\s元]", "")
    return (plain.cast(pl.Decimal(30, 2), strict=False) * 100).cast(pl.Int64, strict=False)


def half_width(text: pl.Expr) -> pl.Expr:
    """NFKC, without spaces at the ends."""
    return text.str.normalize("NFKC").str.strip_chars()
