"""The law's own test suite: worked examples beside the policy, run through the same evaluation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath
from typing import Annotated, Any

import polars as pl
from pydantic import Field, ValidationError

from policy.amounts import read_money, yuan
from policy.errors import InputError, PolicyError, Problem, ValueProblem, nearest
from policy.evaluation import Evaluation
from policy.facts import frame
from policy.history import checked_history, history_columns, recorded_facts
from policy.kinds import MAX_YEAR, MIN_YEAR
from policy.loading import load, policy_file, read_text, shape_problems
from policy.positions import Document, Path, read_document
from policy.same_item import evaluate_items
from policy.schema import Fact, Measure, Policy, Pool, Strict
from policy.values import read_value

SAME_ENTERPRISE = "同一企业"
_RECORD = ("uscc", "measure", "year", "amount_yuan")


CycleYear = Annotated[int, Field(ge=MIN_YEAR, le=MAX_YEAR)]


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
    year: CycleYear | None = None
    facts: dict[str, str | None] = Field(default_factory=dict)
    history: list[dict[str, str]] = Field(default_factory=list)
    overrides: dict[str, dict[str, str]] = Field(default_factory=dict)
    budgets: dict[str, str] = Field(default_factory=dict)
    same_item: list[tuple[str, str]] = Field(default_factory=list)
    expect: Expect | None = None
    applications: list[Application] = Field(default_factory=list)


class Defaults(Strict):
    """What every case has unless it says otherwise."""

    year: CycleYear | None = None
    facts: dict[str, str | None] = Field(default_factory=dict)


class Cases(Strict):
    """A cases.yaml."""

    defaults: Defaults = Field(default_factory=Defaults)
    cases: list[Case]


@dataclass(frozen=True)
class Difference:
    """What a case does not give, or has wrong: a Chinese sentence, its place inside the case, what stands there."""

    message: str
    path: Path = ()
    value: str = ""
    nearest: str | None = None


class _CaseError(InputError):
    """Something in a case itself that cannot be used."""

    def __init__(self, difference: Difference) -> None:
        super().__init__(difference.message)
        self.difference = difference


@dataclass(frozen=True)
class CaseResult:
    """How one case went: every difference as a Chinese sentence, none when it passed; ``problems`` have places.

    ``shows`` are the measures of its applications, each with the outcome that is expected.
    """

    name: str
    clause: str
    line: int
    differences: list[str] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    shows: frozenset[tuple[str, str]] = frozenset()

    @property
    def passed(self) -> bool:
        """Whether the case gives what it expects."""
        return not self.differences


def cases_file(path: FilePath) -> FilePath:
    """The cases.yaml beside a policy."""
    return policy_file(path).parent / "cases.yaml"


def run_cases(path: FilePath, progress: Callable[[int, int], None] | None = None) -> list[CaseResult]:
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
    _check_defaults(policy, cases, document)
    results: list[CaseResult] = []
    together = _together(policy, cases)
    for index, case in enumerate(cases.cases):
        line, found = document.mark(("cases", index)).line, _run(policy, cases.defaults, case, together.get(index))
        problems = [
            document.problem(
                ("cases", index, *each.path), each.value, f"算例不符（{case.name}）：{each.message}", each.nearest
            )
            for each in found
        ]
        shows = frozenset((each.measure, each.expect.outcome) for each in _applications(case))
        results.append(CaseResult(case.name, case.clause, line, [each.message for each in found], problems, shows))
        if progress is not None:
            progress(index + 1, len(cases.cases))
    return results


def _check_defaults(policy: Policy, cases: Cases, document: Document) -> None:
    """Facts that only some measures have are left out elsewhere; those that none has are a mistake."""
    known = {fact.name for measure in policy.measures for fact in measure.all_facts}
    unknown = [
        document.problem(("defaults", "facts", name), name, "没有一条措施有这个事实", nearest(name, known))
        for name in cases.defaults.facts
        if name not in known
    ]
    if unknown:
        raise PolicyError(unknown)


def case_problems(results: Iterable[CaseResult]) -> list[Problem]:
    """Everything in which cases do not give what they expect, at its place in cases.yaml."""
    return [problem for result in results for problem in result.problems]


def unproven(policy: Policy, results: Iterable[CaseResult]) -> list[Problem]:
    """A reminder of each measure that no case shows to be reachable: its conditions may exclude each other."""
    shown = {pair for result in results for pair in result.shows}
    measures = [each for each in policy.measures if not {(each.id, end) for end in _ENDS[each.outcome]} & shown]
    document = read_document(policy.text, policy.file)
    found = [
        document.problem(("measures", policy.measures.index(each), "id"), each.id, _UNPROVEN[each.outcome])
        for each in measures
    ]
    return [replace(each, severity="warning") for each in found]


_ENDS = {"award": ("award",), "referral": ("referral",), "case_by_case": ("case_by_case", "award")}
_UNPROVEN = {
    "award": "没有一个算例得到奖补，不能说明条件可以满足，请按条款写一件",
    "referral": "没有一个算例转报上级，不能说明条件可以满足，请按条款写一件",
    "case_by_case": "没有一个算例到一事一议，不能说明条件可以满足，请按条款写一件",
}


def no_cases(file: FilePath) -> Problem:
    """The reminder that a policy has no worked examples."""
    return Problem(str(file), 1, 1, "", "没有算例文件，请按条款手算几件写进去，检查时一并核对", severity="warning")


@dataclass(frozen=True)
class _Computed:
    """What a case's applications came to, under the names they had when they were computed."""

    evaluation: Evaluation
    applications: list[Application]


