"""Applications out of a workbook with a sheet a measure, or out of a CSV file: every row read, or told why not."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import policy
from matching import uscc
from models import Application
from policy import Measure, Policy, ValueProblem
from services import masking
from services.application import facts
from services.application.particulars import BANK, doubts, pays
from services.application.submissions import Submission
from services.record import fitting
from services.tables import ROW, RowProblem, Sheet, Workbook, duplicate_rows, match_columns
from services.tables.headers import fold_heading
from services.tables.problems import shortened

HEADINGS: Mapping[str, Sequence[str]] = {
    "enterprise": ("企业名称", "单位名称", "申报单位"),
    "uscc": ("统一社会信用代码", "信用代码"),
    "legal_person": ("法定代表人", "法人代表"),
    "registered_address": ("住所", "注册地址"),
    "kind": ("单位类型", "主体类型"),
    "county": ("县区", "所属县区", "所在县区", "所在县（区）"),
    "project": ("项目名称", "事项名称"),
    "contracts": ("合同号", "合同编号"),
    "invoices": ("发票号码", "发票号"),
    "contact_name": ("联系人",),
    "contact_phone": ("联系电话", "手机", "手机号码"),
    "contact_email": ("联系邮箱", "邮箱", "电子邮箱"),
    "bank_name": ("开户银行",),
    "bank_account": ("银行账号",),
    "pledged": ("承诺书(是/否)", "承诺书"),
    "papers": ("材料齐全(是/否)", "材料齐全"),
}
MEASURE_HEADINGS = ("措施", "措施名称", "措施编号", "申报措施", "measure")
OPTIONAL = frozenset({"contracts", "invoices", "project", "papers", "legal_person", "registered_address"})
_CHOSEN = ("uscc", "kind", "county", "pledged", "papers")  # read against what they may be
_PERSONAL = {"contact_phone": masking.Personal.PHONE, "bank_account": masking.Personal.BANK_ACCOUNT}
_COLUMNS = {"enterprise": "enterprise_name"}


@dataclass(frozen=True)
class TakenRow:
    """A row that can be taken."""

    submission: Submission
    sheet: Sheet
    row: int
    columns: Mapping[str, str]

    def note(self, name: str, value: str, cause: str, remedy: str) -> RowProblem:
        """Something to be told of a column of this row."""
        return self.sheet.problem(self.row, self.columns[name], value, cause, remedy)


@dataclass
class ReadRows:
    """The rows of a workbook that can be taken, and what has to be told of them and of the others."""

    taken: list[TakenRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


def known_headings() -> list[str]:
    """All headings, with which `read_workbook` finds the header."""
    return [*(heading for headings in HEADINGS.values() for heading in headings), *MEASURE_HEADINGS]


def read_applications(law: Policy, workbook: Workbook) -> ReadRows:
    """The rows of all sheets that can be taken, and everything that has to be shown about the others."""
    read = ReadRows(problems=list(workbook.problems))
    for sheet in workbook.sheets:
        _read_sheet(law, sheet, read)
    read.problems, read.notes = ([_discreet(each) for each in told] for told in (read.problems, read.notes))
    return read


def _discreet(problem: RowProblem) -> RowProblem:
    """What is told of a row is kept: of a bank account or a telephone it shows no more than a public list would."""
    heading = fold_heading(problem.column)
    kind = next((kind for name, kind in _PERSONAL.items() if heading in map(fold_heading, HEADINGS[name])), None)
    return replace(problem, value=masking.mask(problem.value, kind)) if kind else problem


def _read_sheet(law: Policy, sheet: Sheet, reading: ReadRows) -> None:
    """A sheet is of the measure that it is named after, or else of those that its column of measures names.

    A CSV file has one sheet without a name: there the column comes first, then the name of the file.
    """
    column = next((each for each in sheet.columns if fold_heading(each) in MEASURE_HEADINGS), None)
    name = sheet.name or Path(sheet.file).stem.strip()
    measure = _measure_named(law, name)
    titles = "、".join(each.title for each in law.measures)
    if column is not None and (measure is None or not sheet.name):
        for value, part in _by_measure(sheet, column):
            found = _measure_named(law, value)
            if found is not None:
                _read_measure(law, found, part, reading)
                continue
            cause = "不是本政策的措施" if value else "没有填写措施"
            reading.problems += [
                sheet.problem(row, column, value, cause, f"请填下列之一：{titles}") for row in part.frame[ROW]
            ]
    elif measure is not None:
        _read_measure(law, measure, sheet, reading)
    elif sheet.name:
        reading.problems.append(
            sheet.problem(sheet.header_row, "", name, "工作表名称不是本政策的措施", f"请改为下列之一：{titles}")
        )
    else:
        cause = "没有“措施”列，文件名也不是本政策的措施，不知道申报的是哪条措施"
        remedy = f"请加一列“措施”，或把文件名改为下列之一：{titles}"
        reading.problems.append(sheet.problem(sheet.header_row, "", name, cause, remedy))


def _measure_named(law: Policy, name: str) -> Measure | None:
    return next((each for each in law.measures if name.strip() in (each.title, each.id)), None)


def _by_measure(sheet: Sheet, column: str) -> list[tuple[str, Sheet]]:
    """The sheet's rows by what stands in a column, without that column."""
    columns = [each for each in sheet.columns if each != column]
    return [
        (str(key[0]).strip(), replace(sheet, columns=columns, frame=rows.drop(column)))
        for key, rows in sheet.frame.group_by(column, maintain_order=True)
    ]


