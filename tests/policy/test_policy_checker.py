"""The checker: what is wrong, where to the column, which value, and the nearest known name."""

import re
from collections.abc import Callable

import polars as pl
import pytest

import policy
from policy import Problem
from policy.loading import examine
from policy.telling import RESULT_COLUMNS
from services.application.application_rows import HEADINGS
from services.enterprise.qualifying import HEADINGS as QUALIFYING
from tests.policy.base_policy import BASE

Broken = Callable[..., list[Problem]]
EXPRESSION = "expression: fee * rate}"
CONDITION = "fee >= threshold and persons > 0 and level == '省级'"


def place(problem: Problem) -> tuple[int, int, str, str | None]:
    return problem.line, problem.column, problem.value, problem.nearest


def test_the_base_policy_is_right(broken: Broken) -> None:
    assert broken() == []


def test_a_common_parameter_or_fact_that_nothing_reads_is_a_reminder() -> None:
    common = """parameters:
  - {name: used, label: 用到, type: money, value: 1元}
  - {name: idle, label: 没用到, type: money, value: 1元}
common_facts:
  - {name: spare, label: 也没用到, type: money, required: false}
measures:
"""
    text = BASE.replace("measures:\n", common).replace("fee * rate}", "fee * rate - used}")
    found = examine(text, "base.yaml")[1]
    assert [(each.severity, each.value) for each in found] == [("warning", "idle"), ("warning", "spare")]


def test_unknown_name_is_named_with_its_place_and_the_nearest_name(broken: Broken) -> None:
    (problem,) = broken((EXPRESSION, "expression: fee * rat}"))
    assert place(problem) == (31, 54, "rat", "rate")
    assert problem.sentence() == "base.yaml 第 31 行第 54 列：不认识的名称，看到的是“rat”，是否想写“rate”？"


@pytest.mark.parametrize(
    ("expression", "message", "column", "value"),
    [
        ("fee * fee", "金额不能乘金额", 48, "fee * fee"),
        ("fee + rate", "金额与数不能相加", 48, "fee + rate"),
        ("fee - persons", "金额与数不能相减", 48, "fee - persons"),
        ("persons / fee", "数不能除以金额", 48, "persons / fee"),
        ("fee * level", "选项不能计算", 54, "level"),
        ("fee / 0", "除数是零", 48, "fee / 0"),
        ("fee * 365", "表达式里只能写 0 到 100 的整数，其他数请写成有名字的参数", 54, "365"),
        ("fee * 0.5", "表达式里不能写小数，请写成有名字的参数", 54, "0.5"),
        ("fee ** 2", "只能用 + - * /，取整请用 floor、round_down", 48, "fee ** 2"),
        ("fee if level else threshold", "这里要“是/否”，不能是选项", 55, "level"),
        ("fee if fee > 0 else persons", "金额与数不能放在 if 的两边", 48, "fee if fee > 0 else persons"),
        ("[fee][0]", "表达式里不能用这种写法", 48, "[fee][0]"),
        ("fee.real", "表达式里不能用这种写法", 48, "fee.real"),
        ("__import__('os')", "不认识的函数", 48, "__import__"),
        ("min(fee)", "这个函数要 至少 2 个参数，写了 1 个", 48, "min(fee)"),
        ("min(fee, persons)", "金额与数不能比大小", 48, "min(fee, persons)"),
        ("floor(fee) * threshold", "金额取整请用 round_down(金额, 单位)", 54, "fee"),
        ("fee * (", "表达式写法有误", None, "fee * ("),
        ("persons * 2", "这里要金额，不能是数", None, "subsidy"),
    ],
)
def test_wrong_expression(broken: Broken, expression: str, message: str, column: int | None, value: str) -> None:
    problem = broken((EXPRESSION, f'expression: "{expression}"}}'))[0]
    assert (problem.message, problem.value) == (message, value)
    if column is not None:
        assert (problem.line, problem.column) == (31, column + 1)  # the quote


