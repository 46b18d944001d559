"""Findings out of compared pairs: judged, explained, and one for each pair of ids."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from matching.compare import compared, paired
from matching.evidence import evidence
from matching.judge import judged

FINDING_COLUMNS = ("kind", "score", "certainty", "evidence")
ITEM_COLUMNS = ("item", "item_right")
"""What each side's item is told by, as one text: the same pair has the same texts next year."""

_PLACE = ("row", "row_right")
_ALL = pl.lit(True)
_AT_ONCE = 50_000  # pairs that lie side by side with all their columns, some kilobytes each


def found(
    left: pl.DataFrame,
    right: pl.DataFrame,
    names: pl.DataFrame,
    *,
    of: pl.Expr = _ALL,
    such: pl.Expr = _ALL,
) -> Iterator[pl.DataFrame]:
    """The findings of two tables' pairs (`matching.compare`), beside their rows and ids.

    Only `of` some pairs of rows, and of what is judged only `such`. Some at a time, in the order of the rows; without
    any pair one table without rows.
    """
    pairs = paired(left, right, names).filter(of).sort(_PLACE)
    for start in range(0, max(pairs.height, 1), _AT_ONCE):
        known = compared(pairs.slice(start, _AT_ONCE), left, right).with_columns(*judged()).filter(such)
        yield known.with_columns(evidence()).select(*_PLACE, "id", "id_right", *FINDING_COLUMNS, *ITEM_COLUMNS)


def one_a_pair(findings: pl.DataFrame, left_id: str, right_id: str) -> pl.DataFrame:
    """One finding per pair of ids, in the order of the rows: rows that share an id count by their surest pair."""
    return (
        findings.rename({"id": left_id, "id_right": right_id})
        .sort("score", *_PLACE, descending=[True, False, False])
        .unique([left_id, right_id], keep="first", maintain_order=True)
        .sort(_PLACE)
        .select(left_id, right_id, *FINDING_COLUMNS, *ITEM_COLUMNS)
    )
