"""Which rows of a ledger can match anything at all: told column by column, before the dear keys are made.

A ledger has a row for every grant of a province; the applications of a year touch one in ten of them, or one in a
thousand. What passes here is judged by the full keys; what does not shares no code, name, number or uneven amount with
them, nor title and amount together.
"""

from __future__ import annotations

import polars as pl

from matching import normalise
from matching.keys import FEN_PER_WAN, fen_of, half_width
from matching.projects import GENERIC_END

ROWS_AT_ONCE = 500_000
"""So many rows of a ledger are looked at together: what bounds the memory that looking takes beside the ledger."""


def possible(applications: pl.DataFrame, ledger: pl.DataFrame, former_names: pl.DataFrame | None) -> pl.DataFrame:
    """The ledger's rows that may match one of the applications (which have their keys), in the ledger's order."""
    wanted = _wanted(applications, former_names)
    parts = [part.filter(pl.any_horizontal(*_reasons(part, wanted))) for part in ledger.iter_slices(ROWS_AT_ONCE)]
    return pl.concat(parts) if parts else ledger


def _wanted(applications: pl.DataFrame, former_names: pl.DataFrame | None) -> dict[str, pl.Series]:
    """What the applications have: codes, cores of names (former ones too), ends of invoice numbers, amounts, claims."""
    names, codes = [applications["enterprise"]], [applications.filter("code_valid")["code"]]
    if former_names is not None:
        names += [former_names[column].cast(pl.String) for column in ("enterprise", "former_name")]
        codes.append(former_names.select(_code(pl.col("uscc").cast(pl.String)))[:, 0].replace("", None).drop_nulls())
    numbers = pl.concat([applications["invoice"].explode(), applications["bare"].explode()]).drop_nulls()
    cores = pl.concat(names).to_frame("name").select(name_core(pl.col("name")))[:, 0]
    return {
        "code": pl.concat(codes).unique(),
        "core": cores.filter(cores != "").unique(),
        "end": numbers.str.tail(8).unique(),
        "fen": applications.filter(pl.col("fen") % FEN_PER_WAN != 0)["fen"].unique(),
        "claim": applications.select(_claim(pl.col("project"), pl.col("fen")))[:, 0].drop_nulls().unique(),
    }


def _reasons(ledger: pl.DataFrame, wanted: dict[str, pl.Series]) -> list[pl.Expr]:
    texts = {name: _text(ledger, name) for name in ("uscc", "enterprise", "project", "invoices", "amount_yuan")}
    written = half_width(texts["invoices"])
    parts = written.str.replace_all(r"[^\d;\n\r|]", "")  # however the digits of one number are set apart
    ends = pl.concat_list(*(text.str.extract_all(r"\d{8,}") for text in (written, parts)))
    fen = fen_of(texts["amount_yuan"])
    has_end = ends.list.eval(pl.element().str.tail(8).is_in(wanted["end"].implode())).list.any()
    return [
        _code(texts["uscc"]).is_in(wanted["code"].implode()),
        name_core(texts["enterprise"]).is_in(wanted["core"].implode()),
        has_end.fill_null(False),
        fen.is_in(wanted["fen"].implode()).fill_null(False),
        _claim(texts["project"], fen).is_in(wanted["claim"].implode()).fill_null(False),
    ]


def _text(table: pl.DataFrame, name: str) -> pl.Expr:
    return pl.col(name).cast(pl.String).fill_null("") if name in table.columns else pl.lit("", pl.String)


def _code(text: pl.Expr) -> pl.Expr:
    """`uscc.normalised` of a column."""
    return half_width(text).str.to_uppercase().str.replace_all(r"[-\s]", "")


def name_core(name: pl.Expr) -> pl.Expr:
    """`normalise.alike_name_key` of a column; the name with its place where no core remains."""
    letters = _letters(_folded(name).str.replace(normalise.PLACE_IN_BRACKETS, ""))
    formless = letters.str.replace(normalise.FORM, "")
    core = formless.str.replace(f"^{normalise.PLACE}", "")
    return pl.when(core.str.len_chars() > 1).then(core).otherwise(formless)


def _claim(title: pl.Expr, fen: pl.Expr) -> pl.Expr:
    """A title without its generic end, and an amount to the 万元, as one text; null where one of them is missing."""
    loose = _letters(_folded(title)).str.replace(GENERIC_END, "")
    wan = (fen + FEN_PER_WAN // 2) // FEN_PER_WAN
    return pl.when(loose != "").then(loose + "|" + wan.cast(pl.String))


def _folded(text: pl.Expr) -> pl.Expr:
    """`normalise.folded` of a column, with mistakable characters as one."""
    folded = text.str.normalize("NFKC")
    for written, meant in normalise.replacements():
        folded = folded.str.replace_many(written, meant)
    return folded.str.to_lowercase().str.replace_all(r"\s", "").str.replace_many(*normalise.mistaken())


def _letters(text: pl.Expr) -> pl.Expr:
    return text.str.replace_all(normalise.NOT_WORD, "")
