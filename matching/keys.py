"""The derived columns on which two tables are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import polars as pl

from matching import uscc
from matching.contracts import contract_keys
from matching.invoices import read_invoices
from matching.normalise import core_key, folded, formless_key, name_key, person_key, place_key, read
from matching.parts import Parts
from matching.projects import bag_key, loose_title_key, numbers_key, title_key
from matching.regions import Home
from matching.uscc_column import is_right

TEXTS = ("enterprise", "uscc", "project", "invoices", "contracts", "amount_yuan", "year", "measure")
FEN_PER_WAN = 1_000_000


def with_keys(frame: pl.DataFrame, id_column: str, home: Home) -> pl.DataFrame:
    """`frame` as `row`, `id`, its texts (empty where a column is missing), and the keys:

    `code` (normalised), `code_fault`, `code_valid`, `name`, `core`, `alike` (the core, mistakable characters as one),
    `place`, `person` (group, branch …), `title`, `loose_title`, `bag` (its characters in order), `figures` (its phases
    and years), `invoice` / `bare` / `contract` (lists), `fen` (null where the amount is no plain number),
    `year_number` (null likewise), `item` (who, measure, title, invoices and contracts in one text).
    """
    texts = [text_of(frame, name).alias(name) for name in TEXTS]
    table = frame.select(pl.col(id_column).cast(pl.String).fill_null("").alias("id"), *texts).with_row_index("row")
    table = _mapped(_with_codes(table), "invoices", ["invoice", "bare"], _invoice_keys)
    return (
        table.lazy()
        .with_columns(
            *(folded(pl.col(text)).alias(f"_{text}") for text in ("enterprise", "project")),
            read(pl.col("enterprise")).alias("_read"),
            _plain_year().alias("_year"),
        )
        .with_columns(*_name_keys(home), title_key(pl.col("_project")).alias("title"))
        .with_columns(loose_title_key(*map(pl.col, ("title", "_year", "name", "core"))).alias("loose_title"))
        .with_columns(
            bag_key(pl.col("loose_title")).alias("bag"),
            numbers_key(pl.col("loose_title")).alias("figures"),
            contract_keys(pl.col("contracts")).alias("contract"),
            *(_as_list(name) for name in ("invoice", "bare")),
            fen_of(pl.col("amount_yuan")).alias("fen"),
            _year_number().alias("year_number"),
        )
        .with_columns(_item().alias("item"))
        .drop("_enterprise", "_project", "_read", "_year")
        .collect()
    )


def in_parts(tables: pl.DataFrame | Iterable[pl.DataFrame], id_column: str, home: Home) -> Parts:
    """The same of a long table, or of tables that follow one another, with rows counted through all of them."""
    return Parts(_counted(Parts([tables] if isinstance(tables, pl.DataFrame) else tables), id_column, home))


def _counted(tables: Iterable[pl.DataFrame], id_column: str, home: Home) -> Iterator[pl.DataFrame]:
    before = 0
    for table in tables:
        yield with_keys(table, id_column, home).with_columns(pl.col("row") + before)
        before += table.height


_JOIN = ";"


def text_of(table: pl.DataFrame, name: str) -> pl.Expr:
    """A column as text, empty where there is none."""
    return pl.col(name).cast(pl.String).fill_null("") if name in table.columns else pl.lit("", pl.String)


def code_of(text: pl.Expr) -> pl.Expr:
    """`uscc.normalised` of a column."""
    return half_width(text).str.to_uppercase().str.replace_all(r"[-\s]", "")


def fen_of(amount: pl.Expr) -> pl.Expr:
    """An amount in yuan as integer fen; null where it is no plain number."""
    plain = half_width(amount).str.replace_all(r"[,\s元]", "")
    return (plain.cast(pl.Decimal(30, 2), strict=False) * 100).cast(pl.Int64, strict=False)


def half_width(text: pl.Expr) -> pl.Expr:
    """NFKC, without spaces at the ends."""
    return text.str.normalize("NFKC").str.strip_chars()


def _name_keys(home: Home) -> list[pl.Expr]:
    name, looks = pl.col("_enterprise"), pl.col("_read")
    return [
        name_key(name).alias("name"),
        core_key(formless_key(name, home), home).alias("core"),
        core_key(formless_key(looks, home), home).alias("alike"),
        place_key(name, home).alias("place"),
        person_key(looks).alias("person"),
    ]


def _item() -> pl.Expr:
    who = pl.when("code_valid").then("code").otherwise("name")
    papers = [pl.concat_list(*names).list.sort().list.join(",") for names in (("invoice", "bare"), ("contract",))]
    return pl.concat_str(who, "measure", "title", *papers, separator="|")


def _plain_year() -> pl.Expr:
    return pl.col("year").str.extract(r"^([0-9]{4})$").fill_null("")


def _year_number() -> pl.Expr:
    return half_width(pl.col("year")).str.extract(r"^\s*(\d{4})\s*(?:年度?)?\s*$", 1).cast(pl.Int32)


def _invoice_keys(text: str) -> tuple[str, str]:
    read = read_invoices(text)
    return _JOIN.join(read.whole), _JOIN.join(read.bare)


def _as_list(column: str) -> pl.Expr:
    return pl.when(pl.col(column) != "").then(pl.col(column).str.split(_JOIN)).otherwise(pl.lit([], pl.List(pl.String)))


def _mapped(
    table: pl.DataFrame, column: str, names: list[str], function: Callable[[str], tuple[str, ...]]
) -> pl.DataFrame:
    """What is read from a text in Python, once for each distinct one."""
    distinct = table[column].unique()
    rows = [function(text) for text in distinct]
    derived = [pl.Series(name, [row[place] for row in rows], dtype=pl.String) for place, name in enumerate(names)]
    return table.join(pl.DataFrame([distinct, *derived]), on=column, how="left", maintain_order="left")


def _with_codes(table: pl.DataFrame) -> pl.DataFrame:
    """Only a code that is not right is looked at in Python, for what is wrong with it."""
    coded = table.with_columns(code_of(pl.col("uscc")).alias("code")).with_columns(
        is_right(pl.col("code")).alias("code_valid")
    )
    wrong = pl.when("code_valid").then(pl.lit("")).otherwise("code").alias("_wrong")
    told = _mapped(
        coded.with_columns(wrong), "_wrong", ["code_fault"], lambda text: (uscc.fault(text) if text else "",)
    )
    return told.drop("_wrong")