@pytest.mark.parametrize(
    ("expression", "message", "column"),
    [
        ("level ＝＝ '国家级'", "表达式里的符号要用英文半角", 28),
        ("fee ≥ threshold", "表达式里的符号要用英文半角，写成 >=", 26),
        ("level == “国家级”", "表达式里的符号要用英文半角", 31),
        ("min（fee, threshold） > 0", "表达式里的符号要用英文半角", 25),
        ("fee >= 10万元", "表达式里不能写百分比和带单位的数，请写成有名字的参数", 29),
        ("fee * 8% > 0", "表达式里不能写百分比和带单位的数，请写成有名字的参数", 28),
        ("level = '国家级'", "相等要写 ==", 28),
        ("fee > 0 且 persons > 0", "“且、或、非”要写 and、or、not", 30),
        ("fee > 0 AND persons > 0", "“且、或、非”要写 and、or、not", 30),
        ("fee > 0 && persons > 0", "“且、或、非”要写 and、or、not", 30),
        ("issued >= 2025-01-01", "表达式里不能写日期，请写成有名字的参数", 32),
    ],
)
def test_what_is_usual_in_chinese_and_no_expression_is_told_apart(
    broken: Broken, expression: str, message: str, column: int
) -> None:
    (problem,) = broken((CONDITION, f'"{expression}"'))
    assert (problem.message, problem.line, problem.column) == (message, 28, column)


@pytest.mark.parametrize("name", ["class", "from", "in", *RESULT_COLUMNS, *HEADINGS, *QUALIFYING, "amount_yuan"])
def test_a_word_of_the_expressions_or_a_column_of_ours_is_no_name(broken: Broken, name: str) -> None:
    problems = broken(("name: persons", f"name: {name}"))
    assert ("这是保留名称，请换一个", name) in [(each.message, each.value) for each in problems]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("label: 服务费, type: money}", "label: 服务费, type: money, unit: 万元}"),
        ("value: 50%", "value: 2"),
        ("label: 人数", "label: 服务费"),
        ("name: persons, label: 人数, type: integer}", "name: project, label: 项目, type: text, required: false}"),
    ],
)
def test_a_year_that_was_opened_before_a_mistake_was_known_goes_on(old: str, new: str) -> None:
    text = BASE.replace("persons > 0 and ", "").replace(old, new)
    with pytest.raises(policy.PolicyError):
        policy.parse(text, "base.yaml")
    kept = policy.parse(text, "base.yaml", kept=True)
    facts = {"application_id": ["A"], "uscc": ["U"], "enterprise": ["甲"], "fee": [20_000_000], "level": ["省级"]}
    frame = pl.DataFrame(facts | {"persons": [1], "project": ["乙"], "granted_above": [0]})
    assert policy.evaluate(kept, {"fee": frame}, year=2025).results["outcome"].to_list() == ["award"]


def test_a_kept_text_that_cannot_be_computed_is_refused() -> None:
    with pytest.raises(policy.PolicyError):
        policy.parse(BASE.replace(EXPRESSION, "expression: fee * rat}"), "base.yaml", kept=True)


def test_problem_in_a_block_expression_has_its_own_line(broken: Broken) -> None:
    block = "|\n          fee >= threshold\n          and persons > 0 and lvel == '省级'"
    (problem,) = broken((CONDITION, block))
    assert place(problem) == (30, 31, "lvel", "level")


def test_chinese_before_the_fault_does_not_shift_the_column(broken: Broken) -> None:
    (problem,) = broken((CONDITION, "level == '国家级' and fe > 0"))
    assert place(problem) == (28, 40, "fe", "fee")


def test_choice_that_does_not_exist(broken: Broken) -> None:
    (problem,) = broken((CONDITION, "level == '省部级'"))
    assert place(problem) == (28, 30, "省部级", "省级")
    assert problem.message == "选项里没有这一项，只有：国家级、省级"


