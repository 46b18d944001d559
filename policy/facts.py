"""Frames of facts: their column types, and the rows that can be computed told apart from those that cannot."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import polars as pl

from policy.amounts import scaled
from policy.errors import InputError
from policy.names import AGAIN, SAME_ITEM
from policy.schema import Fact, Measure
from policy.values import Value, bounds, date_bounds, read_value, show_scaled

_AT_ONCE = 20_000  # rows as Python's values: a kilobyte each
IDENTITY = ("application_id", "uscc", "enterprise")
BESIDE = {SAME_ITEM: pl.Int64(), AGAIN: pl.Boolean()}
"""What two applications for one item say of a row, where any do; see `policy.same_item`."""


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
    schema, rest = columns(measure), iter(rows)
    parts = [pl.DataFrame(schema=schema)]
    while some := list(islice(rest, _AT_ONCE)):
        data = {name: [_plain(row.get(name)) for row in some] for name in schema}
        parts.append(pl.DataFrame(data, schema=schema, strict=True))
    return pl.concat(parts, rechunk=True)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def prepare(measure: Measure, given: pl.DataFrame) -> tuple[pl.DataFrame, list[RowError]]:
    """The rows that can be computed, facts as exact integers with defaults filled, and the errors of the others."""
    frame = _typed(measure, given).with_columns(_with_default(fact) for fact in measure.all_facts)
    rules = {"application_id": pl.col("application_id").is_null()} | {
        fact.name: bad for fact in measure.all_facts if (bad := _bad(fact)) is not None
    }
    errors: list[RowError] = []
    if frame.height:
        any_bad = {name: _any_bad(measure, name, rule) for name, rule in rules.items()}
        seen = frame.select(codes_to_read=_CODES_TO_READ, **any_bad).row(0)
        codes_to_read, *found = seen
        if codes_to_read:
            blank = pl.col("uscc").str.strip_chars() == ""
            frame = frame.with_columns(pl.when(~blank).then("uscc").alias("uscc"))
        if _stand_twice(frame["application_id"]):
            found = [True]
            rules["application_id"] = rules["application_id"] | ~pl.col("application_id").is_first_distinct()
        if any(found):
            frame, errors = _told_apart(measure, frame, rules)
    decimals = [fact.name for fact in measure.all_facts if fact.type == "decimal"]
    return frame.with_columns(pl.col(decimals).to_physical().cast(pl.Int64)), errors


# nearly all codes begin with what no blank begins with
_CODES_TO_READ = ~pl.col("uscc").is_between(pl.lit("0"), pl.lit("Z")).all()


def _stand_twice(numbers: pl.Series) -> bool:
    """Whether any application has the number of another; where they come in order, neighbours tell."""
    if numbers.is_sorted():
        return bool((numbers == numbers.shift()).any())
    return numbers.n_unique() < len(numbers)


def _any_bad(measure: Measure, name: str, rule: pl.Expr) -> pl.Expr:
    """Whether the rule holds for any row; for figures the least and the greatest tell, which costs a tenth."""
    fact, column = measure.fact(name), pl.col(name)
    if fact is None or fact.type not in ("money", "integer", "decimal"):
        return rule.any()
    exact, ends = _exact(fact), _ends(fact)
    outside = ((exact.min() < ends[0]) | (exact.max() > ends[1])).fill_null(False)
    return outside | (column.null_count() > 0) if fact.must_be_given else outside


def _told_apart(
    measure: Measure, frame: pl.DataFrame, rules: Mapping[str, pl.Expr]
) -> tuple[pl.DataFrame, list[RowError]]:
    flags = frame.select(rule.alias(f"_bad_{name}") for name, rule in rules.items())
    is_bad = flags.select(pl.any_horizontal(pl.all()).alias("any"))["any"]
    errors = _row_errors(measure, pl.concat([frame, flags], how="horizontal").filter(is_bad), list(rules))
    return frame.filter(~is_bad), errors


def _typed(measure: Measure, given: pl.DataFrame) -> pl.DataFrame:
    present = given.schema
    if "application_id" not in present:
        raise InputError(f"措施 {measure.id} 的事实表缺少“application_id”列，请补上")
    wanted = columns(measure) | {name: kind for name, kind in BESIDE.items() if name in present}
    for name, kind in wanted.items():
        if name in present and present[name].is_float():
            raise InputError(f"措施 {measure.id} 的“{name}”列是浮点数，不精确，请给 {kind}")
    if given.is_empty():
        return pl.DataFrame(schema=wanted)
    try:
        return given.select(
            pl.col(name).cast(kind) if name in present else pl.lit(None, dtype=kind).alias(name)
            for name, kind in wanted.items()
        )
    except pl.exceptions.PolarsError as error:
        raise InputError(f"措施 {measure.id} 的事实表列类型不对：{error}") from error


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
        exact, ends = _exact(fact), _ends(fact)
        return absent | ((exact < ends[0]) | (exact > ends[1])).fill_null(False)
    if fact.type == "date":
        first, last = date_bounds(fact)
        return absent | ((column < first) | (column > last)).fill_null(False)
    if fact.type == "choice":
        return absent | (~column.is_in(fact.choices)).fill_null(False)
    return absent if fact.must_be_given else None


def _exact(fact: Fact) -> pl.Expr:
    return pl.col(fact.name).to_physical()


def _ends(fact: Fact) -> tuple[pl.Expr, pl.Expr]:
    """The least and the greatest that a figure may be, as wide as its column."""
    low, high = bounds(fact)
    width = pl.Int128 if fact.type == "decimal" else pl.Int64
    return pl.lit(low, dtype=width), pl.lit(high, dtype=width)


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
