"""How alike two texts are, for whole columns."""

from __future__ import annotations

import polars as pl
from rapidfuzz import fuzz, process


def likeness(ours: pl.Series, theirs: pl.Series) -> pl.Series:
    """rapidfuzz's ratio of two columns, row by row, 0 to 100; 0 where one is empty."""
    ratios = process.cpdist(ours.to_list(), theirs.to_list(), scorer=fuzz.ratio, workers=-1)
    return pl.Series("likeness", ratios, dtype=pl.Float32) * ((ours != "") & (theirs != "")).cast(pl.Float32)