@pytest.mark.parametrize(
    "expression", ["coalesce(level, '国家级') == '省级'", "('国家级' if fee > 0 else level) == '省级'"]
)
def test_a_quoted_choice_stands_beside_choices(broken: Broken, expression: str) -> None:
    assert [each for each in broken((CONDITION, f'"{expression}"')) if each.severity == "error"] == []
    (problem,) = [
        each for each in broken((CONDITION, expression.replace("'国家级'", "'国家'"))) if each.value == "国家"
    ]
    assert (problem.message, problem.nearest) == ("选项里没有这一项，只有：国家级、省级", "国家级")


def test_condition_must_be_yes_or_no(broken: Broken) -> None:
    (problem,) = broken((CONDITION, "fee"))
    assert problem.message == "条件的结果要是“是/否”，这里是金额"


def test_cycle_names_its_steps(broken: Broken) -> None:
    steps = EXPRESSION + "\n      - {name: a, label: 甲, expression: b}\n      - {name: b, label: 乙, expression: a}"
    (problem,) = broken((EXPRESSION, steps))
    assert problem.message == "步骤之间成环：a → b → a"
    assert problem.line == 33


def test_unknown_key_and_missing_key(broken: Broken) -> None:
    problems = broken(("    title: 服务费补助", "    titel: 服务费补助"))
    assert [(place(problem), problem.message) for problem in problems] == [
        ((12, 5, "", None), "缺少必填的键“title”"),
        ((13, 5, "titel", "title"), "不认识的键"),
    ]


def test_unknown_key_does_not_hide_the_other_problems(broken: Broken) -> None:
    problems = broken(
        ("    award: subsidy", "    award: subsidy\n    qoute: 原文"), (EXPRESSION, "expression: fee * rat}")
    )
    assert [problem.value for problem in problems] == ["rat", "qoute"]


def test_several_problems_are_reported_together(broken: Broken) -> None:
    problems = broken(
        ("lead: industry", "lead: industri"), ("value: 50%", "value: 五成"), ("{fee}，不足", "{fe}，不足")
    )
    assert [(problem.value, problem.nearest) for problem in problems] == [
        ("industri", "industry"),
        ("五成", None),
        ("{fe}", "fee"),
    ]


def test_key_written_twice(broken: Broken) -> None:
    (problem,) = broken(("    clause: 第一条", "    clause: 第一条\n    clause: 第二条"))
    assert place(problem) == (15, 5, "clause", None)


def test_yaml_that_cannot_be_read() -> None:
    found, (problem,) = examine(BASE.replace("responsible: []", "responsible: ["), "base.yaml")
    assert found is None
    assert problem.message.startswith("YAML 写法有误")
    assert problem.line in (17, 18, 19)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("type: integer", "type: int", "int"),
        ("issued: 2025-01-01", "issued: 2025年1月1日", "2025年1月1日"),
        ("award: subsidy", "award: subsidi", "subsidi"),
        ("name: persons", "name: Persons", "Persons"),
        ("name: persons", "name: cycle_year", "cycle_year"),
        ("name: persons", "name: fee", "fee"),
        ("to: 2027-12-31", "to: 2024-12-31", "2024-12-31"),
        ("{overlap: top_up}", "{overlap: topup}", "topup"),
        ("{overlap: top_up}", "{rounding: {unit: 0元}}", "0元"),
    ],
)
def test_wrong_value_is_shown(broken: Broken, old: str, new: str, value: str) -> None:
    assert value in [problem.value for problem in broken((old, new))]


