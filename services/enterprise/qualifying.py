"""Who qualifies for a measure by a bureau's own list: every row judged by the policy itself, or told why not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import Session

from matching import uscc
from models import Cycle, Invitation
from policy import Evaluation, Fact, Measure, Policy
from services.application import facts
from services.enterprise import eligibility
from services.enterprise.eligibility import Checked
from services.notices.addresses import trouble_with
from services.record import fitting
from services.tables import ROW, RowProblem, Sheet, Workbook, match_columns, tables

HEADINGS: Mapping[str, Sequence[str]] = {
    "enterprise_name": ("企业名称", "单位名称"),
    "uscc": ("统一社会信用代码", "信用代码"),
    "contact_email": ("邮箱", "电子邮箱", "联系邮箱"),
}


Trouble = tuple[str, str, str]
"""Column, cause, remedy."""


@dataclass(frozen=True)
class Candidate:
    """One enterprise of the list; `given` has its facts as canonical text, by name."""

    sheet: Sheet
    row: int
    uscc: str
    name: str
    email: str
    given: Mapping[str, str]

    def told(self, cause: str, remedy: str) -> RowProblem:
        """Something about this row."""
        return self.sheet.problem(self.row, HEADINGS["enterprise_name"][0], self.name, cause, remedy)


@dataclass
class Judged:
    """Who qualifies, who does not and why, and the rows that could not be judged."""

    qualified: list[Candidate] = field(default_factory=list)
    short: list[RowProblem] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


def measures_of(law: Policy) -> list[Measure]:
    """The measures that one can be invited to: those whose award follows from figures alone."""
    return [measure for measure in law.measures if measure.outcome == "award"]


def headings(measure: Measure) -> list[str]:
    """The headings of a list for the measure, each once."""
    return [*(names[0] for names in HEADINGS.values()), *(fact.label for fact in eligibility.questions(measure))]


def known_headings(measure: Measure) -> list[str]:
    """The same with every other name that a column may have."""
    return [*headings(measure), *(name for names in HEADINGS.values() for name in names[1:])]


def judge(session: Session, cycle: Cycle, law: Policy, measure: Measure, workbook: Workbook) -> Judged:
    """Judge every row as if the enterprise had applied; what a bureau would yet have to confirm counts as confirmed.

    What others granted for the same matter is not looked for: that is found once there is an application. Raises
    TableError when the file has no table.
    """
    asked = eligibility.questions(measure)
    expected = {**HEADINGS, **{fact.name: (fact.label,) for fact in asked}}
    optional = {"contact_email", *(fact.name for fact in asked if fact.type == "boolean" or not fact.must_be_given)}
    found = tables(workbook, expected, optional)
    judged = Judged(problems=[*workbook.problems, *found.problems])
    candidates: dict[str, Candidate] = {}
    rows: list[dict[str, Any]] = []
    for sheet in found.sheets:
        matched = match_columns(sheet, expected, optional)
        judged.problems += matched.problems
        if not matched.problems:
            rows += _rows(measure, sheet, matched.columns, judged, candidates)
    if rows:
        _sort_out(judged, candidates, eligibility.evaluated(session, cycle, law, measure, rows))
    return judged


def _rows(
    measure: Measure, sheet: Sheet, columns: Mapping[str, str], judged: Judged, candidates: dict[str, Candidate]
) -> Iterator[dict[str, Any]]:
    """What is to be evaluated of each row that can be judged; each becomes a candidate, the others are problems."""
    asked = eligibility.questions(measure)
    for values in sheet.frame.iter_rows(named=True):
        text = {name: values[heading].strip() for name, heading in columns.items()}
        row, checked = eligibility.read(measure, text, assume=True)
        code = uscc.normalised(text["uscc"])
        faults = [*_faults(text), *_unjudged(checked), *_repeated(sheet, candidates.get(code))]
        judged.problems += [
            sheet.problem(values[ROW], columns.get(name, ""), text.get(name, ""), cause, remedy)
            for name, cause, remedy in faults
        ]
        if not faults:
            name, email, given = text["enterprise_name"], text.get("contact_email", ""), _canonical(asked, text)
            candidates[code] = Candidate(sheet, values[ROW], code, name, email, given)
            yield {**row, "application_id": code, "uscc": code, "enterprise": name}


def _unjudged(checked: Checked) -> list[Trouble]:
    """What keeps a row from being judged: values that cannot be read, and those that are missing."""
    faults = [(name, cause, "请更正") for name, cause in checked.troubles.items()]
    if checked.awaited:
        faults.append(("enterprise_name", f"缺少{'、'.join(checked.awaited)}，无法判断", "请补上这些数据"))
    return faults


def _repeated(sheet: Sheet, first: Candidate | None) -> list[Trouble]:
    if first is None:
        return []
    where = f"工作表「{first.sheet.name}」" if first.sheet.name != sheet.name else ""
    return [("uscc", f"与{where}第 {first.row} 行是同一个单位", "请只保留一行")]


def _canonical(asked: Sequence[Fact], text: Mapping[str, str]) -> dict[str, str]:
    read = {fact.name: facts.canonical(fact, text.get(fact.name, "")) for fact in asked}
    return {name: value for name, value in read.items() if value is not None}


def _faults(text: Mapping[str, str]) -> list[Trouble]:
    faults = []
    if not text["enterprise_name"]:
        faults.append(("enterprise_name", "没有填写企业名称", "请补填"))
    if cause := uscc.fault(text["uscc"]):
        faults.append(("uscc", cause, "请按营业执照更正"))
    email = text.get("contact_email", "")
    if email and trouble_with(email):
        faults.append(("contact_email", "不是有效的邮箱", "请更正，或清空这一格"))
    unfit = {name: fitting.fault(Invitation, name, text.get(name, "")) for name in HEADINGS}
    return faults + [(name, cause, "请更正") for name, cause in unfit.items() if cause and name != "uscc"]


def _sort_out(judged: Judged, candidates: Mapping[str, Candidate], found: Evaluation) -> None:
    for error in found.errors:
        judged.problems.append(candidates[error.application_id].told(error.message, "请核对这一行的数据"))
    for code, outcome, reason in found.results.select("application_id", "outcome", "reason").iter_rows():
        if outcome == "award":
            judged.qualified.append(candidates[code])
        else:
            judged.short.append(candidates[code].told(f"不符合条件：{reason}", "不邀请；数据有误的请更正后重新导入"))
