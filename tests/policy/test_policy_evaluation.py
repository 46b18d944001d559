"""Whole tables: good rows go on, bad rows are named, trails explain, input that does not fit is refused."""

import json
import re
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import policy
from policy import Evaluation, InputError, Policy
from tests.policy.base_policy import BASE

MADE_UP = Path(__file__).parent / "made_up"
Rows = list[dict[str, object]]


def evaluate(found: Policy, rows: Rows, measure: str = "fee", **more: object) -> Evaluation:
    chosen = found.measure(measure)
    assert chosen is not None
    return policy.evaluate(found, {measure: policy.frame(chosen, rows)}, year=2025, **more)  # type: ignore[arg-type]


def application(number: int, **facts: object) -> dict[str, object]:
    start: dict[str, object] = {"application_id": f"A{number}", "uscc": f"u{number}", "enterprise": f"企业{number}"}
    return start | {"fee": 10_000_000, "level": "省级", "persons": 1} | facts


def test_bad_rows_are_named_and_good_rows_go_on(base: Policy) -> None:
    rows = [
        application(1),
        application(2, fee=None),
        application(3, fee=-1),
        application(4, level="市级"),
        application(5, fee=None, persons=None),
        application(1, fee=99),
    ]
    evaluation = evaluate(base, rows)
    assert evaluation.results.select("application_id", "outcome", "amount_fen").rows() == [("A1", "award", 5_000_000)]
    assert [(error.application_id, error.fact, error.value) for error in evaluation.errors] == [
        ("A2", "fee", ""),
        ("A3", "fee", "-0.01 元"),
        ("A4", "level", "市级"),
        ("A5", "fee", ""),
        ("A5", "persons", ""),
        ("A1", "application_id", "A1"),
    ]
    assert evaluation.errors[0].message == "缺少“服务费”（fee），请补填"
    assert evaluation.errors[2].message == "“级别”的值“市级”不在选项之中，只能是：国家级、省级"


@pytest.mark.parametrize("numbers", [(1, 1, 2), (2, 1, 1), (1, 2, 1)])
def test_a_repeated_number_is_told_whether_or_not_numbers_are_in_order(base: Policy, numbers: tuple[int, ...]) -> None:
    evaluation = evaluate(base, [application(number) for number in numbers])
    assert evaluation.results.height == 2
    assert [(error.application_id, error.fact) for error in evaluation.errors] == [("A1", "application_id")]


@pytest.mark.parametrize("bad", [{"fee": None}, {"fee": -1}, {"fee": 100_000_000_000_001}, {"level": "市级"}])
def test_one_bad_value_alone_is_found(base: Policy, bad: dict[str, object]) -> None:
    """Each kind of fault by itself: nothing else must lead to it."""
    evaluation = evaluate(base, [application(1), application(2, **bad)])
    assert evaluation.results["application_id"].to_list() == ["A1"]
    assert [(error.application_id, error.fact) for error in evaluation.errors] == [("A2", *bad)]


def test_first_failed_condition_gives_the_reason_and_all_failed_stay_in_the_trail(base: Policy) -> None:
    conditions = """    conditions:
      - {id: people, expression: persons > 1, reason: "人数 {persons}", clause: 第二条, quote: 两人以上}
      - id: minimum
"""
    text = BASE.replace("    conditions:\n      - id: minimum\n", conditions)
    evaluation = evaluate(policy.parse(text, "base.yaml"), [application(1, fee=999)])
    (row,) = evaluation.results.to_dicts()
    assert (row["outcome"], row["reason"], row["clause"], row["amount_fen"]) == ("rejected", "人数 1", "第二条", 0)
    assert evaluation.trail("fee")["failed_conditions"].to_list() == ["people;minimum"]
    assert [(step.name, step.value) for step in evaluation.steps("A1")] == [
        ("condition_people", "人数 1"),
        ("condition_minimum", "服务费 9.99元，不足 100000.00元"),
    ]


