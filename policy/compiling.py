"""Typed trees turned into polars expressions on exact integers."""

from __future__ import annotations

import datetime
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, reduce

import polars as pl

from matching import uscc
from policy.expressions import Node
from policy.kinds import INT64_MAX, Kind
from policy.parameters import BAND_NUMBER_SCALE, Band, Scalar, Table


@dataclass(frozen=True)
class Environment:
    """What is the same for every row: the year, and each parameter's value in it."""

    system: dict[str, int | datetime.date]
    scalars: dict[str, Scalar]
    tables: dict[str, Table]


def wide(node: Node) -> bool:
    """Whether the compiled expression is Int128 (else Int64)."""
    if node.op in ("name", "parameter", "constant", "system", "lookup"):
        return node.kind.wide
    return node.kind.wide or (node.kind.numeric and any(arg.kind.numeric and wide(arg) for arg in node.args))


def build(node: Node, environment: Environment) -> pl.Expr:
    """The polars expression of a tree; no value where an input has none, a key is unknown or a divisor is zero."""
    return _BUILDERS[node.op](node, environment)


def build_column(node: Node, environment: Environment) -> pl.Expr:
    """The expression in the type of its column."""
    expression = build(node, environment)
    narrow = node.kind.numeric and wide(node) and not node.kind.wide
    return expression.cast(pl.Int64) if narrow else expression


@lru_cache(maxsize=4096)
def whole(value: int, is_wide: bool) -> pl.Expr:
    """An integer literal of 64 or 128 bits."""
    return pl.lit(value, dtype=pl.Int128 if is_wide else pl.Int64)


def _operands(node: Node, environment: Environment) -> list[pl.Expr]:
    """The compiled arguments, all of one width when they are numbers."""
    widen = wide(node) or any(arg.kind.numeric and wide(arg) for arg in node.args)
    return [
        build(arg, environment).cast(pl.Int128)
        if widen and arg.kind.numeric and not wide(arg)
        else build(arg, environment)
        for arg in node.args
    ]


def _name(node: Node, environment: Environment) -> pl.Expr:
    return pl.col(str(node.value))


def _literal(value: Scalar, kind: Kind) -> pl.Expr:
    if kind.numeric and isinstance(value, int):
        return whole(value, kind.wide)
    return pl.lit(value)


def _constant(node: Node, environment: Environment) -> pl.Expr:
    value = node.value * 10**node.kind.scale if node.kind.numeric else node.value
    return _literal(value, node.kind)


def _parameter(node: Node, environment: Environment) -> pl.Expr:
    return _literal(environment.scalars[str(node.value)], node.kind)


def _system(node: Node, environment: Environment) -> pl.Expr:
    return _literal(environment.system[str(node.value)], node.kind)


def _rescale(node: Node, environment: Environment) -> pl.Expr:
    (inner,) = _operands(node, environment)
    return inner * whole(node.value, wide(node))


def _arithmetic(operation: Callable[[pl.Expr, pl.Expr], pl.Expr]) -> Callable[[Node, Environment], pl.Expr]:
    def build_one(node: Node, environment: Environment) -> pl.Expr:
        left, right = _operands(node, environment)
        return operation(left, right)

    return build_one


def _negate(node: Node, environment: Environment) -> pl.Expr:
    (inner,) = _operands(node, environment)
    return whole(0, wide(node)) - inner


def _absolute(node: Node, environment: Environment) -> pl.Expr:
    (inner,) = _operands(node, environment)
    return pl.when(inner < 0).then(whole(0, wide(node)) - inner).otherwise(inner)


def _compare(node: Node, environment: Environment) -> pl.Expr:
    left, right = _operands(node, environment)
    return {
        "==": left.eq,
        "!=": left.ne,
        "<": left.lt,
        "<=": left.le,
        ">": left.gt,
        ">=": left.ge,
    }[str(node.value)](right)


def _and(node: Node, environment: Environment) -> pl.Expr:
    return reduce(lambda left, right: left & right, _operands(node, environment))


def _or(node: Node, environment: Environment) -> pl.Expr:
    return reduce(lambda left, right: left | right, _operands(node, environment))


def _not(node: Node, environment: Environment) -> pl.Expr:
    return ~build(node.args[0], environment)


def _in(node: Node, environment: Environment) -> pl.Expr:
    inner = build(node.args[0], environment)
    return reduce(lambda left, right: left | right, [inner == pl.lit(choice) for choice in node.value], pl.lit(False))


def _if(node: Node, environment: Environment) -> pl.Expr:
    test, yes, no = _operands(node, environment)
    chosen = pl.when(test).then(yes).otherwise(no)
    return pl.when(test.is_not_null()).then(chosen) if node.args[0].kind.nullable else chosen


