"""One measure over its whole table: history, steps, conditions, cap, overlap, rounding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Literal

import polars as pl

from policy.amounts import MAX_MONEY_FEN, ROUNDING_NAMES, read_money
from policy.compiling import Environment, at_scale, build, build_column, display, whole
from policy.errors import InputError
from policy.expressions import Node
from policy.facts import RowError, applicant, prepare
from policy.history import add_history_facts
from policy.kinds import FEN, INT64_MAX, Kind
from policy.names import AGAIN, GRANTED_ABOVE, SAME_ITEM
from policy.narrowing import narrowed
from policy.program import Program, fact_kind
from policy.schema import Measure, Policy, Referral, Rounding
from policy.values import bounds, show_scaled

AWARD, REFERRAL, REJECTED, CASE_BY_CASE = "award", "referral", "rejected", "case_by_case"
_STREAMED_FROM = 50_000
"""Rows from which a query is faster in parts on all cores; a part costs about 1 ms to set up."""

OUTCOME = pl.Enum([AWARD, REFERRAL, REJECTED, CASE_BY_CASE])


@dataclass(frozen=True)
class TrailStep:
    """A column of the trail: what it is and what it carries out.

    A step that takes something off is shown only where one of the columns of what it takes ``off`` is above zero.
    """

    column: str
    label: str
    kind: Kind
    quote: str
    clause: str
    off: tuple[str, ...] = ()

    @property
    def shown(self) -> pl.Expr:
        """Its values; none where the step does not apply to the row."""
        column = pl.col(self.column)
        return pl.when(pl.any_horizontal(pl.col(self.off) > 0)).then(column) if self.off else column


@dataclass
class MeasureRun:
    """A measure's computed rows; the columns of ``trail`` are exact integers."""

    program: Program
    frame: pl.DataFrame
    trail: list[TrailStep]
    errors: list[RowError] = field(default_factory=list)

    @property
    def measure(self) -> Measure:
        """The measure that was run."""
        return self.program.measure


@dataclass(frozen=True)
class Setting:
    """What a run needs besides its rows."""

    policy: Policy
    environment: Environment
    history: pl.DataFrame
    year: int


def run_measure(program: Program, setting: Setting, given: pl.DataFrame) -> MeasureRun:
    """Compute every application of one measure that can be computed; the others become errors."""
    return run_ready(program, setting, *ready(program, setting, given))


