"""Parameters: their values by year, their overrides, and the static type that covers them all."""

from __future__ import annotations

import datetime
import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise

from policy.amounts import MAX_MONEY_FEN, MONEY_SCALE, places, plain, read_figure, read_money, read_rate, scaled
from policy.errors import ValueProblem, nearest
from policy.expressions import Node
from policy.functions import table_node
from policy.kinds import BOOLEAN, COUNT_MAX, DATE, Kind, number
from policy.schema import Adjustable, Parameter, Row

_HIGHEST_BARE_RATE = 1
ADJUSTABLE_SCALE = 6
"""Digits that a yearly override may have at least."""

Scalar = int | datetime.date | bool | str
_BAND = re.compile(r"\s*([\[(])\s*([^,，]*?)\s*[,，]\s*([^,，]*?)\s*([\])])\s*")


class ParameterError(Exception):
    """A parameter value that cannot be used; ``path`` leads to it from the parameter."""

    def __init__(self, message: str, value: str, path: tuple[str | int, ...], close: str | None = None) -> None:
        super().__init__(message)
        self.message, self.value, self.path, self.close = message, value, path, close


@dataclass(frozen=True)
class Band:
    """A stretch of keys; None is no bound."""

    low: int | None
    low_closed: bool
    high: int | None
    high_closed: bool

    @property
    def ends(self) -> list[int]:
        """Its bounds, as many as it has."""
        return [end for end in (self.low, self.high) if end is not None]


@dataclass(frozen=True)
class Table:
    """A lookup table with exact values; ``outside`` None makes a missing key an error of the row."""

    by: str
    keys: tuple[int | str | Band, ...]
    values: tuple[int, ...]
    outside: int | None


@dataclass(frozen=True)
class Version:
    """What a parameter is from a year on, as it was written."""

    from_year: int
    value: str | None
    rows: tuple[Row, ...]
    otherwise: str | None
    clause: str
    quote: str
    path: tuple[str | int, ...]


def versions(parameter: Parameter) -> list[Version]:
    """The dated texts of a parameter, earliest first; a single value holds from the beginning."""
    if not parameter.values:
        only = (0, parameter.value, tuple(parameter.rows), parameter.otherwise, parameter.clause, parameter.quote, ())
        return [Version(*only)]
    return [
        Version(
            each.from_year, each.value, tuple(each.rows), each.otherwise, each.clause, each.quote, ("values", index)
        )
        for index, each in enumerate(parameter.values)
    ]


def version_of(parameter: Parameter, year: int) -> Version:
    """The text that holds in ``year``; before the first one, the first."""
    dated = versions(parameter)
    return max((each for each in dated if each.from_year <= year), key=lambda each: each.from_year, default=dated[0])


def adjustable(parameter: Parameter, percentages_are_maxima: bool) -> Adjustable:
    """How far a year's guide may set the parameter."""
    if parameter.adjustable is not None:
        return parameter.adjustable
    rate = "rate" in (parameter.type, parameter.gives)
    return "at_most" if rate and percentages_are_maxima else "none"


def value_type(parameter: Parameter) -> str:
    """The type of the parameter's figures: its own, or what its table gives."""
    return (parameter.gives or "rate") if parameter.type == "table" else parameter.type


def read_exact(kind: str, text: str, path: tuple[str | int, ...]) -> Decimal:
    """A figure in yuan, as a plain number, or as a rate; never rounded."""
    found: Decimal | ValueProblem
    if kind == "money":
        money = read_money(text)
        found = money if isinstance(money, ValueProblem) else Decimal(money[0]).scaleb(-MONEY_SCALE)
    elif kind == "rate":
        found = read_rate(text)
    else:
        figure = read_figure(text)
        found = figure if isinstance(figure, ValueProblem) else figure.value
    if isinstance(found, ValueProblem):
        raise ParameterError(f"参数值{found.message}", text, path)
    if kind == "integer" and places(found):
        raise ParameterError("参数值不是整数", text, path)
    if places(found) > 12 or abs(found) > 10**12:
        raise ParameterError("参数值太大或小数位太多", text, path)
    return found


def bare_percent(kind: str, text: str) -> str | None:
    """What is wrong with a rate that lacks its percent sign: 15 is 1500 % and almost surely meant to be 15 %."""
    found = read_rate(text) if kind == "rate" and not text.endswith("%") else None
    if not isinstance(found, Decimal) or found <= _HIGHEST_BARE_RATE:
        return None
    return f"参数值是 {plain(found * 100)}%，比例请写成 {text}% 的样子"


