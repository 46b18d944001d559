"""Findings out of compared pairs: judged, explained, and one for each pair of ids."""

from __future__ import annotations

import polars as pl

from matching.evidence import evidence
from matching.judge import judged

FINDING_COLUMNS = ("kind", "score", "certainty", "evidence")
ITEM_COLUMNS = ("item", "item_right")
"""What each side's item is told by, as one text: the same pair has the same texts next year."""

_PLACE = ("row", "row_right")


def found(pairs: pl.DataFrame) -> pl.DataFrame:
    """The findings of compared pairs (`matching.compare`), beside their rows and ids."""
    return pairs.with_columns(*judged(), evidence()).select(*_PLACE, "id", "id_right", *FINDING_COLUMNS, *ITEM_COLUMNS)


def one_a_pair(findings: pl.DataFrame, left_id: str, right_id: str) -> pl.DataFrame:
    """One finding per pair of ids, in the order of the rows: rows that share an id count by their surest pair."""
    return (
        findings.rename({"id": left_id, "id_right": right_id})
        .sort("score", *_PLACE, descending=[True, False, False])
        .unique([left_id, right_id], keep="first", maintain_order=True)
        .sort(_PLACE)
        .select(left_id, right_id, *FINDING_COLUMNS, *ITEM_COLUMNS)
    )
