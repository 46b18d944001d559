"""A measure's expressions, checked against its names and ordered for evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from policy.expressions import Analyst, ExpressionError, Node
from policy.functions import TABLE
from policy.kinds import BOOLEAN, DATE, INT128_MAX, LIST, MONEY, TEXT, YEAR, Kind, number
from policy.names import SYSTEM_NAMES
from policy.parameters import ParameterError, parameter_node
from policy.positions import Path
from policy.reporter import Reporter
from policy.schema import AmountCap, Condition, Fact, Measure, Parameter, Policy, Pool, Step
from policy.values import bounds


@dataclass(frozen=True)
class CheckedCondition:
    """A condition with its tree; ``common`` when it belongs to the whole policy."""

    condition: Condition
    node: Node
    clause: str
    quote: str
    common: bool


@dataclass(frozen=True)
class CheckedStep:
    """A step with its tree."""

    step: Step
    node: Node


@dataclass
class Program:
    """Everything of a measure that is computed; steps stand in the order of their dependence."""

    measure: Measure
    facts: dict[str, Fact]
    parameters: dict[str, Parameter]
    steps: list[CheckedStep] = field(default_factory=list)
    conditions: list[CheckedCondition] = field(default_factory=list)
    award: Node | None = None
    cap: Node | None = None
    ceiling: Node | None = None
    used: set[str] = field(default_factory=set)

    @property
    def nodes(self) -> list[Node]:
        """The trees of all its expressions."""
        amounts = [node for node in (self.award, self.cap, self.ceiling) if node is not None]
        return [*(each.node for each in self.steps), *(each.node for each in self.conditions), *amounts]

    def kind(self, name: str) -> Kind | None:
        """The static type of a fact or step."""
        for each in self.steps:
            if each.step.name == name:
                return each.node.kind
        fact = self.facts.get(name)
        return fact_kind(fact) if fact else None


def fact_kind(fact: Fact) -> Kind:
    """The static type of a fact's column."""
    nullable = not (fact.required or fact.default is not None or fact.source == "history")
    if fact.type in ("date", "boolean", "text", "list"):
        return {"date": DATE, "boolean": BOOLEAN, "text": TEXT, "list": LIST}[fact.type].maybe(nullable)
    if fact.type == "choice":
        return Kind("choice", choices=tuple(fact.choices), nullable=nullable)
    low, high = bounds(fact)
    if fact.type == "money":
        return Kind("money", 2, low, high, nullable=nullable)
    scale = fact.decimals + (2 if fact.is_percent else 0) if fact.type == "decimal" else 0
    return number(low, high, scale, percent=fact.is_percent).maybe(nullable)


@dataclass
class _Scope:
    """Names of one measure; steps are analysed when first asked for."""

    program: Program
    nodes: dict[str, Node]
    steps: dict[str, tuple[Path, Step]]
    reporter: Reporter
    done: dict[str, Node | None] = field(default_factory=dict)
    open: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)

    def known(self) -> set[str]:
        return {*self.nodes, *self.steps}

    def resolve(self, name: str) -> Node | None:
        self.used.add(name)
        if name in self.nodes:
            return self.nodes[name]
        if name not in self.steps:
            return None
        if name in self.open:
            circle = " → ".join([*self.open[self.open.index(name) :], name])
            raise ExpressionError(f"步骤之间成环：{circle}", name)
        found = self.step(name)
        if found is None:
            raise _AlreadyReportedError
        return Node("name", found.kind, value=name)

    def step(self, name: str) -> Node | None:
        if name not in self.done:
            path, step = self.steps[name]
            self.open.append(name)
            node = self.analyse(step.expression, (*path, "expression"))
            self.open.pop()
            self.done[name] = node
            if node is not None:
                self.program.steps.append(CheckedStep(step, node))
        return self.done[name]

    def analyse(self, text: str, path: Path) -> Node | None:
        try:
            node = Analyst(text, self, TABLE).analyse()
        except ExpressionError as error:
            self.reporter.expression(path, error)
            return None
        except _AlreadyReportedError:
            return None
        if node.op == "constant" and isinstance(node.value, str):
            self.reporter.error(path, "这里不能只写一个文字", text)
            return None
        warn_division(node, path, self.reporter)
        return node


class _AlreadyReportedError(Exception):
    """The name stands for a step whose own problem is already listed."""