def test_every_step_carries_its_quote_and_clause(base: Policy) -> None:
    evaluation = evaluate(base, [application(1, fee=10_000_001)])
    assert [(step.name, step.label, step.value, step.quote, step.clause) for step in evaluation.steps("A1")] == [
        ("subsidy", "补助", "50000.005", "按50%补助。", "第一条"),
        ("rounded", "取整（1元，舍去）", "50000.00", "原文没有写取整，按申报指南的取整办法", "第一条"),
    ]
    (explanation,) = evaluation.results["explanation"]
    assert explanation == ("依据第一条：补助 50000.005元；取整（1元，舍去） 50000.00元；符合规定条件，奖补 50000.00元")


def test_records_hold_the_same_steps_as_the_single_application(base: Policy) -> None:
    evaluation = evaluate(base, [application(1), application(2, fee=1), application(3)])
    records = [json.loads(line) for line in evaluation.trail_lines("fee", 0, 10)]
    for record in records:
        assert record["steps"] == [vars(step) for step in evaluation.steps(record["application_id"])]
    assert [json.loads(line)["application_id"] for line in evaluation.trail_lines("fee", 1, 1)] == ["A2"]


def test_a_condition_is_named_in_chinese_and_a_referral_is_no_failing() -> None:
    conditions = """    conditions:
      - {id: people, label: 人数够, expression: persons > 1, reason: "人数 {persons}"}
      - {id: province, label: 归省级, expression: persons > 2, reason: 归省级, otherwise: {referral: 省级补助}}
      - id: minimum
"""
    text = BASE.replace("    conditions:\n      - id: minimum\n", conditions)
    evaluation = evaluate(policy.parse(text, "base.yaml"), [application(1)])
    assert [step.label for step in evaluation.steps("A1")] == ["不满足的条件：人数够", "按规定转报上级：归省级"]


def test_a_rounding_that_the_law_states_is_quoted() -> None:
    stated = "{overlap: top_up, rounding: {quote: 精确到元, clause: 第九条}}"
    evaluation = evaluate(policy.parse(BASE.replace("{overlap: top_up}", stated), "base.yaml"), [application(1)])
    last = evaluation.steps("A1")[-1]
    assert (last.quote, last.clause) == ("精确到元", "第九条")


def test_applicants_without_a_code_each_stand_alone() -> None:
    found = policy.load(MADE_UP / "exclusive")
    rows = pl.DataFrame({"application_id": ["A", "B", "C"], "uscc": ["", None, " "]})
    history = pl.DataFrame({"uscc": [""], "measure": ["new"], "year": [2024], "amount_fen": [1]})
    evaluation = policy.evaluate(found, {"new": rows}, year=2025, history=history)
    assert evaluation.results["amount_fen"].to_list() == [35_000_000] * 3


def test_empty_table_gives_no_results_and_no_errors(base: Policy) -> None:
    evaluation = evaluate(base, [])
    assert evaluation.results.height == 0
    assert evaluation.errors == []


def test_facts_without_their_column_are_missing_values(base: Policy) -> None:
    given = pl.DataFrame({"application_id": ["A1"], "fee": [100]})
    evaluation = policy.evaluate(base, {"fee": given}, year=2025)
    assert [error.fact for error in evaluation.errors] == ["level", "persons"]


def test_floating_point_facts_are_refused(base: Policy) -> None:
    given = pl.DataFrame({"application_id": ["A1"], "fee": [1.5], "level": ["省级"], "persons": [1]})
    with pytest.raises(InputError, match="“fee”列是浮点数"):
        policy.evaluate(base, {"fee": given}, year=2025)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"fee": {"rate": "51%"}}, "“比例”不能高于 50%"),
        ({"fee": {"rate": "-1%"}}, "“比例”不能是负数"),
        ({"fee": {"rate": "很多"}}, "不是数字"),
        ({"fee": {"threshold": "5万元"}}, "不能由年度申报指南另定"),
        ({"fee": {"rat": "1%"}}, "是否想写“rate”"),
        ({"fees": {"rate": "1%"}}, "是否想写“fee”"),
    ],
)
def test_overrides_beyond_the_law_are_refused(overrides: dict[str, dict[str, str]], message: str) -> None:
    text = BASE.replace("{overlap: top_up}", "{overlap: top_up, percentages_are_maxima: true}")
    found = policy.parse(text, "base.yaml")
    with pytest.raises(InputError, match=message):
        evaluate(found, [application(1)], overrides=overrides)
    assert len(policy.check_overrides(found, overrides, year=2025)) == 1


