"""Contract numbers: unique only within one enterprise's contracts, written with all kinds of dashes and brackets."""

from __future__ import annotations

import polars as pl

from matching.normalise import folded, letters_only

_LABEL = r"^(?:合同|协议)?(?:编号|号码|号|no)[.:：]?"
_SHORTEST = 4


def contract_keys(text: pl.Expr) -> pl.Expr:
    """The contract numbers of each cell as a list of keys, each once; shorter than four characters they say nothing.

    >>> cell = pl.lit("合同编号：ZZ〔2025〕-001号；zz-2026-002")
    >>> pl.select(contract_keys(cell)).item().to_list()
    ['zz2025001', 'zz2026002']
    """
    numbers = folded(text.str.replace_all(r"[；\n\r、]+", ";")).str.split(";")
    key = letters_only(pl.element().str.replace(_LABEL, "")).str.strip_suffix("号")
    keys = numbers.list.eval(key)
    return keys.list.eval(pl.element().filter(pl.element().str.len_chars() >= _SHORTEST)).list.unique(
        maintain_order=True
    )
