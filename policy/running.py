"""One measure over its whole table: history, steps, conditions, cap, overlap, rounding."""

from __future__ import annotations

import string
from dataclasses import dataclass, field, replace

import polars as pl

from policy.amounts import MAX_MONEY_FEN, read_money
from policy.compiling import Environment, at_scale, build, build_column, display, display_with_unit, whole
from policy.errors import InputError
from policy.expressions import Node
from policy.facts import RowError, applicant, prepare
from policy.history import add_history_facts
from policy.kinds import Kind
from policy.parameters import parameter_node
from policy.program import CheckedCondition, Program, fact_kind
from policy.schema import Measure, Policy, Referral, Rounding
from policy.values import bounds, show_scaled

AWARD, REFERRAL, REJECTED, CASE_BY_CASE = "award", "referral", "rejected", "case_by_case"


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
    return frame.with_columns(applicant().alias("_who")), errors + bad


def run_ready(program: Program, setting: Setting, frame: pl.DataFrame, errors: list[RowError]) -> MeasureRun:
    """As ``run_measure``, from facts that are ready."""
    measure = program.measure
    frame = frame.with_columns(_counts(program, setting).alias("_counted"))
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
    _outcome(run, setting)
    return run


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
        for row in frame.filter(outside).iter_rows(named=True):
            value = show_scaled(fact, row[fact.name])
            text = f"由历年记录得出的“{fact.label}”为 {value}，超出允许范围，请核对历年记录"
            errors.append(RowError(row["application_id"], program.measure.id, fact.name, value, text))
        frame = frame.filter(~outside)
    return frame, errors


def _conditions(run: MeasureRun, setting: Setting) -> None:
    """Find the first condition that does not hold; rows where that cannot be told become errors."""
    conditions = run.program.conditions
    holds = [build(each.node, setting.environment).alias(f"_c{index}") for index, each in enumerate(conditions)]
    frame = run.frame.with_columns(holds)
    columns = [pl.col(f"_c{index}") for index in range(len(conditions))]
    first = [pl.when(column.is_null() | ~column).then(pl.lit(index)) for index, column in enumerate(columns)]
    unknown = [pl.when(column.is_null()).then(True).when(~column).then(False) for column in columns]
    failed = [
        pl.when(~column).then(pl.lit(each.condition.id)) for column, each in zip(columns, conditions, strict=True)
    ]
    none = pl.lit(None)
    frame = frame.with_columns(
        pl.coalesce(*first, none.cast(pl.Int32)).cast(pl.Int32).alias("_stop"),
        pl.coalesce(*unknown, pl.lit(False)).alias("_unknown"),
        pl.concat_str(*failed, pl.lit(None, dtype=pl.String), separator=";", ignore_nulls=True).alias(
            "failed_conditions"
        ),
    ).drop([f"_c{index}" for index in range(len(conditions))])
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
    value = _scaled(source, scale, setting.environment)
    if limit is not None:
        least = pl.min_horizontal(value, _scaled(limit, scale, setting.environment))
        value = pl.when(value.is_not_null()).then(least)
        quote, label = measure.quote, "封顶后" if measure.outcome == "award" else "不超过上限"
        run.trail.append(TrailStep("capped", label, kind, quote, measure.clause))
    run.frame = run.frame.with_columns(value.alias("capped"))
    _overlap(run, setting, scale, kind)
    rounding = measure.rounding or setting.policy.provisions.rounding
    run.frame = run.frame.with_columns(_rounded(pl.col("after_overlap"), rounding, scale).alias("rounded"))
    _refuse_absurd(run)
    label = f"取整（{rounding.unit}，{_MODES[rounding.mode]}）"
    clause = rounding.clause or setting.policy.provisions.clause or measure.clause
    run.trail.append(TrailStep("rounded", label, Kind("money", 2), rounding.quote or _UNWRITTEN, clause))


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


def _scaled(node: Node, scale: int, environment: Environment) -> pl.Expr:
    return build(node, environment).cast(pl.Int128) * whole(10 ** (scale - node.kind.scale), True)


