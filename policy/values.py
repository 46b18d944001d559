"""Reading one value of a fact from text: strict about meaning, friendly about writing."""

from __future__ import annotations

import datetime
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from policy.amounts import places, plain, read_figure, read_money, scaled, yuan
from policy.errors import ValueProblem, nearest
from policy.kinds import COUNT_MAX, MAX_YEAR, MIN_YEAR
from policy.schema import Fact

Typed = int | Decimal | datetime.date | bool | str | tuple[str, ...] | None

FIRST_DAY = datetime.date(MIN_YEAR, 10, 1)
LAST_DAY = datetime.date(MAX_YEAR, 12, 31)
_YES = {"是", "true", "yes", "y", "1"}
_NO = {"否", "false", "no", "n", "0"}
_DATE = re.compile(r"([0-9]{4})(?:-|/|\.|年)([0-9]{1,2})(?:-|/|\.|月)([0-9]{1,2})日?(?:[ T]00:00(?::00(?:\.0+)?)?)?")
_COMPACT_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_ISO_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_SEPARATOR = re.compile(r"[;；,，、\n]")


@dataclass(frozen=True)
class Value:
    """A value that was read: money in fen, percents as written (8.5); ``note`` says how odd writing was taken."""

    value: Typed
    note: str | None = None


def read_value(fact: Fact, text: str) -> Value | ValueProblem:
    """Read ``text`` as a value of ``fact``; empty text is a missing value (``Value(None)``)."""
    clean = unicodedata.normalize("NFKC", text).strip()
    if fact.type in ("text", "list"):
        clean = text.strip()
    if clean == "":
        return Value(None)
    found = _READERS[fact.type](fact, clean)
    if isinstance(found, ValueProblem):
        return ValueProblem(f"“{text}”{found.message}")
    problem = outside(fact, found.value)
    if problem is not None:
        return ValueProblem(f"“{text}”{problem}")
    if fact.type in ("text", "list"):
        return found
    noted = found.note is not None or clean != text
    return Value(found.value, _note(fact, text, found.value) if noted else None)


def _note(fact: Fact, text: str, value: Typed) -> str:
    return f"“{text}”读作 {show(fact, value)}"


def show(fact: Fact, value: Typed) -> str:
    """A typed value as the user reads it."""
    if value is None:
        return "未填"
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, tuple):
        return "；".join(value)
    if fact.type == "money" and isinstance(value, int):
        return f"{yuan(value)} 元"
    if isinstance(value, Decimal):
        return plain(value) + ("%" if fact.is_percent else "")
    return str(value)


def bounds(fact: Fact) -> tuple[int, int]:
    """The least and greatest value allowed, scaled as the columns are (fen, whole numbers, 10^-decimals)."""
    scale = {"money": 2, "decimal": fact.decimals}.get(fact.type, 0)
    low, high = (-1000, 10_000) if fact.is_percent else (0, 10**12 if fact.type == "money" else COUNT_MAX)
    unit = 10**scale
    return (
        _bound(fact, fact.min) if fact.min is not None else low * unit,
        _bound(fact, fact.max) if fact.max is not None else high * unit,
    )


def date_bounds(fact: Fact) -> tuple[datetime.date, datetime.date]:
    """The first and last day allowed."""
    first = datetime.date.fromisoformat(fact.min) if fact.min else FIRST_DAY
    last = datetime.date.fromisoformat(fact.max) if fact.max else LAST_DAY
    return first, last


def _bound(fact: Fact, text: str) -> int:
    if fact.type == "money":
        money = read_money(text)
        if isinstance(money, ValueProblem):
            raise ValueError(money.message)
        return money[0]
    figure = read_figure(text.removesuffix("%") if fact.is_percent else text)
    if isinstance(figure, ValueProblem):
        raise ValueError(figure.message)
    return scaled(figure.value, fact.decimals if fact.type == "decimal" else 0)


def outside(fact: Fact, value: Typed) -> str | None:
    """Why a typed value is not allowed, as the end of a Chinese sentence; None when it is."""
    if isinstance(value, datetime.date):
        first, last = date_bounds(fact)
        return None if first <= value <= last else f"不在 {first} 至 {last} 之间，请核对年份"
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return None
    low, high = bounds(fact)
    whole = scaled(value, fact.decimals) if isinstance(value, Decimal) else value
    if low <= whole <= high:
        return None
    if whole < 0 <= low:
        return "是负数，请核对"
    return f"不在 {show_scaled(fact, low)} 至 {show_scaled(fact, high)} 之间，请核对数值和单位"


