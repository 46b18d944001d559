"""Contract numbers: unique only within one enterprise's contracts, written with all kinds of dashes and brackets."""

from __future__ import annotations

import polars as pl

from matching.normalise import folded, letters_only

_LABEL = r"^(?:合同|协议)?(?:编号|号码|号|no)[.:：]?"
_SHORTEST = 4
_BETWEEN = r"[；;、，,|｜\t\n\r]+"


def contract_keys(text: pl.Expr) -> pl.Expr:
    """The contract numbers of each cell as a list of keys, each once; shorter than four characters they say nothing.

    Between numbers stand `；` `、` `，` `|`, full width or half, tabs or line ends; also `/`, where it is part of none.

    >>> cell = pl.lit("合同编号：ZZ〔2025〕-001号；zz-2026-002，ZZ/2026/003|HT-01/HT-02")
    >>> pl.select(contract_keys(cell)).item().to_list()
    ['zz2025001', 'zz2026002', 'zz2026003', 'ht01', 'ht02']
    """
    numbers = folded(text.str.replace_all(_BETWEEN, ";")).str.split(";").list.eval(_at_slashes(pl.element()).explode())
    key = letters_only(pl.element().str.replace(_LABEL, "")).str.strip_suffix("号")
    keys = numbers.list.eval(key)
    return keys.list.eval(pl.element().filter(pl.element().str.len_chars() >= _SHORTEST)).list.unique(
        maintain_order=True
    )


def _at_slashes(number: pl.Expr) -> pl.Expr:
    """A text cut at each `/`, or whole where one of its parts is no number by itself: ZZ/2025/001, XM2025/HT001.

    By itself, a number has a letter, and figures that are more than a year.
    """
    part, figures = pl.element(), pl.element().str.replace_all(r"\D", "")
    alone = part.str.contains("[a-z]") & (figures != "") & ~figures.str.contains(r"^(19|20)\d\d$")
    parts = number.str.split("/")
    are_numbers = parts.list.eval(alone & (part.str.len_chars() >= _SHORTEST)).list.all()
    return pl.when(are_numbers).then(parts).otherwise(pl.concat_list(number))