MONEY_UNIT = "金额按元填写和计算，单位只能是 元，或 元/人 的样子"
PERCENT_FACT = '比例要写 type: decimal 和 unit: "%"，不然 8 按 800% 计算'
PERCENT_PARAMETER = "比例要写 type: rate，值带 %，不然 8 按 800% 计算"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("label: 服务费, type: money}", "label: 服务费, type: money, unit: 万元}", MONEY_UNIT),
        ("type: money, value: 10万元}", "type: money, unit: 万元, value: 10}", MONEY_UNIT),
        ("type: integer}", 'type: integer, unit: "%"}', PERCENT_FACT),
        ("type: integer}", "type: decimal, unit: ％}", PERCENT_FACT),
        ("type: rate, value: 50%}", 'type: decimal, unit: "%", value: 50}', PERCENT_PARAMETER),
    ],
)
def test_a_unit_that_says_otherwise_than_values_are_read(broken: Broken, old: str, new: str, message: str) -> None:
    assert message in [problem.message for problem in broken((old, new))]


def test_a_rate_above_one_needs_its_percent_sign(broken: Broken) -> None:
    (problem,) = broken(("value: 50%", 'value: "50"'))
    assert (problem.message, problem.value) == ("参数值是 5000%，比例请写成 50% 的样子", "50")
    dated = broken(("value: 50%", "values: [{from: 2025, value: 50%}, {from: 2026, value: 40}]"))
    assert [(each.value, each.message) for each in dated] == [("40", "参数值是 4000%，比例请写成 40% 的样子")]
    assert broken(("value: 50%", "value: 150%")) == [] == broken(("value: 50%", "value: 1"))


def test_units_that_say_how_values_are_read(broken: Broken) -> None:
    money, percent = "unit: 元/人, value: 10万元}", 'type: decimal, unit: "%"}'
    assert broken(("value: 10万元}", money), ("type: integer}", percent)) == []


def table(by: str, rows: str, rest: str = "") -> tuple[str, str]:
    head = "{name: threshold, label: 起点, type: money, value: 10万元}"
    return (
        head,
        head + f"\n      - {{name: table, label: 表, type: table, by: {by}, gives: rate, rows: [{rows}]{rest}}}",
    )


def lookup(key: str) -> tuple[str, str]:
    return EXPRESSION, f'expression: "fee * rate * lookup(table, {key})"}}'


@pytest.mark.parametrize(
    ("by", "rows", "rest", "key", "message", "value"),
    [
        (
            "amount",
            '{band: "[0, 10)", value: 1%}, {band: "[20, )", value: 2%}',
            "",
            "fee",
            "这一段与前一段之间有空隙",
            "[20, )",
        ),
        (
            "amount",
            '{band: "[0, 10)", value: 1%}, {band: "(10, )", value: 2%}',
            "",
            "fee",
            "这一段与前一段之间有空隙",
            "(10, )",
        ),
        (
            "amount",
            '{band: "[0, 10]", value: 1%}, {band: "[10, )", value: 2%}',
            "",
            "fee",
            "这一段与前一段重叠",
            "[10, )",
        ),
        (
            "amount",
            '{band: "[0, 10)", value: 1%}, {band: "[5, )", value: 2%}',
            "",
            "fee",
            "这一段与前一段重叠",
            "[5, )",
        ),
        (
            "amount",
            '{band: "[20, 10)", value: 1%}',
            ", otherwise: 0%",
            "fee",
            "这一段是空的：下限不小于上限",
            "[20, 10)",
        ),
        (
            "amount",
            '{band: "0-10", value: 1%}',
            ", otherwise: 0%",
            "fee",
            "段的写法不对，应如 [10万元, 30万元)",
            "0-10",
        ),
        (
            "amount",
            '{band: "[0, 10)", value: 1%}',
            "",
            "fee",
            "段没有铺满 0 以上的全部取值，要写 otherwise：段外取什么值，或 error",
            "",
        ),
        ("amount", '{band: "[0, )", value: 1%}', "", "persons", "这张档位表的键是金额，不能用数", "persons"),
        (
            "integer",
            "{key: 1, value: 1%}",
            "",
            "persons",
            "整数档位表要写 otherwise：表外的键取什么值，或 error",
            "table",
        ),
        ("integer", "{key: 1, value: 1%}, {key: 1, value: 2%}", ", otherwise: error", "persons", "键重复", "1"),
        ("choice", "{key: 国家级, value: 1%}", ", choices: [国家级, 省级]", "level", "档位表没有覆盖选项", "省级"),
        ("choice", "{key: 国家级, value: 1%}", ", choices: [国家级]", "level", "档位表没有覆盖选项：省级", "省级"),
    ],
)
def test_table_that_leaves_keys_uncovered(
    broken: Broken, by: str, rows: str, rest: str, key: str, message: str, value: str
) -> None:
    problem = broken(table(by, rows, rest), lookup(key))[0]
    assert (problem.message, problem.value) == (message, value)


