"""The fixed functions of the language: how many arguments, of which types, giving what."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from dataclasses import replace

from policy.errors import nearest
from policy.expressions import Analyst, Handler, Node, check_choice, spanning
from policy.kinds import BOOLEAN, COUNT, DATE, YEAR, Kind, number

MAX_SHIFT = 100_000
MAX_DAYS = 4_000_000
MAX_ROWS = 1_000_000
"""The most applications of one applicant in a year, for the greatest size of a total."""


def _arguments(analyst: Analyst, node: ast.Call, least: int, most: int | None = None) -> list[ast.expr]:
    given = len(node.args)
    if given < least or (most is not None and given > most):
        wanted = f"{least} 个" if most == least else f"至少 {least} 个" if most is None else f"{least} 至 {most} 个"
        analyst.fail(node, f"这个函数要 {wanted}参数，写了 {given} 个")
    return node.args


def _extreme(op: str) -> Handler:
    def handle(analyst: Analyst, node: ast.Call) -> Node:
        sources = _arguments(analyst, node, 2)
        nodes = analyst.align(node, [analyst.visit(source) for source in sources], "比大小")
        if not (nodes[0].kind.numeric or nodes[0].kind.base == "date"):
            analyst.fail(node, f"{nodes[0].kind.title}不能比大小")
        pick = min if op == "min" else max
        kind = replace(
            spanning(*(each.kind for each in nodes)),
            low=pick(each.kind.low for each in nodes),
            high=pick(each.kind.high for each in nodes),
        )
        return analyst.make(node, op, kind, *nodes)

    return handle


def _absolute(analyst: Analyst, node: ast.Call) -> Node:
    inner = analyst.numeric(_arguments(analyst, node, 1, 1)[0])
    low = 0 if inner.kind.low <= 0 <= inner.kind.high else min(abs(inner.kind.low), abs(inner.kind.high))
    return analyst.make(node, "absolute", replace(inner.kind, low=low, high=inner.kind.size), inner)


def _whole_part(op: str) -> Handler:
    def handle(analyst: Analyst, node: ast.Call) -> Node:
        source = _arguments(analyst, node, 1, 1)[0]
        inner = analyst.numeric(source)
        if inner.kind.base == "money":
            analyst.fail(source, "金额取整请用 round_down(金额, 单位)")
        unit = 10**inner.kind.scale
        kind = number(inner.kind.low // unit, -(-inner.kind.high // unit))
        return analyst.make(node, op, kind, inner, value=unit)

    return handle


def _rounding(op: str) -> Handler:
    def handle(analyst: Analyst, node: ast.Call) -> Node:
        sources = _arguments(analyst, node, 2, 2)
        inner, unit = analyst.numeric(sources[0]), analyst.numeric(sources[1])
        if unit.op not in ("parameter", "constant") or unit.kind.low <= 0:
            analyst.fail(sources[1], "取整的单位要是大于零的参数")
        inner, unit = analyst.align(node, [inner, unit], "取整")
        kind = replace(
            inner.kind, percent=False, low=inner.kind.low - unit.kind.high, high=inner.kind.high + unit.kind.high
        )
        return analyst.make(node, op, kind, inner, unit)

    return handle


def _lookup(analyst: Analyst, node: ast.Call) -> Node:
    sources = _arguments(analyst, node, 2, 2)
    table = analyst.scope.resolve(sources[0].id) if isinstance(sources[0], ast.Name) else None
    if table is None:
        close = nearest(ast.unparse(sources[0]), analyst.scope.known())
        analyst.fail(sources[0], "不认识的档位表", close=close)
    if table.kind.base != "table":
        analyst.fail(sources[0], f"这是{table.kind.title}，不是档位表")
    key = analyst.visit(sources[1])
    _check_key(analyst, sources[1], table, key)
    gives, outside = table.args
    return analyst.make(node, "lookup", gives.kind.maybe(bool(outside.value)), key, value=table.value)


def _check_key(analyst: Analyst, source: ast.expr, table: Node, key: Node) -> None:
    """The key must be of the table's type, and a choice must be covered whole."""
    by, choices = str(table.args[1].op), table.kind.choices
    fits = {
        "integer": key.kind.base == "number" and key.kind.scale == 0,
        "number": key.kind.base == "number",
        "amount": key.kind.base == "money",
        "choice": key.kind.base == "choice" or isinstance(key.value, str),
    }[by]
    if not fits:
        wanted = {"integer": "整数", "number": "数", "amount": "金额", "choice": "选项"}[by]
        analyst.fail(source, f"这张档位表的键是{wanted}，不能用{key.kind.title}")
    if by != "choice":
        return
    if key.op == "constant":
        check_choice(analyst, table, key, source)
        return
    missing = [choice for choice in key.kind.choices if choice not in choices]
    if missing:
        analyst.fail(source, f"档位表没有覆盖选项：{'、'.join(missing)}", missing[0], nearest(missing[0], choices))


