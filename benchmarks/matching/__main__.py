"""Precision, recall, F1, time and peak memory of ours and its peers on the same worlds, in one run.

Run: python -m benchmarks.matching [APPLICATIONSxLEDGER …]; by default the three sizes below, the last only ours.
Ten million rows take some 12 GB while they are made up, and a quarter of an hour.
The seeds used here are for reporting; rules were tuned on others (1 to 99).
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import polars as pl

from benchmarks import peers
from benchmarks.matching.contenders import CONTENDERS, PAIR

SIZES = ("10000x100000", "10000x1000000", "100000x10000000")
SEED = 20_261_126
LEVELS = ("certain", "likely", "review")
LARGEST_FOR_PEERS = 1_000_000


def main(sizes: list[str]) -> None:
    """Print a table for each size."""
    for size in sizes:
        applications, ledger = (int(number) for number in size.split("x"))
        with tempfile.TemporaryDirectory() as place:
            _one(applications, ledger, Path(place))


def _one(applications: int, ledger: int, folder: Path) -> None:
    size = [str(applications), str(ledger), str(SEED), str(folder)]
    subprocess.run([sys.executable, "-m", "benchmarks.matching.world", *size], check=True)  # its memory ends with it
    truth = pl.read_parquet(folder / "truth.parquet")
    print(f"{applications:,} x {ledger:,}, {truth.height:,} pairs are one item", flush=True)
    for name in CONTENDERS if ledger <= LARGEST_FOR_PEERS else ("ours",):
        cost = peers.run("benchmarks.matching.contenders", name, folder)
        if isinstance(cost, str):
            print(f"  {name:8} failed: {cost}", flush=True)
            continue
        found = _at_best(pl.read_parquet(folder / f"{name}.parquet"), truth)
        print(f"  {name:8} {_scores(found, truth)}  {cost.seconds:8.1f} s  {cost.peak_mib:8.0f} MiB", flush=True)
        for level in LEVELS if "certainty" in found.columns else ():
            print(f"    {level:8} {_scores(found.filter(pl.col('certainty') == level), truth)}", flush=True)


def _at_best(found: pl.DataFrame, truth: pl.DataFrame) -> pl.DataFrame:
    """The pairs from the score on whose F1 is the greatest; all of them where there is no score."""
    if "score" not in found.columns or found.is_empty():
        return found
    right = found.join(truth.with_columns(pl.lit(1).alias("right")), on=PAIR, how="left").sort("score", descending=True)
    curve = right.with_columns(
        (2 * pl.col("right").fill_null(0).cum_sum() / (pl.int_range(1, pl.len() + 1) + truth.height)).alias("f1")
    )
    threshold = curve["score"][int(curve["f1"].arg_max() or 0)]
    return found.filter(pl.col("score") >= threshold)


def _scores(found: pl.DataFrame, truth: pl.DataFrame) -> str:
    hits = found.join(truth, on=PAIR, how="semi").height
    precision, recall = hits / max(found.height, 1), hits / max(truth.height, 1)
    f1 = 2 * precision * recall / max(precision + recall, 1e-9)
    return f"found {found.height:>8,}  precision {precision:.4f}  recall {recall:.4f}  F1 {f1:.4f}"


if __name__ == "__main__":
    main(sys.argv[1:] or list(SIZES))