def test_step_that_may_need_more_than_38_digits_is_refused(broken: Broken) -> None:
    problem = broken((EXPRESSION, 'expression: "fee * persons * persons * persons * persons"}'))[0]
    assert problem.message.startswith("按各事实的最大值推算")


def test_history_rule_of_an_unknown_measure(broken: Broken) -> None:
    fact = "{name: persons, label: 人数, type: integer, source: history, history: {aggregate: count, measures: [fe]}}"
    (problem,) = broken(("{name: persons, label: 人数, type: integer}", fact))
    assert (problem.message, problem.value, problem.nearest) == ("不认识的措施", "fe", "fee")


RATE = ("      - {name: rate, label: 比例, type: rate, value: 50%}\n", "")


def earlier(of: str, kind: str = "money") -> tuple[str, str]:
    """The base policy's persons as what is added up of earlier years."""
    history = f"source: history, history: {{aggregate: sum, of: {of}}}"
    return "{name: persons, label: 人数, type: integer}", f"{{name: persons, label: 以前, type: {kind}, {history}}}"


@pytest.mark.parametrize(("of", "close"), [("fe", "fee"), ("rate", None), ("subsidi", "subsidy"), ("persons", None)])
def test_what_no_award_keeps_cannot_be_added_up(broken: Broken, of: str, close: str | None) -> None:
    (problem,) = [each for each in broken(earlier(of)) if each.value == of]
    assert (problem.message[:10], problem.nearest) == ("历年记录里没有这一列", close)


def test_what_tells_items_of_earlier_years_apart_is_a_text_or_choice(broken: Broken) -> None:
    assert not [each for each in broken(earlier("amount_yuan, per: level")) if "per" in each.message]
    told = [each for each in broken(earlier("amount_yuan, per: levl")) if each.value == "levl"]
    assert [(each.message, each.nearest) for each in told] == [("要写 uscc，或措施 fee 的文本、选项事实", "level")]


def test_facts_and_steps_of_earlier_years_are_added_up_as_what_they_are(broken: Broken) -> None:
    of_one_kind, other = (CONDITION, "fee >= threshold and persons > fee"), "与这个事实的类型、小数位数不同"
    assert broken(earlier("fee"), of_one_kind) == []
    assert other in broken(earlier("subsidy"), of_one_kind)[0].message
    assert broken(earlier("subsidy"), of_one_kind, (EXPRESSION, "expression: fee * 2}"), RATE) == []
    assert other in broken(earlier("fee", "integer"))[0].message


def test_parameter_without_a_value_for_the_first_year(broken: Broken) -> None:
    (problem,) = broken(("value: 50%", "values: [{from: 2026, value: 40%}]"))
    assert problem.message == "2025 年度没有值，最早的值从 2026 年度起"


def test_cost_shares_must_add_up(broken: Broken) -> None:
    shares = "{overlap: top_up, cost_sharing: {default: {city: 60%, county: 30%}}}"
    (problem,) = broken(("{overlap: top_up}", shares))
    assert problem.message == "市级与县区负担比例之和不是 100%"


