"""Frames of facts: their column types, and the rows that can be computed told apart from those that cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl

from policy.amounts import scaled
from policy.errors import InputError
from policy.schema import Fact, Measure
from policy.values import Value, bounds, date_bounds, read_value, show_scaled

IDENTITY = ("application_id", "uscc", "enterprise")


@dataclass(frozen=True)
class RowError:
    """An application that cannot be computed, and why, as a Chinese sentence."""

    application_id: str
    measure: str
    fact: str
    value: str
    message: str


def fact_type(fact: Fact) -> pl.DataType:
    """The polars type of a fact's column; money is Int64 in fen, a percent is written as 8.5."""
    types: dict[str, pl.DataType] = {
        "money": pl.Int64(),
        "integer": pl.Int64(),
        "decimal": pl.Decimal(38, fact.decimals),
        "date": pl.Date(),
        "boolean": pl.Boolean(),
        "list": pl.List(pl.String()),
    }
    return types.get(fact.type, pl.String())


def columns(measure: Measure) -> dict[str, pl.DataType]:
    """The columns of a frame of facts: who applies, then each fact of the measure."""
    return {name: pl.String() for name in IDENTITY} | {fact.name: fact_type(fact) for fact in measure.all_facts}


def frame(measure: Measure, rows: Iterable[Mapping[str, Any]]) -> pl.DataFrame:
    """A frame of facts from typed rows (as ``read_value`` gives them); absent facts are missing values."""
    schema = columns(measure)
    listed = list(rows)
    data = {name: [_plain(row.get(name)) for row in listed] for name in schema}
    return pl.DataFrame(data, schema=schema, strict=True)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def prepare(measure: Measure, given: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
    """The rows that can be computed, facts as exact integers with defaults filled, and the errors of the others."""
    typed = _typed(measure, given)
    filled = typed.with_columns(_code(typed["uscc"]), *(_with_default(fact) for fact in measure.all_facts))
    problems = {"application_id": _no_own_number(filled["application_id"])} | {
        fact.name: bad for fact in measure.all_facts if (bad := _bad(fact)) is not None
    }
    flags = filled.select(flag.alias(f"_bad_{name}") for name, flag in problems.items())
    any_bad = flags.select(pl.any_horizontal(pl.all()).alias("any"))["any"]
    errors: list[RowError] = []
    if any_bad.any():
        errors = _row_errors(measure, pl.concat([filled, flags], how="horizontal").filter(any_bad), list(problems))
        filled = filled.filter(~any_bad)
    physical = [pl.col(fact.name).to_physical().cast(pl.Int64) for fact in measure.all_facts if fact.type == "decimal"]
    return filled.with_columns(physical), errors


def _typed(measure: Measure, given: pl.DataFrame) -> pl.DataFrame:
    present = set(given.columns)
    if "application_id" not in present:
        raise InputError(f"措施 {measure.id} 的事实表缺少“application_id”列，请补上")
    series = []
    for name, wanted in columns(measure).items():
        if name not in present:
            series.append(pl.lit(None, dtype=wanted).alias(name))
            continue
        series.append(pl.col(name).cast(wanted))
    for name, wanted in columns(measure).items():
        if name in present and given.schema[name].is_float():
            raise InputError(f"措施 {measure.id} 的“{name}”列是浮点数，不精确，请给 {wanted}")
    try:
        return given.select(series) if given.height else pl.DataFrame(schema=columns(measure))
    except pl.exceptions.PolarsError as error:
        raise InputError(f"措施 {measure.id} 的事实表列类型不对：{error}") from error


def _code(codes: pl.Series) -> pl.Series:
    """The credit code; an empty one is missing, so that those without a code are not taken for one enterprise."""
    if codes.is_between("0", "Z").all():  # begins with what no blank begins with, as nearly all do
        return codes
    return codes.set(codes.str.strip_chars() == "", None)


def _no_own_number(applications: pl.Series) -> pl.Expr:
    """Where an application has no number, or one that stood in an earlier row."""
    column = pl.col("application_id")
    if applications.n_unique() == len(applications):
        return column.is_null()
    return column.is_null() | ~column.is_first_distinct()


def applicant() -> pl.Expr:
    """Who applies: the credit code, or the application itself, which then stands alone."""
    return pl.coalesce("uscc", pl.concat_str(pl.lit("?"), "application_id"))


def _with_default(fact: Fact) -> pl.Expr:
    column = pl.col(fact.name)
    if fact.default is None:
        return column
    read = read_value(fact, fact.default)
    if not isinstance(read, Value):
        raise InputError(f"事实“{fact.label}”的默认值{read.message}")
    return column.fill_null(pl.lit(_plain(read.value), dtype=fact_type(fact)))


def _bad(fact: Fact) -> pl.Expr | None:
    """Where a fact is missing though it must be given, or not allowed."""
    column = pl.col(fact.name)
    absent = column.is_null() if fact.must_be_given else pl.lit(False)
    if fact.type in ("money", "integer", "decimal"):
        low, high = bounds(fact)
        exact, width = column.to_physical(), pl.Int128 if fact.type == "decimal" else pl.Int64
        ends = pl.lit(low, dtype=width), pl.lit(high, dtype=width)
        return absent | ((exact < ends[0]) | (exact > ends[1])).fill_null(False)
    if fact.type == "date":
        first, last = date_bounds(fact)
        return absent | ((column < first) | (column > last)).fill_null(False)
    if fact.type == "choice":
        return absent | (~column.is_in(fact.choices)).fill_null(False)
    return absent if fact.must_be_given else None


def _row_errors(measure: Measure, rows: pl.DataFrame, names: Sequence[str]) -> list[RowError]:
    found: list[RowError] = []
    for row in rows.iter_rows(named=True):
        for name in names:
            if row[f"_bad_{name}"]:
                found.append(_row_error(measure, row, name))
    return found


def _row_error(measure: Measure, row: Mapping[str, Any], name: str) -> RowError:
    who = str(row["application_id"] or "")
    fact = measure.fact(name)
    if fact is None:
        message = "申请编号重复，只计算第一次出现的那一行" if who else "没有申请编号"
        return RowError(who, measure.id, name, who, message)
    value = row[name]
    if value is None:
        return RowError(who, measure.id, name, "", f"缺少“{fact.label}”（{name}），请补填")
    if fact.type == "date":
        first, last = date_bounds(fact)
        text = f"“{fact.label}”的值“{value}”不在 {first} 至 {last} 之间，请核对年份"
        return RowError(who, measure.id, name, str(value), text)
    if fact.type == "choice":
        text = f"“{fact.label}”的值“{value}”不在选项之中，只能是：{'、'.join(fact.choices)}"
        return RowError(who, measure.id, name, str(value), text)
    exact = scaled(value, fact.decimals) if fact.type == "decimal" else value
    low, high = (show_scaled(fact, end) for end in bounds(fact))
    shown = show_scaled(fact, exact)
    text = f"“{fact.label}”的值“{shown}”不在 {low} 至 {high} 之间，请核对"
    return RowError(who, measure.id, name, shown, text)
