"""What is said of computed rows: reason, clause and explanation of each, and its trail, as text or as JSON.

Nothing here changes a figure. Texts cost far more than figures, so that each is written only for the rows that it
concerns, and only when somebody asks for those rows.
"""

from __future__ import annotations

import json
import string
from dataclasses import dataclass

import polars as pl

from policy.compiling import build, display, display_with_unit
from policy.kinds import FEN
from policy.names import SAME_ITEM
from policy.parameters import parameter_node
from policy.program import CheckedCondition
from policy.running import (
    AWARD,
    CASE_BY_CASE,
    REFERRAL,
    REJECTED,
    MeasureRun,
    Setting,
    TrailStep,
    capped_kind,
)
from policy.schema import Referral

RESULT_COLUMNS = (
    "application_id",
    "measure",
    "outcome",
    "amount_fen",
    "reason",
    "clause",
    "referral_to",
    "explanation",
)
_NOTHING = pl.lit(None, dtype=pl.String)


def results(run: MeasureRun, setting: Setting, rows: pl.DataFrame) -> pl.DataFrame:
    """``RESULT_COLUMNS`` of some rows of a run, in their order."""
    basis = pl.concat_str(pl.lit("依据"), pl.col("clause"), pl.lit("："), pl.col("explanation"))
    told = _told(run, setting, rows, explained=True).with_columns(basis.alias("explanation"))
    return pl.concat([rows, told], how="horizontal").select(
        "application_id",
        pl.lit(run.measure.id).alias("measure"),
        pl.col("outcome").cast(pl.String),
        *RESULT_COLUMNS[3:],
    )


def trail_lines(run: MeasureRun, setting: Setting, rows: pl.DataFrame) -> pl.Series:
    """Each of the rows with its trail as one line of JSON, without the line's end."""
    told = pl.concat([rows, _told(run, setting, rows, explained=False)], how="horizontal")
    line = pl.concat_str(
        pl.lit('{"application_id":"'),
        _escaped(pl.col("application_id")),
        pl.lit(f'","measure":"{_quoted(run.measure.id)}","outcome":"'),
        pl.col("outcome").cast(pl.String),
        pl.lit('","amount_yuan":"'),
        display(pl.col("amount_fen"), FEN),
        pl.lit('","reason":"'),
        _escaped(pl.col("reason")),
        pl.lit('","clause":"'),
        _escaped(pl.col("clause")),
        pl.lit('","steps":['),
        _steps(run, setting, rows),
        pl.lit("]}"),
    )
    return told.select(line.alias("line"))["line"]


def shown_trail(run: MeasureRun) -> pl.DataFrame:
    """A text column for each step; without values where a condition stopped the row before its arithmetic."""
    passed = pl.col("_stop").is_null()
    return run.frame.select(
        "application_id",
        pl.col("outcome").cast(pl.String),
        *(pl.when(passed).then(display(each.shown, each.kind)).alias(each.column) for each in run.trail),
        failed_conditions(run),
    )


def failed_conditions(run: MeasureRun) -> pl.Expr:
    """The ids of all conditions that do not hold, with semicolons between; nothing when there is none."""
    ids = [
        pl.when(~pl.col(f"_c{index}")).then(pl.lit(each.condition.id))
        for index, each in enumerate(run.program.conditions)
    ]
    joined = pl.concat_str(_NOTHING, *ids, separator=";", ignore_nulls=True)
    return pl.when(pl.col("_stop").is_not_null()).then(joined).alias("failed_conditions")


def failed_steps(run: MeasureRun, setting: Setting) -> list[list[tuple[str, str, str, str, str]]]:
    """For each row the conditions that do not hold: name, label, the reason with what was seen, quote, clause.

    All rows at once: one by one they would be the most of what computing takes. A row that has not stopped has none.
    """
    stopped = run.frame.with_row_index("_index").filter(pl.col("_stop").is_not_null())
    told: list[list[tuple[str, str, str, str, str]]] = [[] for _ in range(run.frame.height)]
    for index, each in enumerate(run.program.conditions):
        failed = stopped.filter(~pl.col(f"_c{index}"))
        name, label = _condition_name(each), _condition_label(each)
        seen = failed.with_columns(template(run, setting, each.condition.reason).alias("_seen"))
        for place, text in seen.select("_index", "_seen").iter_rows():
            told[place].append((name, label, text, each.quote, each.clause))
    return told


