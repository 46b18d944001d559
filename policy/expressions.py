"""Expressions: Python syntax cut down to a whitelist, given static types, turned into a small typed tree."""

from __future__ import annotations

import ast
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NoReturn, Protocol

from policy.errors import nearest
from policy.kinds import (
    BOOLEAN,
    DIVISION_SCALE,
    INT128_MAX,
    TEXT,
    Kind,
    number,
)

LITERAL_MAX = 100
"""Greatest integer that may stand in an expression; others get a name."""
MAX_DEPTH = 100
"""The most levels of an expression; a deeper one would not compile."""


_PARSING = threading.Lock()
"""CPython 3.11 counts the depth of syntax trees for all threads together; two at once end in a SystemError."""


@dataclass(frozen=True)
class Node:
    """One operation of a checked expression."""

    op: str
    kind: Kind
    args: tuple[Node, ...] = ()
    value: Any = None

    def names(self) -> set[str]:
        """All facts, parameters and steps that the expression reads."""
        own = {str(self.value)} if self.op in ("name", "parameter", "lookup") else set()
        return own.union(*(arg.names() for arg in self.args))


@dataclass(frozen=True)
class ExpressionError(Exception):
    """What is wrong in an expression, and where in its text."""

    message: str
    value: str = ""
    line: int = 1
    offset: int = 0
    nearest: str | None = None


class Scope(Protocol):
    """Gives the meaning of names."""

    def resolve(self, name: str) -> Node | None:
        """The node of a name, or None."""

    def known(self) -> set[str]:
        """All names, to suggest the nearest."""


Handler = Callable[["Analyst", ast.Call], Node]


@dataclass
class Analyst:
    """Walks one expression; ``functions`` are the fixed calls that the language has."""

    text: str
    scope: Scope
    functions: Mapping[str, Handler]
    lines: list[str] = field(init=False)

    def __post_init__(self) -> None:
        self.lines = f"({self.text}\n)".split("\n")

    def analyse(self) -> Node:
        """The typed tree, or ExpressionError."""
        try:
            with _PARSING:
                tree = ast.parse("\n".join(self.lines), mode="eval")
        except (SyntaxError, ValueError, RecursionError) as error:
            raise _unparsed(self.text, error) from None
        if _depth(tree.body) > MAX_DEPTH:
            raise ExpressionError(f"表达式套得太深（超过 {MAX_DEPTH} 层），请分成几个步骤", self.text.strip()[:40])
        return self.visit(tree.body)

    def fail(self, node: ast.AST, message: str, value: str | None = None, close: str | None = None) -> NoReturn:
        """Raise for the place of ``node``."""
        line = getattr(node, "lineno", 1)
        column = getattr(node, "col_offset", 0)
        characters = len(self.lines[line - 1].encode()[:column].decode(errors="ignore"))
        seen = ast.unparse(node) if value is None else value
        raise ExpressionError(message, seen, line, characters - (line == 1), close)

    def visit(self, node: ast.expr) -> Node:
        """The typed tree of one Python node."""
        method = _VISITORS.get(type(node))
        if method is None:
            self.fail(node, "表达式里不能用这种写法")
        return method(self, node)

    def numeric(self, node: ast.expr) -> Node:
        """The tree of an operand that must be money or a number."""
        found = self.visit(node)
        if not found.kind.numeric:
            self.fail(node, f"这里要金额或数，不能是{found.kind.title}")
        return found

    def boolean(self, node: ast.expr) -> Node:
        """The tree of an operand that must be yes or no."""
        found = self.visit(node)
        if found.kind.base != "boolean":
            self.fail(node, f"这里要“是/否”，不能是{found.kind.title}")
        return found

    def whole(self, node: ast.expr) -> Node:
        """The tree of an operand that must be a whole number."""
        found = self.numeric(node)
        if found.kind.base != "number" or found.kind.scale != 0:
            self.fail(node, "这里要整数")
        return found

    def make(self, at: ast.AST, op: str, kind: Kind, *args: Node, value: Any = None) -> Node:
        """A node whose size is checked against 38 digits."""
        if kind.numeric and kind.size > INT128_MAX:
            self.fail(at, "按各事实的最大值推算，这一步可能超过 38 位整数，请给事实写 max 或改写表达式")
        nullable = kind.nullable or any(arg.kind.nullable for arg in args)
        return Node(op, kind.maybe(nullable), args, value)

    def rescale(self, at: ast.AST, node: Node, scale: int) -> Node:
        """The same value with more digits after the point."""
        factor = 10 ** (scale - node.kind.scale)
        if factor == 1:
            return node
        kind = replace(node.kind, scale=scale, low=node.kind.low * factor, high=node.kind.high * factor)
        return self.make(at, "rescale", kind, node, value=factor)

    def align(self, at: ast.AST, nodes: list[Node], doing: str) -> list[Node]:
        """Give operands one type and one scale; money and a bare 0 go together, and so do choices and quoted ones."""
        nodes = self._chosen(at, nodes)
        bases = {node.kind.base for node in nodes if not _is_zero(node)} or {"number"}
        if len(bases) > 1:
            titles = "与".join(dict.fromkeys(node.kind.title for node in nodes if not _is_zero(node)))
            self.fail(at, f"{titles}不能{doing}")
        if not nodes[0].kind.numeric and any(_is_zero(node) for node in nodes):
            self.fail(at, f"{nodes[0].kind.title}不能与数{doing}")
        if bases <= {"money", "number"}:
            scale = max(node.kind.scale for node in nodes)
            nodes = [self.rescale(at, node, scale) for node in nodes]
            base = bases.pop()
            return [replace(node, kind=replace(node.kind, base=base)) for node in nodes]
        return nodes

    def _chosen(self, at: ast.AST, nodes: list[Node]) -> list[Node]:
        """Quoted text beside choices is one of them."""
        choice = next((node for node in nodes if node.kind.base == "choice"), None)
        quoted = [node for node in nodes if node.op == "constant" and node.kind.base == "text"]
        if choice is None:
            return nodes
        for literal in quoted:
            check_choice(self, choice, literal, at)
        return [replace(node, kind=choice.kind.maybe(False)) if node in quoted else node for node in nodes]