def _read_measure(law: Policy, measure: Measure, sheet: Sheet, reading: ReadRows) -> None:
    declared = {fact.name: (fact.label, f"{fact.label}（选填）") for fact in facts.declared_facts(measure)}
    optional = {fact.name for fact in facts.declared_facts(measure) if not fact.must_be_given}
    found = match_columns(sheet, {**HEADINGS, **declared}, optional | OPTIONAL)
    if found.problems:
        reading.problems.extend(found.problems)
        return
    repeated = set(duplicate_rows(sheet.frame, sheet.columns)[ROW])
    for row in sheet.frame.iter_rows(named=True):
        if row[ROW] in repeated:
            reading.problems.append(
                sheet.problem(
                    row[ROW], "", row[found.columns["enterprise"]], "与前面的行完全重复", "如是不同事项请写明项目"
                )
            )
        else:
            _read_row(law, measure, sheet, found.columns, row, reading)


def _read_row(
    law: Policy,
    measure: Measure,
    sheet: Sheet,
    columns: Mapping[str, str],
    row: Mapping[str, str],
    reading: ReadRows,
) -> None:
    text = {name: row[heading].strip() for name, heading in columns.items()}
    place = int(row[ROW])
    counties = {key: county.id for county in law.counties for key in (county.name, county.id)}
    problems = [
        sheet.problem(place, columns[name], text[name], cause, remedy)
        for name, cause, remedy in _faults(measure, text, counties)
    ]
    declared: dict[str, str | None] = {}
    for fact in facts.declared_facts(measure):
        if fact.name not in columns:
            continue
        value = policy.read_value(fact, text[fact.name])
        if isinstance(value, ValueProblem):
            problems.append(_unreadable(sheet, place, columns[fact.name], text[fact.name], value))
            continue
        if value.note:
            reading.notes.append(sheet.problem(place, columns[fact.name], text[fact.name], value.note, "请核对"))
        declared[fact.name] = facts.canonical(fact, text[fact.name])
    if problems:
        reading.problems.extend(problems)
        return
    reading.notes += [
        sheet.problem(place, columns[name], text[name], cause, remedy)
        for name, cause, remedy in _remarks(measure, text)
    ]
    submission = Submission(
        uscc=uscc.normalised(text["uscc"]),
        measure=measure.id,
        county=counties[text["county"]],
        pledged=text["pledged"] == "是",
        papers=text.get("papers") != "否",
        declared=declared,
        source=f"{shortened(sheet.file, 100)}{f'「{sheet.name}」' if sheet.name else ''}第 {place} 行",
        **{name: text.get(name, "") for name in HEADINGS if name not in ("uscc", "county", "pledged", "papers")},
    )
    reading.taken.append(TakenRow(submission, sheet, place, columns))


def _remarks(measure: Measure, text: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What is told of a row that is taken: column, cause, remedy."""
    code = uscc.normalised(text["uscc"])
    if code != text["uscc"]:
        yield "uscc", f"读作“{code}”", "如不对请按营业执照更正"
    for name, cause in doubts({name: text[name] for name in text if name not in BANK or pays(measure)}).items():
        yield name, cause, "请核对；该行照常受理，形式审查时会要求补正"


def _unreadable(sheet: Sheet, row: int, column: str, text: str, problem: ValueProblem) -> RowProblem:
    return sheet.problem(row, column, text, problem.message.removeprefix(f"“{text}”"), "请更正后重新导入该行")


def _faults(measure: Measure, text: Mapping[str, str], counties: Mapping[str, str]) -> list[tuple[str, str, str]]:
    faults = []
    if not text["enterprise"]:
        faults.append(("enterprise", "没有填写企业名称", "请补填"))
    fault = uscc.fault(text["uscc"])
    if fault:
        faults.append(("uscc", fault, "请按营业执照更正"))
    if text["county"] not in counties:
        names = "、".join(name for name in counties if not name.isascii())
        faults.append(("county", "不是本市的县区或开发区", f"请填下列之一：{names}"))
    if text["kind"] not in measure.applicants:
        faults.append(("kind", "不属于本措施的申报主体", f"本措施可由{'、'.join(measure.applicants)}申报"))
    faults += [
        (name, "只能填“是”或“否”", "请更正")
        for name in ("pledged", "papers")
        if text.get(name, "") not in ("是", "否", "")
    ]
    columns = {name: _COLUMNS.get(name, name) for name in text if name in HEADINGS and name not in _CHOSEN}
    unfit = {name: fitting.fault(Application, column, text[name]) for name, column in columns.items()}
    return faults + [(name, cause, "请更正") for name, cause in unfit.items() if cause]