def test_a_lower_yearly_rate_is_used() -> None:
    text = BASE.replace("{overlap: top_up}", "{overlap: top_up, percentages_are_maxima: true}")
    found = policy.parse(text, "base.yaml")
    evaluation = evaluate(found, [application(1)], overrides={"fee": {"rate": "33.3333%"}})
    assert evaluation.results["amount_fen"].to_list() == [33333_00]


def test_short_budget_is_a_warning_with_both_sums(base: Policy) -> None:
    evaluation = evaluate(base, [application(1), application(2)], budgets={"fee": 9_999_999})
    assert evaluation.warnings == ["服务费补助应奖补 100000.00 元，超过预算 99999.99 元，未作调整"]
    assert evaluation.results["amount_fen"].to_list() == [5_000_000, 5_000_000]


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"fee": {"budget": "-1"}}, "不能是负数"),
        ({"fee": {"budget": "很多"}}, "不是数字"),
        ({"fee": {"when_short": "按得分"}}, "只能是：不核减、按比例、按排名"),
        ({"fee": {"when_short": "按排名"}}, "要另定 rank_by"),
        ({"fee": {"when_short": "按排名", "rank_by": "姓名"}}, "只能是：服务费、人数"),
        ({"policy": {"overlap": "不再补"}}, "没有参数“overlap”"),
    ],
)
def test_yearly_settings_that_mean_nothing_are_refused(
    base: Policy, overrides: dict[str, dict[str, str]], message: str
) -> None:
    (problem,) = policy.check_overrides(base, overrides, year=2025)
    assert message in problem


FREE = "{overlap: top_up, adjustable: [overlap, rounding]}"


@pytest.mark.parametrize(
    ("stated", "chosen", "message"),
    [
        (FREE, {"overlap": "不看"}, "只能是：补差、不再补"),
        (FREE, {"rounding_mode": "进位"}, "只能是：舍去"),
        (FREE.replace("}", ", rounding: {mode: half_up}}"), {"rounding_mode": "进位"}, "只能是：舍去"),
        (FREE.replace("}", ", rounding: {mode: half_up}}"), {"rounding_mode": "四舍五入"}, "只能是：舍去"),
        (
            FREE.replace("}", ", rounding: {mode: half_up}}"),
            {"rounding_unit": "30万元"},
            "只能舍去，以免超过原文的标准",
        ),
        (FREE, {"rounding_unit": "0"}, "取整单位（rounding_unit）要大于零，看到的是“0”；请写成 1元、100元 的样子"),
        (FREE, {"rounding_unit": "-1元"}, "不能是负数"),
    ],
)
def test_a_year_gives_nothing_beyond_the_law(stated: str, chosen: dict[str, str], message: str) -> None:
    found = policy.parse(BASE.replace("{overlap: top_up}", stated), "base.yaml")
    (problem,) = policy.check_overrides(found, {"policy": chosen}, year=2025)
    assert message in problem
    with pytest.raises(InputError, match=re.escape(message)):
        evaluate(found, [application(1)], overrides={"policy": chosen})


@pytest.mark.parametrize(
    ("stated", "chosen", "fen"),
    [
        (FREE, {"rounding_unit": "3万元"}, 30_000_00),
        (FREE.replace("}", ", rounding: {mode: up}}"), {"rounding_unit": "3万元", "rounding_mode": "舍去"}, 30_000_00),
        (FREE.replace("}", ", rounding: {mode: up, unit: 3万元}}"), {}, 60_000_00),
        (FREE.replace("top_up", "none"), {"overlap": "不再补"}, 50_000_00),
    ],
)
def test_a_year_may_round_down_and_take_off_what_was_granted(stated: str, chosen: dict[str, str], fen: int) -> None:
    found = policy.parse(BASE.replace("{overlap: top_up}", stated), "base.yaml")
    evaluation = evaluate(found, [application(1)], overrides={"policy": chosen})
    assert evaluation.results["amount_fen"].to_list() == [fen]


