"""The year's self-assessments as a workbook: who has answered what, a column a field."""

from collections.abc import Sequence
from datetime import date
from decimal import InvalidOperation

from models import AssessmentState
from policy import Fact
from services.after_payment.assessments import Shown, asked_fields
from services.after_payment.form import AssessmentForm
from services.clock import CHINA
from services.cycle.deadlines import due_day
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.rows import Cell
from services.documents.values import fact_kind, text_cell

_TOLD = (AssessmentState.HANDED_IN, AssessmentState.GOOD)


def book_of(found: Sequence[Shown], form: AssessmentForm, *, year: int, organisation: str, dated: date) -> Book:
    """The workbook: of each what was handed in last. Drafts are the enterprise's own and are not shown.

    A field that was asked once and is not asked any more keeps a column, after those of the form.
    """
    fields = _fields(found, form)
    title = f"{year}年度奖补资金绩效自评汇总表"
    answered = sum(each.assessment.state in _TOLD for each in found)
    sheet = Sheet(
        name="绩效自评",
        heading=title,
        notes=(f"共 {len(found)} 件，已提交 {answered} 件，未提交或待补充 {len(found) - answered} 件。金额单位：元。",),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            Column("受理编号", width=16),
            Column("单位名称", width=28),
            Column("统一社会信用代码", width=20),
            Column("奖补事项", width=24),
            Column("奖补金额（元）", CellKind.MONEY, 16),
            Column("状态", width=9),
            Column("提交截止", CellKind.DATE, 12),
            Column("提交日期", CellKind.DATE, 12),
            *(Column(_heading(field.label, field.unit), fact_kind(field), _width(field.type)) for field in fields),
            Column("评定意见", width=24),
        ),
        rows=tuple(_row(place, each, fields, form) for place, each in enumerate(found, 1)),
    )
    return Book(title, organisation, dated, (sheet,))


def _fields(found: Sequence[Shown], form: AssessmentForm) -> list[Fact]:
    """The fields of the form, and after them those that were asked once."""
    known = {field.name: field for field in form.fields}
    for told in (each.told[0] for each in found if each.told):
        for field in asked_fields(form, told):
            known.setdefault(field.name, field)
    return list(known.values())


def _row(place: int, each: Shown, fields: Sequence[Fact], form: AssessmentForm) -> tuple[Cell, ...]:
    row, told = each.assessment, each.told[0] if each.told else None
    asked = {field.name: field.type for field in asked_fields(form, told)} if told else {}
    handed_in = row.handed_in_at.astimezone(CHINA).date() if row.handed_in_at is not None else None
    return (
        place,
        each.entry.number,
        each.entry.enterprise_name,
        each.entry.uscc,
        each.measure,
        each.entry.amount_fen,
        each.state + ("（逾期）" if each.late else ""),
        due_day(row.due_at),
        handed_in,
        *(_cell(field, told.given.get(field.name), asked.get(field.name)) if told else None for field in fields),
        row.remarks,
    )


def _cell(field: Fact, text: str | None, was: str | None) -> Cell:
    """The answer as its column holds it; as it was written when the field was of another type then."""
    try:
        return text_cell(field, text) if was == field.type else text
    except (ValueError, InvalidOperation):  # handed in before the fields were kept with it
        return text


def _heading(label: str, unit: str) -> str:
    return f"{label}（{unit}）" if unit else label


def _width(kind: str) -> int:
    return 36 if kind == "text" else 16