def _date_part(op: str) -> Handler:
    kind = YEAR if op == "year" else number(1, 12)

    def handle(analyst: Analyst, node: ast.Call) -> Node:
        return analyst.make(node, op, kind, _date(analyst, _arguments(analyst, node, 1, 1)[0]))

    return handle


def _date(analyst: Analyst, source: ast.expr) -> Node:
    found = analyst.visit(source)
    if found.kind.base != "date":
        analyst.fail(source, f"这里要日期，不能是{found.kind.title}")
    return found


def _shift(unit: str) -> Handler:
    most = {"y": 1000, "mo": 10_000, "d": MAX_SHIFT}[unit]

    def handle(analyst: Analyst, node: ast.Call) -> Node:
        sources = _arguments(analyst, node, 2, 2)
        date, amount = _date(analyst, sources[0]), analyst.whole(sources[1])
        if amount.kind.size > most:
            analyst.fail(sources[1], f"可能超过 {most}，请给事实写 max 或改用参数")
        return analyst.make(node, "shift", DATE, date, amount, value=unit)

    return handle


def _between(op: str) -> Handler:
    def handle(analyst: Analyst, node: ast.Call) -> Node:
        first, second = _arguments(analyst, node, 2, 2)
        kind = number(-MAX_DAYS, MAX_DAYS)
        return analyst.make(node, op, kind, _date(analyst, first), _date(analyst, second))

    return handle


def _list(analyst: Analyst, source: ast.expr) -> Node:
    found = analyst.visit(source)
    if found.kind.base != "list":
        analyst.fail(source, f"这里要清单，不能是{found.kind.title}")
    return found


def _counting(op: str) -> Handler:
    def handle(analyst: Analyst, node: ast.Call) -> Node:
        return analyst.make(node, op, COUNT, _list(analyst, _arguments(analyst, node, 1, 1)[0]))

    return handle


def _applicant_total(analyst: Analyst, node: ast.Call) -> Node:
    source = _arguments(analyst, node, 1, 1)[0]
    inner = analyst.numeric(source)
    if inner.op != "name" or inner.kind.nullable:
        analyst.fail(source, "这里要写一个必填的（或有默认值的）金额或数的事实、步骤的名称")
    kind = replace(inner.kind, low=min(0, inner.kind.low * MAX_ROWS), high=max(0, inner.kind.high * MAX_ROWS))
    return analyst.make(node, "applicant_total", kind, inner)


def _contains(analyst: Analyst, node: ast.Call) -> Node:
    first, second = _arguments(analyst, node, 2, 2)
    item = analyst.visit(second)
    if item.op != "constant" or not isinstance(item.value, str):
        analyst.fail(second, "这里要写带引号的文字")
    return analyst.make(node, "contains", BOOLEAN, _list(analyst, first), value=item.value)


def _is_missing(analyst: Analyst, node: ast.Call) -> Node:
    inner = analyst.visit(_arguments(analyst, node, 1, 1)[0])
    return Node("is_missing", BOOLEAN, (inner,))


def _coalesce(analyst: Analyst, node: ast.Call) -> Node:
    sources = _arguments(analyst, node, 2)
    nodes = analyst.align(node, [analyst.visit(source) for source in sources], "互相替代")
    made = analyst.make(node, "coalesce", spanning(*(each.kind for each in nodes)), *nodes)
    return replace(made, kind=made.kind.maybe(nodes[-1].kind.nullable))


def _table_of() -> Mapping[str, Handler]:
    table: dict[str, Callable[[Analyst, ast.Call], Node]] = {
        "min": _extreme("min"),
        "max": _extreme("max"),
        "abs": _absolute,
        "floor": _whole_part("floor"),
        "ceil": _whole_part("ceil"),
        "round_down": _rounding("round_down"),
        "round_up": _rounding("round_up"),
        "round_half_up": _rounding("round_half_up"),
        "lookup": _lookup,
        "year": _date_part("year"),
        "month": _date_part("month"),
        "add_years": _shift("y"),
        "add_months": _shift("mo"),
        "add_days": _shift("d"),
        "days": _between("days"),
        "months": _between("months"),
        "count": _counting("count"),
        "count_distinct": _counting("count_distinct"),
        "contains": _contains,
        "count_codes": _counting("count_codes"),
        "applicant_total": _applicant_total,
        "is_missing": _is_missing,
        "coalesce": _coalesce,
    }
    return table


TABLE: Mapping[str, Handler] = _table_of()


def table_node(name: str, by: str, gives: Kind, choices: tuple[str, ...], *, outside: bool) -> Node:
    """How a lookup table stands in a scope: what it gives, by what key, and whether keys may be missing."""
    return Node("table", Kind("table", choices=choices), (Node("gives", gives), Node(by, BOOLEAN, value=outside)), name)
