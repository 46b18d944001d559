"""`ledger match`: two files in, findings out; what could not be read is listed beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from matching import Home, match
from policy import Policy
from services.grants.home import home_under
from services.grants.ledger_rows import (
    APPLICATION_HEADINGS,
    FORMER_NAME_HEADINGS,
    LEDGER_HEADINGS,
    OPTIONAL,
    check_names,
    check_rows,
)
from services.tables import RowProblem, headings_of, read_workbook, tables

Report = Callable[[str], None]


@dataclass(frozen=True)
class MatchResult:
    """`findings` as `matching.match` gives them; the numbers of rows that took part; problems and notes of all files.

    `complete` is False when a column is missing: then nothing was matched.
    """

    findings: pl.DataFrame
    applications: int
    ledger: int
    problems: Sequence[RowProblem]
    notes: Sequence[RowProblem]
    complete: bool


def match_files(
    applications: Path, ledger: Path, former_names: Path | None, law: Policy | None, report: Report
) -> MatchResult:
    """Match the applications of one file against the ledger of another, all sheets of both; `report` hears of it.

    Names are read by the counties of the policy, when one is given.

    Raises `TableError` when a file cannot be read as a table.
    """
    known = []
    for path, what, headings, id_column in (
        (applications, "读取申报", APPLICATION_HEADINGS, "application_id"),
        (ledger, "读取台账", LEDGER_HEADINGS, "ledger_id"),
        *([(former_names, "读取曾用名", FORMER_NAME_HEADINGS, "")] if former_names else []),
    ):
        report(what)
        workbook = read_workbook(path, headings_of(headings))
        found = tables(workbook, headings, OPTIONAL)
        checked = check_rows(found.sheets, headings, id_column) if id_column else check_names(found.sheets)
        checked.problems[:0] = [*workbook.problems, *found.problems]
        checked.notes[:0] = found.notes
        known.append(checked)
    report("比对")
    names = known[2].frame if former_names else None
    findings = match(known[0].frame, known[1].frame, names, home=home_under(law) if law else Home())
    return MatchResult(
        findings,
        known[0].frame.height,
        known[1].frame.height,
        [problem for checked in known for problem in checked.problems],
        [note for checked in known for note in checked.notes],
        all(checked.complete for checked in known),
    )
