"""Money, rates and numbers: read from text, written as text, always exact."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from policy.errors import ValueProblem

MONEY_SCALE = 2
MAX_MONEY_FEN = 10**14
"""1 万亿 yuan: the largest amount that the language computes with."""
ROUNDING_NAMES = {"down": "舍去", "half_up": "四舍五入", "up": "进位"}

_UNITS = {"": 0, "元": 0, "千": 3, "千元": 3, "万": 4, "万元": 4, "百万": 6, "百万元": 6, "亿": 8, "亿元": 8, "分": -2}
_PLAIN = re.compile(r"[0-9]+(\.[0-9]+)?")
_GROUPED = re.compile(r"[0-9]{1,3}(,[0-9]{3})+(\.[0-9]+)?")
_UNIT = re.compile(r"(?:元|分|(?:百万|千|万|亿)元?)$")
_SCIENTIFIC = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?[eE][+-]?[0-9]+")


@dataclass(frozen=True)
class Figure:
    """A number read from text; ``note`` says how it was read when that was not plain."""

    value: Decimal
    note: bool = False


def read_figure(text: str) -> Figure | ValueProblem:
    """Read digits with optional thousands separators; refuse everything that could be misread."""
    if _SCIENTIFIC.fullmatch(text):
        return ValueProblem("是科学记数法，数字可能已丢失，请写出全部数字")
    sign, digits = (text[:1], text[1:]) if text[:1] in ("-", "+") else ("", text)
    if _PLAIN.fullmatch(digits) or _GROUPED.fullmatch(digits):
        value = Decimal(digits.replace(",", ""))
        return Figure(-value if sign == "-" else value, note=sign == "+" or "," in digits)
    if "," in digits:
        return ValueProblem("的千分位逗号位置不对，请去掉逗号或改正")
    return ValueProblem("不是数字，请只填阿拉伯数字")


def read_money(text: str) -> tuple[int, bool] | ValueProblem:
    """Read yuan as fen; True when the text had a unit, a sign of currency or separators."""
    bare = text.removeprefix("¥").removeprefix("￥").removeprefix("人民币").strip()
    unit = _UNIT.search(bare)
    name = unit.group() if unit else ""
    figure = read_figure(bare[: len(bare) - len(name)].strip())
    if isinstance(figure, ValueProblem):
        return figure
    fen = figure.value.scaleb(_UNITS[name] + MONEY_SCALE)
    if fen != fen.to_integral_value():
        return ValueProblem("不足一分的部分无法入账，请精确到分")
    if abs(fen) > MAX_MONEY_FEN:
        return ValueProblem("超过 1 万亿元，请核对单位")
    return int(fen), figure.note or bare != text or name != ""


def read_rate(text: str) -> Decimal | ValueProblem:
    """Read ``50%`` or ``0.5`` as the exact 0.5."""
    percent = text.endswith("%")
    figure = read_figure(text.removesuffix("%").strip())
    if isinstance(figure, ValueProblem):
        return figure
    return figure.value.scaleb(-2) if percent else figure.value


def places(value: Decimal) -> int:
    """The digits after the point that ``value`` needs."""
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def scaled(value: Decimal, scale: int) -> int:
    """``value`` as an integer of 10^-scale; the caller knows that it fits."""
    return int(value.scaleb(scale).to_integral_exact())


def yuan(fen: int) -> str:
    """Fen as yuan with two digits: 7500000 → 75000.00."""
    sign = "-" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100}.{abs(fen) % 100:02d}"


def plain(value: Decimal) -> str:
    """A number without exponent and without idle zeros."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text
