"""Applications and ledger entries out of other people's tables: typed, checked, and nothing lost on the way.

A row that cannot be told apart (no number, or a number used before) is left out; every other fault empties the one
field, or keeps it with a warning where it can still serve. All of them are listed.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import polars as pl

from matching import uscc
from matching.invoices import read_invoices
from matching.uscc_column import is_right
from models import LedgerEntry
from policy.amounts import read_money
from policy.amounts import yuan as plain_yuan
from policy.errors import ValueProblem
from services.record import fitting
from services.tables import ROW, RowProblem, Sheet, Workbook, duplicate_rows, match_columns, tables

_COMMON: dict[str, Sequence[str]] = {
    "enterprise": ("企业名称", "单位名称", "申报单位", "企业", "申报企业"),
    "uscc": ("统一社会信用代码", "信用代码", "社会信用代码"),
    "project": ("项目名称", "事项名称", "项目"),
    "invoices": ("发票号码", "发票", "发票号"),
    "amount_yuan": ("金额（元）", "奖补金额（元）", "申报金额（元）"),
    "year": ("年度", "年份", "所属年度"),
}
APPLICATION_HEADINGS: Mapping[str, Sequence[str]] = {
    "application_id": ("申报编号", "编号"),
    **_COMMON,
    "contracts": ("合同编号", "合同号"),
}
LEDGER_HEADINGS: Mapping[str, Sequence[str]] = {
    "ledger_id": ("台账编号", "编号"),
    **_COMMON,
    "level": ("级别", "资金级别", "层级"),
    "contracts": ("合同编号", "合同号"),
    "policy_id": ("政策编号", "政策"),
    "measure": ("措施编号", "措施"),
}
FORMER_NAME_HEADINGS: Mapping[str, Sequence[str]] = {
    "uscc": _COMMON["uscc"],
    "enterprise": ("企业名称", "现名", "现用名"),
    "former_name": ("曾用名", "原名", "变更前名称"),
}
OPTIONAL = frozenset({"contracts", "level", "policy_id", "measure"})
LEVELS = {
    "central": ("central", "中央", "国家", "国家级"),
    "province": ("province", "省级", "省"),
    "city": ("city", "市级", "市"),
}
FIRST_YEAR, LAST_YEAR = 1990, 2100
_LIMITED = ("ledger_id", "enterprise", "uscc", "project", "contracts", "invoices", "policy_id", "measure")

_KEPT, _LEFT_OUT = "该行其余内容仍参与比对", "该行未参与比对"  # in matching
_TAKEN, _NOT_TAKEN = "该行仍照所写导入", "该行没有导入"  # for the record
_FACT_NAME = re.compile(r"[a-z][a-z0-9_]*")


_YUAN, _INVOICES = pl.col("amount_yuan"), pl.col("invoices")
_PLAIN: Mapping[str, tuple[pl.Expr, pl.Expr]] = {
    "uscc": (is_right(pl.col("uscc")), pl.col("uscc")),
    "invoices": (
        _INVOICES.str.contains(r"^(?:2\d{19};?)+$") & ~_INVOICES.str.contains("2" * 20, literal=True),
        _INVOICES,
    ),
    "amount_yuan": (
        _YUAN.str.contains(r"^(?:0|[1-9]\d{0,9})(?:\.\d{2})?$"),
        pl.when(_YUAN.str.contains(".", literal=True)).then(_YUAN).otherwise(_YUAN + ".00"),
    ),
}
"""Where a text is nothing but the thing itself, and how it is read; electronic invoices begin with a year."""


class Headed:
    """Sheets whose columns are known; makes problems under the headings that the user sees.

    The rows of several sheets are numbered on from sheet to sheet: `_row` of a frame minus the sheet's `start` is the
    row in the sheet.
    """

    def __init__(self, sheets: Sequence[Sheet], columns: Sequence[Mapping[str, str]]) -> None:
        self._sheets, self._columns = sheets, columns
        self._ends = list(accumulate(sheet.frame[ROW][-1] if sheet.frame.height else 0 for sheet in sheets))
        self.starts = [0, *self._ends[:-1]]
        both = zip(sheets, columns, strict=True)
        self.others = [[each for each in sheet.columns if each not in known.values()] for sheet, known in both]
        """By sheet, the headings of columns that are not known."""
        self._given = [frozenset({*known, *more}) for known, more in zip(columns, self.others, strict=True)]

    def problem(self, row: int, name: str, value: str, cause: str, remedy: str) -> RowProblem:
        place = self._place(row)
        return self._sheets[place].problem(
            row - self.starts[place], self._columns[place].get(name, name), value, cause, remedy
        )

    def told(self, row: int, beside: int) -> str:
        """A row as it is called beside another one, which may be in another sheet."""
        place = self._place(row)
        sheet = f"工作表「{self._sheets[place].name}」" if place != self._place(beside) else ""
        return f"{sheet}第 {row - self.starts[place]} 行"

    def given_of(self, row: int) -> frozenset[str]:
        """The columns of a row's sheet: those that are known by their names, others by their headings."""
        return self._given[self._place(row)]

    def _place(self, row: int) -> int:
        return bisect_left(self._ends, row)