_IN_QUOTES = re.compile(r"'[^'\n]*'|\"[^\"\n]*\"")
_USUAL = (
    (re.compile(r"[≥≤≠]"), "表达式里的符号要用英文半角，写成 {}"),
    (re.compile(r"[（）＜＞＝，“”‘’＋－×÷＊／]"), "表达式里的符号要用英文半角"),
    (re.compile(r"[0-9][0-9.,]*\s*(%(?!\s*[\w(])|[千万亿元])"), "表达式里不能写百分比和带单位的数，请写成有名字的参数"),
    (re.compile(r"\b(且|并且|或|或者|非|AND|OR|NOT)\b|&&|\|\|"), "“且、或、非”要写 and、or、not"),
    (re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}"), "表达式里不能写日期，请写成有名字的参数"),
    (re.compile(r"(?<![=<>!])=(?!=)"), "相等要写 =="),
)
"""What people write as they would on paper, and what to write instead."""
_SIGNS = {"≥": ">=", "≤": "<=", "≠": "!="}


def _unparsed(text: str, error: Exception) -> ExpressionError:
    """Why Python could not read an expression: by what is usual in Chinese texts, else by the place it tells."""
    bare = _IN_QUOTES.sub(lambda quoted: "'" * len(quoted.group()), text)
    for pattern, message in _USUAL:
        if found := pattern.search(bare):
            before = text[: found.start()].split("\n")
            told = message.format(_SIGNS.get(found.group(), ""))
            return ExpressionError(told, text.strip(), len(before), len(before[-1]))
    line = min(getattr(error, "lineno", 1) or 1, text.count("\n") + 1)
    offset = max(0, (getattr(error, "offset", 1) or 1) - (2 if line == 1 else 1))
    return ExpressionError("表达式写法有误", text.strip(), line, min(offset, len(text)))


def _depth(tree: ast.expr) -> int:
    """How many levels an expression has, counted level by level."""
    level: list[ast.AST] = [tree]
    depth = 0
    while level and depth <= MAX_DEPTH:
        level = [below for node in level for below in ast.iter_child_nodes(node) if isinstance(below, ast.expr)]
        depth += 1
    return depth


def _is_zero(node: Node) -> bool:
    return node.op == "constant" and node.kind.base == "number" and node.value == 0


def _name(analyst: Analyst, node: ast.Name) -> Node:
    found = analyst.scope.resolve(node.id)
    if found is None:
        if node.id in ("true", "false"):
            return Node("constant", BOOLEAN, value=node.id == "true")
        if node.id in analyst.functions:
            analyst.fail(node, "这是函数名，后面要有括号")
        analyst.fail(node, "不认识的名称", close=nearest(node.id, analyst.scope.known()))
    if found.kind.base == "table":
        analyst.fail(node, "档位表要用 lookup(表, 键) 取值")
    return found


def _constant(analyst: Analyst, node: ast.Constant) -> Node:
    value = node.value
    if isinstance(value, bool):
        return Node("constant", BOOLEAN, value=value)
    if isinstance(value, int):
        if value > LITERAL_MAX:
            analyst.fail(node, f"表达式里只能写 0 到 {LITERAL_MAX} 的整数，其他数请写成有名字的参数")
        return Node("constant", number(value, value), value=value)
    if not isinstance(value, str):
        analyst.fail(node, "表达式里不能写小数，请写成有名字的参数")
    return Node("constant", TEXT, value=value)


