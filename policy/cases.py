"""The law's own test suite: worked examples beside the policy, run through the same evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import Field, ValidationError

from policy.amounts import read_money, yuan
from policy.errors import InputError, PolicyError, Problem, ValueProblem, nearest
from policy.evaluation import Evaluation
from policy.facts import frame
from policy.history import checked_history, history_columns, recorded_facts
from policy.loading import load, policy_file, read_text, shape_problems
from policy.positions import read_document
from policy.same_item import evaluate_items
from policy.schema import Fact, Measure, Policy, Strict
from policy.values import read_value

SAME_ENTERPRISE = "同一企业"


class Expect(Strict):
    """What a case must give; only what is written is compared."""

    outcome: str
    amount_yuan: str | None = None
    reason_contains: str | None = None
    clause: str | None = None
    referral_to: str | None = None
    steps: dict[str, str] = Field(default_factory=dict)


class Application(Strict):
    """One application of a case."""

    id: str
    uscc: str = SAME_ENTERPRISE
    measure: str
    facts: dict[str, str | None] = Field(default_factory=dict)
    expect: Expect


class Case(Strict):
    """One worked example."""

    name: str
    clause: str
    measure: str | None = None
    year: int | None = None
    facts: dict[str, str | None] = Field(default_factory=dict)
    history: list[dict[str, str]] = Field(default_factory=list)
    overrides: dict[str, dict[str, str]] = Field(default_factory=dict)
    budgets: dict[str, str] = Field(default_factory=dict)
    same_item: list[tuple[str, str]] = Field(default_factory=list)
    expect: Expect | None = None
    applications: list[Application] = Field(default_factory=list)


class Defaults(Strict):
    """What every case has unless it says otherwise."""

    year: int | None = None
    facts: dict[str, str | None] = Field(default_factory=dict)


class Cases(Strict):
    """A cases.yaml."""

    defaults: Defaults = Field(default_factory=Defaults)
    cases: list[Case]


@dataclass(frozen=True)
class CaseResult:
    """How one case went: every difference as a Chinese sentence, none when it passed."""

    name: str
    clause: str
    line: int
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether the case gives what it expects."""
        return not self.differences


def cases_file(path: Path) -> Path:
    """The cases.yaml beside a policy."""
    return policy_file(path).parent / "cases.yaml"


def run_cases(path: Path, progress: Callable[[int, int], None] | None = None) -> list[CaseResult]:
    """Run the cases beside a policy; ``progress`` is told how many of how many are done.

    Raises PolicyError when the policy or the cases cannot be read.
    """
    policy, file = load(path), cases_file(path)
    document = read_document(read_text(file), str(file))
    if document.problems:
        raise PolicyError(document.problems)
    try:
        cases = Cases.model_validate(document.data)
    except ValidationError as error:
        raise PolicyError(shape_problems(document, error, Cases)) from error
    results: list[CaseResult] = []
    for index, case in enumerate(cases.cases):
        line = document.mark(("cases", index)).line
        results.append(CaseResult(case.name, case.clause, line, _run(policy, cases.defaults, case)))
        if progress is not None:
            progress(index + 1, len(cases.cases))
    return results


def case_problems(file: Path, results: Iterable[CaseResult]) -> list[Problem]:
    """The cases that do not give what they expect, as problems of cases.yaml."""
    return [
        Problem(str(file), result.line, 1, result.name, f"算例不符：{difference}")
        for result in results
        for difference in result.differences
    ]


def _run(policy: Policy, defaults: Defaults, case: Case) -> list[str]:
    applications = case.applications
    if case.measure is not None and case.expect is not None:
        applications = [Application(id="申请", measure=case.measure, facts=case.facts, expect=case.expect)]
    if not applications:
        return ["算例要写 measure 和 expect，或写 applications"]
    try:
        evaluation = _evaluate(policy, defaults, case, applications)
    except InputError as error:
        return [str(error)]
    return [
        (f"{each.id}：" if case.applications else "") + difference
        for each in applications
        for difference in _differences(evaluation, each)
    ]