def test_history_does_not_look_at_this_year_or_later() -> None:
    found = policy.load(MADE_UP / "rate-tables")
    history = pl.DataFrame(
        {"uscc": ["u"] * 3, "measure": ["rent"] * 3, "year": [2025, 2026, 2027], "amount_fen": [1, 1, 1]}
    )
    measure = found.measure("rent")
    assert measure is not None
    rows = policy.frame(measure, [{"application_id": "A", "uscc": "u", "rent": 100}])
    shown = []
    for year in (2025, 2026, 2027):
        evaluation = policy.evaluate(found, {"rent": rows}, year=year, history=history)
        shown.append(evaluation.steps("A")[0].value)
    assert shown == ["60%", "40%", "20%"]


def test_history_without_a_required_column_is_refused(base: Policy) -> None:
    with pytest.raises(InputError, match="历年兑现记录缺少列：year、amount_fen"):
        evaluate(base, [application(1)], history=pl.DataFrame({"uscc": ["u"], "measure": ["fee"]}))


def test_same_inputs_give_the_same_results_and_the_digest_follows_the_text(base: Policy) -> None:
    rows = [application(number, fee=number * 777_777) for number in range(1, 50)]
    first, second = evaluate(base, rows), evaluate(policy.parse(base.text, "stored"), rows)
    assert first.results.equals(second.results)
    assert base.sha256 == policy.parse(base.text, "stored").sha256
    assert base.sha256 != policy.parse(base.text + "\n", "stored").sha256


def test_the_order_of_rows_does_not_change_what_anybody_gets() -> None:
    found = policy.load(MADE_UP / "pools")
    measure = found.measure("shared")
    assert measure is not None
    rows = [{"application_id": f"A{number:02d}", "uscc": f"u{number}", "claim": 1000 + number} for number in range(30)]
    straight = policy.evaluate(found, {"shared": policy.frame(measure, rows)}, year=2025).results
    turned = policy.evaluate(found, {"shared": policy.frame(measure, rows[::-1])}, year=2025).results
    assert straight.sort("application_id").equals(turned.sort("application_id"))


def test_one_application_id_may_stand_in_two_measures() -> None:
    found = policy.load(MADE_UP / "exclusive")
    frames = {name: pl.DataFrame({"application_id": ["A"], "uscc": ["u"]}) for name in ("new", "above")}
    evaluation = policy.evaluate(found, frames, year=2025)
    assert dict(evaluation.results.select("measure", "outcome").iter_rows()) == {"new": "award", "above": "rejected"}
    assert evaluation.steps("A", "new")[-1].value == "350000.00"
    assert evaluation.steps("A", "above")[-1].value == "0.00"


def test_decimal_facts_are_exact() -> None:
    found = policy.load(MADE_UP / "per-unit")
    rows: Rows = [{"application_id": "A", "uscc": "u", "area": Decimal("199.99")}]
    assert evaluate(found, rows, "workshop").results["amount_fen"].to_list() == [125_000]


def test_largest_money_times_the_largest_count_does_not_overflow(base: Policy) -> None:
    text = BASE.replace("expression: fee * rate}", "expression: fee * persons * rate}")
    found = policy.parse(text, "base.yaml")
    records = evaluate(found, [application(1, fee=10**14 - 1, persons=10**9)]).errors
    assert [error.application_id for error in records] == ["A1"]


def test_award_beyond_a_trillion_yuan_is_an_error_of_its_row(base: Policy) -> None:
    text = BASE.replace("expression: fee * rate}", "expression: fee * persons * rate}")
    rows = [application(1, fee=10**14, persons=3), application(2, fee=10**14, persons=2)]
    evaluation = evaluate(policy.parse(text, "base.yaml"), rows)
    assert [(error.application_id, error.message) for error in evaluation.errors] == [
        ("A1", "算出的金额超过 1 万亿元，请核对各事实的数值和单位")
    ]
    assert evaluation.results["amount_fen"].to_list() == [10**14]


def test_rejected_row_with_an_absurd_amount_is_only_rejected(base: Policy) -> None:
    text = BASE.replace("expression: fee * rate}", "expression: fee * persons * rate}")
    rows = [application(1, fee=10**14, persons=10**9, level="国家级")]
    assert evaluate(policy.parse(text, "base.yaml"), rows).results["outcome"].to_list() == ["rejected"]