def _extreme(horizontal: Callable[..., pl.Expr]) -> Callable[[Node, Environment], pl.Expr]:
    def build_one(node: Node, environment: Environment) -> pl.Expr:
        parts = _operands(node, environment)
        found = horizontal(*parts)
        doubtful = [part.is_not_null() for part, arg in zip(parts, node.args, strict=True) if arg.kind.nullable]
        return pl.when(pl.all_horizontal(*doubtful)).then(found) if doubtful else found

    return build_one


def _floor(node: Node, environment: Environment) -> pl.Expr:
    (inner,) = _operands(node, environment)
    return inner // whole(node.value, wide(node) or wide(node.args[0]))


def _ceil(node: Node, environment: Environment) -> pl.Expr:
    (inner,) = _operands(node, environment)
    is_wide = wide(node) or wide(node.args[0])
    return whole(0, is_wide) - ((whole(0, is_wide) - inner) // whole(node.value, is_wide))


def _round_down(node: Node, environment: Environment) -> pl.Expr:
    inner, unit = _operands(node, environment)
    return inner // unit * unit


def _round_up(node: Node, environment: Environment) -> pl.Expr:
    inner, unit = _operands(node, environment)
    return (inner + unit - 1) // unit * unit


def _round_half_up(node: Node, environment: Environment) -> pl.Expr:
    inner, unit = _operands(node, environment)
    if 2 * node.kind.size <= INT64_MAX:  # which counts the unit in
        return (inner * 2 + unit) // (unit * 2) * unit
    rounded = (inner.cast(pl.Int128) * 2 + unit.cast(pl.Int128)) // (unit.cast(pl.Int128) * 2) * unit
    return rounded if wide(node) else rounded.cast(pl.Int64)


def _lookup(node: Node, environment: Environment) -> pl.Expr:
    table = environment.tables[str(node.value)]
    key = build(node.args[0], environment)
    outside = None if table.outside is None else whole(table.outside, node.kind.wide)
    if table.by in ("amount", "number"):
        return _bands(node, table, key, outside)
    found = key.replace_strict(
        list(table.keys),
        list(table.values),
        default=outside,
        return_dtype=pl.Int128 if node.kind.wide else pl.Int64,
    )
    return pl.when(key.is_not_null()).then(found) if node.args[0].kind.nullable else found


def _bands(node: Node, table: Table, key: pl.Expr, outside: pl.Expr | None) -> pl.Expr:
    source = node.args[0]
    scale = 2 if table.by == "amount" else BAND_NUMBER_SCALE
    shared = max(scale, source.kind.scale)
    factor, finer = 10 ** (shared - scale), 10 ** (shared - source.kind.scale)
    ends = [abs(end) * factor for band in table.keys if isinstance(band, Band) for end in band.ends]
    is_wide = wide(source) or max(source.kind.size * finer, *ends, 0) > INT64_MAX
    exact = key.cast(pl.Int128 if is_wide else pl.Int64) * whole(finer, is_wide)
    found: pl.Expr = pl.lit(None) if outside is None else outside
    for band, value in zip(table.keys, table.values, strict=True):
        if isinstance(band, Band):
            found = pl.when(_inside(exact, band, factor, is_wide)).then(whole(value, node.kind.wide)).otherwise(found)
    return pl.when(key.is_not_null()).then(found) if source.kind.nullable else found


def _inside(exact: pl.Expr, band: Band, factor: int, is_wide: bool) -> pl.Expr:
    inside = pl.lit(True)
    if band.low is not None:
        low = whole(band.low * factor, is_wide)
        inside = inside & (exact >= low if band.low_closed else exact > low)
    if band.high is not None:
        high = whole(band.high * factor, is_wide)
        inside = inside & (exact <= high if band.high_closed else exact < high)
    return inside


def _year(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).dt.year().cast(pl.Int64)


def _month(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).dt.month().cast(pl.Int64)


def _shift(node: Node, environment: Environment) -> pl.Expr:
    date, amount = (build(arg, environment) for arg in node.args)
    return date.dt.offset_by(pl.format("{}" + str(node.value), amount))


def _days(node: Node, environment: Environment) -> pl.Expr:
    first, second = (build(arg, environment) for arg in node.args)
    return (second - first).dt.total_days()


def _months(node: Node, environment: Environment) -> pl.Expr:
    first, second = (build(arg, environment) for arg in node.args)
    years = (second.dt.year() - first.dt.year()).cast(pl.Int64)
    months = second.dt.month().cast(pl.Int64) - first.dt.month().cast(pl.Int64)
    return years * 12 + months - (second.dt.day() < first.dt.day()).cast(pl.Int64)


def _count(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).list.len().cast(pl.Int64)


def _count_distinct(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).list.n_unique().cast(pl.Int64)


def _count_codes(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).map_batches(_valid_codes, return_dtype=pl.Int64())


def _valid_codes(lists: pl.Series) -> pl.Series:
    """How many different codes of each list can be right; each distinct text is judged once."""
    texts = lists.explode().drop_nulls().unique()
    known = {text: uscc.normalised(text) for text in texts if uscc.is_valid(text)}
    code = pl.element().replace_strict(known, default=None, return_dtype=pl.String)
    return lists.list.eval(code.drop_nulls().n_unique()).list.first().cast(pl.Int64)


def _applicant_total(node: Node, environment: Environment) -> pl.Expr:
    """The sum over the applicant's rows for which the common conditions hold."""
    is_wide = wide(node)
    value = build(node.args[0], environment).cast(pl.Int128 if is_wide else pl.Int64)
    counted = pl.when(pl.col("_counted")).then(value).otherwise(whole(0, is_wide))
    return counted.sum().over("_who")


def _contains(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).list.contains(pl.lit(node.value))


def _is_missing(node: Node, environment: Environment) -> pl.Expr:
    return build(node.args[0], environment).is_null()


def _coalesce(node: Node, environment: Environment) -> pl.Expr:
    return pl.coalesce(*_operands(node, environment))


_BUILDERS: dict[str, Callable[[Node, Environment], pl.Expr]] = {
    "name": _name,
    "constant": _constant,
    "parameter": _parameter,
    "system": _system,
    "rescale": _rescale,
    "add": _arithmetic(lambda left, right: left + right),
    "subtract": _arithmetic(lambda left, right: left - right),
    "multiply": _arithmetic(lambda left, right: left * right),
    "divide": _arithmetic(lambda left, right: left // right),
    "negate": _negate,
    "absolute": _absolute,
    "compare": _compare,
    "and": _and,
    "or": _or,
    "not": _not,
    "in": _in,
    "if": _if,
    "min": _extreme(pl.min_horizontal),
    "max": _extreme(pl.max_horizontal),
    "floor": _floor,
    "ceil": _ceil,
    "round_down": _round_down,
    "round_up": _round_up,
    "round_half_up": _round_half_up,
    "lookup": _lookup,
    "year": _year,
    "month": _month,
    "shift": _shift,
    "days": _days,
    "months": _months,
    "count": _count,
    "count_distinct": _count_distinct,
    "contains": _contains,
    "count_codes": _count_codes,
    "applicant_total": _applicant_total,
    "is_missing": _is_missing,
    "coalesce": _coalesce,
}


def display(column: pl.Expr, kind: Kind) -> pl.Expr:
    """A column as the user reads it: money with at least two digits, rates in percent, nothing rounded."""
    if kind.numeric:
        return _display_number(column, kind)
    if kind.base == "boolean":
        return pl.when(column).then(pl.lit("是")).when(~column).then(pl.lit("否"))
    if kind.base == "list":
        return column.list.join("；")
    return column.cast(pl.String)


def _display_number(column: pl.Expr, kind: Kind) -> pl.Expr:
    scale, least = kind.scale, 2 if kind.base == "money" else 0
    finer = 10 ** max(0, 2 - scale) if kind.percent else 1
    scale = max(0, scale - 2) if kind.percent else scale
    is_wide = kind.size * finer > INT64_MAX
    value = column.cast(pl.Int128 if is_wide else pl.Int64) * whole(finer, is_wide)
    sign = [pl.when(value < 0).then(pl.lit("-")).otherwise(pl.lit(""))] if kind.low < 0 else []
    size = value.abs() if kind.low < 0 else value
    unit = whole(10**scale, is_wide)
    digits = (size // unit).cast(pl.String)
    end = [pl.lit("%")] if kind.percent else []
    return pl.concat_str(*sign, digits, *_after_point(size % unit, scale, least), *end)


def _after_point(rest: pl.Expr, scale: int, least: int) -> list[pl.Expr]:
    """The point and what stands behind it: at least so many digits, and no idle zeros beyond them."""
    if scale == 0:
        return [pl.lit("." + "0" * least)] if least else []
    text = rest.cast(pl.String).str.zfill(scale)
    if scale != least:
        text = text.str.strip_chars_end("0").str.pad_end(least, "0")
    point = pl.lit(".") if least else pl.when(text != "").then(pl.lit(".")).otherwise(pl.lit(""))
    return [point, text]


def display_with_unit(column: pl.Expr, kind: Kind) -> pl.Expr:
    """As ``display``, money followed by 元."""
    return display(column, kind) + pl.lit("元") if kind.base == "money" else display(column, kind)


def at_scale(node: Node, scale: int) -> Kind:
    """The type of ``node`` with ``scale`` digits."""
    factor = 10 ** (scale - node.kind.scale)
    return replace(node.kind, scale=scale, low=node.kind.low * factor, high=node.kind.high * factor)