def _evaluate(policy: Policy, defaults: Defaults, case: Case, applications: list[Application]) -> Evaluation:
    rows: dict[str, list[dict[str, Any]]] = {}
    for each in applications:
        measure = policy.measure(each.measure)
        if measure is None:
            close = nearest(each.measure, [known.id for known in policy.measures])
            raise InputError(f"没有措施“{each.measure}”" + (f"，是否想写“{close}”" if close else ""))
        row = {"application_id": each.id, "uscc": each.uscc, "enterprise": each.uscc}
        rows.setdefault(measure.id, []).append(row | _typed(measure, defaults, each))
    measures = {measure.id: measure for measure in policy.measures}
    return evaluate_items(
        policy,
        {name: frame(measures[name], listed) for name, listed in rows.items()},
        case.same_item,
        year=case.year or defaults.year or policy.valid.to.year,
        history=_history(policy, case),
        overrides=case.overrides,
        budgets={name: _fen(text) for name, text in case.budgets.items()},
    )


def _typed(measure: Measure, defaults: Defaults, application: Application) -> dict[str, Any]:
    known = {fact.name: fact for fact in measure.all_facts}
    texts = {name: text for name, text in defaults.facts.items() if name in known} | application.facts
    typed: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in known:
            close = nearest(name, known)
            raise InputError(f"措施 {measure.id} 没有事实“{name}”" + (f"，是否想写“{close}”" if close else ""))
        typed[name] = _value(known[name], text or "")
    return typed


def _value(fact: Fact, text: str) -> Any:
    read = read_value(fact, text)
    if isinstance(read, ValueProblem):
        raise InputError(f"“{fact.label}”的值{read.message}")
    return read.value


def _history(policy: Policy, case: Case) -> pl.DataFrame:
    recorded, rows = recorded_facts(policy), []
    for given in case.history:
        row: dict[str, Any] = {"uscc": given.get("uscc", SAME_ENTERPRISE), "measure": given.get("measure", "")}
        row["year"] = int(given.get("year", "0"))
        row["amount_fen"] = _fen(given.get("amount_yuan", "0"))
        for name, text in given.items():
            if name in recorded:
                row[name] = _value(recorded[name], text)
            elif name not in ("uscc", "measure", "year", "amount_yuan"):
                raise InputError(f"历年记录里没有规则用到“{name}”这一列")
        rows.append(row)
    return checked_history(policy, pl.DataFrame(rows, schema=history_columns(policy)))


def _fen(text: str) -> int:
    read = read_money(text)
    if isinstance(read, ValueProblem):
        raise InputError(f"金额“{text}”{read.message}")
    return read[0]


def _differences(evaluation: Evaluation, application: Application) -> list[str]:
    expect = application.expect
    failed = [error for error in evaluation.errors if error.application_id == application.id]
    if failed or expect.outcome == "error":
        return _error_differences(expect, "；".join(error.message for error in failed))
    row = evaluation.results.row(by_predicate=pl.col("application_id") == application.id, named=True)
    wanted: Mapping[str, tuple[str | None, str | None]] = {
        "结果": (expect.outcome, row["outcome"]),
        "金额": (None if expect.amount_yuan is None else yuan(_fen(expect.amount_yuan)), yuan(row["amount_fen"])),
        "条款": (expect.clause, row["clause"]),
        "转报": (expect.referral_to, row["referral_to"]),
    }
    found = [
        f"{what}应为 {right}，得到 {got}（{row['reason']}）"
        for what, (right, got) in wanted.items()
        if right is not None and right != got
    ]
    if expect.reason_contains is not None and expect.reason_contains not in row["reason"]:
        found.append(f"说明应含“{expect.reason_contains}”，得到“{row['reason']}”")
    return found + _step_differences(evaluation, application)


def _error_differences(expect: Expect, message: str) -> list[str]:
    if expect.outcome != "error":
        return [f"结果应为 {expect.outcome}，这一行报错：{message}"]
    if not message:
        return ["应当报错，却算出了结果"]
    if expect.reason_contains is not None and expect.reason_contains not in message:
        return [f"说明应含“{expect.reason_contains}”，得到“{message}”"]
    return []


def _step_differences(evaluation: Evaluation, application: Application) -> list[str]:
    if not application.expect.steps:
        return []
    shown = {step.name: step.value for step in evaluation.steps(application.id)}
    found: list[str] = []
    for name, text in application.expect.steps.items():
        if name not in shown:
            close = nearest(name, shown)
            found.append(f"没有步骤“{name}”" + (f"，是否想写“{close}”" if close else ""))
        elif not _same(text, shown[name]):
            found.append(f"步骤“{name}”应为 {text}，得到 {shown[name]}")
    return found


def _same(wanted: str, shown: str) -> bool:
    """Equal as text, or as the same amount."""
    if wanted == shown:
        return True
    first, second = read_money(wanted), read_money(shown)
    return isinstance(first, tuple) and isinstance(second, tuple) and first[0] == second[0]
