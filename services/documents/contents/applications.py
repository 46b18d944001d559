"""申报汇总表: every application of the cycle, and a sheet with the declared values of each measure."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby

from sqlmodel import col, select

from models import Application, FactKind
from policy import Fact, Measure
from services.application.state_names import APPLICATION_STATES
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.record import Applied, Record, day, latest
from services.documents.rows import Row, Rows
from services.documents.values import fact_cell, fact_kind
from services.record.parts import in_parts

_WHO = (Column("受理编号", width=16), Column("单位名称", width=26), Column("统一社会信用代码", width=20))


def build(record: Record) -> Book:
    """Applications as they were declared."""
    rows = record.applications
    return Book(
        title=f"{record.cycle.year}年度申报汇总表",
        organisation=record.settings.organisation,
        dated=latest([row.submitted_at for row in rows], record.opened_on),
        sheets=(_all(record), _counts(record), _details(record), *_declared(record)),
    )


def _all(record: Record) -> Sheet:
    rows = record.applications
    enterprises = len({row.uscc for row in rows})
    return Sheet(
        name="申报汇总",
        heading=f"{record.cycle.year}年度申报汇总表",
        notes=(
            f"依据：《{record.policy.title}》（{record.policy.number}）。共 {enterprises} 家单位申报 {len(rows)} 项。",
        ),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            *_WHO,
            Column("单位类型", width=10),
            Column("县（区）", width=12),
            Column("申报事项", width=22),
            Column("条款", width=9),
            Column("项目名称", width=24),
            Column("提交日期", CellKind.DATE, 11),
            Column("状态", width=13),
            Column("状态说明", width=20),
        ),
        rows=Rows(_row(record, place, row) for place, row in enumerate(rows, 1)),
    )


def _row(record: Record, place: int, application: Applied) -> Row:
    measure = record.measures.get(application.measure)
    return (
        place,
        application.number,
        application.enterprise_name,
        application.uscc,
        application.kind,
        record.county_name(application.county),
        record.measure_title(application.measure),
        measure.clause if measure else "",
        application.project,
        day(application.submitted_at) if application.submitted_at else None,
        APPLICATION_STATES[application.status],
        application.status_reason,
    )


def _details(record: Record) -> Sheet:
    """For the office only: how to reach the applicants, and the papers that they name."""
    return Sheet(
        name="联系与票据",
        heading="申报单位联系方式、合同和票据",
        notes=("内部使用，不得公开。",),
        columns=(
            *_WHO,
            Column("联系人", width=9),
            Column("联系电话", width=15),
            Column("电子邮箱", width=24),
            Column("合同号", width=22),
            Column("发票号码", width=24),
            Column("承诺书", width=8),
            Column("来源", width=20),
        ),
        rows=Rows(_detailed(record)),
    )


def _detailed(record: Record) -> Iterator[Row]:
    for some in in_parts(record.applications):
        told = _contacts(record, some)
        for application in some:
            yield application.number, application.enterprise_name, application.uscc, *told[application.id]


def _contacts(record: Record, applications: Sequence[Applied]) -> dict[int, tuple[str, ...]]:
    """By application, whom to reach and how, its papers, and where it came from."""
    rows = record.session.execute(
        select(
            Application.id,
            Application.contact_name,
            Application.contact_phone,
            Application.contact_email,
            Application.contracts,
            Application.invoices,
            Application.pledged,
            Application.source,
        ).where(col(Application.id).in_([each.id for each in applications]))  # type: ignore[call-overload]
    )
    return {key: (*told, "已签" if pledged else "未签", source) for key, *told, pledged, source in rows}


def _counts(record: Record) -> Sheet:
    counted = Counter(application.measure for application in record.applications)
    states = {
        measure: Counter(row.status for row in record.applications if row.measure == measure) for measure in counted
    }
    shown = [state for state in APPLICATION_STATES if any(states[measure][state] for measure in counted)]
    columns = (Column("申报事项", width=34), Column("条款", width=10), Column("申报数", CellKind.INTEGER, 9))
    return Sheet(
        name="按事项统计",
        heading="申报数量统计",
        columns=(*columns, *(Column(APPLICATION_STATES[state], CellKind.INTEGER, 15) for state in shown)),
        rows=tuple(
            (measure.title, measure.clause, counted[measure.id], *(states[measure.id][state] for state in shown))
            for measure in record.policy.measures
            if measure.id in counted
        ),
        total=(
            "合计",
            "",
            counted.total(),
            *(sum(states[measure][state] for measure in counted) for state in shown),
        ),
    )


def _declared(record: Record) -> list[Sheet]:
    by_measure = {
        key: list(some) for key, some in groupby(record.applications, key=lambda application: application.measure)
    }
    return [
        _measure_sheet(record, measure, by_measure[measure.id])
        for measure in record.policy.measures
        if measure.id in by_measure
    ]


def _measure_sheet(record: Record, measure: Measure, applications: list[Applied]) -> Sheet:
    facts = [fact for fact in measure.all_facts if fact.source == "declared"]
    return Sheet(
        name=measure.title,
        heading=f"{measure.title}申报数据（申报值）",
        notes=(f"{measure.clause}：{measure.quote}",),
        columns=(*_WHO, Column("项目名称", width=28), *(_column(fact) for fact in facts)),
        rows=Rows(_stated(record, applications, facts)),
    )


def _stated(record: Record, applications: list[Applied], facts: list[Fact]) -> Iterator[Row]:
    for some in in_parts(applications):
        declared = record.facts(FactKind.DECLARED, some)
        for application in some:
            yield (
                application.number,
                application.enterprise_name,
                application.uscc,
                application.project,
                *(fact_cell(fact, declared.get((application.id, fact.name))) for fact in facts),
            )


def _column(fact: Fact) -> Column:
    unit = f"（{fact.unit}）" if fact.unit else ""
    return Column(fact.label + unit, fact_kind(fact), max(14, min(30, 2 * len(fact.label) + 2)))