OPTIONAL = "{name: persons, label: 人数, type: integer}"


@pytest.mark.parametrize(
    ("fact", "expression"),
    [
        ("{name: bonus, label: 加奖, type: money, required: false}", "min(fee, bonus)"),
        ("{name: bonus, label: 加奖, type: money, required: false}", "max(fee, bonus)"),
        ("{name: bonus, label: 加奖, type: money, required: false}", "fee + bonus"),
        ("{name: bonus, label: 是否加奖, type: boolean, required: false}", "fee if bonus else threshold"),
    ],
)
def test_a_value_that_was_not_given_is_never_taken_for_another(fact: str, expression: str) -> None:
    text = BASE.replace(OPTIONAL, f"{OPTIONAL}\n      - {fact}")
    found = policy.parse(text.replace("expression: fee * rate}", f'expression: "{expression}"}}'), "base.yaml")
    evaluation = evaluate(found, [application(1), application(2, fee=1)])
    (error,) = evaluation.errors
    assert (error.application_id, error.fact) == ("A1", "bonus")
    assert error.message.startswith("奖补金额算不出：缺少“")
    assert evaluation.results["outcome"].to_list() == ["rejected"]


def test_a_condition_on_a_value_that_was_not_given_is_an_error_and_not_a_rejection() -> None:
    fact = "{name: verdict, label: 成效明显, type: boolean, required: false}"
    text = BASE.replace(OPTIONAL, f"{OPTIONAL}\n      - {fact}").replace(
        "expression: fee >= ", "expression: verdict and fee >= "
    )
    (error,) = evaluate(policy.parse(text, "base.yaml"), [application(1)]).errors
    assert error.message == "条件“minimum”算不出：缺少“成效明显”（verdict），请补填"


def test_division_by_zero_is_an_error_of_its_row() -> None:
    text = BASE.replace("fee * rate}", "fee / persons}").replace("and persons > 0 ", "")
    (error,) = evaluate(policy.parse(text, "base.yaml"), [application(1, persons=0)]).errors
    assert error.message == "奖补金额算不出：除数是零"


@pytest.mark.parametrize("mode", ["up", "half_up"])
@pytest.mark.parametrize(
    ("fee", "granted", "fen"),
    [
        pytest.param(80_001_00, 0, 40_001_00, id="40,000.50 is below the cap, and rounded up"),
        pytest.param(200_000_00, 0, 50_000_00, id="the cap is 50,000.50"),
        pytest.param(200_000_00, 20_000_00, 30_000_00, id="with what was granted it is no more either"),
        pytest.param(100_000_00, 0, 50_000_00, id="whole already"),
    ],
)
def test_no_rounding_goes_beyond_the_cap(mode: str, fee: int, granted: int, fen: int) -> None:
    rounded = BASE.replace("{overlap: top_up}", f"{{overlap: top_up, rounding: {{mode: {mode}}}}}")
    most = "\n      - {name: most, label: 最高, type: money, value: 50000.50}"
    capped = rounded.replace("value: 10万元}", f"value: 1元}}{most}")
    found = policy.parse(capped.replace("award: subsidy", "award: subsidy\n    cap: most"), "up.yaml")
    evaluation = evaluate(found, [application(1, fee=fee, granted_above=granted)])
    assert evaluation.results["amount_fen"].to_list() == [fen]
    step = evaluation.steps("A1")[-1]
    assert step.label.endswith("，不超过最高限额）")


def test_of_two_for_one_item_the_higher_is_worth_no_more_than_the_cap() -> None:
    text = BASE.replace("{overlap: top_up}", "{overlap: top_up, rounding: {unit: 1万元, mode: up}}")
    text = text.replace("award: subsidy", "award: subsidy\n    cap: threshold").replace(
        "value: 10万元}", "value: 55000}"
    )
    found = policy.parse(text, "up.yaml")
    rows = policy.frame(found.measures[0], [application(1, fee=110_000_00), application(2, fee=220_000_00)])
    evaluation = policy.evaluate_items(found, {"fee": rows}, [("A1", "A2")], year=2025)
    assert evaluation.results["amount_fen"].to_list() == [50_000_00, 0]  # both are worth the same, the later yields
