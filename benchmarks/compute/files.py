"""From file to file: where the time of `award compute` goes, and what the file libraries alone need for the same files.

Run: python -m benchmarks.compute.files ours|libraries FACTS RESULTS TRAIL; prints seconds by part as JSON.
"""

import io
import json
import sys
import time
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import xlsxwriter
from python_calamine import CalamineWorkbook
from rich.console import Console
from rich.progress import Progress

import policy as language
from benchmarks.compute.world import POLICY, YEAR
from cli.award_files import RESULT_COLUMNS, Computation

Seconds = dict[str, float]
_LINES = 100_000


def ours(facts: Path, results: Path, trail: Path) -> Seconds:
    """Reading, rules, texts and writing of the command itself, in this process."""
    law = language.load(language.find(POLICY))
    seconds: Seconds = {}
    with Progress(console=Console(stderr=True), transient=True, disable=True) as progress:
        computation = Computation(law, YEAR, progress)
        _timed(computation.read, "reading", seconds)(facts, None)
        _timed(computation.compute, "rules", seconds)()
        evaluation: Any = computation.evaluation
        evaluation.results_of = _timed(evaluation.results_of, "texts", seconds)
        evaluation.trail_lines = _timed(evaluation.trail_lines, "texts", seconds)
        _timed(computation.write, "writing", seconds)(results, trail)
    seconds["writing"] -= seconds["texts"]
    return seconds


def _timed(call: Callable[..., Any], part: str, seconds: Seconds) -> Callable[..., Any]:
    def run(*args: Any) -> Any:
        started = time.perf_counter()
        found = call(*args)
        seconds[part] = seconds.get(part, 0.0) + time.perf_counter() - started
        return found

    return run


def libraries(facts: Path, results: Path, trail: Path) -> Seconds:
    """polars, calamine and xlsxwriter on the same files: facts read as text; results and trail written as they are.

    The files that ours wrote are read back first, outside the clock.
    """
    seconds: Seconds = {}
    excel = facts.suffix == ".xlsx"
    _timed(_read_xlsx if excel else _read_csv, "reading", seconds)(facts)
    written = _read_back(results)
    _timed(_write_xlsx if excel else _write_csv, "writing", seconds)(written, results.with_stem("again"))
    del written
    with trail.with_stem("again").open("wb") as file:
        for lines in _records(trail):
            _timed(lines.write_ndjson, "writing", seconds)(file)
    return seconds


def _read_csv(path: Path) -> None:
    pl.read_csv(path, infer_schema=False)


def _read_xlsx(path: Path) -> None:
    with CalamineWorkbook.from_path(path) as book:
        book.get_sheet_by_index(0).to_python(skip_empty_area=False)


def _read_back(path: Path) -> pl.DataFrame:
    if path.suffix == ".csv":
        return pl.read_csv(path, infer_schema=False)
    with CalamineWorkbook.from_path(path) as book:
        rows = book.get_sheet_by_index(0).to_python()
    return pl.DataFrame(rows[1:], schema=list(RESULT_COLUMNS), orient="row")


def _write_csv(frame: pl.DataFrame, path: Path) -> None:
    frame.write_csv(path, include_bom=True, line_terminator="\r\n")


def _write_xlsx(frame: pl.DataFrame, path: Path) -> None:
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate(frame.iter_rows(), start=1):
            for column, cell in enumerate(cells):
                sheet.write(row, column, cell)


def _records(trail: Path) -> Iterator[pl.DataFrame]:
    with trail.open("rb") as file:
        while lines := b"".join(islice(file, _LINES)):
            yield pl.read_ndjson(io.BytesIO(lines))


def write_facts(table: pl.DataFrame, path: Path) -> None:
    """The table of facts as CSV or XLSX, all text."""
    if path.suffix == ".csv":
        table.write_csv(path)
        return
    with xlsxwriter.Workbook(path, {"constant_memory": True}) as book:
        sheet = book.add_worksheet()
        for row, cells in enumerate([table.columns, *table.iter_rows()]):
            for column, cell in enumerate(cells):
                if cell is not None:
                    sheet.write_string(row, column, cell)


if __name__ == "__main__":
    who, *paths = sys.argv[1:]
    print(json.dumps({"ours": ours, "libraries": libraries}[who](*map(Path, paths))))