@dataclass
class CheckedRows:
    """`frame`: the canonical columns as text, `amount_fen` (null where unreadable), `year_number` (likewise), `_row`.

    `notes` tell how odd writings were read, with the reading as their cause. `complete` is False when a required column
    is missing: then `frame` has no rows.
    """

    frame: pl.DataFrame
    problems: list[RowProblem]
    notes: list[RowProblem]
    complete: bool
    headed: Headed


@dataclass(frozen=True)
class LedgerRow:
    """One earlier grant, ready to be stored; `given` are the columns and facts of which its sheet says anything."""

    row: int
    ledger_id: str
    enterprise: str
    uscc: str
    project: str
    invoices: str
    contracts: str
    amount_fen: int
    year: int
    policy_id: str
    measure: str
    facts: Mapping[str, str]
    given: frozenset[str]


@dataclass
class LedgerRead:
    """The rows of a ledger file that can be stored, and everything that has to be shown about the others."""

    headed: Headed
    rows: list[LedgerRow] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


def check_rows(
    sheets: Sequence[Sheet], headings: Mapping[str, Sequence[str]], id_column: str, *, for_record: bool = False
) -> CheckedRows:
    """Canonical columns of applications (`APPLICATION_HEADINGS`) or of a ledger (`LEDGER_HEADINGS`).

    A missing required column is a problem, and then no row is read. `for_record`: rows are to be stored, for which
    they need an amount and a year; for matching they do not.
    """
    checked = _checked(sheets, headings)
    _leave_out_unidentified(checked, id_column, _NOT_TAKEN if for_record else _LEFT_OUT)
    for name, reader in (("uscc", _read_uscc), ("invoices", _read_invoices)):
        _read_column(checked, name, reader, _TAKEN if for_record else _KEPT)
    for name, reader in (("amount_yuan", _read_amount), ("year", _read_year), ("level", _read_level)):
        if name in headings:
            _read_column(checked, name, reader, _NOT_TAKEN if for_record else _KEPT)
    _warn_of_nameless(checked, _TAKEN if for_record else _KEPT)
    checked.frame = checked.frame.with_columns(
        (pl.col("amount_yuan").cast(pl.Decimal(20, 2), strict=False) * 100).cast(pl.Int64).alias("amount_fen"),
        pl.col("year").cast(pl.Int64, strict=False).alias("year_number"),
    )
    order = {sheet.name: place for place, sheet in enumerate(sheets)}
    checked.problems.sort(key=lambda problem: (order[problem.sheet], problem.row))
    return checked


def check_names(sheets: Sequence[Sheet]) -> CheckedRows:
    """Former names (`FORMER_NAME_HEADINGS`): a row needs a former name, and the present name or code."""
    checked = _checked(sheets, FORMER_NAME_HEADINGS)
    _read_column(checked, "uscc", _read_uscc)
    usable = (pl.col("former_name") != "") & ((pl.col("enterprise") != "") | (pl.col("uscc") != ""))
    for row in checked.frame.filter(~usable)[ROW]:
        cause = "曾用名或现名（代码）没有填写"
        checked.problems.append(checked.headed.problem(row, "former_name", "", cause, "请补填；该行未使用"))
    checked.frame = checked.frame.filter(usable)
    return checked


def _checked(sheets: Sequence[Sheet], headings: Mapping[str, Sequence[str]]) -> CheckedRows:
    """The rows of all sheets as written; none when a sheet lacks a column."""
    found = [match_columns(sheet, headings, OPTIONAL) for sheet in sheets]
    headed = Headed(sheets, [each.columns for each in found])
    parts = zip(sheets, found, headed.starts, strict=True)
    rows = pl.concat([_canonical(sheet, each.columns, headings, start) for sheet, each, start in parts])
    problems = [problem for each in found for problem in each.problems]
    return CheckedRows(rows.clear() if problems else rows, problems, [], not problems, headed)