def test_cost_shares_of_one_measure_must_add_up_too(broken: Broken) -> None:
    (problem,) = broken(("    award: subsidy", "    cost_sharing: {city: 100%, county: 10%}\n    award: subsidy"))
    assert (problem.message, problem.value) == ("市级与县区负担比例之和不是 100%", "100%、10%")


def test_group_that_names_what_is_not_there(broken: Broken) -> None:
    group = """groups:
  - {id: cap, label: 封顶, kind: amount_cap, measures: [fees], amount: most, clause: 附则, quote: 封顶}
measures:
"""
    problems = broken(("measures:\n", group))
    assert [(problem.message, problem.value) for problem in problems] == [
        ("不认识的措施", "fees"),
        ("要写金额参数名", "most"),
    ]


def test_a_most_that_is_neither_a_figure_of_the_law_nor_a_fact_of_each_measure(broken: Broken) -> None:
    group = "{id: cap, label: 封顶, kind: %s, measures: [fee], amount: %s, clause: 附则, quote: 封顶}"
    assert broken(("measures:\n", f"groups: [{group % ('amount_cap', 'fee')}]\nmeasures:\n")) == []
    (unknown,) = broken(("measures:\n", f"groups: [{group % ('amount_cap', 'fees')}]\nmeasures:\n"))
    assert (unknown.message, unknown.nearest) == ("要写金额参数名，或金额事实名", "fee")
    (pool,) = broken(("measures:\n", f"groups: [{group % ('pool', 'fee')}]\nmeasures:\n"))
    assert (pool.message, pool.value) == ("要写金额参数名", "fee")
    (limit,) = broken(("    award:", "    limits: [{id: most, label: 最多, amount: persons}]\n    award:"))
    assert (limit.message, limit.value) == ("要写金额参数名，或金额事实名", "persons")


def test_a_group_that_names_a_measure_twice(broken: Broken) -> None:
    common = """parameters:
  - {name: most, label: 最高, type: money, value: 5万元}
groups:
  - {id: cap, label: 封顶, kind: amount_cap, measures: [fee, fee], amount: most, clause: 附则, quote: 封顶}
measures:
"""
    (problem,) = broken(("measures:\n", common))
    assert (problem.message, problem.value, problem.line, problem.column) == ("名称重复", "fee", 14, 60)


@pytest.mark.parametrize(
    ("old", "new", "value"),
    [
        ("name: 市工信局}", "name: 市工信局}\n  - {id: other, name: 市工信局}", "市工信局"),
        ("bureaus:", "counties: [{id: east, name: 东区}, {id: west, name: 东区}]\nbureaus:", "东区"),
        ("label: 人数", "label: 服务费", "服务费"),
        ("measures:\n", "common_facts: [{name: staff, label: 人数, type: integer}]\nmeasures:\n", "人数"),
        ("label: 起点", "label: 比例", "比例"),
    ],
)
def test_two_things_of_one_chinese_name_could_not_be_told_apart(broken: Broken, old: str, new: str, value: str) -> None:
    problem = broken((old, new))[0]
    assert (problem.message, problem.value) == ("名称重复", value)


@pytest.mark.parametrize(
    ("old", "new", "seen"),
    [
        ("applicants: [企业]", "applicants: [企业，高校]", "企业，高校"),
        ("applicants: [企业]", "applicants: [企业、高校]", "企业、高校"),
        ("type: money}", "type: money, evidence: [合同，发票]}", "合同，发票"),
    ],
)
def test_one_item_that_reads_like_several_is_a_reminder(old: str, new: str, seen: str) -> None:
    (problem,) = examine(BASE.replace(old, new), "base.yaml")[1]
    assert (problem.severity, problem.value) == ("warning", seen)
    assert problem.message == "会当作一项；是几项的，用英文逗号分开"


def test_a_measure_that_nobody_may_apply_for(broken: Broken) -> None:
    (problem,) = broken(("applicants: [企业]", "applicants: []"))
    assert (problem.message, problem.line) == ("没有写谁可以申报", 18)


