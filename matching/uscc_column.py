"""A whole column of 统一社会信用代码 checked at once."""

from __future__ import annotations

import polars as pl

from matching.uscc import ALPHABET, LENGTH

_VALUES = pl.Enum(list(ALPHABET))
_WEIGHTS = [3**place % 31 for place in range(LENGTH - 1)] + [1]
_FORM = rf"^[{ALPHABET}]{{2}}[0-9]{{6}}[{ALPHABET}]{{{LENGTH - 8}}}$"
_PLACEHOLDERS = [digit * LENGTH for digit in "0123456789"]


def is_right(code: pl.Expr) -> pl.Expr:
    """Where a code is written plainly and `uscc.fault` finds nothing against it (GB 32100-2015)."""
    values = [code.str.slice(place, 1).cast(_VALUES, strict=False).to_physical() for place in range(LENGTH)]
    weighed = [value.cast(pl.Int32) * weight for value, weight in zip(values, _WEIGHTS, strict=True)]
    checked = pl.sum_horizontal(weighed) % len(ALPHABET) == 0
    return code.str.contains(_FORM) & checked & ~code.is_in(_PLACEHOLDERS)
