"""One measure over its whole table: history, steps, conditions, cap, overlap, rounding."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import polars as pl

from policy.amounts import MAX_MONEY_FEN, read_money
from policy.compiling import Environment, at_scale, build, build_column, display, whole
from policy.errors import InputError
from policy.expressions import Node
from policy.facts import RowError, applicant, prepare
from policy.history import add_history_facts
from policy.kinds import FEN, INT64_MAX, Kind
from policy.narrowing import narrowed
from policy.program import Program, fact_kind
from policy.schema import Measure, Policy, Referral, Rounding
from policy.values import bounds, show_scaled

AWARD, REFERRAL, REJECTED, CASE_BY_CASE = "award", "referral", "rejected", "case_by_case"
OUTCOME = pl.Enum([AWARD, REFERRAL, REJECTED, CASE_BY_CASE])


@dataclass(frozen=True)
class TrailStep:
    """A column of the trail: what it is and what it carries out."""

    column: str
    label: str
    kind: Kind
    quote: str
    clause: str
    source: str = ""

    @property
    def shown(self) -> pl.Expr:
        """The column that holds its values; no value where the step does not apply to the row."""
        return pl.col(self.source or self.column)


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
    """As ``run_measure``, from facts that are ready."""
    measure = program.measure
    program = narrowed(program, setting.environment, frame)
    if any(_sums_applicants(node) for node in program.nodes):
        frame = frame.with_columns(applicant().alias("_who"), _counts(program, setting).alias("_counted"))
    for checked in program.steps:
        column = build_column(checked.node, setting.environment).alias(checked.step.name)
        frame = frame.with_columns(column)
    trail = [
        TrailStep(
            each.step.name,
            each.step.label,
            each.node.kind,
            each.step.quote or measure.quote,
            each.step.clause or measure.clause,
        )
        for each in program.steps
    ]
    run = MeasureRun(program, frame, trail, list(errors))
    _conditions(run, setting)
    if measure.outcome == "award" or measure.decided_by is not None:
        _amount(run, setting)
    _outcome(run)
    return run


def _sums_applicants(node: Node) -> bool:
    return node.op == "applicant_total" or any(_sums_applicants(arg) for arg in node.args)


def _counts(program: Program, setting: Setting) -> pl.Expr:
    """Whether the common conditions hold: an item of another year adds nothing to its applicant's total."""
    common = [build(each.node, setting.environment) for each in program.conditions if each.common]
    return pl.all_horizontal(pl.lit(True), *(holds.fill_null(False) for holds in common))


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


def _conditions(run: MeasureRun, setting: Setting) -> None:
    """Find the first condition that does not hold; rows where that cannot be told become errors.

    ``_c0``, ``_c1`` … keep whether each holds, ``_stop`` the number of the first that does not.
    """
    conditions = run.program.conditions
    holds = [build(each.node, setting.environment).alias(f"_c{index}") for index, each in enumerate(conditions)]
    stop, unknown = pl.lit(None, dtype=pl.Int16), pl.lit(False)
    for index, each in reversed(list(enumerate(conditions))):
        column = pl.col(f"_c{index}")
        fails = ~column.fill_null(False) if each.node.kind.nullable else ~column
        stop = pl.when(fails).then(pl.lit(index, dtype=pl.Int16)).otherwise(stop)
        unknown = pl.when(fails).then(column.is_null()).otherwise(unknown)
    frame = run.frame.with_columns(holds).with_columns(stop.alias("_stop"))
    run.frame = frame
    if not any(each.node.kind.nullable for each in conditions):
        return
    frame = frame.with_columns(unknown.alias("_unknown"))
    for row in frame.filter("_unknown").select("application_id", "_stop").iter_rows():
        checked = conditions[row[1]]
        _undecided(
            run, setting, frame, row[0], checked.node, f"条件“{checked.condition.label or checked.condition.id}”"
        )
    run.frame = frame.filter(~pl.col("_unknown")).drop("_unknown")