def test_two_measures_of_one_title_could_not_be_told_apart() -> None:
    head, measure = BASE.split("measures:\n")
    text = head + "measures:\n" + measure + measure.replace("id: fee\n", "id: fees\n")
    found = [each for each in examine(text, "base.yaml")[1] if each.severity == "error"]
    assert [(each.message, each.value, each.line) for each in found] == [("名称重复", "服务费补助", 34)]


def test_an_award_that_no_step_would_explain(broken: Broken) -> None:
    (problem,) = broken(("    award: subsidy", "    award: subsidy * 2"))
    assert problem.message == "这里只写名称，算式请写成步骤，计算过程里才看得到"


def test_unused_parameter_is_a_warning_and_does_not_stop_loading() -> None:
    text = BASE.replace("fee >= threshold and", "fee > 0 and").replace("，不足 {threshold}", "")
    (problem,) = examine(text, "base.yaml")[1]
    assert (problem.severity, problem.value, problem.line) == ("warning", "threshold", 25)
    assert policy.parse(text, "base.yaml").id == "base"


def test_money_divided_before_it_is_multiplied_is_a_warning() -> None:
    text = BASE.replace("expression: fee * rate}", "expression: fee / persons * rate}")
    messages = [problem.message for problem in examine(text, "base.yaml")[1]]
    assert messages == ["金额先除后乘会丢掉除不尽的部分，请先乘后除"]


def test_loading_a_broken_policy_raises_every_error() -> None:
    with pytest.raises(policy.PolicyError) as caught:
        policy.parse(BASE.replace("fee * rate", "fe * rat"), "base.yaml")
    assert [problem.value for problem in caught.value.problems] == ["fe"]


@pytest.mark.parametrize("text", ["- a\n- b\n", "hello\n"])
def test_a_file_that_is_no_mapping_is_told(text: str) -> None:
    assert [problem.message for problem in examine(text, "base.yaml")[1]] == ["这里要写若干键和值"]


def test_every_missing_key_is_told(broken: Broken) -> None:
    found = broken(("    lead: industry\n    responsible: []\n", ""))
    assert {problem.message for problem in found} == {"缺少必填的键“lead”", "缺少必填的键“responsible”"}


def test_a_very_deep_expression_is_told_and_not_computed(broken: Broken) -> None:
    (problem,) = broken((EXPRESSION, f'expression: "{"-" * 2000}fee * rate"}}'))[:1]
    assert "套得太深" in problem.message or problem.message == "表达式写法有误"


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("award: subsidy", "award: *subsidy", "值以 * 开头会当作引用"),
        ("issuer: 虚构市", "issuer: 虚构市: 甲", "这里不能再写冒号"),
        ("provisions: {overlap: top_up}", "provisions: {overlap: top_up", "花括号里缺少逗号"),
        ("provisions: {overlap: top_up}", "provisions: {overlap: top_up, , }", "这里应当有内容"),
        ("responsible: []", "responsible: [", "方括号"),
        ("issuer: 虚构市", "issuer: @虚构市", "特殊字符"),
        ("title: 虚构\n", "title：虚构\n", "缺少冒号，冒号要用英文半角，后面空一格"),
        ("issued: 2025-01-01", "issued: 20250101", "不是日期，请写成 2025-06-30 的样子"),
        ("title: 虚构\n", "\ttitle: 虚构\n", ""),
        ("title: 虚构\n", "  title: 虚构\n", ""),
        ("title: 虚构\n", "title: '虚构\n", ""),
        ("title: 虚构\n", "[a]: 虚构\n", "键只能是一个名称"),
        ("title: 虚构\n", "title: 虚\x00构\n", "控制字符"),
        ("title: 虚构\n", "title: 虚构\n---\na: 1\n", "一个文件里只能写一份"),
    ],
)
def test_what_yaml_finds_wrong_is_told_in_chinese(old: str, new: str, words: str) -> None:
    text = BASE.replace(old, new, 1)
    assert text != BASE
    problems = examine(text, "base.yaml")[1]
    assert any(words in problem.message for problem in problems)
    for problem in problems:
        assert not re.search(r"[a-z]{4,} [a-z]{2,}|ScalarNode", problem.sentence().removeprefix("base.yaml"))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x0: &a0 [1, 1]\nx1: &a1 [*a0, *a0]\nx2: [*a1, *a1]", "第 2 行第 10 列"),
        ("a: &a [*a]", "值以 * 开头会当作引用，请把内容写全，或加引号"),
        ("a:\n  " + "[" * 100_000, "层次超过 50 层"),
        ("a:\n  " + "{b: " * 100_000, "层次超过 50 层"),
    ],
    ids=["references", "itself", "lists", "mappings"],  # a whole text is more than a process can be told of
)
def test_what_could_grow_endless_is_refused_at_once(text: str, words: str) -> None:
    (problem,) = examine(text, "base.yaml")[1]
    assert words in problem.sentence()


