"""Stored values of facts as cells and as text."""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from policy import Fact
from services.documents.content import CellKind
from services.documents.rows import Cell
from services.money import yuan

_KINDS = {
    "money": CellKind.MONEY,
    "integer": CellKind.INTEGER,
    "decimal": CellKind.NUMBER,
    "date": CellKind.DATE,
}


@dataclass(frozen=True, slots=True)
class Stated:
    """The value of a fact in its stored spelling (`models.FactValue`), with what documents tell of it."""

    value: str | None
    reason: str
    bureau: str | None


def fact_kind(fact: Fact) -> CellKind:
    """What a column of this fact holds."""
    return _KINDS.get(fact.type, CellKind.TEXT)


def fact_cell(fact: Fact, stored: Stated | None) -> Cell:
    """The value as a typed cell; None when it was not given."""
    return text_cell(fact, stored.value if stored is not None else None)


def text_cell(fact: Fact, text: str | None) -> Cell:
    """A value in its stored spelling as a typed cell; None when it was not given."""
    if text is None or text == "":
        return None
    match fact.type:
        case "money":
            return int(Decimal(text).scaleb(2))
        case "integer":
            return int(text)
        case "decimal":
            return Decimal(text.removesuffix("%"))
        case "date":
            return date.fromisoformat(text)
        case "boolean":
            return "是" if text in ("true", "是") else "否"
    return text


def fact_text(fact: Fact | None, stored: Stated | None) -> str:
    """The value as people read it, with its unit; 未填 when it was not given."""
    if stored is None or stored.value is None or stored.value == "":
        return "未填"
    if fact is None:
        return stored.value
    cell = fact_cell(fact, stored)
    if fact.type == "money" and isinstance(cell, int):
        return f"{yuan(cell)} 元"
    unit = fact.unit if isinstance(cell, int | Decimal) else ""
    return f"{cell}{unit}"
