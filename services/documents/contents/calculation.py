"""测算表: the outcome of every application, each step of its arithmetic, and the values it was computed from."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlmodel import col, select

from models import Award, AwardList, ComputationRun, FactKind, Outcome
from services.application.state_names import OUTCOMES
from services.documents.content import Book, CellKind, Column, Sheet, Trace
from services.documents.errors import NotYetError
from services.documents.record import Applied, Record, day
from services.documents.rows import Row, Rows
from services.documents.values import fact_text
from services.record.columns import rows_as, select_as
from services.record.parts import in_parts


@dataclass(frozen=True, slots=True)
class Computed:
    """What is shown of an outcome."""

    application_id: int
    outcome: Outcome
    amount_fen: int
    clause: str
    referral_to: str
    reason: str
    explanation: str
    steps: list[dict[str, Any]]


_WHAT = (Column("受理编号", width=16), Column("单位名称", width=24), Column("申报事项", width=20))


def build(record: Record) -> Book:
    """The newest computation; a list frozen from it is named with its digest."""
    run = _run(record)
    tables = _Tables(record, run)
    for some in in_parts(record.applications):
        tables.add(some, _computed(record, run, some))
    frozen = record.session.exec(
        select(AwardList).where(AwardList.run_id == run.id).order_by(col(AwardList.version).desc()).limit(1)
    ).one_or_none()
    return Book(
        title=f"{record.cycle.year}年度奖补资金测算表",
        organisation=record.settings.organisation,
        dated=day(run.computed_at),
        trace=Trace(frozen.version, frozen.digest) if frozen else None,
        sheets=(
            _results(record, run, tables),
            _by_measure(record, tables),
            _trail(tables.trail),
            _facts(tables.facts),
        ),
    )


def _run(record: Record) -> ComputationRun:
    found = record.session.exec(
        select(ComputationRun)
        .where(ComputationRun.cycle_id == record.cycle.id)
        .order_by(col(ComputationRun.number).desc())
        .limit(1)
    ).one_or_none()
    if found is None:
        raise NotYetError(f"{record.cycle.year} 年度还没有测算，不能生成测算表；请先完成测算。")
    return found


def _computed(record: Record, run: ComputationRun, applications: Sequence[Applied]) -> dict[int, Computed]:
    """The outcomes of some applications, by their ids."""
    query = select_as(Computed, Award).where(col(Award.run_id) == run.id)
    rows = record.session.execute(query.where(col(Award.application_id).in_([each.id for each in applications])))
    return {award.application_id: award for award in rows_as(Computed, rows)}


class _Tables:
    """The rows of the sheets, made of some applications after the other, and what they come to by measure."""

    def __init__(self, record: Record, run: ComputationRun) -> None:
        self._record, self._computed_at = record, run.computed_at
        self.results, self.trail, self.facts = Rows(), Rows(), Rows()
        self.outcomes: dict[str, Counter[Outcome]] = defaultdict(Counter)
        self.fen: Counter[str] = Counter()

    def add(self, applications: Sequence[Applied], computed: Mapping[int, Computed]) -> None:
        """The next ones; those without an outcome are left out."""
        lines = [(computed[application.id], application) for application in applications if application.id in computed]
        for award, application in lines:
            self.outcomes[application.measure][award.outcome] += 1
            self.fen[application.measure] += award.amount_fen
        self.results.add(
            (place, *_result(self._record, *line)) for place, line in enumerate(lines, len(self.results) + 1)
        )
        self.trail.add(row for line in lines for row in _steps(self._record, *line))
        self.facts.add(_stated(self._record, [application for _, application in lines], self._computed_at))


def _results(record: Record, run: ComputationRun, tables: _Tables) -> Sheet:
    warnings = tuple(f"提醒：{warning}" for warning in run.warnings)
    return Sheet(
        name="测算结果",
        heading=f"{record.cycle.year}年度奖补资金测算表",
        notes=(
            f"依据：《{record.policy.title}》（{record.policy.number}）。第 {run.number} 次测算，金额单位：元。"
            f"政策文本校验码 {run.policy_sha256[:16]}，程序版本 {run.code_version}。",
            *warnings,
        ),
        columns=(
            Column("序号", CellKind.INTEGER, 6),
            *_WHAT,
            Column("统一社会信用代码", width=20),
            Column("县（区）", width=12),
            Column("测算结果", width=10),
            Column("奖补金额（元）", CellKind.MONEY, 15),
            Column("条款", width=10),
            Column("转报项目", width=18),
            Column("说明", width=38),
        ),
        rows=tables.results,
        total=("", "合计", "", "", "", "", "", tables.fen.total(), "", "", ""),
    )


def _result(record: Record, award: Computed, application: Applied) -> Row:
    return (
        application.number,
        application.enterprise_name,
        record.measure_title(application.measure),
        application.uscc,
        record.county_name(application.county),
        OUTCOMES[award.outcome],
        award.amount_fen,
        award.clause,
        award.referral_to,
        award.reason or award.explanation,
    )


def _by_measure(record: Record, tables: _Tables) -> Sheet:
    outcomes, whole = tables.outcomes, sum(tables.outcomes.values(), Counter[Outcome]())
    return Sheet(
        name="按事项汇总",
        heading="分事项测算汇总",
        columns=(
            Column("申报事项", width=20),
            Column("条款", width=10),
            Column("测算数", CellKind.INTEGER, 10),
            *(Column(name, CellKind.INTEGER, 11) for name in OUTCOMES.values()),
            Column("奖补金额（元）", CellKind.MONEY, 15),
        ),
        rows=tuple(
            (measure.title, measure.clause, *_counted(outcomes[measure.id]), tables.fen[measure.id])
            for measure in record.policy.measures
            if measure.id in outcomes
        ),
        total=("合计", "", *_counted(whole), tables.fen.total()),
    )


def _counted(outcomes: Counter[Outcome]) -> tuple[int, ...]:
    return outcomes.total(), *(outcomes[outcome] for outcome in OUTCOMES)


def _trail(rows: Rows) -> Sheet:
    return Sheet(
        name="计算过程",
        heading="计算过程（每一步的依据和数值）",
        columns=(
            *_WHAT,
            Column("步骤", CellKind.INTEGER, 7),
            Column("内容", width=26),
            Column("数值", width=22),
            Column("条款", width=10),
            Column("原文", width=60),
        ),
        rows=rows,
    )


def _steps(record: Record, award: Computed, application: Applied) -> Iterator[Row]:
    for number, step in enumerate(award.steps, 1):
        yield (
            application.number,
            application.enterprise_name,
            record.measure_title(application.measure),
            number,
            str(step["label"]),
            str(step["value"]),
            str(step.get("clause") or award.clause),
            str(step.get("quote") or ""),
        )


def _stated(record: Record, applications: Sequence[Applied], computed_at: datetime) -> Iterator[Row]:
    """The values that it was computed from: what was verified anew since is of the next computation."""
    kinds = FactKind.DECLARED, FactKind.VERIFIED
    declared, verified = (record.facts(kind, applications, until=computed_at) for kind in kinds)
    for application in applications:
        for name, fact in record.facts_of(application.measure).items():
            key = (application.id, name)
            if key not in declared and key not in verified:
                continue
            value = verified.get(key)
            yield (
                application.number,
                application.enterprise_name,
                record.measure_title(application.measure),
                fact.label,
                fact_text(fact, declared[key]) if key in declared else "",
                fact_text(fact, value) if value else "",
                record.policy.bureau_name(value.bureau) if value and value.bureau else "",
                value.reason if value else "",
            )


def _facts(rows: Rows) -> Sheet:
    return Sheet(
        name="申报与核定数据",
        heading="测算所用数据（以核定值为准）",
        columns=(
            *_WHAT,
            Column("数据", width=28),
            Column("申报值", width=24),
            Column("核定值", width=24),
            Column("核定单位", width=14),
            Column("核定理由", width=40),
        ),
        rows=rows,
    )
