"""The one door of matching: applications against a ledger of earlier grants, and applications among themselves."""

from __future__ import annotations

import polars as pl

from matching.compare import compared
from matching.evidence import evidence
from matching.judge import SAME_ITEM, judged
from matching.keys import with_keys
from matching.sieve import possible

APPLICATION_COLUMNS = ("application_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year")
LEDGER_COLUMNS = ("ledger_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year", "level")
FINDING_COLUMNS = ("kind", "score", "certainty", "evidence")


def match(applications: pl.DataFrame, ledger: pl.DataFrame, former_names: pl.DataFrame | None = None) -> pl.DataFrame:
    """What of the applications was, or may have been, granted already.

    Both tables are all text with the columns above, and optionally `contracts` (numbers separated by `;`); any value
    may be empty. `former_names` has `uscc`, `enterprise`, `former_name`. The result has `application_id`, `ledger_id`,
    `kind` (same_item | same_enterprise), `score` (0..1: how surely one item), `certainty` (certain | likely | review)
    and `evidence` (Chinese), one row a pair, in the order of the tables.

    - The same invoice is the same item even under another enterprise; then a person must look.
    - One enterprise (valid codes equal; or names, former names equal where no two valid codes differ) with the same
      contract or the same title is the same item, more or less surely by year and amount.
    - A title in other words or another order, or an amount to the fen under another title, is worth a look; the same
      title in another year with another amount is bought again, and no duplicate.
    - Names that differ by mistakable characters, and one title with one uneven amount where no two valid codes or
      places differ, may be one enterprise: a person must look.
    - One enterprise alone is never a duplicate.
    """
    ours = with_keys(applications, "application_id")
    theirs = with_keys(possible(ours, ledger, former_names), "ledger_id")
    return _findings(compared(ours, theirs, former_names), "application_id", "ledger_id")


def within(applications: pl.DataFrame, former_names: pl.DataFrame | None = None) -> pl.DataFrame:
    """The same item in two applications of one cycle: the same invoice anywhere, or one enterprise's project twice.

    The columns are those of `match`, with `other_application_id` for `ledger_id`, and only `same_item`. An optional
    column `measure` is named in the evidence.
    """
    table = with_keys(applications, "application_id")
    pairs = compared(table, table, former_names).filter(pl.col("row") < pl.col("row_right"))
    found = _findings(pairs, "application_id", "other_application_id")
    return found.filter(pl.col("kind") == SAME_ITEM)


def _findings(pairs: pl.DataFrame, left_id: str, right_id: str) -> pl.DataFrame:
    """One finding per pair of ids: rows that share an id count by their surest pair."""
    return (
        pairs.with_columns(*judged(), evidence())
        .sort(["row", "row_right"])
        .rename({"id": left_id, "id_right": right_id})
        .sort("score", descending=True, maintain_order=True)
        .unique([left_id, right_id], keep="first", maintain_order=True)
        .sort(["row", "row_right"])
        .select(left_id, right_id, *FINDING_COLUMNS)
    )