def _told(run: MeasureRun, setting: Setting, rows: pl.DataFrame, *, explained: bool) -> pl.DataFrame:
    """``reason, clause, referral_to`` of rows, and the words of the ``explanation`` that stand behind the clause."""
    frame = rows.with_row_index("_index")
    told = []
    for concerned, said in _cases(run, setting, rows):
        some = frame.filter(concerned)
        if some.height:
            explanation = [said.explanation.alias("explanation")] if explained else []
            told.append(some.select("_index", *said.named(), *explanation))
    if not told:
        return pl.DataFrame(schema={name: pl.String() for name in ("reason", "clause", "referral_to", "explanation")})
    return pl.concat(told).sort("_index").drop("_index")


@dataclass(frozen=True)
class _Said:
    """What is said of rows; ``words`` explain an award at more length than its reason does."""

    reason: pl.Expr
    clause: pl.Expr
    referral_to: str | None = None
    words: pl.Expr | None = None

    @property
    def explanation(self) -> pl.Expr:
        return self.reason if self.words is None else self.words

    def named(self) -> list[pl.Expr]:
        referral = pl.lit(self.referral_to, dtype=pl.String)
        return [self.reason.alias("reason"), self.clause.alias("clause"), referral.alias("referral_to")]


def _cases(run: MeasureRun, setting: Setting, rows: pl.DataFrame) -> list[tuple[pl.Expr, _Said]]:
    """Every row is in exactly one of the cases."""
    clause, stop, outcome = pl.lit(run.measure.clause), pl.col("_stop"), pl.col("outcome")
    awarded, lost = outcome == AWARD, pl.col("_lost_reason").is_not_null()
    held = stop.is_null() & ~awarded & ~lost
    cases = [
        (awarded, _Said(_awarded(), clause, words=_walked(run))),
        (lost, _Said(pl.col("_lost_reason"), pl.col("_lost_clause"))),
        (held & (outcome == REFERRAL), _referred(run)),
        (held & (outcome == CASE_BY_CASE), _Said(_panel_reason(run, setting), clause)),
        (held & (outcome == REJECTED), _nothing_left(run, setting)),
    ]
    for index in rows["_stop"].drop_nulls().unique().sort():
        each = run.program.conditions[index]
        otherwise = each.condition.otherwise
        referral = otherwise.referral if isinstance(otherwise, Referral) else None
        reason = template(run, setting, each.condition.reason)
        cases.append((stop == index, _Said(reason, pl.lit(each.clause), referral)))
    return cases


def _awarded() -> pl.Expr:
    return pl.concat_str(pl.lit("符合规定条件，奖补 "), display(pl.col("amount_fen"), FEN), pl.lit("元"))


def _walked(run: MeasureRun) -> pl.Expr:
    """Every step of an award with its value, and the award."""
    parts = [pl.concat_str(pl.lit(each.label + " "), display_with_unit(each.shown, each.kind)) for each in run.trail]
    return pl.concat_str(*parts, _awarded(), separator="；", ignore_nulls=True)


def _referred(run: MeasureRun) -> _Said:
    programme = run.measure.referral_to
    reason = pl.lit(f"符合条件，按规定转报“{programme}”，市级不另行发放")
    return _Said(reason, pl.lit(run.measure.clause), programme)


def _panel_reason(run: MeasureRun, setting: Setting) -> pl.Expr:
    text = "符合条件，按“一事一议”由专家组审定"
    ceiling = run.program.ceiling
    if ceiling is None:
        return pl.lit(text)
    shown = display(build(ceiling, setting.environment), ceiling.kind)
    return pl.concat_str(pl.lit(text + "，最高 "), shown, pl.lit("元"))


