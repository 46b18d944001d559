"""Random expressions and policy files: a result or the module's own errors in Chinese, never another, never endless."""

import re
import tempfile
import time
from pathlib import Path

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

import policy
from policy import Policy, Problem
from policy.loading import examine
from policy.positions import read_document
from services.law import policy_check
from tests.fuzzing import budget
from tests.hostile.strings import TEXTS
from tests.policy.base_policy import BASE
from tests.policy.random_facts import random_facts

MADE_UP = Path(__file__).parent / "made_up" / "per-unit"
CASES = (MADE_UP / "cases.yaml").read_text(encoding="utf-8")
_NAMES = sorted(set(re.findall(r"\b[a-z][a-z_0-9]+\b", BASE)))
_FUNCTIONS = [
    "min",
    "max",
    "abs",
    "floor",
    "ceil",
    "round_down",
    "round_half_up",
    "lookup",
    "year",
    "add_years",
    "days",
]
_FUNCTIONS += ["months", "count", "contains", "applicant_total", "is_missing", "coalesce", "sum", "len", "eval", "open"]
_ODD = [
    *TEXTS.values(),
    "__import__('os')",
    "().__class__",
    "a.b",
    "a[0]",
    "lambda: 1",
    "{1: 2}",
    "f'{a}'",
    "x := 1",
    "*a",
]
LONGEST_SECONDS = 20


def expressions() -> st.SearchStrategy[str]:
    """Texts that are nearly expressions."""
    names = st.sampled_from(_NAMES)
    numbers = st.integers().map(str) | st.decimals(allow_nan=False, allow_infinity=False).map(str)
    atoms = names | numbers | st.sampled_from(["True", "false", "'a'", '""', "None", "..."]) | st.sampled_from(_ODD)

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        operators = st.sampled_from(
            ["+", "-", "*", "/", "//", "%", "**", "and", "or", "<", "<=", "==", "!=", "in", "is", "<<", "@"]
        )
        return (
            st.tuples(inner, operators, inner).map(" ".join)
            | st.tuples(st.sampled_from(_FUNCTIONS) | names, st.lists(inner, max_size=4)).map(
                lambda c: f"{c[0]}({', '.join(c[1])})"
            )
            | st.tuples(inner, inner, inner).map(lambda c: f"{c[0]} if {c[1]} else {c[2]}")
            | inner.map(lambda text: f"not ({text})")
            | inner.map(lambda text: f"-({text})")
        )

    return st.recursive(atoms, deeper, max_leaves=25)


