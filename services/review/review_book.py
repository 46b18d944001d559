"""The workbook of requests: filled in offline, taken back only when nothing but the answers has changed."""

import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import xlsxwriter
from sqlmodel import Session, select

from models import ImportFile, ImportKind, Opinion
from services.access.actors import Actor
from services.clock import Clock
from services.cycle.calendar import Calendar
from services.errors import NotFoundError, ServiceError, StateError
from services.files import imports
from services.record.operation import operation
from services.review.review_inbox import Asked, Question, answer, changed, given, known, opinion_of, place_of, shown
from services.tables import ROW, RowProblem, Sheet, TableError, Workbook, read_workbook

KEY, OPINION, REASON = "事项编号", "意见", "理由"
_FIXED = (KEY, "受理编号", "申报单位", "统一社会信用代码", "县（区）", "项目", "回复期限")
_NOTES = "填写说明"
_SHEET_NAME_FORBIDS = re.compile(r"[\[\]:*?/\\']")
_TOLD = (
    "只填写浅黄色的格：核定值、意见、理由。其他内容请勿改动，也不要增删列；暂不回复的行，“意见”留空即可。",
    "“核定值”已按申报值填好，核实一致的不用改；改动核定值或选择“不同意”的，必须写明“理由”。",
    "填好后保存，回到“待我审核”页面上传。能采用的行当即生效，有问题的行逐条列出，改好后可再次上传。",
)


@dataclass(frozen=True)
class _Row:
    """One row that was filled in."""

    sheet: Sheet
    number: int
    asked: Asked
    opinion: str
    reason: str
    values: dict[str, str]

    def problem(self, column: str, value: str, cause: str, remedy: str) -> RowProblem:
        return self.sheet.problem(self.number, column, value, cause, remedy)


@dataclass
class _Read:
    """What was read of a file."""

    rows: list[_Row] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)


