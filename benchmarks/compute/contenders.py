"""Ours and its peers, each in a process of its own: from typed facts to the fen of every application.

Each gets the facts in the shape that suits it best, made before the clock starts, and hands over what it found in its
own shape: the comparison is made after the clock has stopped.
Run: python -m benchmarks.compute.contenders NAME FOLDER; prints seconds and peak memory (MiB) as JSON.
"""

import gc
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl

import policy as language
from benchmarks import peers
from benchmarks.compute import decimal_loop
from benchmarks.compute.world import POLICY, YEAR

Facts = Mapping[str, pl.DataFrame]
Amounts = dict[str, pl.Series]
"""For each measure the fen of its rows, in their order."""

Run = Callable[[], object]
Contender = Callable[[Facts], tuple[Run, Callable[[Any], Amounts]]]
"""From facts: what is timed, and how the amounts are read from what it gives."""

_DECIMALS = {"industry_growth": 4}
_SLICE = 100_000
_RUNS, _ENOUGH_SECONDS = 5, 5.0


def rules(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """The product's rules with every step, condition and cap kept as an exact integer."""
    law = language.load(language.find(POLICY))
    return lambda: language.evaluate(law, facts, year=YEAR), _product_amounts


def texts(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """The same, and everything written out: reason and explanation of each row, each step with its clause and quote."""
    law = language.load(language.find(POLICY))

    def run() -> language.Evaluation:
        evaluation = language.evaluate(law, facts, year=YEAR)
        for measure, computed in evaluation.runs.items():
            for offset in range(0, computed.frame.height, _SLICE):
                evaluation.results_of(measure, offset, _SLICE)
                evaluation.trail_lines(measure, offset, _SLICE)
        return evaluation

    return run, _product_amounts


def _product_amounts(evaluation: language.Evaluation) -> Amounts:
    return {measure: run.frame["amount_fen"] for measure, run in evaluation.runs.items()}


def decimals(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """The loop of a careful programmer."""
    rows = {measure: frame.select(_yuan(frame)).to_dicts() for measure, frame in facts.items()}
    return (
        lambda: {measure: decimal_loop.amounts(measure, listed) for measure, listed in rows.items()},
        lambda found: {measure: _fen(yuan) for measure, yuan in found.items()},
    )


def _yuan(frame: pl.DataFrame) -> list[pl.Expr]:
    """Money as Decimal yuan and rates as shares."""
    money = [name for name, kind in frame.schema.items() if kind == pl.Int64]
    rates = [name for name, kind in frame.schema.items() if kind.is_decimal()]
    moved = [pl.col(name).cast(pl.Decimal(38, 2)) / 100 for name in money]
    return [pl.exclude(*money, *rates), *moved, *(pl.col(name).cast(pl.Decimal(38, 6)) / 100 for name in rates)]


def _fen(yuan: Sequence[Decimal]) -> pl.Series:
    return pl.Series([int(each.scaleb(2)) for each in yuan], dtype=pl.Int64)


def openfisca(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """OpenFisca as it is shipped: single precision, yuan."""
    from benchmarks.compute.openfisca_rules import SINGLE

    return _openfisca(facts, SINGLE)


def openfisca_wide(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """OpenFisca with its integers made 64 bits wide, fen."""
    from benchmarks.compute.openfisca_rules import WIDE

    return _openfisca(facts, WIDE)


def _openfisca(facts: Facts, units: Any) -> tuple[Run, Callable[[Any], Amounts]]:
    from benchmarks.compute.openfisca_rules import simulation, system

    inputs = {}
    for measure, frame in facts.items():
        plain = _integers(frame) if units.yuan == 100 else _integers(frame).select(_floats())
        inputs[measure] = {name: plain[name].to_numpy(writable=True) for name in plain.columns}
    systems = {measure: system(measure, units) for measure in facts}

    def run() -> dict[str, Any]:
        return {m: simulation(systems[m], inputs[m]).calculate("rounded", str(YEAR)) for m in facts}

    return run, lambda found: {
        measure: (pl.Series(values).cast(pl.Float64) * (100 // units.yuan)).round().cast(pl.Int64)
        for measure, values in found.items()
    }


def _integers(frame: pl.DataFrame) -> pl.DataFrame:
    """Fen, millionths of growth, and days as 20250301 (0 where there is none)."""
    day = pl.col("item_date").dt.strftime("%Y%m%d").cast(pl.Int64).fill_null(0).alias("day")
    rates = [pl.col(name).to_physical().cast(pl.Int64) for name, kind in frame.schema.items() if kind.is_decimal()]
    return frame.drop("application_id", "uscc", "enterprise").with_columns(day, *rates).drop("item_date")


def _floats() -> list[pl.Expr]:
    money = pl.col(pl.Int64).exclude("day", *_DECIMALS).cast(pl.Float64) / 100
    growth = pl.col("^(industry_growth)$").cast(pl.Float64) / 1_000_000
    return [pl.col("day").cast(pl.Int32), pl.col(pl.Boolean), money.cast(pl.Float32), growth.cast(pl.Float32)]


def zen_graph(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """GoRules as a decision graph."""
    from benchmarks.compute.zen_rules import by_graph

    return _zen(facts, by_graph)


def zen_expressions(facts: Facts) -> tuple[Run, Callable[[Any], Amounts]]:
    """GoRules as compiled expressions, without a graph."""
    from benchmarks.compute.zen_rules import by_expressions

    return _zen(facts, by_expressions)


def _zen(facts: Facts, by: Callable[[str, Any], list[int]]) -> tuple[Run, Callable[[Any], Amounts]]:
    rows = {measure: _integers(frame).to_dicts() for measure, frame in facts.items()}
    return (
        lambda: {measure: by(measure, listed) for measure, listed in rows.items()},
        lambda found: {measure: pl.Series(fen, dtype=pl.Int64) for measure, fen in found.items()},
    )


CONTENDERS: dict[str, Contender] = {
    "rules": rules,
    "texts": texts,
    "openfisca": openfisca,
    "openfisca-wide": openfisca_wide,
    "decimal": decimals,
    "zen-expressions": zen_expressions,
    "zen-graph": zen_graph,
}


def computed(name: str, facts: Facts) -> tuple[float, Amounts]:
    """Seconds (the best of five runs, or of as many as fit into a few seconds), and the fen of every row.

    Facts of a few rows go first, so that nobody pays for imports.
    """
    few, _ = CONTENDERS[name]({measure: frame.head(100) for measure, frame in facts.items()})
    few()
    run, read = CONTENDERS[name](facts)
    taken: list[float] = []
    while not taken or (len(taken) < _RUNS and sum(taken) < _ENOUGH_SECONDS):
        gc.collect()
        started = time.perf_counter()
        found = run()
        taken.append(time.perf_counter() - started)
    return min(taken), read(found)


def main(name: str, folder: Path) -> None:
    """Run one of them on `MEASURE.parquet` in the folder; its amounts go to `MEASURE.NAME.parquet`."""
    facts = {path.stem: pl.read_parquet(path) for path in folder.glob("*.parquet") if "." not in path.stem}
    seconds, amounts = computed(name, facts)
    for measure, fen in amounts.items():
        fen.alias("amount_fen").to_frame().write_parquet(folder / f"{measure}.{name}.parquet")
    peers.tell(seconds)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