def scale_of(parameter: Parameter, percentages_are_maxima: bool) -> int:
    """The digits after the point that hold every version of the parameter and its overrides."""
    kind = value_type(parameter)
    if kind in ("money", "integer"):
        return MONEY_SCALE if kind == "money" else 0
    used = [places(value) for value in figures(parameter)]
    free = adjustable(parameter, percentages_are_maxima) != "none"
    return max([*used, ADJUSTABLE_SCALE if free else 0])


def figures(parameter: Parameter) -> list[Decimal]:
    """Every number that the parameter takes, in all its versions."""
    found: list[Decimal] = []
    kind = value_type(parameter)
    for each in versions(parameter):
        if each.value is not None:
            found.append(read_exact(kind, each.value, (*each.path, "value")))
        found.extend(
            read_exact(kind, row.value, (*each.path, "rows", index, "value")) for index, row in enumerate(each.rows)
        )
        if each.otherwise not in (None, "error"):
            found.append(read_exact(kind, str(each.otherwise), (*each.path, "otherwise")))
    return found


def figure_kind(parameter: Parameter, percentages_are_maxima: bool) -> Kind:
    """The static type of a numeric parameter, or of what a table gives."""
    scale = scale_of(parameter, percentages_are_maxima)
    whole = [scaled(value, scale) for value in figures(parameter)] or [0]
    low, high = min(whole), max(whole)
    free = adjustable(parameter, percentages_are_maxima)
    if free != "none":
        low = min(0, low)
    kind = value_type(parameter)
    if free == "any":
        high = max(high, MAX_MONEY_FEN if kind == "money" else (100 if kind == "rate" else COUNT_MAX) * 10**scale)
    if kind == "money":
        return Kind("money", scale, low, high)
    return number(low, high, scale, percent=kind == "rate")


def parameter_node(parameter: Parameter, percentages_are_maxima: bool) -> Node:
    """How the parameter stands in an expression; raises ParameterError for a value that cannot be read."""
    if parameter.type == "table":
        gives = figure_kind(parameter, percentages_are_maxima)
        outside = any(each.otherwise in (None, "error") for each in versions(parameter))
        by = parameter.by or "integer"
        return table_node(parameter.name, by, gives, tuple(parameter.choices), outside=outside and by != "choice")
    if parameter.type in ("money", "rate", "integer", "decimal"):
        return Node("parameter", figure_kind(parameter, percentages_are_maxima), value=parameter.name)
    kind = {"date": DATE, "boolean": BOOLEAN, "choice": Kind("choice", choices=tuple(parameter.choices))}[
        parameter.type
    ]
    for each in versions(parameter):
        read_scalar(parameter, each.value or "", (*each.path, "value"), 0)
    return Node("parameter", kind, value=parameter.name)


def read_scalar(parameter: Parameter, text: str, path: tuple[str | int, ...], scale: int) -> Scalar:
    """One value of a parameter that is no table; numbers as integers of 10^-scale."""
    if parameter.type == "date":
        try:
            return datetime.date.fromisoformat(text)
        except ValueError:
            raise ParameterError("不是日期，请写成 2025-06-30 的样子", text, path) from None
    if parameter.type == "boolean":
        if text not in ("true", "false"):
            raise ParameterError("只能是 true 或 false", text, path)
        return text == "true"
    if parameter.type == "choice":
        if text not in parameter.choices:
            message = f"只能是：{'、'.join(parameter.choices)}"
            raise ParameterError(message, text, path, nearest(text, parameter.choices))
        return text
    return scaled(read_exact(parameter.type, text, path), scale)


def read_table(parameter: Parameter, version: Version, scale: int) -> Table:
    """The exact table of one version."""
    kind = value_type(parameter)
    by = parameter.by or "integer"
    keys = tuple(read_key(by, row, (*version.path, "rows", index)) for index, row in enumerate(version.rows))
    values = tuple(
        scaled(read_exact(kind, row.value, (*version.path, "rows", index, "value")), scale)
        for index, row in enumerate(version.rows)
    )
    outside = None
    if version.otherwise not in (None, "error"):
        outside = scaled(read_exact(kind, str(version.otherwise), (*version.path, "otherwise")), scale)
    return Table(by, keys, values, outside)


def read_key(by: str, row: Row, path: tuple[str | int, ...]) -> int | str | Band:
    """The key or band of a row."""
    if by in ("amount", "number"):
        if row.band is None or row.key is not None:
            raise ParameterError("这张表按段取值，要写 band，如 [10万元, 30万元)", row.key or "", path)
        return _read_band(by, row.band, (*path, "band"))
    if row.key is None or row.band is not None:
        raise ParameterError("这张表按键取值，要写 key", row.band or "", path)
    if by == "choice":
        return row.key
    return int(read_exact("integer", row.key, (*path, "key")))


