"""Seconds, rows a second, peak memory and the fen, ours and its peers on the same rows in one run; then whole files.

Run: python -m benchmarks.compute [ROWS …]; by default 10000 100000 1000000.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

from benchmarks import peers
from benchmarks.compute.contenders import CONTENDERS
from benchmarks.compute.files import write_facts
from benchmarks.compute.world import MEASURES, POLICY, YEAR, World, make

SIZES = ("10000", "100000", "1000000")
SEED = 20_261_126
LARGEST = {"zen-expressions": 100_000, "zen-graph": 10_000}
"""Row by row beyond this only shows patience: the figures of the larger sizes are not measured, and said to be so."""

LARGEST_XLSX = 100_000
_ROUNDS = 3
_PARTS = ("reading", "rules", "texts", "writing")


def main(sizes: list[str]) -> None:
    """Print two tables for each size."""
    for size in sizes:
        world = make(int(size), SEED)
        with tempfile.TemporaryDirectory() as place:
            _rules(world, int(size), Path(place))
        with tempfile.TemporaryDirectory() as place:
            _files(world.table(), Path(place))


def _rules(world: World, rows: int, folder: Path) -> None:
    for measure, frame in world.facts.items():
        frame.write_parquet(folder / f"{measure}.parquet")
    print(f"\n{rows:,} applications for {len(MEASURES)} measures", flush=True)
    print(f"  {'':16}{'seconds':>10}{'rows/s':>14}{'peak MiB':>10}  fen", flush=True)
    for name in CONTENDERS:
        if rows > LARGEST.get(name, rows):
            print(f"  {name:16}{'not measured beyond ' + format(LARGEST[name], ',') + ' rows':>36}", flush=True)
            continue
        cost = peers.run("benchmarks.compute.contenders", name, folder)
        if isinstance(cost, str):
            print(f"  {name:16}failed: {cost}", flush=True)
            continue
        seconds, off = cost.seconds, _off(folder, name)
        said = "the same" if off == 0 else f"{off:,} rows off"
        print(f"  {name:16}{seconds:10.3f}{rows / seconds:14,.0f}{cost.peak_mib:10,.0f}  {said}", flush=True)


def _off(folder: Path, name: str) -> int:
    """Rows whose award is another than ours."""
    return sum(
        int((pl.read_parquet(folder / f"{measure}.{name}.parquet") != _ours(folder, measure))["amount_fen"].sum())
        for measure in MEASURES
    )


def _ours(folder: Path, measure: str) -> pl.DataFrame:
    return pl.read_parquet(folder / f"{measure}.{next(iter(CONTENDERS))}.parquet")


def _files(table: pl.DataFrame, folder: Path) -> None:
    print(f"  {'award compute':22}{'whole':>9}{'peak MiB':>10}" + "".join(f"{part:>10}" for part in _PARTS), flush=True)
    for suffix in (".csv", ".xlsx"):
        if suffix == ".xlsx" and table.height > LARGEST_XLSX:
            print(f"    {suffix[1:]:20}not measured beyond {LARGEST_XLSX:,} rows", flush=True)
            continue
        facts, results, trail = folder / f"facts{suffix}", folder / f"results{suffix}", folder / "trail.jsonl"
        write_facts(table, facts)
        seconds, peak = _command(facts, results, trail)
        parts, alone = _in_turns(facts, results, trail)
        shown = "".join(f"{parts[part]:10.2f}" for part in _PARTS)
        print(f"    {suffix[1:]:20}{seconds:9.2f}{peak:10,.0f}{shown}", flush=True)
        print(f"    {'libraries alone':39}{alone['reading']:10.2f}{'':20}{alone['writing']:10.2f}", flush=True)
        outside = (parts["reading"] + parts["writing"]) / (alone["reading"] + alone["writing"]) - 1
        print(f"    {'outside the rules':39}{outside:+10.0%} of the libraries' time", flush=True)


def _command(facts: Path, results: Path, trail: Path) -> tuple[float, float]:
    """Seconds and peak memory (MiB, the greater of it and of the process that reads workbooks) of the command."""
    command = [sys.executable, "-m", "cli.main", "award", "compute", "--policy", POLICY, "--year", str(YEAR)]
    files = ["--facts", str(facts), "--out", str(results), "--trail", str(trail)]
    started = time.perf_counter()
    child = subprocess.Popen([*command, *files], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode:
        raise subprocess.CalledProcessError(child.returncode, command)
    return time.perf_counter() - started, usage.ru_maxrss / 1024


def _in_turns(facts: Path, results: Path, trail: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Ours and the libraries, one after the other and again: the least seconds of each part."""
    rounds = [{who: _parts(who, facts, results, trail) for who in ("ours", "libraries")} for _ in range(_ROUNDS)]
    ours, alone = (
        {part: min(found[who][part] for found in rounds) for part in rounds[0][who]} for who in ("ours", "libraries")
    )
    return ours, alone


def _parts(who: str, facts: Path, results: Path, trail: Path) -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.compute.files", who, str(facts), str(results), str(trail)],
        capture_output=True,
        text=True,
        check=True,
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


if __name__ == "__main__":
    main(sys.argv[1:] or list(SIZES))