def _unary(analyst: Analyst, node: ast.UnaryOp) -> Node:
    if isinstance(node.op, ast.Not):
        return analyst.make(node, "not", BOOLEAN, analyst.boolean(node.operand))
    if not isinstance(node.op, ast.USub):
        analyst.fail(node, "表达式里不能用这种写法")
    inner = analyst.numeric(node.operand)
    kind = replace(inner.kind, low=-inner.kind.high, high=-inner.kind.low)
    return analyst.make(node, "negate", kind, inner)


def _binary(analyst: Analyst, node: ast.BinOp) -> Node:
    method = _OPERATORS.get(type(node.op))
    if method is None:
        analyst.fail(node, "只能用 + - * /，取整请用 floor、round_down")
    left, right = analyst.visit(node.left), analyst.visit(node.right)
    for side, found in ((node.left, left), (node.right, right)):
        if found.kind.base == "date":
            analyst.fail(node, "日期不能直接加减乘除，请用 add_years、add_months、add_days、days")
        if not found.kind.numeric:
            analyst.fail(side, f"{found.kind.title}不能计算")
    return method(analyst, node, left, right)


def _sum(analyst: Analyst, node: ast.BinOp, left: Node, right: Node) -> Node:
    adding = isinstance(node.op, ast.Add)
    left, right = analyst.align(node, [left, right], "相加" if adding else "相减")
    percent = left.kind.percent and right.kind.percent
    low = left.kind.low + right.kind.low if adding else left.kind.low - right.kind.high
    high = left.kind.high + right.kind.high if adding else left.kind.high - right.kind.low
    kind = Kind(left.kind.base, left.kind.scale, low, high, percent)
    return analyst.make(node, "add" if adding else "subtract", kind, left, right)


def _product(analyst: Analyst, node: ast.BinOp, left: Node, right: Node) -> Node:
    bases = (left.kind.base, right.kind.base)
    if bases == ("money", "money"):
        analyst.fail(node, "金额不能乘金额")
    corners = [a * b for a in (left.kind.low, left.kind.high) for b in (right.kind.low, right.kind.high)]
    percent = left.kind.percent and right.kind.percent
    base = "money" if "money" in bases else "number"
    kind = Kind(base, left.kind.scale + right.kind.scale, min(corners), max(corners), percent)  # type: ignore[arg-type]
    return analyst.make(node, "multiply", kind, left, right)


def _quotient(analyst: Analyst, node: ast.BinOp, left: Node, right: Node) -> Node:
    """Floor of left/right at a fixed scale; a zero divisor makes the row an error."""
    if right.kind.base == "money" and left.kind.base != "money" and not _is_zero(left):
        analyst.fail(node, "数不能除以金额")
    if right.kind.low == right.kind.high == 0:
        analyst.fail(node, "除数是零")
    scale = max(DIVISION_SCALE, left.kind.scale - right.kind.scale)
    power = scale - left.kind.scale + right.kind.scale
    dividend = analyst.rescale(node, left, left.kind.scale + power)
    low, high = _quotient_bounds(dividend.kind, right.kind)
    base = "number" if right.kind.base == "money" else left.kind.base
    divides_zero = right.kind.low <= 0 <= right.kind.high
    kind = Kind(base, scale, low, high, base == "number" and left.kind.base == "money", divides_zero)
    return analyst.make(node, "divide", kind, dividend, right)


