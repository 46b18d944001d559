"""Rows of a table that repeat an earlier row."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from services.tables.raw import ROW


def duplicate_rows(frame: pl.DataFrame, key: Sequence[str]) -> pl.DataFrame:
    """The second and later rows of each key, all their columns, with `_first_row`: the sheet row that they repeat.

    Rows in which every column of the key is empty are no duplicates of each other.
    """
    filled = pl.any_horizontal(pl.col(name) != "" for name in key)
    first = pl.col(ROW).first().over(list(key))
    return frame.filter(filled).with_columns(first.alias("_first_row")).filter(pl.col(ROW) != pl.col("_first_row"))
