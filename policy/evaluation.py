"""A policy over whole tables of facts: results, trails, errors and warnings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from policy.across import Rule, apply_rule, budget_rule, group_rule, limit_rule
from policy.amounts import yuan
from policy.environment import Overrides, check_overrides, environment
from policy.errors import InputError, nearest
from policy.facts import RowError
from policy.history import checked_history
from policy.kinds import FEN
from policy.positions import Document
from policy.program import Program, build_program
from policy.reporter import Reporter
from policy.running import AWARD, OUTCOME, REJECTED, MeasureRun, Setting, TrailStep, run_measure
from policy.schema import Measure, Policy
from policy.telling import RESULT_COLUMNS, failed_steps, results, shown_trail, trail_lines
from policy.yearly import budgets_of, settled

Run = Callable[[Setting, Measure, pl.DataFrame], MeasureRun]


@dataclass(frozen=True)
class Step:
    """One step of an award's arithmetic as it is shown; money without its unit, rates in percent."""

    name: str
    label: str
    value: str
    quote: str
    clause: str


@dataclass
class Evaluation:
    """What a policy gives for tables of facts.

    ``errors`` lists applications that could not be computed (they are not in ``results``); ``warnings`` are Chinese
    sentences about whole measures, such as a budget that is short.
    """

    policy: Policy
    year: int
    setting: dict[str, Setting]
    runs: dict[str, MeasureRun]
    warnings: list[str] = field(default_factory=list)

    @property
    def errors(self) -> list[RowError]:
        """The applications that could not be computed."""
        return [error for run in self.runs.values() for error in run.errors]

    @cached_property
    def results(self) -> pl.DataFrame:
        """One row for each application: outcome, amount in fen (0 unless an award), reason, clause, explanation."""
        schema = {name: pl.Int64() if name == "amount_fen" else pl.String() for name in RESULT_COLUMNS}
        return pl.concat([pl.DataFrame(schema=schema), *(self.results_of(measure) for measure in self.runs)])

    def results_of(self, measure: str, offset: int = 0, length: int | None = None) -> pl.DataFrame:
        """The results of some rows of a measure, written anew at each call: for tables too long to be held as text."""
        run = self.runs[measure]
        return results(run, self.setting[measure], run.frame.slice(offset, length))

    def trail(self, measure: str) -> pl.DataFrame:
        """The steps of every computed application of a measure as shown: a text column for each step."""
        return self._trails[measure]

    def trail_lines(self, measure: str, offset: int, length: int) -> pl.Series:
        """Rows of a measure with their trail as JSON, a line each: who, outcome, amount in yuan, reason, steps."""
        run = self.runs[measure]
        return trail_lines(run, self.setting[measure], run.frame.slice(offset, length))

    def steps(self, application_id: str, measure: str | None = None) -> list[Step]:
        """The steps of one application; for a rejection or referral, every condition that does not hold.

        ``measure`` is needed only when the same id applied for several measures. Raises KeyError for an application
        that was not computed.
        """
        place = self._places[application_id]
        name = measure if measure is not None else next(iter(place))
        run, index = self.runs[name], place[name]
        if run.frame["_stop"][index] is not None:
            return [Step(*step) for step in self._failed[name][index]]
        shown = self._trails[name].row(index, named=True)
        return [
            Step(each.column, each.label, shown[each.column], each.quote, each.clause)
            for each in run.trail
            if shown[each.column] is not None
        ]

    @cached_property
    def _places(self) -> dict[str, dict[str, int]]:
        places: dict[str, dict[str, int]] = {}
        for measure, run in self.runs.items():
            for index, application in enumerate(run.frame["application_id"]):
                places.setdefault(application, {})[measure] = index
        return places

    @cached_property
    def _failed(self) -> dict[str, list[list[tuple[str, str, str, str, str]]]]:
        return {measure: failed_steps(run, self.setting[measure]) for measure, run in self.runs.items()}

    @cached_property
    def _trails(self) -> dict[str, pl.DataFrame]:
        return {measure: shown_trail(run) for measure, run in self.runs.items()}


def evaluate(
    policy: Policy,
    facts: Mapping[str, pl.DataFrame],
    *,
    year: int,
    history: pl.DataFrame | None = None,
    overrides: Overrides | None = None,
    budgets: Mapping[str, int] | None = None,
    run: Run | None = None,
) -> Evaluation:
    """Compute every application of every measure in ``facts`` for the cycle of ``year``.

    ``facts`` gives for each measure id a frame with ``policy.columns(measure)``; ``history`` has ``uscc, measure,
    year, amount_fen`` and recorded facts, and must not contain this cycle's own awards; ``overrides`` are the year's
    own parameters (measure id → name → text, the policy's own under ``policy``); ``budgets`` are fen for each
    measure; ``run`` stands for ``run_one`` where runs are kept. Raises InputError when one of these does not fit the
    policy.
    """
    overrides, budgets = overrides or {}, budgets or {}
    _known(policy, [*facts, *budgets])
    if problems := check_overrides(policy, overrides, year=year):
        raise InputError("；".join(problems))
    policy, budgets = settled(policy, overrides), budgets_of(overrides) | dict(budgets)
    past = checked_history(policy, history)
    measures = {measure.id: measure for measure in policy.measures if measure.id in facts}
    settings = {
        name: Setting(policy, environment(policy, measure, year, overrides), past, year)
        for name, measure in measures.items()
    }

    def run_of(name: str, setting: Setting) -> MeasureRun:
        computed = (run or run_one)(setting, measures[name], facts[name])
        for rule in _limits(setting, computed.measure):
            _apply(rule, [computed], past, year)
        return computed

    with ThreadPoolExecutor() as pool:
        runs = dict(zip(settings, pool.map(run_of, settings, settings.values()), strict=True))
    evaluation = Evaluation(policy, year, settings, runs)
    _across(evaluation, past, overrides, budgets)
    return evaluation