def _nothing_left(run: MeasureRun, setting: Setting) -> _Said:
    """An amount that is not above zero is no award; say why."""
    provisions, measure = setting.policy.provisions, run.measure
    kind = capped_kind(run)
    capped, after = display(pl.col("capped"), kind), display(pl.col("after_overlap"), kind)
    rule = measure.overlap or provisions.overlap
    why = "不再补助" if rule == "exclude" else "不低于按本措施计算的金额，不再补助"
    overlapped = (pl.col("capped") > 0) & (pl.col("after_overlap") <= 0)
    granted = pl.concat_str(
        pl.lit("同一事项已获资助 "),
        display(pl.col("granted_above"), FEN),
        pl.lit(f"元，{why}（本措施计算为 "),
        capped,
        pl.lit("元）"),
    )
    reason = (
        pl.when(pl.col("capped") < 0)
        .then(pl.concat_str(pl.lit("按本措施计算扣除后为 "), capped, pl.lit("元，没有可给的差额")))
        .when(pl.col("capped") == 0)
        .then(pl.concat_str(pl.lit("按本措施计算的金额为 "), capped, pl.lit("元，不大于零")))
        .when(overlapped)
        .then(granted)
        .otherwise(pl.concat_str(pl.lit("计算金额 "), after, pl.lit("元，取整后为零")))
    )
    if any(each.column == SAME_ITEM for each in run.trail):
        outranked = (pl.col("capped") > 0) & (pl.col(SAME_ITEM) > 0)
        reason, overlapped = pl.when(outranked).then(_outranked(capped)).otherwise(reason), overlapped | outranked
    clause = pl.when(overlapped).then(pl.lit(provisions.clause or measure.clause)).otherwise(pl.lit(measure.clause))
    return _Said(reason, clause)


def _outranked(capped: pl.Expr) -> pl.Expr:
    """Why the lower of two applications for one item gets nothing, whatever the higher gets in the end."""
    return pl.concat_str(
        pl.lit("同一事项另有一件申报，按 "),
        display(pl.col(SAME_ITEM), FEN),
        pl.lit("元计，不低于本件；同一事项只支持一项，本件不再补助（本措施计算为 "),
        capped,
        pl.lit("元）"),
    )


def _steps(run: MeasureRun, setting: Setting, rows: pl.DataFrame) -> pl.Series:
    """The steps of each row as the items of a JSON list: its arithmetic, or the conditions that do not hold."""
    frame = rows.with_row_index("_index")
    stopped = pl.col("_stop").is_not_null()
    steps = [_step_json(each.column, each.label, _value(each), each.quote, each.clause) for each in run.trail]
    walked = pl.concat_str(pl.lit("", dtype=pl.String), *steps, separator=",", ignore_nulls=True).str.slice(1)
    passed = frame.filter(~stopped).select("_index", walked.alias("_steps"))
    pieces = []
    for index, each in enumerate(run.program.conditions):
        some = frame.filter(stopped & ~pl.col(f"_c{index}"))
        if some.height:
            seen = _escaped(template(run, setting, each.condition.reason))
            piece = _step_json(_condition_name(each), _condition_label(each), seen, each.quote, each.clause)
            pieces.append(some.select("_index", piece.alias("_steps")))
    if not pieces:
        return passed["_steps"]
    # sorted by row, and stably: the conditions of a row stay in the order of the law
    failed = pl.concat(pieces).sort("_index", maintain_order=True)
    failed = failed.group_by("_index", maintain_order=True).agg(pl.col("_steps").str.join(","))
    return pl.concat([passed, failed]).sort("_index")["_steps"]


def _value(step: TrailStep) -> pl.Expr:
    """A step's value as shown; what is no number may hold what JSON must escape."""
    shown = display(step.shown, step.kind)
    return shown if step.kind.numeric else _escaped(shown)


def _step_json(name: str, label: str, value: pl.Expr, quote: str, clause: str) -> pl.Expr:
    """One step as a JSON object; no value where there is no value to show."""
    return pl.concat_str(
        pl.lit(f'{{"name":"{_quoted(name)}","label":"{_quoted(label)}","value":"'),
        value,
        pl.lit(f'","quote":"{_quoted(quote)}","clause":"{_quoted(clause)}"}}'),
    )


def _condition_name(checked: CheckedCondition) -> str:
    return "condition_" + checked.condition.id.replace("-", "_")


def _condition_label(checked: CheckedCondition) -> str:
    """A referral is no failing: the higher programme takes over."""
    kind = "按规定转报上级" if isinstance(checked.condition.otherwise, Referral) else "不满足的条件"
    return f"{kind}：{checked.condition.label}" if checked.condition.label else kind


def _quoted(text: str) -> str:
    """Text as it stands between the quotes of a JSON string."""
    return json.dumps(text, ensure_ascii=False)[1:-1]


_ESCAPES = {character: _quoted(character) for character in ('"', "\\", *map(chr, range(32)))}


def _escaped(text: pl.Expr) -> pl.Expr:
    return text.str.replace_many(list(_ESCAPES), list(_ESCAPES.values()))


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