def read_ledger(workbook: Workbook, level: str) -> LedgerRead:
    """The ledger entries of a file, of all its sheets, for the level `central`, `province` or `city`.

    A row without a readable amount or year, or of another level, is refused; a wrong credit code or an unreadable
    invoice is listed and the row is taken. Further columns with an English name become the entry's facts.
    """
    found = tables(workbook, LEDGER_HEADINGS, OPTIONAL)
    checked = check_rows(found.sheets, LEDGER_HEADINGS, "ledger_id", for_record=True)
    read = LedgerRead(checked.headed, notes=[*found.notes, *checked.notes])
    read.problems += [*workbook.problems, *found.problems, *checked.problems]
    facts = _facts(found.sheets, checked.headed)
    for entry in checked.frame.iter_rows(named=True):
        refusal = _refusal(checked.headed, entry, level)
        if refusal is not None:
            read.problems.append(refusal)
        elif _was_read(entry):
            read.rows.append(_ledger_row(entry, facts.get(entry[ROW], {}), checked.headed.given_of(entry[ROW])))
    return read


def _facts(sheets: Sequence[Sheet], headed: Headed) -> dict[int, dict[str, str]]:
    """What stands in the columns with other English names, by row."""
    facts: dict[int, dict[str, str]] = {}
    for sheet, start, others in zip(sheets, headed.starts, headed.others, strict=True):
        names = [name for name in others if _FACT_NAME.fullmatch(name)]
        for row, *values in sheet.frame.select(ROW, *names).iter_rows() if names else ():
            facts[start + row] = {name: value for name, value in zip(names, values, strict=True) if value}
    return facts


def _was_read(entry: Mapping[str, Any]) -> bool:
    """Whether the amount, the year and a stated level could be read; if not, that is listed already."""
    level = entry["level"] or entry["_level_empty"]
    return entry["amount_fen"] is not None and entry["year_number"] is not None and bool(level)


def _ledger_row(entry: Mapping[str, Any], facts: Mapping[str, str], given: frozenset[str]) -> LedgerRow:
    texts = {name: entry[name] for name in LEDGER_HEADINGS if name not in ("amount_yuan", "year", "level")}
    typed = {"amount_fen": entry["amount_fen"], "year": entry["year_number"]}
    return LedgerRow(row=entry[ROW], facts=facts, given=given, **typed, **texts)


def _refusal(headed: Headed, entry: Mapping[str, Any], level: str) -> RowProblem | None:
    """Why a row cannot be stored, where that is not listed already."""
    written, row = entry["level"], entry[ROW]
    if written and written not in LEVELS[level]:
        cause = f"是另一级别的资金，本次导入的级别是 {level}（{LEVELS[level][1]}）"
        return headed.problem(row, "level", written, cause, "请改正级别，或按级别分成几个文件导入")
    for column in _LIMITED:
        if cause := fitting.fault(LedgerEntry, column, entry[column]):
            return headed.problem(row, column, entry[column], cause, "请更正")
    for column, name in (("amount_yuan", "金额"), ("year", "年度")):
        if entry[column] == "" and entry[f"_{column}_empty"]:
            return headed.problem(row, column, "", f"没有填写{name}", f"请补填{name}")
    return None


def _canonical(sheet: Sheet, columns: Mapping[str, str], names: Collection[str], start: int) -> pl.DataFrame:
    texts = [
        pl.col(columns[name]).alias(name) if name in columns else pl.lit("", pl.String).alias(name) for name in names
    ]
    return sheet.frame.select(pl.col(ROW) + start, *texts)


def _leave_out_unidentified(checked: CheckedRows, id_column: str, fate: str) -> None:
    frame = checked.frame
    nameless = frame.filter(pl.col(id_column) == "")[ROW].to_list()
    checked.problems += [
        checked.headed.problem(row, id_column, "", "没有编号", f"请补填编号；{fate}") for row in nameless
    ]
    content = [column for column in frame.columns if column != ROW]
    same = set(duplicate_rows(frame, content)[ROW])
    repeated = duplicate_rows(frame, [id_column]).select(ROW, id_column, "_first_row")
    for row, value, first in repeated.iter_rows():
        other = checked.headed.told(first, row)
        cause = f"与{other}完全相同" if row in same else f"编号与{other}相同但内容不同"
        remedy = "请删除重复的行" if row in same else f"请核对编号；{fate}"
        checked.problems.append(checked.headed.problem(row, id_column, value, cause, remedy))
    out = [*nameless, *repeated[ROW]]
    checked.frame = frame.filter(~pl.col(ROW).is_in(out))