def run_one(setting: Setting, measure: Measure, given: pl.DataFrame) -> MeasureRun:
    """One measure by itself, before the rules between applications."""
    return run_measure(program_of(setting.policy, measure), setting, given)


def program_of(policy: Policy, measure: Measure) -> Program:
    """The measure's rules, of a policy that is known to be right."""
    return build_program(policy, measure, (), Reporter(Document("")))


def _known(policy: Policy, names: list[str]) -> None:
    known = [measure.id for measure in policy.measures]
    for name in names:
        if name not in known:
            close = nearest(name, known)
            raise InputError(f"政策 {policy.id} 没有措施“{name}”" + (f"，是否想写“{close}”" if close else ""))


def _limits(setting: Setting, measure: Measure) -> list[Rule]:
    numbers = _numbers(setting.environment.scalars)
    return [limit_rule(measure, limit, numbers) for limit in measure.limits]


def _across(evaluation: Evaluation, history: pl.DataFrame, overrides: Overrides, budgets: Mapping[str, int]) -> None:
    """What ties measures together, then the year's budgets."""
    policy, year, runs = evaluation.policy, evaluation.year, evaluation.runs
    common = _numbers(environment(policy, None, year, overrides).scalars)
    for group in policy.groups:
        members = [runs[name] for name in group.measures if name in runs]
        if members:
            _apply(group_rule(group, common), members, history, year)
    for name in [name for name in runs if name in budgets]:
        rule = budget_rule(runs[name].measure, budgets[name])
        evaluation.warnings += _short(rule, runs[name])
        if rule.kind != "warn":
            _apply(rule, [runs[name]], history, year)


def _numbers(scalars: Mapping[str, object]) -> dict[str, int]:
    return {name: value for name, value in scalars.items() if isinstance(value, int)}


def _apply(rule: Rule, runs: list[MeasureRun], history: pl.DataFrame, year: int) -> None:
    """Change the amounts of some measures and put the rule into their trails."""
    rows = pl.concat([_claims(run, rule, order) for order, run in enumerate(runs)])
    if not rule.looks_at_covered:
        rows = rows.filter(~pl.col("_covered"))
    rows = rows.with_row_index("_row")
    rows = rows.hstack(apply_rule(rule, rows, history, year).drop("_row"))
    for run in runs:
        _write(run, rule, rows.filter((pl.col("_measure") == run.measure.id) & ~pl.col("_covered")))


def _claims(run: MeasureRun, rule: Rule, order: int) -> pl.DataFrame:
    """The awards of one measure, and those that others have paid, as a rule sees them; who has no key stands alone."""
    key = pl.col(rule.per).cast(pl.String) if rule.per is not None else pl.lit("")
    rank = pl.col(rule.rank_by).cast(pl.Int128) if rule.rank_by is not None else pl.lit(0, dtype=pl.Int128)
    if rule.rank_by is not None:
        kind = run.program.kind(rule.rank_by)
        rank = rank * 10 ** (12 - min(12, kind.scale if kind else 0))
    most = pl.col(rule.most_of) if rule.most_of is not None else pl.lit(rule.most)
    days = [pl.lit(None, dtype=pl.Date)] * 2 if rule.period is None else [pl.col(name) for name in rule.period]
    frame = run.frame.with_row_index("_at").lazy()
    claims = frame.filter((pl.col("outcome") == AWARD) | pl.col("_covered")).select(
        "_at",
        "application_id",
        "amount_fen",
        "_off",
        "_covered",
        days[0].alias("_from"),
        days[1].alias("_to"),
        pl.lit(run.measure.id).alias("_measure"),
        pl.lit(order).alias("_order"),
        pl.coalesce(key, pl.concat_str(pl.lit("?"), pl.col("application_id"))).alias("_key"),
        rank.alias("_rank"),
        most.cast(pl.Int64).alias("_most"),
    )
    return claims.collect()


def _short(rule: Rule, run: MeasureRun) -> list[str]:
    """A sentence when the awards come to more than the budget."""
    total = int(run.frame["amount_fen"].cast(pl.Int128).sum())
    if total <= rule.most:
        return []
    done = {"warn": "未作调整", "pro_rata": "已按比例分配", "by_rank": "已按排名分配"}[rule.kind]
    return [f"{run.measure.title}应奖补 {yuan(total)} 元，超过预算 {yuan(rule.most)} 元，{done}"]


def _write(run: MeasureRun, rule: Rule, changed: pl.DataFrame) -> None:
    """``changed`` has ``_at`` (the row in the run's frame), ``_new`` and, where nothing is left, ``_why``."""
    whole, places = pl.Series([None], dtype=pl.Int64).new_from_index(0, run.frame.height), changed["_at"]
    frame = run.frame.with_columns(whole.scatter(places, changed["_new"]).alias(rule.column))
    lost = changed.filter(pl.col("_new") <= 0)
    run.frame = frame.with_columns(
        pl.when(pl.col(rule.column) <= 0)
        .then(pl.lit(REJECTED, dtype=OUTCOME))
        .otherwise(pl.col("outcome"))
        .alias("outcome"),
        frame["_lost_reason"].scatter(lost["_at"], lost["_why"]),
        frame["_lost_clause"].scatter(lost["_at"], pl.Series([rule.clause]).new_from_index(0, lost.height)),
        pl.coalesce(rule.column, "amount_fen").alias("amount_fen"),
    )
    run.trail.append(TrailStep(rule.column, rule.label, FEN, rule.quote, rule.clause))