def write(asked: list[Asked]) -> bytes:
    """The workbook of these requests, a sheet for each measure. Raises NotFoundError when there are none."""
    if not asked:
        raise NotFoundError("现在没有待回复的事项，不需要下载审核表。")
    out = io.BytesIO()
    plain = {"strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False, "in_memory": True}
    with xlsxwriter.Workbook(out, plain) as book:
        formats = _formats(book)
        names: set[str] = set()
        for group in grouped(asked):
            _write_group(book.add_worksheet(_name(group[0].measure.title, names)), group, formats)
        paper = book.add_worksheet(_NOTES)
        paper.set_column(0, 0, 110)
        for row, line in enumerate(_TOLD):
            paper.write_string(row, 0, line, formats["fixed"])
    return out.getvalue()


def grouped(asked: Iterable[Asked]) -> list[list[Asked]]:
    """Requests that are answered in one table, in the order in which their first one is due."""
    groups: dict[str, list[Asked]] = {}
    for each in asked:
        groups.setdefault(each.group, []).append(each)
    return list(groups.values())


def take(session: Session, clock: Clock, calendar: Calendar, actor: Actor, *, path: Path) -> ImportFile:
    """Take the answers of a workbook; each row counts for itself, and every row that cannot be taken is listed.

    The same file again adds nothing. Raises TableError when the file is no workbook of ours.
    """
    workbook = read_workbook(path, [*_FIXED, OPINION, REASON])
    scope = ".".join(place_of(actor))
    earlier = imports.known_import(session, ImportKind.VERIFICATION, scope, workbook)
    if earlier is not None:
        return earlier
    read = _read(session, clock, calendar, actor, workbook)
    added = repeated = 0
    for row in read.rows:
        try:
            new = _answer(session, clock, actor, row)
        except ServiceError as error:
            cause, _, remedy = str(error).removesuffix("。").partition("；")
            column, value = _place_of_trouble(row)
            read.problems.append(row.problem(column, value, cause, remedy or "请改正后再次上传"))
            continue
        added, repeated = added + new, repeated + (not new)
    return _record(
        session,
        clock,
        actor,
        scope=scope,
        workbook=workbook,
        added=added,
        repeated=repeated,
        problems=sorted(read.problems, key=lambda problem: (problem.sheet, problem.row)),
    )


def taken(session: Session, actor: Actor) -> set[int]:
    """The workbooks that the actor's county or bureau has handed in so far."""
    scope = ".".join(place_of(actor))
    query = select(ImportFile.id).where(ImportFile.kind == ImportKind.VERIFICATION, ImportFile.scope == scope)
    return {key for key in session.exec(query) if key is not None}


@operation("review.reply")
def _record(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    scope: str,
    workbook: Workbook,
    added: int,
    repeated: int,
    problems: list[RowProblem],
) -> ImportFile:
    """Note what came of the file; its answers were recorded one by one before."""
    record = imports.start_import(session, clock, actor, ImportKind.VERIFICATION, scope, workbook)
    imports.finish_import(record, added, repeated, problems, ())
    return record


def _answer(session: Session, clock: Clock, actor: Actor, row: _Row) -> bool:
    """Record the row's answer; False when the very same answer was given before."""
    earlier = None if row.asked.open else given(session, row.asked.id)
    if earlier is not None:
        opinion = opinion_of(row.opinion)
        same_values = opinion is Opinion.REFUSE or not changed(row.asked, row.values)
        if (earlier.opinion, earlier.reason) == (opinion, row.reason) and same_values:
            return False
        raise StateError("该事项已经回复，这一行与回复不同，没有采用；确需更改的，请联系经办人。")
    answer(session, clock, actor, row.asked, row.opinion, row.reason, row.values)
    return True


def _place_of_trouble(row: _Row) -> tuple[str, str]:
    """The column that a refusal most likely speaks of: a changed value, the reason, or the opinion."""
    for question in row.asked.questions:
        value = row.values[question.fact.name]
        if value != question.standing:
            return _verified(question), value
    return (REASON, row.reason) if row.opinion == "不同意" else (OPINION, row.opinion)


def _read(session: Session, clock: Clock, calendar: Calendar, actor: Actor, workbook: Workbook) -> _Read:
    read = _Read(problems=[each for each in workbook.problems if each.sheet != _NOTES])
    sheets = [sheet for sheet in workbook.sheets if KEY in sheet.columns]
    if not sheets:
        raise TableError(workbook.file, f"里没有“{KEY}”列", "请上传在“待我审核”页面下载并填好的审核表")
    lines = [(sheet, values) for sheet in sheets for values in sheet.frame.iter_rows(named=True)]
    keys = [values[KEY].strip() for _, values in lines]
    ours = known(session, clock, calendar, actor, [int(key) for key in keys if _is_key(key)])
    often = Counter(keys)
    for (sheet, values), key in zip(lines, keys, strict=True):
        if not _is_key(key) or int(key) not in ours:
            cause = "没有这个编号的事项，或者它不是发给本单位的"
            read.problems.append(sheet.problem(values[ROW], KEY, key, cause, "请恢复下载时的内容"))
        elif often[key] > 1:
            cause = f"同一事项在文件中有 {often[key]} 行，都没有采用"
            read.problems.append(sheet.problem(values[ROW], KEY, key, cause, "请只保留一行"))
        else:
            _read_row(sheet, values, ours[int(key)], read)
    return read


def _is_key(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 12


def _read_row(sheet: Sheet, values: dict[str, Any], asked: Asked, read: _Read) -> None:
    problems = list(_differences(sheet, values, asked))
    if problems:
        read.problems += problems
        return
    row = _Row(
        sheet,
        values[ROW],
        asked,
        opinion=values[OPINION].strip(),
        reason=values[REASON].strip(),
        values={question.fact.name: values[_verified(question)].strip() for question in asked.questions},
    )
    if row.opinion:
        read.rows.append(row)
    elif row.reason or any(row.values[question.fact.name] != question.standing for question in asked.questions):
        read.problems.append(row.problem(OPINION, "", "填写了核定值或理由，但没有填意见", "请填“同意”或“不同意”"))


def _differences(sheet: Sheet, values: dict[str, Any], asked: Asked) -> Iterator[RowProblem]:
    """What was changed in this row beside the answers."""
    fixed = _fixed(asked)
    answers = [*map(_verified, asked.questions), OPINION, REASON]
    for column in (*fixed, *answers):
        if column not in sheet.columns:
            yield sheet.problem(sheet.header_row, column, "", f"缺少“{column}”列", "请恢复下载时的表头")
    for column in sheet.columns:
        if column not in fixed and column not in answers:
            yield sheet.problem(sheet.header_row, column, "", "下载的审核表没有这一列", "请删去这一列，或恢复原表头")
    for column, text in fixed.items():
        found = values.get(column, "")
        if column in sheet.columns and _bare(found) != _bare(text):
            cause = f"这一格不能改动，系统中是“{text}”"
            yield sheet.problem(values[ROW], column, found, cause, "请恢复原内容；核定值请填在“核定值”列")


def _bare(text: str) -> str:
    """A text without the spaces that spreadsheets and their readers add or drop."""
    return "".join(text.split())


def _fixed(asked: Asked) -> dict[str, str]:
    texts = (
        str(asked.id),
        asked.application.number,
        asked.application.enterprise_name,
        asked.enterprise.uscc,
        asked.county,
        asked.application.project,
        asked.due.isoformat(),
    )
    return dict(zip(_FIXED, texts, strict=True)) | {
        _declared(question): question.declared for question in asked.questions if question.is_declared
    }


def _declared(question: Question) -> str:
    return f"{shown(question.fact)}·申报值"


def _verified(question: Question) -> str:
    return f"{shown(question.fact)}·核定值"


def _columns(asked: Asked) -> list[tuple[str, Question | None]]:
    """All headings in order; a column to answer a question in comes with it."""
    found: list[tuple[str, Question | None]] = [(heading, None) for heading in _FIXED]
    for question in asked.questions:
        if question.is_declared:
            found.append((_declared(question), None))
        found.append((_verified(question), question))
    return [*found, (OPINION, None), (REASON, None)]


def _write_group(paper: Any, group: list[Asked], formats: dict[str, Any]) -> None:
    columns = _columns(group[0])
    for place, (heading, _) in enumerate(columns):
        paper.write_string(0, place, heading, formats["head"])
    for number, asked in enumerate(group, 1):
        fixed = _fixed(asked)
        for place, (heading, question) in enumerate(_columns(asked)):
            is_answer = heading not in fixed
            text = fixed.get(heading, question.standing if question else "")
            if text:
                paper.write_string(number, place, text, formats["answer" if is_answer else "fixed"])
            else:
                paper.write_blank(number, place, None, formats["answer" if is_answer else "fixed"])
    _lay_out(paper, columns, len(group))


def _lay_out(paper: Any, columns: list[tuple[str, Question | None]], rows: int) -> None:
    widths = {
        "受理编号": 18,
        "申报单位": 26,
        "统一社会信用代码": 21,
        "项目": 24,
        "回复期限": 12,
        OPINION: 10,
        REASON: 36,
    }
    for place, (heading, question) in enumerate(columns):
        paper.set_column(place, place, widths.get(heading, 20), None, {"hidden": heading == KEY})
        choices = _choices(heading, question)
        if choices:
            paper.data_validation(
                1, place, rows, place, {"validate": "list", "source": choices, "error_message": "请从列表中选择"}
            )
    paper.freeze_panes(1, 3)
    paper.set_landscape()
    paper.fit_to_pages(1, 0)
    paper.repeat_rows(0)
    paper.protect("", {"format_columns": True, "format_rows": True, "select_locked_cells": True, "autofilter": True})


def _choices(heading: str, question: Question | None) -> list[str]:
    """What may be chosen in a column. Excel takes lists of up to 255 characters."""
    if heading == OPINION:
        return ["同意", "不同意"]
    if question is None:
        return []
    choices = {"boolean": ["是", "否"], "choice": list(question.fact.choices)}.get(question.fact.type, [])
    return choices if len(",".join(choices)) <= 255 and not any("," in each for each in choices) else []


def _formats(book: Any) -> dict[str, Any]:
    cell = {"border": 1, "valign": "vcenter", "text_wrap": True, "num_format": "@"}
    return {
        "head": book.add_format({**cell, "bold": True, "bg_color": "#E7EDF3", "align": "center"}),
        "fixed": book.add_format({**cell, "locked": True}),
        "answer": book.add_format({**cell, "locked": False, "bg_color": "#FFF8DC"}),
    }


def _name(wanted: str, taken: set[str]) -> str:
    """What Excel takes as a sheet's name, each once."""
    base = _SHEET_NAME_FORBIDS.sub("－", wanted)[:27] or "表"
    name, number = base, 2
    while name.casefold() in taken:
        name, number = f"{base}({number})", number + 1
    taken.add(name.casefold())
    return name