@dataclass(frozen=True)
class _Reading:
    """What a text is taken for, and what is wrong or worth telling about it (each empty when nothing is)."""

    text: str
    cause: str = ""
    note: str = ""


def _read_column(checked: CheckedRows, name: str, reader: Callable[[str], _Reading], fate: str = _KEPT) -> None:
    """Replace a column's texts by their readings, each distinct text read once, and list faults and notes by row.

    A text in its plain writing is what its reader would make of it, and is not read.
    """
    plain, as_read = _PLAIN.get(name, (pl.lit(False), pl.col(name)))
    distinct = checked.frame.filter(~plain)[name].unique()
    readings = [reader(text) for text in distinct]
    table = pl.DataFrame(
        {
            name: distinct,
            "_text": pl.Series([reading.text for reading in readings], dtype=pl.String),
            "_cause": pl.Series([reading.cause for reading in readings], dtype=pl.String),
            "_note": pl.Series([reading.note for reading in readings], dtype=pl.String),
        }
    )
    read = checked.frame.join(table, on=name, how="left", maintain_order="left")
    for row, value, cause in read.filter(pl.col("_cause") != "").select(ROW, name, "_cause").iter_rows():
        checked.problems.append(checked.headed.problem(row, name, value, cause, f"请核对改正；{fate}"))
    for row, value, note in read.filter(pl.col("_note") != "").select(ROW, name, "_note").iter_rows():
        checked.notes.append(checked.headed.problem(row, name, value, note, "如不对请改正"))
    checked.frame = read.with_columns(
        (pl.col(name) == "").alias(f"_{name}_empty"), pl.coalesce(pl.col("_text"), as_read).alias(name)
    ).drop("_text", "_cause", "_note")


def _read_uscc(text: str) -> _Reading:
    code = uscc.normalised(text)
    return _Reading(code, uscc.fault(text) if text else "", "" if code == text else f"“{text}”读作 {code}")


def _read_invoices(text: str) -> _Reading:
    unread = read_invoices(text).unread
    if not unread:
        return _Reading(text)
    parts = "、".join(f"“{part}”" for part in unread)
    return _Reading(
        text, f"{parts}不是发票号码（应为 20 位数电票号码，或 10、12 位代码加 8 位号码，几张之间用“;”隔开）"
    )


def _read_amount(text: str) -> _Reading:
    if not text:
        return _Reading("")
    plain = unicodedata.normalize("NFKC", text).strip()
    money = read_money(plain)
    if isinstance(money, ValueProblem):
        return _Reading("", f"金额{money.message}")
    fen, odd = money
    if fen < 0:
        return _Reading("", "金额是负数，请核对")
    return _Reading(plain_yuan(fen), note=f"“{text}”读作 {plain_yuan(fen)} 元" if odd or plain != text else "")


def _read_level(text: str) -> _Reading:
    plain = unicodedata.normalize("NFKC", text).strip()
    if not plain or any(plain in writings for writings in LEVELS.values()):
        return _Reading(plain)
    return _Reading("", f"级别应为{'、'.join(writings[1] for writings in LEVELS.values())}之一")


def _read_year(text: str) -> _Reading:
    plain = unicodedata.normalize("NFKC", text).strip().removesuffix("度").removesuffix("年")
    if not plain:
        return _Reading("")
    if not (plain.isascii() and plain.isdigit() and FIRST_YEAR <= int(plain) <= LAST_YEAR):
        return _Reading("", f"年度应为 {FIRST_YEAR} 至 {LAST_YEAR} 之间的四位数字")
    return _Reading(plain, note="" if plain == text else f"“{text}”读作 {plain} 年")


def _warn_of_nameless(checked: CheckedRows, fate: str) -> None:
    rows = checked.frame.filter((pl.col("enterprise") == "") & (pl.col("uscc") == ""))[ROW]
    for row in rows:
        cause = "企业名称和统一社会信用代码都没有填写"
        checked.problems.append(checked.headed.problem(row, "enterprise", "", cause, f"请至少补填一项；{fate}"))
