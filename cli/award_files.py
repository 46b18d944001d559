"""A batch of awards from files to files: facts and history in, results, errors, notices and trail out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl
from rich.progress import Progress

import policy as language
from cli.outputs import beside
from matching import uscc
from matching.uscc_column import is_right
from policy import Evaluation, Fact, Policy, RowError
from policy.amounts import yuan
from policy.compiling import display
from policy.errors import nearest
from policy.history import recorded_facts
from policy.kinds import FEN
from policy.reading import CellReport, read_columns
from services.tables import (
    ROW,
    RowProblem,
    Sheet,
    TableError,
    Workbook,
    headings_of,
    match_columns,
    only_table,
    read_workbook,
    write_frames,
    write_problems,
)

RESULT_COLUMNS: dict[str, Literal["text", "number"]] = {
    "application_id": "text",
    "measure": "text",
    "outcome": "text",
    "amount_yuan": "number",
    "reason": "text",
    "clause": "text",
    "explanation": "text",
}
_IDENTITY = {
    "application_id": ["申请编号", "申报编号"],
    "uscc": ["统一社会信用代码", "信用代码"],
    "enterprise": ["企业名称", "申报单位", "单位名称"],
    "measure": ["措施", "措施编号", "申报措施"],
}
_HISTORY = {
    "uscc": ["统一社会信用代码", "信用代码"],
    "measure": ["措施", "措施编号"],
    "year": ["年度", "兑现年度"],
    "amount_yuan": ["金额", "兑现金额", "奖补金额"],
}
_HISTORY_FACTS = (
    Fact(name="year", label="年度", type="integer", min="1949", max="2199"),
    Fact(name="amount_yuan", label="金额", type="money", unit="元"),
)
_NO_CODE = "没有统一社会信用代码"
_LONE = "单独计算，不与其他申请合并，也查不到历年记录；请补填"
_DOUBTFUL = "已按原样测算，请核对，以免查不到历年记录"
_REMEDY = "请改正后重新测算"
_ROWS_AT_A_TIME = 100_000


@dataclass
class Computation:
    """One run of `award compute`; after ``compute`` it has the evaluation, after ``read`` the typed facts."""

    policy: Policy
    year: int | None
    progress: Progress
    problems: list[RowProblem] = field(default_factory=list)
    notices: list[RowProblem] = field(default_factory=list)
    facts: dict[str, pl.DataFrame] = field(default_factory=dict)
    history: pl.DataFrame | None = None
    evaluation: Evaluation | None = None
    _sheet: Sheet | None = None
    _headings: dict[str, str] = field(default_factory=dict)

    def read(self, facts: Path, history: Path | None) -> None:
        """Read both files; rows that cannot be read become problems. Raises TableError when a file is no table."""
        task = self.progress.add_task("读取", total=2)
        known = {fact.name: fact for measure in self.policy.measures for fact in measure.all_facts}
        aliases = {name: _labels(self.policy, name) for name in known}
        workbook, sheet, rows = self._open(facts, _IDENTITY | aliases, optional={"uscc", "enterprise", *aliases})
        self._sheet = sheet
        self._unused(sheet, _IDENTITY | aliases)
        self._split(sheet, rows)
        self.progress.advance(task)
        if history is not None:
            self._read_history(history)
        self.progress.advance(task)
        self.problems[:0] = workbook.problems

    def compute(self) -> None:
        """Evaluate everything that could be read."""
        task = self.progress.add_task("测算", total=1)
        self.year = self.year if self.year is not None else self._default_year()
        frames = {name: frame.drop(ROW) for name, frame in self.facts.items()}
        self.evaluation = language.evaluate(self.policy, frames, year=self.year, history=self.history)
        for error, row in zip(self.evaluation.errors, self._rows_of(self.evaluation.errors), strict=True):
            self._problem(row, self._headings.get(error.fact, error.fact), error.value, error.message)
        self.progress.advance(task)

    def write(self, out: Path, trail: Path | None) -> None:
        """Write the results, and beside them the problems and notices; lists that are now empty are removed."""
        task = self.progress.add_task("写出", total=1)
        write_frames(out, RESULT_COLUMNS, self._results())
        for what, entries in (("errors", self.problems), ("notices", self.notices)):
            if entries:
                write_problems(beside(out, what), sorted(entries, key=lambda each: each.row))
            else:
                beside(out, what).unlink(missing_ok=True)
        if trail is not None:
            self._write_trail(trail)
        self.progress.advance(task)

    def summary(self, out: Path) -> dict[str, Any]:
        """Counts, the sum of all awards, and where the files lie."""
        evaluation = self._evaluated
        counts = dict(evaluation.results.group_by("outcome").len().sort("outcome").iter_rows())
        return {
            "year": evaluation.year,
            "outcomes": counts,
            "amount_yuan": yuan(int(evaluation.results["amount_fen"].cast(pl.Int128).sum())),
            "warnings": evaluation.warnings,
            "problems": len(self.problems),
            "notices": len(self.notices),
            "out": str(out),
            "errors": str(beside(out, "errors")) if self.problems else None,
            "notices_file": str(beside(out, "notices")) if self.notices else None,
        }

    def sentences(self) -> list[str]:
        """Every problem as a sentence, in the order of the rows."""
        return [problem.sentence() for problem in sorted(self.problems, key=lambda each: each.row)]

    @property
    def _evaluated(self) -> Evaluation:
        if self.evaluation is None:
            raise RuntimeError("compute() comes first")
        return self.evaluation

    def _open(
        self, path: Path, expected: dict[str, list[str]], optional: set[str]
    ) -> tuple[Workbook, Sheet, pl.DataFrame]:
        workbook = read_workbook(path, headings_of(expected))
        sheet = only_table(workbook, expected, optional)
        match = match_columns(sheet, expected, optional)
        missing = [name for name in expected if name not in match.columns and name not in optional]
        if missing:
            near = {problem.column: problem.value for problem in match.problems if problem.value}
            named = "、".join(_missing(name, expected[name][0], near) for name in missing)
            raise TableError(path.name, f"缺少列：{named}", "请按模板补上这些列")
        self.problems += match.problems
        self._headings = dict(match.columns)
        return workbook, sheet, sheet.frame

    def _unused(self, sheet: Sheet, expected: Mapping[str, Sequence[str]]) -> None:
        """Tell of columns that nothing reads, with the nearest heading that was not found."""
        used, named = set(self._headings.values()), {problem.value for problem in self.problems}
        free = [each for name, aliases in expected.items() if name not in self._headings for each in (name, *aliases)]
        for heading in sheet.columns:
            if heading not in used | named and not any(problem.column == heading for problem in self.problems):
                close = nearest(heading, free)
                remedy = f"如果要写的是“{close}”，请改正列名" if close else "如果是写错的列名请改正"
                self.notices.append(sheet.problem(sheet.header_row, heading, "", "没有措施用到这一列", remedy))

    def _split(self, sheet: Sheet, rows: pl.DataFrame) -> None:
        """Type the rows measure by measure."""
        identity = {name: heading for name, heading in self._headings.items() if name in _IDENTITY}
        who = rows.with_columns(
            **{
                name: pl.col(heading) if (heading := identity.get(name)) else pl.lit(None, pl.String)
                for name in _IDENTITY
            }
        )
        good = self._codes(self._identified(self._with_ids(who)))
        for measure in self.policy.measures:
            names = {fact.name for fact in measure.all_facts}
            headings = {name: heading for name, heading in self._headings.items() if name in names}
            asked = good.select("measure", ROW, "application_id", "uscc", "enterprise", *_plain(good, headings))
            mine = asked.filter(pl.col("measure") == measure.id).drop("measure")
            if mine.height:
                self.facts[measure.id] = self._typed(mine, measure.all_facts, headings)

    def _with_ids(self, table: pl.DataFrame) -> pl.DataFrame:
        """Measures by their ids, however they are named in the table."""
        titles = {measure.title: measure.id for measure in self.policy.measures}
        if not set(table["measure"].unique()) & set(titles):
            return table
        return table.with_columns(pl.col("measure").replace(titles))

    def _codes(self, who: pl.DataFrame) -> pl.DataFrame:
        """Credit codes in one writing. Told are: other writings, codes that cannot be right, rows without a code."""
        texts = who.select(pl.col("uscc").drop_nulls().unique()).filter(~is_right(pl.col("uscc")))["uscc"].to_list()
        codes = {text: uscc.normalised(text) for text in texts}
        faults = {text: uscc.fault(text) if codes[text] else _NO_CODE for text in texts}
        odd = [text for text in texts if faults[text] or codes[text] != text]
        for row, text in who.filter(pl.col("uscc").is_in(odd)).select(ROW, "uscc").iter_rows():
            if codes[text] != text:
                self._note_of(row, "uscc", text, f"“{text}”读作 {codes[text]}", "请核对")
            if faults[text]:
                self._note_of(row, "uscc", text, faults[text], _LONE if faults[text] == _NO_CODE else _DOUBTFUL)
        if who.height and who["uscc"].null_count() == who.height:
            self._note_of(self._head, "uscc", "", f"没有这一列，各行都{_NO_CODE}", _LONE)
        return who.with_columns(pl.col("uscc").replace(codes)) if codes else who

    def _identified(self, who: pl.DataFrame) -> pl.DataFrame:
        """The rows with an application id of their own and a measure that exists; everything wrong of the others."""
        known = [measure.id for measure in self.policy.measures]
        applications = who["application_id"].fill_null("")
        nameless, stranger = applications == "", ~who["measure"].fill_null("").is_in(known)
        again = nameless & False
        if applications.n_unique() < who.height:
            again = ~who.select("application_id", "measure").to_struct().is_first_distinct() & ~nameless & ~stranger
        for row in who.filter(nameless)[ROW]:
            self._problem(row, "application_id", "", "没有申请编号")
        for row, measure in who.filter(stranger).select(ROW, "measure").iter_rows():
            self._problem(row, "measure", measure or "", self._no_measure(measure or ""))
        for row, application in who.filter(again).select(ROW, "application_id").iter_rows():
            self._problem(row, "application_id", application, "申请编号重复，只计算第一次出现的那一行")
        wrong = nameless | stranger | again
        return who.filter(~wrong) if wrong.any() else who

    def _no_measure(self, name: str) -> str:
        """Why a row's measure is none, with the nearest id or title."""
        if not name:
            return "没有写措施"
        close = nearest(name, [each for measure in self.policy.measures for each in (measure.id, measure.title)])
        return "没有这条措施" + (f"，是否想写“{close}”" if close else "")

    def _typed(self, rows: pl.DataFrame, facts: Sequence[Fact], headings: dict[str, str]) -> pl.DataFrame:
        """Typed facts of the rows whose cells can all be read."""
        read = read_columns(rows, facts, {name: f"={name}" for name in headings}, ROW)
        for report in read.problems:
            self._problem(report.row, headings[report.fact.name], report.value, _cause(report))
        for report in read.notices:
            self._note_of(report.row, headings[report.fact.name], report.value, report.message, "")
        if not read.problems:
            return read.frame
        bad = {report.row for report in read.problems}
        unread = {(report.row, report.fact.name) for report in read.problems}
        for row in read.frame.filter(pl.col(ROW).is_in(list(bad))).iter_rows(named=True):
            for fact in facts:
                if fact.must_be_given and row.get(fact.name) is None and (row[ROW], fact.name) not in unread:
                    self._problem(row[ROW], headings.get(fact.name, fact.name), "", f"缺少“{fact.label}”，请补填")
        return read.frame.filter(~pl.col(ROW).is_in(list(bad)))

    def _read_history(self, path: Path) -> None:
        facts = recorded_facts(self.policy)
        own_headings, own_sheet = self._headings, self._sheet
        expected = _HISTORY | {name: [fact.label] for name, fact in facts.items()}
        workbook, sheet, rows = self._open(path, expected, optional=set(facts))
        self._sheet, headings = sheet, self._headings
        rows = rows.with_columns(uscc=pl.col(headings["uscc"]), measure=pl.col(headings["measure"]))
        rows = self._codes(self._with_ids(rows))
        known = [measure.id for measure in self.policy.measures]
        for row, measure in rows.filter(~pl.col("measure").is_in(known)).select(ROW, "measure").iter_rows():
            self._problem(row, headings["measure"], measure, self._no_measure(measure))
        rows = rows.filter(pl.col("measure").is_in(known))
        named = {fact.name: fact for fact in _HISTORY_FACTS} | facts
        read_as = [fact.model_copy(update={"name": name}) for name, fact in named.items()]
        cells = {name: headings[name] for name in named if name in headings}
        read = read_columns(
            rows.select(ROW, "uscc", "measure", *_plain(rows, cells)),
            read_as,
            {name: f"={name}" for name in cells},
            ROW,
        )
        for report in read.problems:
            self._problem(report.row, cells[report.fact.name], report.value, _cause(report))
        for report in read.notices:
            self._note_of(report.row, cells[report.fact.name], report.value, report.message, "")
        absent = pl.any_horizontal(pl.col(name).is_null() for name in ("year", "amount_yuan")) | (pl.col("uscc") == "")
        bad = {report.row for report in read.problems}
        for row in read.frame.filter(absent & ~pl.col(ROW).is_in(list(bad)))[ROW]:
            self._problem(row, "", "", "缺少统一社会信用代码、年度或金额")
        kept = read.frame.filter(~absent & ~pl.col(ROW).is_in(list(bad)))
        self.history = kept.rename({"amount_yuan": "amount_fen"}).drop(ROW)
        self.problems += workbook.problems
        self._headings, self._sheet = own_headings, own_sheet

    def _default_year(self) -> int:
        """The latest year of an item that the policy covers; else the policy's last year."""
        last = self.policy.valid.to.year
        dating = {measure.id: measure.dating_fact for measure in self.policy.measures}
        years = [
            year
            for name, frame in self.facts.items()
            if (dated := dating[name]) is not None and dated in frame.columns
            for year in frame[dated].dt.year().unique().drop_nulls()
            if year <= last
        ]
        return max(years, default=last)

    def _results(self) -> Iterator[pl.DataFrame]:
        """The results in the order of the facts file, a slice of its rows at a time."""
        places = {measure: self._sheet_rows(measure) for measure in self._evaluated.runs}
        last = max((rows[-1] for rows in places.values() if len(rows)), default=-1)
        for start in range(0, last + 1, _ROWS_AT_A_TIME):
            found = []
            for measure, rows in places.items():
                low, high = (int(rows.search_sorted(row)) for row in (start, start + _ROWS_AT_A_TIME))
                found.append(self._evaluated.results_of(measure, low, high - low).with_columns(rows[low:high]))
            amount = display(pl.col("amount_fen"), FEN).alias("amount_yuan")
            yield pl.concat(found).sort(ROW).with_columns(amount).select(*RESULT_COLUMNS)

    def _rows_of(self, errors: Sequence[RowError]) -> list[int]:
        """Where in the facts file the applications of some errors stand."""
        ids = [error.application_id for error in errors]
        found = {
            (measure, application): row
            for measure, frame in self.facts.items()
            for application, row in frame.filter(pl.col("application_id").is_in(ids))
            .select("application_id", ROW)
            .iter_rows()
        }
        return [found[error.measure, error.application_id] for error in errors]

    def _sheet_rows(self, measure: str) -> pl.Series:
        """Where in the facts file the computed applications of a measure stand, in their order."""
        computed = self._evaluated.runs[measure].frame.select("application_id")
        rows = self.facts[measure].select("application_id", ROW)
        return computed.join(rows, on="application_id", how="left", maintain_order="left")[ROW]

    def _write_trail(self, path: Path) -> None:
        partial = path.with_name(path.name + ".part")
        with partial.open("wb") as file:
            for measure, run in self._evaluated.runs.items():
                for offset in range(0, run.frame.height, _ROWS_AT_A_TIME):
                    lines = self._evaluated.trail_lines(measure, offset, _ROWS_AT_A_TIME).to_frame()
                    lines.write_csv(file, include_header=False, quote_style="never")
        partial.replace(path)

    def _problem(self, row: int, column: str, value: str, cause: str) -> None:
        self.problems.append(self._entry(row, column, value, cause, _REMEDY))

    def _note_of(self, row: int, column: str, value: str, what: str, remedy: str) -> None:
        self.notices.append(self._entry(row, column, value, what, remedy))

    @property
    def _head(self) -> int:
        return self._sheet.header_row if self._sheet is not None else 1

    def _entry(self, row: int, column: str, value: str, cause: str, remedy: str) -> RowProblem:
        if self._sheet is None:
            raise RuntimeError("read() comes first")
        return self._sheet.problem(row, column, value, cause, remedy)


def _missing(name: str, alias: str, near: Mapping[str, str]) -> str:
    """A missing column by both its names, with the heading that comes nearest."""
    return f"{name}（{alias}）" + (f"，最接近的表头是“{near[alias]}”" if alias in near else "")


def _labels(policy: Policy, name: str) -> list[str]:
    """The Chinese names of a fact, in every measure that has it."""
    facts = (measure.fact(name) for measure in policy.measures)
    return list(dict.fromkeys(fact.label for fact in facts if fact is not None))


def _plain(rows: pl.DataFrame, headings: dict[str, str]) -> list[pl.Expr]:
    """The text columns of facts under names that no other column has."""
    return [pl.col(heading).alias(f"={name}") for name, heading in headings.items()]


def _cause(report: CellReport) -> str:
    return report.message.removeprefix(f"“{report.value}”")