def _together(policy: Policy, cases: Cases) -> dict[int, _Computed]:
    """The cases that can share one table a year, computed at once: a fraction of the time of one after the other.

    A case's enterprises and applications are its own there, so that no rule sees another case's. Where one of them
    cannot be used, all of its year are left to be computed alone and to say what is wrong.
    """
    if not _for_each_enterprise(policy):
        return {}
    years: dict[int, dict[int, Case]] = {}
    for index, case in enumerate(cases.cases):
        if not (case.overrides or case.budgets or case.same_item):
            years.setdefault(_cycle_year(policy, cases.defaults, case), {})[index] = _marked(case, index)
    found: dict[int, _Computed] = {}
    for year, marked in years.items():
        whole = Case(name="", clause="", year=year, history=[row for case in marked.values() for row in case.history])
        listed = [each for case in marked.values() for each in case.applications]
        with suppress(InputError):
            evaluation = _evaluate(policy, cases.defaults, whole, listed)
            found |= {index: _Computed(evaluation, case.applications) for index, case in marked.items()}
    return found


def _for_each_enterprise(policy: Policy) -> bool:
    """Whether every rule between applications is one between those of an enterprise."""
    limits = [limit.per for measure in policy.measures for limit in measure.limits]
    pooled = any(isinstance(group, Pool) for group in policy.groups)
    return not pooled and {*limits, *(group.per for group in policy.groups)} <= {"uscc"}


def _marked(case: Case, index: int) -> Case:
    """The case with its number before each of its applications and enterprises."""
    return case.model_copy(
        update={
            "applications": [_numbered(each, index) for each in _applications(case)],
            "history": [row | {"uscc": _own(row.get("uscc", SAME_ENTERPRISE), index)} for row in case.history],
        }
    )


def _numbered(application: Application, index: int) -> Application:
    return application.model_copy(
        update={"id": f"{index} {application.id}", "uscc": _own(application.uscc, index)},
    )


def _own(uscc: str, index: int) -> str:
    """Who has no code stays without."""
    return f"{index} {uscc}" if uscc.strip() else uscc


def _applications(case: Case) -> list[Application]:
    if case.measure is not None and case.expect is not None:
        return [Application(id="申请", measure=case.measure, facts=case.facts, expect=case.expect)]
    return case.applications


def _cycle_year(policy: Policy, defaults: Defaults, case: Case) -> int:
    return case.year or defaults.year or policy.valid.to.year


def _run(policy: Policy, defaults: Defaults, case: Case, computed: _Computed | None) -> list[Difference]:
    applications = _applications(case)
    if not applications:
        return [Difference("算例要写 measure 和 expect，或写 applications")]
    try:
        computed = computed or _Computed(_evaluate(policy, defaults, case, applications), applications)
    except _CaseError as error:
        return [error.difference]
    except InputError as error:
        return [Difference(str(error))]
    return [
        replace(found, path=(*_place(case, number), *found.path), message=_named(case, each, found.message))
        for number, each in enumerate(applications)
        for found in _differences(computed.evaluation, computed.applications[number])
    ]


def _place(case: Case, number: int) -> Path:
    return ("applications", number) if case.applications else ()


def _named(case: Case, application: Application, message: str) -> str:
    return f"{application.id}：{message}" if case.applications else message


def _evaluate(policy: Policy, defaults: Defaults, case: Case, applications: list[Application]) -> Evaluation:
    rows: dict[str, list[dict[str, Any]]] = {}
    for number, each in enumerate(applications):
        place, measure = _place(case, number), policy.measure(each.measure)
        if measure is None:
            close = nearest(each.measure, [known.id for known in policy.measures])
            raise _CaseError(Difference("没有这条措施", (*place, "measure"), each.measure, close))
        row = {"application_id": each.id, "uscc": each.uscc, "enterprise": each.uscc}
        rows.setdefault(measure.id, []).append(row | _typed(measure, defaults, each, (*place, "facts")))
    measures = {measure.id: measure for measure in policy.measures}
    _check_pairs(case, [each.id for each in applications])
    return evaluate_items(
        policy,
        {name: frame(measures[name], listed) for name, listed in rows.items()},
        case.same_item,
        year=_cycle_year(policy, defaults, case),
        history=_history(policy, case),
        overrides=case.overrides,
        budgets={name: _fen(text) for name, text in case.budgets.items()},
    )


def _check_pairs(case: Case, known: list[str]) -> None:
    for number, pair in enumerate(case.same_item):
        for place, name in enumerate(pair):
            if name not in known:
                at: Path = ("same_item", number, place)
                raise _CaseError(Difference("这个算例里没有这件申请", at, name, nearest(name, known)))