def _undecided(run: MeasureRun, setting: Setting, frame: pl.DataFrame, who: str, node: Node, where: str) -> None:
    """Record why an expression has no value for one application."""
    row = frame.filter(pl.col("application_id") == who)
    fact, value, why = _cause(run.program, setting, row, node)
    run.errors.append(RowError(who, run.measure.id, fact, value, f"{where}算不出：{why}"))


def _cause(program: Program, setting: Setting, row: pl.DataFrame, node: Node) -> tuple[str, str, str]:
    """The first missing fact, unknown key or zero divisor below ``node`` in this row."""
    for arg in (*node.args, *_step_nodes(program, node)):
        if arg.kind.nullable and row.select(build(arg, setting.environment).is_null().alias("x")).item():
            return _cause(program, setting, row, arg)
    if node.op == "name" and str(node.value) in program.facts:
        fact = program.facts[str(node.value)]
        return fact.name, "", f"缺少“{fact.label}”（{fact.name}），请补填"
    if node.op == "lookup":
        key = node.args[0]
        seen = str(row.select(display(build(key, setting.environment), key.kind).alias("x")).item())
        label = program.parameters[str(node.value)].label
        return str(node.value), seen, f"“{label}”没有 {seen} 这一档"
    if node.op == "divide":
        return "", "0", "除数是零"
    return "", "", "缺少所需的值"


def _step_nodes(program: Program, node: Node) -> list[Node]:
    if node.op != "name":
        return []
    return [each.node for each in program.steps if each.step.name == node.value]


def _amount(run: MeasureRun, setting: Setting) -> None:
    """From the award to whole yuan: cap, overlap, rounding, each a column of the trail."""
    program, measure = run.program, run.measure
    source = program.award if measure.outcome == "award" else _decided(run)
    limit = program.cap if measure.outcome == "award" else program.ceiling
    if source is None:
        raise InputError(f"措施 {measure.id} 没有奖补金额")
    _drop_unknown(run, setting, [node for node in (source, limit) if node is not None])
    nodes = [node for node in (source, limit) if node is not None]
    scale = max(2, *(node.kind.scale for node in nodes))
    kinds = [at_scale(node, scale) for node in nodes]
    kind = replace(kinds[0], low=min(each.low for each in kinds), high=max(each.high for each in kinds))
    rounding = measure.rounding or setting.policy.provisions.rounding
    unit = _rounding_unit(rounding)
    is_wide = _needs_wide(run.frame, kind, unit)
    value = _scaled(source, scale, setting.environment, is_wide)
    if limit is not None:
        least = pl.min_horizontal(value, _scaled(limit, scale, setting.environment, is_wide))
        value = pl.when(value.is_not_null()).then(least)
        quote, label = measure.quote, "封顶后" if measure.outcome == "award" else "不超过上限"
        run.trail.append(TrailStep("capped", label, kind, quote, measure.clause))
    run.frame = run.frame.with_columns(value.alias("capped"))
    _overlap(run, setting, kind, is_wide)
    rounded = _rounded(pl.col("after_overlap"), rounding.mode, unit, scale, is_wide)
    run.frame = run.frame.with_columns(rounded.alias("rounded"))
    _refuse_absurd(run)
    label = f"取整（{rounding.unit}，{_MODES[rounding.mode]}）"
    clause = rounding.clause or setting.policy.provisions.clause or measure.clause
    run.trail.append(TrailStep("rounded", label, FEN, rounding.quote or _UNWRITTEN, clause))


def _needs_wide(frame: pl.DataFrame, kind: Kind, unit: int) -> bool:
    """Whether an amount of this type, what others granted of it, or its rounding can go beyond 64 bits."""
    granted = frame["granted_above"].max()
    finer: int = 10 ** (kind.scale - 2)
    most = max(kind.size, (granted if isinstance(granted, int) else 0) * finer)
    return 2 * most + unit * finer > INT64_MAX


