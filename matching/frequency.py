"""How rare an agreement is: how often a ledger has the titles and the amounts that are looked for."""

from __future__ import annotations

import polars as pl

COUNTS = {"application_id": pl.String(), "title_rows": pl.Int64(), "fen_rows": pl.Int64()}


class Frequency:
    """Counts rows of ledgers; `rows` is how many were looked at in all."""

    def __init__(self, ids: pl.Series, marked: pl.DataFrame, earlier: pl.DataFrame | None, earlier_rows: int) -> None:
        """Of the applications `ids` with their `marks`. `earlier` (COUNTS) is what other ledgers had before these."""
        self._told = marked.select(ids.alias("application_id"), "title", pl.when(pl.col("fen") > 0).then("fen"))
        self._earlier = pl.DataFrame(schema=COUNTS) if earlier is None else earlier
        self._parts: dict[str, list[pl.DataFrame]] = {name: [self._none(name)] for name in ("title", "fen")}
        self.rows = earlier_rows

    def count(self, marked: pl.DataFrame) -> None:
        """Count the next rows of a ledger by their `marks`."""
        self.rows += marked.height
        for name, parts in self._parts.items():
            wanted = self._told[name].drop_nulls().unique()
            parts.append(
                marked.filter(pl.col(name).is_in(wanted.implode())).group_by(name).agg(pl.len().cast(pl.Int64))
            )

    def table(self) -> pl.DataFrame:
        """COUNTS of all applications, in their order: 0 where the ledgers have it nowhere, or nothing is told."""
        told = self._told.filter(pl.col("application_id").is_first_distinct())
        for name, parts in self._parts.items():
            counted = pl.concat(parts).group_by(name).agg(pl.col("len").sum())
            told = told.join(counted.rename({"len": f"{name}_rows"}), on=name, how="left", maintain_order="left")
        told = told.join(self._earlier, on="application_id", how="left", suffix="_earlier", maintain_order="left")
        sums = [pl.sum_horizontal(name, f"{name}_earlier", ignore_nulls=True).alias(name) for name in list(COUNTS)[1:]]
        return told.select("application_id", *sums)

    def _none(self, name: str) -> pl.DataFrame:
        return self._told.select(name).clear().with_columns(pl.lit(0, pl.Int64).alias("len"))