def build_program(policy: Policy, measure: Measure, path: Path, reporter: Reporter) -> Program:
    """Check all expressions of a measure; problems go to ``reporter``, what is right goes into the program."""
    before = len(reporter.problems)
    facts = {fact.name: fact for fact in measure.all_facts}
    parameters = {each.name: each for each in (*policy.parameters, *measure.parameters)}
    program = Program(measure, facts, parameters)
    nodes = _names(policy, program)
    steps = {step.name: ((*path, "steps", index), step) for index, step in enumerate(measure.steps)}
    scope = _Scope(program, nodes, steps, reporter)
    common = {fact.name for fact in policy.common_facts} | set(SYSTEM_NAMES)
    common |= {parameter.name for parameter in policy.parameters}
    for name in steps:
        scope.step(name)
    for index, condition in enumerate(policy.common_conditions):
        limited = _Scope(program, {name: nodes[name] for name in common & set(nodes)}, {}, reporter)
        _condition(limited, condition, ("common_conditions", index), condition.clause, condition.quote, common=True)
        scope.used |= limited.used
    for index, condition in enumerate(measure.conditions):
        clause, quote = condition.clause or measure.clause, condition.quote or measure.quote
        _condition(scope, condition, (*path, "conditions", index), clause, quote, common=False)
    _amounts(scope, measure, path)
    program.used = scope.used
    if not any(problem.severity == "error" for problem in reporter.problems[before:]):
        _unused(scope, policy, measure, path)
    return program


def _names(policy: Policy, program: Program) -> dict[str, Node]:
    nodes: dict[str, Node] = {}
    for fact in program.facts.values():
        nodes[fact.name] = Node("name", fact_kind(fact), value=fact.name)
    for parameter in program.parameters.values():
        try:
            nodes[parameter.name] = parameter_node(parameter, policy.provisions.percentages_are_maxima)
        except ParameterError:
            nodes[parameter.name] = Node("parameter", Kind("money", 2, 0, 1), value=parameter.name)
    for name in SYSTEM_NAMES:
        nodes[name] = Node("system", YEAR if name == "cycle_year" else DATE, value=name)
    return nodes


def _condition(scope: _Scope, condition: Condition, path: Path, clause: str, quote: str, *, common: bool) -> None:
    node = scope.analyse(condition.expression, (*path, "expression"))
    if node is None:
        return
    if node.kind.base != "boolean":
        scope.reporter.error((*path, "expression"), f"条件的结果要是“是/否”，这里是{node.kind.title}")
        return
    scope.program.conditions.append(CheckedCondition(condition, node, clause, quote, common))


def _amounts(scope: _Scope, measure: Measure, path: Path) -> None:
    program = scope.program
    program.award = _money(scope, measure.award, (*path, "award"))
    program.cap = _money(scope, measure.cap, (*path, "cap"))
    program.ceiling = _money(scope, measure.ceiling, (*path, "ceiling"))
    nodes = [node for node in (program.award, program.cap, program.ceiling) if node is not None]
    scale = max((node.kind.scale for node in nodes), default=2)
    sizes = [node.kind.size * 10 ** (scale - node.kind.scale) for node in nodes]
    if any(2 * size > INT128_MAX for size in (*sizes, MONEY.high * 10 ** max(0, scale - MONEY.scale))):
        scope.reporter.error(path, "按各事实的最大值推算，奖补金额可能超过 38 位整数，请给事实写 max", measure.id)


def _money(scope: _Scope, text: str | None, path: Path) -> Node | None:
    if text is None:
        return None
    node = scope.analyse(text, path)
    if node is not None and node.kind.base != "money":
        scope.reporter.error(path, f"这里要金额，不能是{node.kind.title}", text)
        return None
    return node


def _unused(scope: _Scope, policy: Policy, measure: Measure, path: Path) -> None:
    """Say which names nothing reads."""
    special = {measure.decided_by, measure.budget.rank_by, *(limit.per for limit in measure.limits)}
    special |= {name for limit in measure.limits for name in limit.period}
    special |= {limit.times for limit in measure.limits} | {limit.amount for limit in measure.limits}
    groups = [group for group in policy.groups if measure.id in group.measures]
    special |= {fact.history.per for fact in measure.all_facts if fact.history is not None}
    special |= {group.amount for group in groups if isinstance(group, AmountCap)}
    special |= {group.per for group in groups} | {group.rank_by for group in groups if isinstance(group, Pool)}
    reasons = "".join(condition.reason for condition in measure.conditions)
    named: list[tuple[str, Sequence[Fact | Parameter | Step]]] = [
        ("facts", measure.facts),
        ("parameters", measure.parameters),
        ("steps", measure.steps),
    ]
    for part, items in named:
        for index, item in enumerate(items):
            free = isinstance(item, Fact) and item.type in ("text", "list")
            if not (free or item.name in scope.used or item.name in special or f"{{{item.name}}}" in reasons):
                scope.reporter.warning((*path, part, index, "name"), "没有地方用到它", item.name)


def warn_division(node: Node, path: Path, reporter: Reporter) -> None:
    """Money that is divided first and multiplied later loses what the division cut off."""
    if node.op == "multiply" and any(arg.op == "divide" and arg.kind.base == "money" for arg in node.args):
        reporter.warning(path, "金额先除后乘会丢掉除不尽的部分，请先乘后除")
    for arg in node.args:
        warn_division(arg, path, reporter)