def amounts(law_names: tuple[str, ...] = ("fee", "threshold", "fee", "fee * rate")) -> st.SearchStrategy[str]:
    """Expressions that mostly are amounts of money, so that they are computed as well."""

    def deeper(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        two = st.tuples(inner, inner)
        number = st.sampled_from(["2", "100", "persons", "(persons + 1)", "(persons - persons)", "(fee / threshold)"])
        condition = two.map(lambda c: f"({c[0]} >= {c[1]})") | st.sampled_from(["level == '省级'", "is_missing(fee)"])
        return (
            st.tuples(inner, st.sampled_from("+-"), inner).map(lambda c: f"({c[0]} {c[1]} {c[2]})")
            | st.tuples(inner, st.sampled_from("*/"), number).map(lambda c: f"({c[0]} {c[1]} {c[2]})")
            | st.tuples(st.sampled_from(["min", "max"]), inner, inner).map(lambda c: f"{c[0]}({c[1]}, {c[2]})")
            | st.tuples(inner, condition, inner).map(lambda c: f"({c[0]} if {c[1]} else {c[2]})")
            | st.tuples(st.sampled_from(["abs"]), inner).map(lambda c: f"{c[0]}({c[1]})")
            | inner.map(lambda text: f"round_down({text}, threshold)")
            | two.map(lambda c: f"coalesce({c[0]}, {c[1]})")
            | st.tuples(inner, inner, inner).map(lambda c: f"({c[0]} * ({c[1]} / {c[2]}))")
        )

    return st.recursive(st.sampled_from(law_names), deeper, max_leaves=30)


def in_chinese(problems: list[Problem]) -> None:
    for problem in problems:
        assert re.search("[\u4e00-\u9fff]", problem.message), problem
        assert problem.line >= 1 and problem.column >= 1


def tried(text: str) -> Policy | None:
    start = time.monotonic()
    found, problems = examine(text, "policy.yaml")
    in_chinese(problems)
    if found is None or any(problem.severity == "error" for problem in problems):
        assert problems
        found = None
    else:
        evaluated(found)
    assert time.monotonic() - start < LONGEST_SECONDS
    return found


def evaluated(law: Policy) -> None:
    """What passed the check is computed, also of the largest and the smallest values, or refused in words."""
    facts = random_facts(law, 6)
    extremes = [
        {"application_id": f"x{n}", "uscc": "U", "enterprise": "甲", "fee": fee, "level": level, "persons": persons}
        for n, (fee, level, persons) in enumerate(
            [(0, "省级", 1), (10**16, "省级", 10**9), (1, "国家级", 0), (None, "省级", None), (10**7, "省级", 3)]
        )
    ]
    measure = law.measures[0]
    if [fact.name for fact in measure.all_facts] == ["fee", "level", "persons"]:
        facts = {measure.id: pl.concat([facts[measure.id], policy.frame(measure, extremes)], how="diagonal")}
    try:
        policy.evaluate(law, facts, year=2025)
    except policy.InputError as error:
        assert re.search("[\u4e00-\u9fff]", str(error))


_SCALARS = list(re.finditer(r"([a-z_]+: )([^{}\[\],\n]+)", BASE))
_FORMULAS = [match for match in _SCALARS if match[1] == "expression: "]


def with_value(match: re.Match[str], value: str) -> str:
    """The base policy with another value at one place."""
    return BASE[: match.start(2)] + value + BASE[match.end(2) :]


@budget(150)
@given(st.sampled_from(_FORMULAS), expressions())
def test_any_expression_gives_a_policy_or_problems(place: re.Match[str], text: str) -> None:
    quoted = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    tried(with_value(place, quoted))


@budget(100)
@given(amounts())
def test_any_amount_is_computed_or_refused(text: str) -> None:
    tried(with_value(_FORMULAS[-1], f'"{text}"'))


@budget(60)
@given(st.sampled_from(_SCALARS), st.sampled_from(_ODD) | st.text(max_size=40) | st.integers().map(str))
def test_any_value_anywhere_gives_a_policy_or_problems(place: re.Match[str], value: str) -> None:
    tried(with_value(place, value))


@budget(60)
@given(st.lists(st.tuples(st.integers(0, len(BASE)), st.integers(0, 60), st.text(max_size=12)), min_size=1, max_size=6))
def test_a_policy_with_pieces_cut_and_put_in_gives_a_policy_or_problems(changes: list[tuple[int, int, str]]) -> None:
    text = BASE
    for start, length, piece in changes:
        text = text[:start] + piece + text[start + length :]
    tried(text)


@budget(60)
@given(st.text(max_size=200) | st.binary(max_size=200).map(lambda data: data.decode("latin-1")))
def test_any_text_is_a_document_or_has_problems(text: str) -> None:
    in_chinese(read_document(text, "a.yaml").problems)


@budget(25)
@given(st.lists(st.tuples(st.integers(0, len(CASES)), st.integers(0, 40), st.sampled_from(_ODD) | st.text(max_size=9))))
def test_any_cases_hold_or_fail_or_have_problems(changes: list[tuple[int, int, str]]) -> None:
    text = CASES
    for start, length, piece in changes[:4]:
        text = text[:start] + piece + text[start + length :]
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place) / "per-unit"
        folder.mkdir()
        (folder / "policy.yaml").write_bytes((MADE_UP / "policy.yaml").read_bytes())
        (folder / "cases.yaml").write_text(text, encoding="utf-8", errors="replace")
        told, _ = policy_check.read(b"", folder=str(folder))
    in_chinese([Problem(**each) for each in told["problems"]])