LEVELS = """
      - name: levels
        label: 各级标准
        type: table
        by: choice
        gives: money
        choices: [国家级, 省级]
        rows:
          - {key: 国家级, value: 100万元}
          - {key: 省级, value: -50万元}
    conditions:"""


@pytest.mark.parametrize(
    ("changes", "line", "value"),
    [
        pytest.param([("value: 50%", "value: -50%")], 24, "-50%", id="rate of the award"),
        pytest.param(
            [("award: subsidy", "award: subsidy\n    cap: threshold"), ("10万元", "-10万元")], 25, "-10万元", id="cap"
        ),
        pytest.param(
            [("award: subsidy", "award: subsidy\n    cap: min(threshold, subsidy)"), ("10万元", "￥-10万元")],
            25,
            "￥-10万元",
            id="a cap that is computed",
        ),
        pytest.param(
            [
                ("award: subsidy", "award: subsidy\n    limits: [{id: a, label: 合计, amount: threshold}]"),
                ("10万元", "-10万元"),
            ],
            25,
            "-10万元",
            id="limit of money",
        ),
        pytest.param(
            [
                ("award: subsidy", "award: subsidy\n    limits: [{id: a, label: 次数, times: most}]"),
                ("10万元}", "10万元}\n      - {name: most, label: 最多次数, type: integer, value: -1}"),
            ],
            26,
            "-1",
            id="limit of times",
        ),
        pytest.param(
            [("fee * rate}", "'lookup(levels, level) - fee'}"), ("\n    conditions:", LEVELS)], 34, "-50万元", id="tier"
        ),
    ],
)
def test_a_standard_or_a_limit_below_zero_is_refused(
    broken: Broken, changes: list[tuple[str, str]], line: int, value: str
) -> None:
    (problem,) = broken(*changes)
    assert (problem.message, problem.line, problem.value) == (
        "奖补的标准、限额、次数不能是负数，请去掉负号",
        line,
        value,
    )
    assert problem.computable  # a year that was opened before goes on


def test_a_pool_below_zero_is_refused() -> None:
    pool = """parameters:
  - {name: pool, label: 资金池, type: money, value: -1000万元}
groups:
  - {id: pool, kind: pool, label: 资金池, measures: [fee], amount: pool, clause: 第一条, quote: 按50%补助。}
measures:
"""
    (problem,) = examine(BASE.replace("measures:\n", pool), "base.yaml")[1]
    assert (problem.severity, problem.line, problem.value) == ("error", 12, "-1000万元")


def test_a_threshold_below_zero_may_be_meant() -> None:
    (problem,) = examine(BASE.replace("10万元", "-10万元"), "base.yaml")[1]
    assert (problem.severity, problem.message) == ("warning", "是负数，请核对是不是多写了负号")