def ready(program: Program, setting: Setting, given: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
    """The facts with those of the history: the same whatever the parameters are."""
    frame, errors = prepare(program.measure, given)
    frame = add_history_facts(frame, program.measure, setting.history, setting.year)
    frame, bad = _split_history(program, frame)
    return frame, errors + bad


def run_ready(program: Program, setting: Setting, frame: pl.DataFrame, errors: list[RowError]) -> MeasureRun:
    """As ``run_measure``, from facts that are ready: the whole arithmetic is one query."""
    off = tuple(name for name in (GRANTED_ABOVE, SAME_ITEM) if name in frame.columns)
    plan = _Plan(narrowed(program, setting.environment, frame), setting, frame.lazy(), off, _most_granted(frame, off))
    _steps(plan)
    _conditions(plan)
    if program.measure.outcome == AWARD or program.measure.decided_by is not None:
        _amount(plan)
    _outcome(plan)
    engine: Literal["streaming", "in-memory"] = "streaming" if frame.height > _STREAMED_FROM else "in-memory"
    run = MeasureRun(plan.program, plan.query.collect(engine=engine), plan.trail, list(errors))
    _take_out(run, plan)
    return run


@dataclass
class _Plan:
    """A measure's arithmetic while it is put together; nothing is computed yet.

    ``doubtful`` are columns that tell rows without a result; ``off`` those of fen that are taken off, of which
    ``most_granted`` is the most.
    """

    program: Program
    setting: Setting
    query: pl.LazyFrame
    off: tuple[str, ...]
    most_granted: int
    trail: list[TrailStep] = field(default_factory=list)
    doubtful: dict[str, Callable[[_Plan, pl.DataFrame], RowError]] = field(default_factory=dict)

    @property
    def measure(self) -> Measure:
        return self.program.measure

    @property
    def is_paired(self) -> bool:
        return SAME_ITEM in self.off

    def build(self, node: Node) -> pl.Expr:
        return build(node, self.setting.environment)

    def add(self, *columns: pl.Expr, **named: pl.Expr) -> None:
        self.query = self.query.with_columns(*columns, **named)

    def doubt(self, flag: str, rows: pl.Expr, why: Callable[[_Plan, pl.DataFrame], RowError]) -> None:
        """Rows that have no result, and why a row of them has none."""
        self.add(rows.alias(flag))
        self.doubtful[flag] = why


def _most_granted(frame: pl.DataFrame, off: Sequence[str]) -> int:
    most = frame.select(pl.sum_horizontal(off).max()).item()
    return most if isinstance(most, int) else 0


def _take_out(run: MeasureRun, plan: _Plan) -> None:
    """Rows without a result become errors."""
    for flag, why in plan.doubtful.items():
        if not run.frame[flag].any():
            continue
        rows = run.frame.filter(flag)
        run.errors += [why(plan, rows.slice(index, 1)) for index in range(rows.height)]
        run.frame = run.frame.filter(~pl.col(flag))
    run.frame = run.frame.drop(*plan.doubtful)


def _steps(plan: _Plan) -> None:
    measure = plan.measure
    if any(_sums_applicants(node) for node in plan.program.nodes):
        plan.add(applicant().alias("_who"), _counts(plan).alias("_counted"))
    for each in plan.program.steps:
        plan.add(build_column(each.node, plan.setting.environment).alias(each.step.name))
        quote, clause = each.step.quote or measure.quote, each.step.clause or measure.clause
        plan.trail.append(TrailStep(each.step.name, each.step.label, each.node.kind, quote, clause))


def _sums_applicants(node: Node) -> bool:
    return node.op == "applicant_total" or any(_sums_applicants(arg) for arg in node.args)


def _counts(plan: _Plan) -> pl.Expr:
    """Whether a row adds to its applicant's total: an item of another year does not, nor one that is there again."""
    common = [plan.build(each.node).fill_null(False) for each in plan.program.conditions if each.common]
    once = [~pl.col(AGAIN)] if plan.is_paired else []
    return pl.all_horizontal(pl.lit(True), *common, *once)


def _split_history(program: Program, frame: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
    """Rows whose history goes beyond what a fact may be are errors."""
    errors: list[RowError] = []
    for fact in program.facts.values():
        if fact.history is None:
            continue
        low, high = bounds(fact)
        outside = ~pl.col(fact.name).is_between(low, high)
        if not frame.select(outside.any()).item():
            continue
        for row in frame.filter(outside).iter_rows(named=True):
            value = show_scaled(fact, row[fact.name])
            text = f"由历年记录得出的“{fact.label}”为 {value}，超出允许范围，请核对历年记录"
            errors.append(RowError(row["application_id"], program.measure.id, fact.name, value, text))
        frame = frame.filter(~outside)
    return frame, errors


def _conditions(plan: _Plan) -> None:
    """Find the first condition that does not hold.

    ``_c0``, ``_c1`` … keep whether each holds, ``_stop`` the number of the first that does not.
    """
    conditions = plan.program.conditions
    stop, unknown = pl.lit(None, dtype=pl.Int16), pl.lit(False)
    for index, each in reversed(list(enumerate(conditions))):
        column = pl.col(f"_c{index}")
        fails = ~column.fill_null(False) if each.node.kind.nullable else ~column
        stop = pl.when(fails).then(pl.lit(index, dtype=pl.Int16)).otherwise(stop)
        unknown = pl.when(fails).then(column.is_null()).otherwise(unknown)
    plan.add(**{f"_c{index}": plan.build(each.node) for index, each in enumerate(conditions)})
    plan.add(_stop=stop)
    if any(each.node.kind.nullable for each in conditions):
        plan.doubt("_unknown", unknown, _unknown_condition)


def _unknown_condition(plan: _Plan, row: pl.DataFrame) -> RowError:
    checked = plan.program.conditions[row["_stop"][0]]
    return _undecided(plan, row, checked.node, f"条件“{checked.condition.label or checked.condition.id}”")


def _undecided(plan: _Plan, row: pl.DataFrame, node: Node, where: str) -> RowError:
    """Why an expression has no value for one application."""
    fact, value, why = _cause(plan, row, node)
    return RowError(row["application_id"][0], plan.measure.id, fact, value, f"{where}算不出：{why}")


def _cause(plan: _Plan, row: pl.DataFrame, node: Node) -> tuple[str, str, str]:
    """The first missing fact, unknown key or zero divisor below ``node`` in this row."""
    program = plan.program
    for arg in (*node.args, *_step_nodes(program, node)):
        if arg.kind.nullable and row.select(plan.build(arg).is_null().alias("x")).item():
            return _cause(plan, row, arg)
    if node.op == "name" and str(node.value) in program.facts:
        fact = program.facts[str(node.value)]
        return fact.name, "", f"缺少“{fact.label}”（{fact.name}），请补填"
    if node.op == "lookup":
        key = node.args[0]
        seen = str(row.select(display(plan.build(key), key.kind).alias("x")).item())
        label = program.parameters[str(node.value)].label
        return str(node.value), seen, f"“{label}”没有 {seen} 这一档"
    if node.op == "divide":
        return "", "0", "除数是零"
    return "", "", "缺少所需的值"


def _step_nodes(program: Program, node: Node) -> list[Node]:
    if node.op != "name":
        return []
    return [each.node for each in program.steps if each.step.name == node.value]


def _amount(plan: _Plan) -> None:
    """From the award to whole yuan: cap, overlap, rounding, each a column of the trail."""
    program, measure, provisions = plan.program, plan.measure, plan.setting.policy.provisions
    source = program.award if measure.outcome == AWARD else _decided(measure)
    limit = program.cap if measure.outcome == AWARD else program.ceiling
    if source is None:
        raise InputError(f"措施 {measure.id} 没有奖补金额")
    nodes = [node for node in (source, limit) if node is not None]
    _doubt_unknown(plan, nodes)
    scale = max(2, *(node.kind.scale for node in nodes))
    kinds = [at_scale(node, scale) for node in nodes]
    kind = replace(kinds[0], low=min(each.low for each in kinds), high=max(each.high for each in kinds))
    rounding = measure.rounding or provisions.rounding
    unit = _rounding_unit(rounding)
    is_wide = _needs_wide(plan.most_granted, kind, unit)
    value = _scaled(plan, source, scale, is_wide)
    if limit is not None:
        least = pl.min_horizontal(value, _scaled(plan, limit, scale, is_wide))
        value = pl.when(value.is_not_null()).then(least)
        label = "封顶后" if measure.outcome == AWARD else "不超过上限"
        plan.trail.append(TrailStep("capped", label, kind, measure.quote, measure.clause))
    plan.add(value.alias("capped"))
    _overlap(plan, kind, is_wide)
    room, within = None, ""
    if limit is not None and rounding.mode != "down":
        plan.add(_scaled(plan, limit, scale, is_wide).alias(_LIMIT))
        room, within = pl.col(_LIMIT) - (pl.col("capped") - pl.col("after_overlap")), "，不超过最高限额"
    rounded = _rounded(pl.col("after_overlap"), rounding.mode, unit, scale, is_wide, room)
    most = _most(is_wide)
    plan.add(pl.when(rounded <= most).then(rounded).cast(pl.Int64).alias("rounded"))
    absurd = pl.col("_stop").is_null() & pl.col("after_overlap").is_not_null() & pl.col("rounded").is_null()
    plan.doubt("_absurd", absurd, _absurd)
    label = f"取整（{rounding.unit}，{ROUNDING_NAMES[rounding.mode]}{within}）"
    clause = rounding.clause or provisions.clause or measure.clause
    plan.trail.append(TrailStep("rounded", label, FEN, rounding.quote or _UNWRITTEN, clause))


def _most(is_wide: bool) -> pl.Expr:
    return whole(MAX_MONEY_FEN, is_wide)


def _absurd(plan: _Plan, row: pl.DataFrame) -> RowError:
    """An award beyond 1 万亿 yuan is an error of its row: some fact has the wrong unit."""
    text = "算出的金额超过 1 万亿元，请核对各事实的数值和单位"
    return RowError(row["application_id"][0], plan.measure.id, "", "", text)


def _needs_wide(granted: int, kind: Kind, unit: int) -> bool:
    """Whether an amount of this type, what others granted of it, or its rounding can go beyond 64 bits."""
    finer: int = 10 ** (kind.scale - 2)
    return 2 * max(kind.size, granted * finer) + unit * finer > INT64_MAX


def _decided(measure: Measure) -> Node | None:
    fact = measure.fact(measure.decided_by or "")
    return Node("name", fact_kind(fact), value=fact.name) if fact is not None else None


def _doubt_unknown(plan: _Plan, nodes: list[Node]) -> None:
    """Rows that passed every condition and still have no amount are errors; undecided panels are not."""
    if plan.measure.outcome == CASE_BY_CASE:
        return
    for index, node in enumerate(nodes):
        if node.kind.nullable:
            unknown = pl.col("_stop").is_null() & plan.build(node).is_null()
            why = partial(_undecided, node=node, where="奖补金额")
            plan.doubt(f"_no_amount_{index}", unknown, why)


def _scaled(plan: _Plan, node: Node, scale: int, is_wide: bool) -> pl.Expr:
    value = plan.build(node).cast(pl.Int128 if is_wide else pl.Int64)
    return value * whole(10 ** (scale - node.kind.scale), is_wide)


def _overlap(plan: _Plan, kind: Kind, is_wide: bool) -> None:
    """就高不重复: take off what was granted above and what a higher one is worth, or give nothing beside it."""
    measure, provisions = plan.measure, plan.setting.policy.provisions
    rule = measure.overlap or provisions.overlap
    finer, nothing = whole(10 ** (kind.scale - 2), is_wide), whole(0, is_wide)
    fen = pl.sum_horizontal(plan.off)
    granted = fen.cast(pl.Int128 if is_wide else pl.Int64) * finer
    left = pl.col("capped")
    if rule == "top_up":
        left = pl.when(granted > left).then(nothing).otherwise(left - granted)
    elif rule == "exclude":
        left = pl.when(granted > 0).then(nothing).otherwise(left)
    beside = fen > 0
    taken = ((pl.col("capped") - pl.col("after_overlap")) // finer).clip(nothing, _most(is_wide))
    plan.add(pl.when(beside).then(left).otherwise(pl.col("capped")).alias("after_overlap"))
    plan.add(_off=pl.when(beside).then(taken).otherwise(nothing).cast(pl.Int64))
    if rule == "none":
        return
    quote, clause = provisions.quote or measure.quote, provisions.clause or measure.clause
    plan.trail += [TrailStep(name, _OFF[name], FEN, quote, clause, (name,)) for name in plan.off]
    label = "扣除同一事项的其他金额后" if rule == "top_up" else "同一事项已有其他金额，不再补"
    plan.trail.append(TrailStep("after_overlap", label, kind, quote, clause, plan.off))


_OFF = {GRANTED_ABOVE: "同一事项已获资助", SAME_ITEM: "同一事项只支持一项，金额高的另一件"}
_LIMIT = "_limit"  # the cap or ceiling that no rounding goes beyond
_UNWRITTEN = "原文没有写取整，按申报指南的取整办法"


def _rounding_unit(rounding: Rounding) -> int:
    """Fen."""
    read = read_money(rounding.unit)
    if not isinstance(read, tuple):
        raise InputError(f"取整单位“{rounding.unit}”{read.message}")
    return read[0]


def _rounded(
    value: pl.Expr, mode: str, unit_fen: int, scale: int, is_wide: bool, room: pl.Expr | None = None
) -> pl.Expr:
    """Fen at the policy's unit, from an exact integer of ``scale`` digits; down where it would be above ``room``."""
    finer = whole(10 ** (scale - 2), is_wide)
    fen, unit = whole(unit_fen, is_wide), whole(unit_fen * 10 ** (scale - 2), is_wide)
    down = value // unit * fen
    if mode == "down":
        return down
    rounded = ((value * 2 + unit) // (unit * 2) if mode == "half_up" else (value + unit - 1) // unit) * fen
    if room is None:
        return rounded
    return pl.when((rounded * finer <= room).fill_null(True)).then(rounded).otherwise(down)


def _outcome(plan: _Plan) -> None:
    """Give each row its outcome and its amount in fen; what is said of it is written when it is asked for."""
    passed = pl.col("_stop").is_null()
    plan.add(outcome=pl.when(passed).then(_when_all_hold(plan.measure)).otherwise(_when_stopped(plan.program)))
    has_amount = any(each.column == "rounded" for each in plan.trail)
    zero, unsaid = pl.lit(0, dtype=pl.Int64), pl.lit(None, dtype=pl.String)
    off = pl.col("_off").fill_null(0) if has_amount else zero
    paid = pl.when(pl.col("outcome") == AWARD).then(pl.col("rounded")).otherwise(zero) if has_amount else zero
    plan.add(
        amount_fen=paid.fill_null(0),
        _lost_reason=unsaid,
        _lost_clause=unsaid,
        # fen that were not awarded because others granted them, and that nothing was left of it
        _off=off,
        _covered=passed & (pl.col("outcome") == REJECTED) & (off > 0),
    )


def _when_stopped(program: Program) -> pl.Expr:
    """A condition refers the application to a higher programme, or there is nothing."""
    outcome = pl.lit(REJECTED, dtype=OUTCOME)
    for index, each in enumerate(program.conditions):
        if isinstance(each.condition.otherwise, Referral):
            outcome = pl.when(pl.col("_stop") == index).then(pl.lit(REFERRAL, dtype=OUTCOME)).otherwise(outcome)
    return outcome


def _when_all_hold(measure: Measure) -> pl.Expr:
    """An amount that is not above zero is no award; a panel that has not decided leaves the case open."""
    if measure.outcome == REFERRAL or (measure.outcome == CASE_BY_CASE and measure.decided_by is None):
        return pl.lit(measure.outcome, dtype=OUTCOME)
    paid = pl.col("rounded").fill_null(0) > 0
    decided = pl.when(paid).then(pl.lit(AWARD, dtype=OUTCOME)).otherwise(pl.lit(REJECTED, dtype=OUTCOME))
    if measure.outcome == AWARD:
        return decided
    still_open = pl.col(measure.decided_by or "").is_null()
    return pl.when(still_open).then(pl.lit(CASE_BY_CASE, dtype=OUTCOME)).otherwise(decided)


def capped_kind(run: MeasureRun) -> Kind:
    """The type of the amount before anything is taken off and before it is rounded."""
    capped = next((each.kind for each in run.trail if each.column == "capped"), None)
    node = run.program.award if run.measure.outcome == AWARD else _decided(run.measure)
    return capped or (FEN if node is None else at_scale(node, max(2, node.kind.scale)))


def worth(run: MeasureRun, setting: Setting) -> pl.Expr:
    """Fen that an application would get if nothing were taken off for its item and no money were short."""
    rounding = run.measure.rounding or setting.policy.provisions.rounding
    exact, scale = pl.col("capped").cast(pl.Int128), capped_kind(run).scale
    room = pl.col(_LIMIT).cast(pl.Int128) if _LIMIT in run.frame.columns else None
    rounded = _rounded(exact, rounding.mode, _rounding_unit(rounding), scale, True, room)
    return rounded.fill_null(0).clip(0, MAX_MONEY_FEN).cast(pl.Int64)