def _quotient_bounds(dividend: Kind, divisor: Kind) -> tuple[int, int]:
    ends = [end for end in (divisor.low, divisor.high, -1, 1) if end != 0 and divisor.low <= end <= divisor.high]
    corners = [a // b for a in (dividend.low, dividend.high) for b in ends]
    return min(corners), max(corners)


def _comparison(analyst: Analyst, node: ast.Compare) -> Node:
    parts: list[Node] = []
    left_source = node.left
    for operator, right_source in zip(node.ops, node.comparators, strict=True):
        parts.append(_compare(analyst, node, left_source, operator, right_source))
        left_source = right_source
    result = parts[0]
    for part in parts[1:]:
        result = analyst.make(node, "and", BOOLEAN, result, part)
    return result


def _compare(analyst: Analyst, at: ast.Compare, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Node:
    if isinstance(operator, ast.In | ast.NotIn):
        return _membership(analyst, at, left, operator, right)
    sign = _COMPARISONS.get(type(operator))
    if sign is None:
        analyst.fail(at, "只能用 == != < <= > >= in")
    pair = [analyst.visit(left), analyst.visit(right)]
    for here, there, source in ((pair[0], pair[1], right), (pair[1], pair[0], left)):
        if here.kind.base == "choice" and there.op == "constant" and there.kind.base == "text":
            return _choice_comparison(analyst, at, here, there, source, sign)
    if pair[0].kind.base in ("choice", "text", "boolean") and sign not in ("==", "!="):
        analyst.fail(at, f"{pair[0].kind.title}只能比较是否相同")
    if pair[0].kind.base == "list":
        analyst.fail(at, "清单不能比较，请用 count、contains")
    a, b = analyst.align(at, pair, "比较")
    return analyst.make(at, "compare", BOOLEAN, a, b, value=sign)


def _choice_comparison(
    analyst: Analyst, at: ast.Compare, choice: Node, literal: Node, source: ast.expr, sign: str
) -> Node:
    if sign not in ("==", "!="):
        analyst.fail(at, "选项只能比较是否相同")
    check_choice(analyst, choice, literal, source)
    return analyst.make(at, "compare", BOOLEAN, choice, literal, value=sign)


def check_choice(analyst: Analyst, choice: Node, literal: Node, source: ast.AST) -> None:
    """A literal that stands beside a choice must be one of its choices."""
    if literal.value not in choice.kind.choices:
        close = nearest(str(literal.value), choice.kind.choices)
        analyst.fail(source, f"选项里没有这一项，只有：{'、'.join(choice.kind.choices)}", str(literal.value), close)


def _membership(analyst: Analyst, at: ast.Compare, left: ast.expr, operator: ast.cmpop, right: ast.expr) -> Node:
    choice = analyst.visit(left)
    if choice.kind.base != "choice" or not isinstance(right, ast.Tuple | ast.List):
        analyst.fail(at, "in 的左边要是选项，右边要是括号里的一组选项")
    literals: list[str] = []
    for source in right.elts:
        literal = analyst.visit(source)
        if literal.op != "constant" or not isinstance(literal.value, str):
            analyst.fail(source, "这里要写带引号的选项")
        check_choice(analyst, choice, literal, source)
        literals.append(literal.value)
    inside = analyst.make(at, "in", BOOLEAN, choice, value=tuple(literals))
    return inside if isinstance(operator, ast.In) else analyst.make(at, "not", BOOLEAN, inside)


def _logic(analyst: Analyst, node: ast.BoolOp) -> Node:
    op = "and" if isinstance(node.op, ast.And) else "or"
    parts = [analyst.boolean(value) for value in node.values]
    result = parts[0]
    for part in parts[1:]:
        result = analyst.make(node, op, BOOLEAN, result, part)
    return result


def _choose(analyst: Analyst, node: ast.IfExp) -> Node:
    test = analyst.boolean(node.test)
    yes, no = analyst.align(node, [analyst.visit(node.body), analyst.visit(node.orelse)], "放在 if 的两边")
    return analyst.make(node, "if", spanning(yes.kind, no.kind), test, yes, no)


def spanning(*kinds: Kind) -> Kind:
    """The type of a value that is one of several of one base and scale."""
    choices = tuple(dict.fromkeys(choice for kind in kinds for choice in kind.choices))
    low, high = min(kind.low for kind in kinds), max(kind.high for kind in kinds)
    percent = all(kind.percent or (kind.low == kind.high == 0) for kind in kinds) and any(
        kind.percent for kind in kinds
    )
    nullable = any(kind.nullable for kind in kinds)
    return Kind(kinds[0].base, kinds[0].scale, low, high, percent, nullable, choices)


def _call(analyst: Analyst, node: ast.Call) -> Node:
    if not isinstance(node.func, ast.Name):
        analyst.fail(node, "表达式里不能用这种写法")
    handler = analyst.functions.get(node.func.id)
    if handler is None:
        analyst.fail(node.func, "不认识的函数", close=nearest(node.func.id, analyst.functions))
    if node.keywords:
        analyst.fail(node, "函数的参数不能写名称")
    return handler(analyst, node)


_COMPARISONS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==",
    ast.NotEq: "!=",
    ast.Lt: "<",
    ast.LtE: "<=",
    ast.Gt: ">",
    ast.GtE: ">=",
}
_OPERATORS: dict[type[ast.operator], Callable[[Analyst, ast.BinOp, Node, Node], Node]] = {
    ast.Add: _sum,
    ast.Sub: _sum,
    ast.Mult: _product,
    ast.Div: _quotient,
}
_VISITORS: dict[type[ast.expr], Callable[[Analyst, Any], Node]] = {
    ast.Name: _name,
    ast.Constant: _constant,
    ast.UnaryOp: _unary,
    ast.BinOp: _binary,
    ast.Compare: _comparison,
    ast.BoolOp: _logic,
    ast.IfExp: _choose,
    ast.Call: _call,
}