def _overlap(run: MeasureRun, setting: Setting, scale: int, kind: Kind) -> None:
    """就高不重复: take off what was granted above, or give nothing beside it."""
    rule = run.measure.overlap or setting.policy.provisions.overlap
    granted = pl.col("granted_above").cast(pl.Int128) * whole(10 ** (scale - 2), True)
    left = pl.col("capped")
    if rule == "top_up":
        left = pl.when(granted > left).then(whole(0, True)).otherwise(left - granted)
    elif rule == "exclude":
        left = pl.when(granted > 0).then(whole(0, True)).otherwise(left)
    shown = pl.col("after_overlap") if rule != "none" else pl.lit(None)
    off = (pl.col("capped") - pl.col("after_overlap")) // whole(10 ** (scale - 2), True)
    most = whole(MAX_MONEY_FEN, True)
    run.frame = run.frame.with_columns(
        pl.when(pl.col("granted_above") > 0).then(left).otherwise(pl.col("capped")).alias("after_overlap")
    ).with_columns(
        pl.when(pl.col("granted_above") > 0).then(shown).cast(pl.Int128).alias("_overlap_shown"),
        pl.when(off > most).then(most).when(off > 0).then(off).otherwise(whole(0, True)).cast(pl.Int64).alias("_off"),
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
    run.trail.append(TrailStep("granted_above", granted_label, Kind("money", 2), quote, clause, "_granted_shown"))
    run.trail.append(TrailStep("after_overlap", label, kind, quote, clause, "_overlap_shown"))


def _refuse_absurd(run: MeasureRun) -> None:
    """An award beyond 1 万亿 yuan is an error of its row: some fact has the wrong unit."""
    absurd = pl.col("_stop").is_null() & (pl.col("rounded") > whole(MAX_MONEY_FEN, True))
    text = "算出的金额超过 1 万亿元，请核对各事实的数值和单位"
    run.errors += [RowError(who, run.measure.id, "", "", text) for who in run.frame.filter(absurd)["application_id"]]
    fits = pl.col("rounded") <= whole(MAX_MONEY_FEN, True)
    kept = run.frame.filter(~absurd.fill_null(False))
    run.frame = kept.with_columns(pl.when(fits).then(pl.col("rounded")).cast(pl.Int64).alias("rounded"))


_UNWRITTEN = "原文没有写取整，按申报指南的取整办法"
_MODES = {"down": "舍去", "half_up": "四舍五入", "up": "进位"}


def _rounded(value: pl.Expr, rounding: Rounding, scale: int) -> pl.Expr:
    """Fen at the policy's unit, from an exact integer of ``scale`` digits."""
    read = read_money(rounding.unit)
    if not isinstance(read, tuple):
        raise InputError(f"取整单位“{rounding.unit}”{read.message}")
    fen = whole(read[0], True)
    unit = whole(read[0] * 10 ** (scale - 2), True)
    if rounding.mode == "half_up":
        return (value * 2 + unit) // (unit * 2) * fen
    if rounding.mode == "up":
        return (value + unit - 1) // unit * fen
    return value // unit * fen


def _outcome(run: MeasureRun, setting: Setting) -> None:
    """Give each row its outcome, its amount in fen, and the reason when there is none.

    Each reason is written only for the rows that it concerns: texts cost far more than figures.
    """
    stop, frame = pl.col("_stop"), run.frame.with_row_index("_index")
    cases = [(stop.is_null(), _when_all_hold(run, setting))]
    for index in frame["_stop"].drop_nulls().unique():
        checked = run.program.conditions[index]
        reason = template(run, setting, checked.condition.reason)
        verdict = pl.lit(_failed_outcome(checked)), reason, pl.lit(checked.clause), pl.lit(_referral(checked))
        cases.append((stop == index, verdict))
    names = ("outcome", "reason", "clause", "referral_to")
    told = [
        frame.filter(rows).select(
            "_index", *(each.cast(pl.String).alias(name) for each, name in zip(verdict, names, strict=True))
        )
        for rows, verdict in cases
    ]
    texts = pl.concat(told).sort("_index").drop("_index")
    frame = pl.concat([run.frame, texts], how="horizontal").with_columns(pl.lit(run.measure.id).alias("measure"))
    paid = pl.when(pl.col("outcome") == AWARD).then(pl.col("rounded")) if "rounded" in frame.columns else pl.lit(None)
    run.frame = frame.with_columns(paid.cast(pl.Int64).fill_null(0).alias("amount_fen"), *_taken_off(frame))


def _taken_off(frame: pl.DataFrame) -> list[pl.Expr]:
    """``_off``: fen that were not awarded because others granted them; ``_covered``: that nothing was left of it."""
    off = pl.col("_off").fill_null(0) if "_off" in frame.columns else pl.lit(0, dtype=pl.Int64)
    covered = pl.col("_stop").is_null() & (pl.col("outcome") == REJECTED) & (off > 0)
    return [off.alias("_off"), covered.alias("_covered")]


def _failed_outcome(checked: CheckedCondition) -> str:
    return REFERRAL if isinstance(checked.condition.otherwise, Referral) else REJECTED


def _referral(checked: CheckedCondition) -> str | None:
    otherwise = checked.condition.otherwise
    return otherwise.referral if isinstance(otherwise, Referral) else None


def _when_all_hold(run: MeasureRun, setting: Setting) -> tuple[pl.Expr, pl.Expr, pl.Expr, pl.Expr]:
    measure = run.measure
    clause, nothing = pl.lit(measure.clause), pl.lit(None, dtype=pl.String)
    if measure.outcome == REFERRAL:
        reason = f"符合条件，按规定转报“{measure.referral_to}”，市级不另行发放"
        return pl.lit(REFERRAL), pl.lit(reason), clause, pl.lit(measure.referral_to)
    if measure.outcome == AWARD:
        outcome, reason_expression, clause = _award_or_nothing(run, setting)
        return outcome, reason_expression, clause, nothing
    panel = _panel_reason(run, setting)
    if measure.decided_by is None:
        return pl.lit(CASE_BY_CASE), panel, clause, nothing
    outcome, reason_expression, decided_clause = _award_or_nothing(run, setting)
    open_still = pl.col(measure.decided_by).is_null()
    return (
        pl.when(open_still).then(pl.lit(CASE_BY_CASE)).otherwise(outcome),
        pl.when(open_still).then(panel).otherwise(reason_expression),
        pl.when(open_still).then(clause).otherwise(decided_clause),
        nothing,
    )


def _panel_reason(run: MeasureRun, setting: Setting) -> pl.Expr:
    text = "符合条件，按“一事一议”由专家组审定"
    ceiling = run.program.ceiling
    if ceiling is None:
        return pl.lit(text)
    shown = display(build(ceiling, setting.environment), ceiling.kind)
    return pl.concat_str(pl.lit(text + "，最高 "), shown, pl.lit("元"))


def _award_or_nothing(run: MeasureRun, setting: Setting) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """An amount that is not above zero is no award; say why."""
    provisions, measure = setting.policy.provisions, run.measure
    kind = next((each.kind for each in run.trail if each.column == "capped"), None)
    base = kind or _amount_kind(run)
    capped, after = display(pl.col("capped"), base), display(pl.col("after_overlap"), base)
    granted = display(pl.col("granted_above"), Kind("money", 2))
    rule = measure.overlap or provisions.overlap
    why = "不再补助" if rule == "exclude" else "不低于按本措施计算的金额，不再补助"
    overlapped = (pl.col("capped") > 0) & (pl.col("after_overlap") <= 0)
    reason = (
        pl.when(pl.col("capped") < 0)
        .then(pl.concat_str(pl.lit("按本措施计算扣除后为 "), capped, pl.lit("元，没有可给的差额")))
        .when(pl.col("capped") == 0)
        .then(pl.concat_str(pl.lit("按本措施计算的金额为 "), capped, pl.lit("元，不大于零")))
        .when(overlapped)
        .then(
            pl.concat_str(
                pl.lit("同一事项已获上级或其他措施资助 "),
                granted,
                pl.lit(f"元，{why}（本措施计算为 "),
                capped,
                pl.lit("元）"),
            )
        )
        .when(pl.col("rounded") <= 0)
        .then(pl.concat_str(pl.lit("计算金额 "), after, pl.lit("元，取整后为零")))
    )
    clause = pl.when(overlapped).then(pl.lit(provisions.clause or measure.clause)).otherwise(pl.lit(measure.clause))
    outcome = pl.when(pl.col("rounded") > 0).then(pl.lit(AWARD)).otherwise(pl.lit(REJECTED))
    return outcome, reason, clause


def _amount_kind(run: MeasureRun) -> Kind:
    node = run.program.award if run.measure.outcome == AWARD else _decided(run)
    scale = max(2, node.kind.scale) if node is not None else 2
    return Kind("money", scale)


def template(run: MeasureRun, setting: Setting, text: str) -> pl.Expr:
    """A reason with the values seen in each row."""
    parts: list[pl.Expr] = []
    for literal, name, _, _ in string.Formatter().parse(text):
        parts.append(pl.lit(literal))
        if name is not None:
            parts.append(_shown(run, setting, name).fill_null(pl.lit("（未填）")))
    return pl.concat_str(*parts) if parts else pl.lit(text)


def _shown(run: MeasureRun, setting: Setting, name: str) -> pl.Expr:
    kind = run.program.kind(name)
    if kind is not None:
        return display_with_unit(pl.col(name), kind)
    if name in setting.environment.system:
        return pl.lit(str(setting.environment.system[name]))
    node = parameter_node(run.program.parameters[name], setting.policy.provisions.percentages_are_maxima)
    return display_with_unit(build(node, setting.environment), node.kind)