def _decided(run: MeasureRun) -> Node | None:
    fact = run.measure.fact(run.measure.decided_by or "")
    return Node("name", fact_kind(fact), value=fact.name) if fact is not None else None


def _drop_unknown(run: MeasureRun, setting: Setting, nodes: list[Node]) -> None:
    """Rows that passed every condition and still have no amount are errors; undecided panels are not."""
    if run.measure.outcome == CASE_BY_CASE:
        return
    for node in nodes:
        if not node.kind.nullable:
            continue
        unknown = pl.col("_stop").is_null() & build(node, setting.environment).is_null()
        for who in run.frame.filter(unknown)["application_id"]:
            _undecided(run, setting, run.frame, who, node, "奖补金额")
        run.frame = run.frame.filter(~unknown)


def _scaled(node: Node, scale: int, environment: Environment, is_wide: bool) -> pl.Expr:
    value = build(node, environment).cast(pl.Int128 if is_wide else pl.Int64)
    return value * whole(10 ** (scale - node.kind.scale), is_wide)


def _overlap(run: MeasureRun, setting: Setting, kind: Kind, is_wide: bool) -> None:
    """就高不重复: take off what was granted above, or give nothing beside it."""
    rule = run.measure.overlap or setting.policy.provisions.overlap
    finer, nothing = whole(10 ** (kind.scale - 2), is_wide), whole(0, is_wide)
    granted = pl.col("granted_above").cast(pl.Int128 if is_wide else pl.Int64) * finer
    left = pl.col("capped")
    if rule == "top_up":
        left = pl.when(granted > left).then(nothing).otherwise(left - granted)
    elif rule == "exclude":
        left = pl.when(granted > 0).then(nothing).otherwise(left)
    beside = pl.col("granted_above") > 0
    shown = pl.col("after_overlap") if rule != "none" else pl.lit(None, dtype=pl.Int64)
    taken = ((pl.col("capped") - pl.col("after_overlap")) // finer).clip(nothing, whole(MAX_MONEY_FEN, is_wide))
    run.frame = run.frame.with_columns(
        pl.when(beside).then(left).otherwise(pl.col("capped")).alias("after_overlap")
    ).with_columns(
        pl.when(beside).then(shown).alias("_overlap_shown"),
        pl.when(beside).then(taken).otherwise(nothing).cast(pl.Int64).alias("_off"),
    )
    if rule == "none":
        return
    provisions = setting.policy.provisions
    quote, clause = provisions.quote or run.measure.quote, provisions.clause or run.measure.clause
    label = "扣除同一事项已获资助后" if rule == "top_up" else "同一事项已获资助，不再补"
    granted_label = "同一事项已获上级或其他措施资助"
    run.frame = run.frame.with_columns(
        pl.when(pl.col("granted_above") > 0).then(pl.col("granted_above")).alias("_granted_shown")
    )
    run.trail.append(TrailStep("granted_above", granted_label, FEN, quote, clause, "_granted_shown"))
    run.trail.append(TrailStep("after_overlap", label, kind, quote, clause, "_overlap_shown"))


def _refuse_absurd(run: MeasureRun) -> None:
    """An award beyond 1 万亿 yuan is an error of its row: some fact has the wrong unit."""
    most = whole(MAX_MONEY_FEN, run.frame.schema["rounded"] == pl.Int128)
    if run.frame.select((pl.col("rounded") > most).any()).item():
        absurd = pl.col("_stop").is_null() & (pl.col("rounded") > most)
        text = "算出的金额超过 1 万亿元，请核对各事实的数值和单位"
        found = run.frame.filter(absurd)["application_id"]
        run.errors += [RowError(who, run.measure.id, "", "", text) for who in found]
        run.frame = run.frame.filter(~absurd.fill_null(False))
    fits = pl.when(pl.col("rounded") <= most).then(pl.col("rounded"))
    run.frame = run.frame.with_columns(fits.cast(pl.Int64).alias("rounded"))


_UNWRITTEN = "原文没有写取整，按申报指南的取整办法"
_MODES = {"down": "舍去", "half_up": "四舍五入", "up": "进位"}


def _rounding_unit(rounding: Rounding) -> int:
    """Fen."""
    read = read_money(rounding.unit)
    if not isinstance(read, tuple):
        raise InputError(f"取整单位“{rounding.unit}”{read.message}")
    return read[0]


def _rounded(value: pl.Expr, mode: str, unit_fen: int, scale: int, is_wide: bool) -> pl.Expr:
    """Fen at the policy's unit, from an exact integer of ``scale`` digits."""
    fen, unit = whole(unit_fen, is_wide), whole(unit_fen * 10 ** (scale - 2), is_wide)
    if mode == "half_up":
        return (value * 2 + unit) // (unit * 2) * fen
    if mode == "up":
        return (value + unit - 1) // unit * fen
    return value // unit * fen


def _outcome(run: MeasureRun) -> None:
    """Give each row its outcome and its amount in fen; what is said of it is written when it is asked for."""
    frame = run.frame.with_columns(
        pl.when(pl.col("_stop").is_null()).then(_when_all_hold(run)).otherwise(_when_stopped(run)).alias("outcome")
    )
    paid = pl.when(pl.col("outcome") == AWARD).then(pl.col("rounded")) if "rounded" in frame.columns else pl.lit(None)
    unsaid = pl.lit(None, dtype=pl.String)
    run.frame = frame.with_columns(
        paid.cast(pl.Int64).fill_null(0).alias("amount_fen"),
        unsaid.alias("_lost_reason"),
        unsaid.alias("_lost_clause"),
        *_taken_off(frame),
    )


def _taken_off(frame: pl.DataFrame) -> list[pl.Expr]:
    """``_off``: fen that were not awarded because others granted them; ``_covered``: that nothing was left of it."""
    off = pl.col("_off").fill_null(0) if "_off" in frame.columns else pl.lit(0, dtype=pl.Int64)
    covered = pl.col("_stop").is_null() & (pl.col("outcome") == REJECTED) & (off > 0)
    return [off.alias("_off"), covered.alias("_covered")]


def _when_stopped(run: MeasureRun) -> pl.Expr:
    """A condition refers the application to a higher programme, or there is nothing."""
    outcome = pl.lit(REJECTED, dtype=OUTCOME)
    for index, each in enumerate(run.program.conditions):
        if isinstance(each.condition.otherwise, Referral):
            outcome = pl.when(pl.col("_stop") == index).then(pl.lit(REFERRAL, dtype=OUTCOME)).otherwise(outcome)
    return outcome


def _when_all_hold(run: MeasureRun) -> pl.Expr:
    """An amount that is not above zero is no award; a panel that has not decided leaves the case open."""
    measure = run.measure
    if measure.outcome == REFERRAL or (measure.outcome == CASE_BY_CASE and measure.decided_by is None):
        return pl.lit(measure.outcome, dtype=OUTCOME)
    paid = pl.col("rounded").fill_null(0) > 0
    decided = pl.when(paid).then(pl.lit(AWARD, dtype=OUTCOME)).otherwise(pl.lit(REJECTED, dtype=OUTCOME))
    if measure.outcome == AWARD:
        return decided
    still_open = pl.col(measure.decided_by or "").is_null()
    return pl.when(still_open).then(pl.lit(CASE_BY_CASE, dtype=OUTCOME)).otherwise(decided)


def amount_kind(run: MeasureRun) -> Kind:
    """The type of the amount before it is rounded."""
    node = run.program.award if run.measure.outcome == AWARD else _decided(run)
    return FEN if node is None else at_scale(node, max(2, node.kind.scale))