def show_scaled(fact: Fact, value: int) -> str:
    """A scaled integer of a column as the user reads it."""
    return show(fact, Decimal(value).scaleb(-fact.decimals) if fact.type == "decimal" else value)


def _money(fact: Fact, text: str) -> Value | ValueProblem:
    """A price may be written with its fact's unit: 25元/平方米."""
    bare = text.removesuffix(unicodedata.normalize("NFKC", fact.unit).removeprefix("元")).strip()
    found = read_money(bare)
    if isinstance(found, ValueProblem):
        return found
    return Value(found[0], "note" if found[1] or bare != text else None)


def _without_unit(fact: Fact, text: str) -> str:
    return text.removesuffix(fact.unit).strip() if fact.unit else text


def _integer(fact: Fact, text: str) -> Value | ValueProblem:
    found = read_figure(_without_unit(fact, text))
    if isinstance(found, ValueProblem):
        return found
    if found.value != found.value.to_integral_value():
        return ValueProblem("不是整数")
    plainly = not found.note and str(int(found.value)) == text
    return Value(int(found.value), None if plainly else "note")


def _decimal(fact: Fact, text: str) -> Value | ValueProblem:
    bare = _without_unit(fact, text)
    found = read_figure(bare)
    if isinstance(found, ValueProblem):
        return found
    if places(found.value) > fact.decimals:
        return ValueProblem(f"的小数位数超过 {fact.decimals} 位")
    plainly = not found.note and (bare == text or fact.is_percent)
    return Value(found.value, None if plainly else "note")


def _date(fact: Fact, text: str) -> Value | ValueProblem:
    match = _DATE.fullmatch(text) or _COMPACT_DATE.fullmatch(text)
    if match is None:
        if text.isdecimal() and len(text) == 5:
            return ValueProblem("像是 Excel 的日期序号，请把单元格改为日期格式")
        return ValueProblem("不是日期，请写成 2025-06-30 的样子")
    try:
        value = datetime.date(*(int(part) for part in match.groups()))
    except ValueError:
        return ValueProblem("不是存在的日期")
    return Value(value, None if _ISO_DATE.fullmatch(text) else "note")


def _boolean(fact: Fact, text: str) -> Value | ValueProblem:
    lower = text.lower()
    if lower in _YES or lower in _NO:
        return Value(lower in _YES)
    return ValueProblem("不是“是”或“否”")


def _choice(fact: Fact, text: str) -> Value | ValueProblem:
    known = {unicodedata.normalize("NFKC", choice): choice for choice in fact.choices}
    if text in known:
        return Value(known[text])
    close = nearest(text, fact.choices)
    hint = f"，是否想写“{close}”" if close else ""
    return ValueProblem(f"不在选项之中，只能是：{'、'.join(fact.choices)}{hint}")


def _text(fact: Fact, text: str) -> Value | ValueProblem:
    return Value(text)


def _list(fact: Fact, text: str) -> Value | ValueProblem:
    items = split_items(text)
    return _codes(items) if fact.items == "credit_code" else Value(items)


def _codes(items: tuple[str, ...]) -> Value:
    """Credit codes in one writing; the note names those that cannot be right."""
    from matching import uscc

    faults = [f"“{item}”{fault}" for item in items if (fault := uscc.fault(item))]
    note = f"有 {len(faults)} 个代码不合规则：{'；'.join(faults)}" if faults else None
    return Value(tuple(uscc.normalised(item) for item in items), note)


def split_items(text: str) -> tuple[str, ...]:
    """The items of a list, without empty ones, in one writing of width and space."""
    items = (unicodedata.normalize("NFKC", item).strip() for item in _SEPARATOR.split(text))
    return tuple(item for item in items if item)


_READERS: dict[str, Callable[[Fact, str], Value | ValueProblem]] = {
    "money": _money,
    "integer": _integer,
    "decimal": _decimal,
    "date": _date,
    "boolean": _boolean,
    "choice": _choice,
    "text": _text,
    "list": _list,
}
