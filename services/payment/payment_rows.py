"""Results of payment out of a treasury's table: what each row says, and every row that cannot be taken."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date

from models import Payment
from policy import Fact, ValueProblem, read_value
from policy.amounts import read_money
from services.record import fitting
from services.tables import ROW, RowProblem, Sheet, TableError, Workbook, match_columns
from services.tables.headers import fold_heading

HEADINGS: Mapping[str, tuple[str, ...]] = {
    "number": ("拨付编号",),
    "amount": ("金额（元）",),
    "result": ("拨付结果",),
    "paid_on": ("拨付日期",),
    "reference": ("凭证号",),
    "failure": ("失败原因",),
}
_OPTIONAL = frozenset({"amount", "reference", "failure"})
_RESULTS = {"已拨付": True, "拨付失败": False}
_DAY = Fact(name="paid_on", label="拨付日期", type="date")


@dataclass(frozen=True)
class Said:
    """What is said of one payment."""

    paid: bool
    on: date | None = None
    reference: str = ""
    failure: str = ""


@dataclass(frozen=True)
class ResultRow:
    """One filled-in row; `amount_fen` is what the table shows, where it has the column."""

    sheet: Sheet
    row: int
    number: str
    amount_fen: int | None
    said: Said

    def problem(self, name: str, value: str, cause: str, remedy: str) -> RowProblem:
        """A problem in a column of this row."""
        return self.sheet.problem(self.row, HEADINGS[name][0], value, cause, remedy)


@dataclass
class ResultRows:
    """What was read of a file."""

    rows: list[ResultRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


def known_headings() -> list[str]:
    """All headings, with which `read_workbook` finds the header."""
    return [heading for headings in HEADINGS.values() for heading in headings]


def read_results(workbook: Workbook) -> ResultRows:
    """Read every sheet that has results; rows that are not filled in yet are passed over.

    Rows that say different things of one payment are all refused. Raises TableError when no sheet has results.
    """
    read = ResultRows(problems=list(workbook.problems))
    wanted = {fold_heading(heading) for heading in known_headings()} - {fold_heading(HEADINGS["amount"][0])}
    sheets = [sheet for sheet in workbook.sheets if wanted & {fold_heading(column) for column in sheet.columns}]
    if not sheets:
        raise TableError(workbook.file, "里没有“拨付编号”“拨付结果”列", "请在系统导出的资金拨付清单上填写后导入")
    for sheet in workbook.sheets:
        if sheet in sheets:
            _read_sheet(sheet, read)
        else:
            remedy = "如应导入，请补上“拨付编号”等列"
            read.notes.append(sheet.problem(sheet.header_row, "", "", "这张工作表没有拨付结果，未读取", remedy))
    _refuse_contradictions(read)
    return read


def _read_sheet(sheet: Sheet, read: ResultRows) -> None:
    found = match_columns(sheet, HEADINGS, _OPTIONAL)
    read.problems += found.problems
    if found.problems:
        return
    for values in sheet.frame.iter_rows(named=True):
        texts = {name: values[found.columns[name]].strip() if name in found.columns else "" for name in HEADINGS}
        _read_row(sheet, values[ROW], texts, read)


def _read_row(sheet: Sheet, row: int, texts: Mapping[str, str], read: ResultRows) -> None:
    def refuse(name: str, cause: str, remedy: str) -> None:
        read.problems.append(sheet.problem(row, HEADINGS[name][0], texts[name], cause, remedy))

    if not any(texts[name] for name in ("result", "paid_on", "reference", "failure")):
        return
    paid = _RESULTS.get(unicodedata.normalize("NFKC", texts["result"]))
    on = read_value(_DAY, texts["paid_on"])
    amount = read_money(texts["amount"]) if texts["amount"] else (None, False)
    if not texts["number"]:
        refuse("number", "没有拨付编号", "请照系统导出的清单补填")
    elif paid is None:
        refuse("result", "拨付结果没有填写或写法不对", "请填“已拨付”或“拨付失败”")
    elif isinstance(on, ValueProblem):
        refuse("paid_on", on.message, "请写成 2026-03-05 的样子")
    elif cause := fitting.fault(Payment, "reference", texts["reference"]):
        refuse("reference", cause, "请更正")
    elif cause := fitting.fault(Payment, "failure", texts["failure"]):
        refuse("failure", cause, "请更正")
    elif isinstance(amount, ValueProblem):
        refuse("amount", f"金额{amount.message}", "请照系统导出的清单恢复")
    else:
        if on.note:
            read.notes.append(sheet.problem(row, HEADINGS["paid_on"][0], texts["paid_on"], on.note, "如不对请改正"))
        day = on.value if isinstance(on.value, date) else None
        said = Said(paid, day, texts["reference"], texts["failure"])
        read.rows.append(ResultRow(sheet, row, texts["number"], amount[0], said))


def _refuse_contradictions(read: ResultRows) -> None:
    by_number: dict[str, list[ResultRow]] = {}
    for row in read.rows:
        by_number.setdefault(row.number, []).append(row)
    torn = {number for number, rows in by_number.items() if len({row.said for row in rows}) > 1}
    for row in read.rows:
        if row.number in torn:
            cause = "同一拨付编号在文件中有几行，内容不一致，都没有采用"
            read.problems.append(row.problem("number", row.number, cause, "请只保留正确的一行"))
    read.rows = [row for row in read.rows if row.number not in torn]
