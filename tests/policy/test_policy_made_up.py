"""Every rule of the language, in a made-up policy with worked cases."""

from pathlib import Path

import pytest

import policy

MADE_UP = sorted(path.parent for path in (Path(__file__).parent / "made_up").glob("*/policy.yaml"))


@pytest.mark.parametrize("folder", MADE_UP, ids=lambda folder: folder.name)
def test_made_up_policy_has_no_problems(folder: Path) -> None:
    assert [problem.sentence() for problem in policy.check(folder)] == []


@pytest.mark.parametrize("folder", MADE_UP, ids=lambda folder: folder.name)
def test_made_up_cases_give_what_they_expect(folder: Path) -> None:
    results = policy.run_cases(folder)
    assert results
    assert {result.name: result.differences for result in results if not result.passed} == {}


@pytest.mark.parametrize("name", ["limits-over-time", "exclusive", "overlap", "percentage-cap"])
def test_cases_computed_together_differ_as_they_do_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    source = next(folder for folder in MADE_UP if folder.name == name)
    (tmp_path / "policy.yaml").write_text((source / "policy.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    right = (source / "cases.yaml").read_text(encoding="utf-8")
    (tmp_path / "cases.yaml").write_text(right.replace("outcome: ", "outcome: not-"), encoding="utf-8")
    together = policy.run_cases(tmp_path)
    monkeypatch.setattr("policy.cases._for_each_enterprise", lambda _policy: False)
    assert together == policy.run_cases(tmp_path)
    assert not any(result.passed for result in together)


def test_every_feature_of_the_language_has_a_made_up_policy() -> None:
    assert {folder.name for folder in MADE_UP} >= {
        "percentage-cap",
        "rate-tables",
        "fixed-amounts",
        "milestones",
        "per-unit",
        "higher-of",
        "limits-over-time",
        "yearly-cap",
        "own-ceiling",
        "pools",
        "loan-interest",
        "instalments",
        "instalments-of-each",
        "referral-and-panel",
        "exclusive",
        "overlap",
        "budgets",
        "whole-year",
    }


def test_a_case_that_expects_the_wrong_amount_fails(tmp_path: Path) -> None:
    source = next(folder for folder in MADE_UP if folder.name == "percentage-cap")
    (tmp_path / "policy.yaml").write_text((source / "policy.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    cases = """cases:
  - name: 金额写错
    clause: 第一条
    measure: equipment
    facts: {investment: 1000000}
    expect: {outcome: award, amount_yuan: 150001, reason_contains: 没有的话, steps: {subsidy: 1, subsidi: 2}}
"""
    (tmp_path / "cases.yaml").write_text(cases, encoding="utf-8")
    (result,) = policy.run_cases(tmp_path)
    assert result.line == 2
    assert [difference.split("（")[0] for difference in result.differences] == [
        "金额应为 150001.00，得到 150000.00",
        "说明应含“没有的话”，得到“符合规定条件，奖补 150000.00元”",
        "步骤“subsidy”应为 1，得到 150000.00",
        "没有步骤“subsidi”，是否想写“subsidy”",
    ]


def test_a_case_that_is_wrong_itself_is_named_at_its_place(tmp_path: Path) -> None:
    source = next(folder for folder in MADE_UP if folder.name == "percentage-cap")
    (tmp_path / "policy.yaml").write_text((source / "policy.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    cases = """cases:
  - {name: 事实写错, clause: 第一条, measure: equipment, facts: {investmnt: 1}, expect: {outcome: award}}
  - {name: 值写错, clause: 第一条, measure: equipment, facts: {investment: 很多}, expect: {outcome: award}}
  - name: 措施写错
    clause: 第一条
    applications:
      - {id: A, measure: equipmet, expect: {outcome: award}}
  - name: 金额写错
    clause: 第一条
    measure: equipment
    facts: {investment: 1000000}
    expect: {outcome: award, amount_yuan: 1}
  - name: 同一事项写错
    clause: 第一条
    same_item: [[A1, A3]]
    applications:
      - {id: A1, measure: equipment, facts: {investment: 1000000}, expect: {outcome: award}}
      - {id: A2, measure: equipment, facts: {investment: 1000000}, expect: {outcome: award}}
  - name: 年度写错
    clause: 第一条
    measure: equipment
    facts: {investment: 1000000}
    history: [{year: 20255, measure: equipment, amount_yuan: 1}]
    expect: {outcome: award}
"""
    (tmp_path / "cases.yaml").write_text(cases, encoding="utf-8")
    problems = [each for result in policy.run_cases(tmp_path) for each in result.problems]
    assert [(each.line, each.value, each.nearest) for each in problems] == [
        (2, "investmnt", "investment"),
        (3, "很多", None),
        (7, "equipmet", "equipment"),
        (12, "1.00", None),
        (15, "A3", "A2"),
        (23, "20255", None),
    ]


def test_a_default_that_no_measure_has_is_named_at_its_place(tmp_path: Path) -> None:
    source = next(folder for folder in MADE_UP if folder.name == "percentage-cap")
    (tmp_path / "policy.yaml").write_text((source / "policy.yaml").read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "cases.yaml").write_text("defaults: {facts: {investmnt: 1}}\ncases: []\n", encoding="utf-8")
    with pytest.raises(policy.PolicyError) as refused:
        policy.run_cases(tmp_path)
    (problem,) = refused.value.problems
    assert (problem.line, problem.value, problem.nearest) == (1, "investmnt", "investment")