def _read_band(by: str, text: str, path: tuple[str | int, ...]) -> Band:
    match = _BAND.fullmatch(text)
    if match is None:
        raise ParameterError("段的写法不对，应如 [10万元, 30万元)", text, path)
    opening, low_text, high_text, closing = match.groups()
    low, high = (_band_end(by, end, path) for end in (low_text, high_text))
    band = Band(low, opening == "[" and low is not None, high, closing == "]" and high is not None)
    empty = low is not None and high is not None and (low > high or (low == high and not _both_closed(band)))
    if empty:
        raise ParameterError("这一段是空的：下限不小于上限", text, path)
    return band


def _both_closed(band: Band) -> bool:
    return band.low_closed and band.high_closed


BAND_NUMBER_SCALE = 8


def _band_end(by: str, text: str, path: tuple[str | int, ...]) -> int | None:
    """A bound in fen, or as a number of 10^-8; None when open."""
    if not text:
        return None
    if by == "amount":
        return scaled(read_exact("money", text, path), MONEY_SCALE)
    value = read_exact("rate" if text.endswith("%") else "decimal", text, path)
    if places(value) > BAND_NUMBER_SCALE:
        raise ParameterError(f"段的端点最多 {BAND_NUMBER_SCALE} 位小数", text, path)
    return scaled(value, BAND_NUMBER_SCALE)


def override(parameter: Parameter, version: Version, text: str, free: Adjustable) -> Version:
    """The version with a year's own value; raises ParameterError when the law does not allow it."""
    if free == "none":
        raise ParameterError(f"“{parameter.label}”不能由年度申报指南另定", text, ())
    if parameter.type != "table":
        _check_override(parameter, version.value or "", text, free)
        return Version(**{**vars(version), "value": text})
    changes = _table_changes(text)
    keys = [row.key or row.band or "" for row in version.rows]
    for key in changes:
        if key not in keys:
            raise ParameterError(f"“{parameter.label}”里没有这一档", key, (), nearest(key, keys))
    rows = []
    for row, key in zip(version.rows, keys, strict=True):
        if key in changes:
            _check_override(parameter, row.value, changes[key], free)
        rows.append(Row(key=row.key, band=row.band, value=changes.get(key, row.value)))
    return Version(**{**vars(version), "rows": tuple(rows)})


def _table_changes(text: str) -> dict[str, str]:
    changes: dict[str, str] = {}
    for part in re.split(r"[;；]", text):
        key, sign, value = part.rpartition("=")
        if not sign:
            raise ParameterError("档位表的年度另定值要写成 1=40%;2=30%", text, ())
        changes[key.strip()] = value.strip()
    return changes


def _check_override(parameter: Parameter, stated: str, text: str, free: Adjustable) -> None:
    kind = value_type(parameter)
    if kind in ("date", "boolean", "choice"):
        if free == "at_most":
            raise ParameterError(f"“{parameter.label}”不是数，不能下调", text, ())
        read_scalar(parameter, text, (), 0)
        return
    value = read_exact(kind, text, ())
    if value < 0:
        raise ParameterError(f"“{parameter.label}”不能是负数", text, ())
    if wrong := bare_percent(kind, text):
        raise ParameterError(wrong, text, ())
    if places(value) > max(ADJUSTABLE_SCALE, places(read_exact(kind, stated or "0", ()))):
        raise ParameterError(f"“{parameter.label}”的小数位数太多", text, ())
    if free == "at_most" and value > read_exact(kind, stated, ()):
        raise ParameterError(f"“{parameter.label}”不能高于 {stated}", text, ())
    if free == "any" and kind == "rate" and value > 100:
        raise ParameterError(f"“{parameter.label}”太大", text, ())


def gaps(bands: Sequence[Band]) -> list[tuple[str, int]]:
    """Holes and overlaps of bands, as (what, index of the band in question); ends are not holes."""
    order = sorted(range(len(bands)), key=lambda index: _start(bands[index]))
    found: list[tuple[str, int]] = []
    for before, after in pairwise(order):
        left, right = bands[before], bands[after]
        if left.high is None or right.low is None or right.low < left.high:
            found.append(("overlap", after))
        elif left.high < right.low or not (left.high_closed or right.low_closed):
            found.append(("hole", after))
        elif left.high_closed and right.low_closed:
            found.append(("overlap", after))
    return found


def _start(band: Band) -> tuple[int, bool]:
    return (-(10**40) if band.low is None else band.low, not band.low_closed)