def _typed(measure: Measure, defaults: Defaults, application: Application, place: Path) -> dict[str, Any]:
    known = {fact.name: fact for fact in measure.all_facts}
    texts = {name: text for name, text in defaults.facts.items() if name in known} | application.facts
    typed: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in known:
            raise _CaseError(Difference(f"措施 {measure.id} 没有这个事实", (*place, name), name, nearest(name, known)))
        typed[name] = _value(known[name], text or "", (*place, name))
    return typed


def _value(fact: Fact, text: str, place: Path) -> Any:
    read = read_value(fact, text)
    if isinstance(read, ValueProblem):
        raise _CaseError(Difference(f"“{fact.label}”的值{read.message}", place, text))
    return read.value


def _history(policy: Policy, case: Case) -> pl.DataFrame:
    recorded, rows = recorded_facts(policy), []
    for number, given in enumerate(case.history):
        place: Path = ("history", number)
        row: dict[str, Any] = {"uscc": given.get("uscc", SAME_ENTERPRISE), "measure": given.get("measure", "")}
        row["year"] = _year(given.get("year", ""), (*place, "year"))
        row["amount_fen"] = _fen(given.get("amount_yuan", "0"))
        if policy.measure(row["measure"]) is None:
            close = nearest(row["measure"], [known.id for known in policy.measures])
            raise _CaseError(Difference("没有这条措施", (*place, "measure"), row["measure"], close))
        for name, text in given.items():
            if name in recorded:
                row[name] = _value(recorded[name], text, (*place, name))
            elif name not in _RECORD:
                close = nearest(name, [*_RECORD, *recorded])
                raise _CaseError(Difference("历年记录里没有规则用到这一列", (*place, name), name, close))
        rows.append(row)
    return checked_history(policy, pl.DataFrame(rows, schema=history_columns(policy)))


def _year(text: str, place: Path) -> int:
    if not (text.isascii() and text.isdecimal() and MIN_YEAR <= int(text) <= MAX_YEAR):
        raise _CaseError(Difference("不是年度，请写成 2024 的样子", place, text))
    return int(text)


def _fen(text: str) -> int:
    read = read_money(text)
    if isinstance(read, ValueProblem):
        raise InputError(f"金额“{text}”{read.message}")
    return read[0]


def _differences(evaluation: Evaluation, application: Application) -> list[Difference]:
    expect = application.expect
    failed = [error for error in evaluation.errors if error.application_id == application.id]
    if failed or expect.outcome == "error":
        return _error_differences(expect, "；".join(error.message for error in failed))
    row = evaluation.results.row(by_predicate=pl.col("application_id") == application.id, named=True)
    amount = None if expect.amount_yuan is None else yuan(_fen(expect.amount_yuan))
    wanted: Mapping[str, tuple[str, str | None, str | None]] = {
        "outcome": ("结果", expect.outcome, row["outcome"]),
        "amount_yuan": ("金额", amount, yuan(row["amount_fen"])),
        "clause": ("条款", expect.clause, row["clause"]),
        "referral_to": ("转报", expect.referral_to, row["referral_to"]),
    }
    found = [
        Difference(f"{what}应为 {right}，得到 {got}（{row['reason']}）", ("expect", key), right)
        for key, (what, right, got) in wanted.items()
        if right is not None and right != got
    ]
    if expect.reason_contains is not None and expect.reason_contains not in row["reason"]:
        found.append(_other_reason(expect.reason_contains, row["reason"]))
    return found + _step_differences(evaluation, application)


def _other_reason(wanted: str, got: str) -> Difference:
    return Difference(f"说明应含“{wanted}”，得到“{got}”", ("expect", "reason_contains"), wanted)


def _error_differences(expect: Expect, message: str) -> list[Difference]:
    at = ("expect", "outcome")
    if expect.outcome != "error":
        return [Difference(f"结果应为 {expect.outcome}，这一行报错：{message}", at, expect.outcome)]
    if not message:
        return [Difference("应当报错，却算出了结果", at, expect.outcome)]
    if expect.reason_contains is not None and expect.reason_contains not in message:
        return [_other_reason(expect.reason_contains, message)]
    return []


def _step_differences(evaluation: Evaluation, application: Application) -> list[Difference]:
    if not application.expect.steps:
        return []
    shown = {step.name: step.value for step in evaluation.steps(application.id)}
    found: list[Difference] = []
    for name, text in application.expect.steps.items():
        place = ("expect", "steps", name)
        if name not in shown:
            close = nearest(name, shown)
            hint = f"，是否想写“{close}”" if close else ""
            found.append(Difference(f"没有步骤“{name}”{hint}", place, name))
        elif not _same(text, shown[name]):
            found.append(Difference(f"步骤“{name}”应为 {text}，得到 {shown[name]}", place, text))
    return found


def _same(wanted: str, shown: str) -> bool:
    """Equal as text, or as the same amount."""
    if wanted == shown:
        return True
    first, second = read_money(wanted), read_money(shown)
    return isinstance(first, tuple) and isinstance(second, tuple) and first[0] == second[0]
