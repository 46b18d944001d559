"""Made-up applications for three measures of the shipped policy, drawn from one seed column by column.

The three have what computing costs: rates, caps, bands of an amount, conditions on dates and growth, sums paid before,
grants from above to be taken off, and rounding to the yuan. Amounts crowd around the law's own limits, and a part of
the growth is exactly that of the industry, so that a fen of error changes an outcome.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.random import Generator

from benchmarks.matching.world import credit_codes

POLICY = "zhangzhou-ai-2024"
YEAR = 2025
MEASURES = ("dataset-trade", "annotation-platform", "revenue-milestone")
_LIMITS_YUAN = (20_000_000, 30_000_000, 50_000_000, 80_000_000, 100_000_000)


@dataclass(frozen=True)
class World:
    """For each measure its facts in exact types: money in fen, the growth of an industry in percent.

    Applications stand in the order of their numbers, as a register gives them.
    """

    facts: dict[str, pl.DataFrame]

    def table(self) -> pl.DataFrame:
        """All applications as one table of text, mixed as they come in; null is what a measure does not ask for."""
        frames = [
            frame.select(pl.lit(measure).alias("measure"), *(_text(frame, name) for name in frame.columns))
            for measure, frame in self.facts.items()
        ]
        return pl.concat(frames, how="diagonal").sort("application_id")


def make(applications: int, seed: int) -> World:
    """A world of so many applications, a third for each measure; each enterprise applies once for a measure."""
    draw = np.random.default_rng(seed)
    numbers = draw.permutation(applications)
    shares = np.array_split(numbers, len(MEASURES))
    codes = pl.Series(credit_codes(np.arange(len(shares[0]))))
    own = (_dataset_trade, _annotation_platform, _revenue_milestone)
    return World(
        {
            measure: pl.DataFrame(_common(draw, share, codes, measure) | columns(draw, len(share))).sort(
                "application_id"
            )
            for measure, share, columns in zip(MEASURES, shares, own, strict=True)
        }
    )


def _common(draw: Generator, numbers: np.ndarray, codes: pl.Series, measure: str) -> dict[str, pl.Series]:
    count = len(numbers)
    who = pl.Series(draw.permutation(len(codes))[:count])
    days = pl.Series(draw.normal(np.datetime64("2025-07-01").astype(int), 120, count).astype(np.int32)).cast(pl.Date)
    dated = days if measure != "revenue-milestone" else days.scatter(np.flatnonzero(draw.random(count) < 0.5), None)
    granted = np.where(draw.random(count) < 0.15, draw.integers(0, 50_000_000, count), 0)
    return {
        "application_id": pl.Series(numbers).cast(pl.String).str.zfill(7),
        "uscc": codes.gather(who),
        "enterprise": ("漳州第" + who.cast(pl.String) + "号智能科技有限公司").alias("enterprise"),
        "item_date": dated,
        "serious_violation": pl.Series(draw.random(count) < 0.03),
        "granted_above": pl.Series(granted, dtype=pl.Int64),
    }


def _dataset_trade(draw: Generator, count: int) -> dict[str, pl.Series]:
    return {
        "trade_amount": _money(draw, count, 2_000_000),
        "on_exchange": pl.Series(draw.random(count) < 0.93),
    }


def _annotation_platform(draw: Generator, count: int) -> dict[str, pl.Series]:
    return {"investment": _money(draw, count, 25_000_000)}


def _revenue_milestone(draw: Generator, count: int) -> dict[str, pl.Series]:
    """A tenth grows exactly as the industry does, which is enough."""
    previous = _money(draw, count, 40_000_000).to_numpy()
    growth = draw.integers(-50_000, 250_000, count)  # 0.0001 %
    even = draw.random(count) < 0.1
    previous = np.where(even, previous // 1_000_000 * 1_000_000, previous)
    revenue = np.where(even, previous + previous // 1_000_000 * growth, _money(draw, count, 60_000_000).to_numpy())
    highest = np.where(draw.random(count) < 0.3, _money(draw, count, 40_000_000).to_numpy(), previous)
    paid = draw.choice([0, 50_000_000, 80_000_000, 100_000_000], count, p=[0.7, 0.15, 0.1, 0.05])
    return {
        "revenue": pl.Series(revenue, dtype=pl.Int64),
        "previous_revenue": pl.Series(previous, dtype=pl.Int64),
        "highest_earlier_revenue": pl.Series(highest, dtype=pl.Int64),
        "industry_growth": pl.Series(growth).cast(pl.Decimal(38, 0)).cast(pl.Decimal(38, 4)) / 10_000,
        "paid_earlier": pl.Series(paid, dtype=pl.Int64),
    }


def _money(draw: Generator, count: int, middle_yuan: int) -> pl.Series:
    """Fen spread around a middle; a twentieth at one of the law's limits, a fen less, or a fen more."""
    spread = (draw.lognormal(0, 0.8, count) * middle_yuan * 100).astype(np.int64)
    near = draw.choice(_LIMITS_YUAN, count) * 100 + draw.integers(-1, 2, count)
    return pl.Series(np.where(draw.random(count) < 0.05, near, spread), dtype=pl.Int64)


def _text(frame: pl.DataFrame, name: str) -> pl.Expr:
    """A column as people write it: yuan with two digits, 是 and 否, days as 2025-03-01."""
    column, kind = pl.col(name), frame.schema[name]
    if kind == pl.Int64:
        column = pl.concat_str(
            (column // 100).cast(pl.String), pl.lit("."), (column % 100).cast(pl.String).str.zfill(2)
        )
    elif kind == pl.Boolean:
        column = pl.when(column).then(pl.lit("是")).otherwise(pl.lit("否"))
    return column.cast(pl.String).alias(name)
