"""The figures of the law as the guide shows them: this year's values, what they were, and how they are read."""

import re
from datetime import date
from decimal import Decimal
from typing import Any

from models import Cycle
from policy import Measure, Policy
from policy.amounts import plain
from policy.parameters import Version, adjustable, override, read_exact, value_type, version_of
from policy.schema import Parameter
from policy.yearly import settled, year_settings
from services.award.sharing import general_rate
from services.documents.render.pages import chinese_date
from services.money import wan, yuan

_ZONES = ("开发区", "投资区", "高新区", "新区")
_WORD = re.compile(r"\w+")
_REPEATED = {"top_up": "已获上级资金支持的，只补足差额", "exclude": "已获上级资金支持的，不再奖补", "none": ""}


def standards(law: Policy, measure: Measure | None, cycle: Cycle) -> list[dict[str, Any]]:
    """The parameters of a measure, or with None those of all measures, in the cycle's year.

    Each with its label, the rows of its value, those that the policy states where the year has others, the reading,
    and whether the measure's cap reads it.
    """
    return [_standard(law, measure, parameter, cycle) for parameter in _stated(law, measure, cycle)]


def _stated(law: Policy, measure: Measure | None, cycle: Cycle) -> list[Parameter]:
    """The parameters, and of the year's other settings those that it settles."""
    chosen = cycle.overrides.get(measure.id if measure else "policy", {})
    own = measure.parameters if measure else law.parameters
    return [*own, *(each for each in year_settings(law, measure) if each.name in chosen)]


def general_rules(law: Policy, cycle: Cycle) -> list[str]:
    """Rules across measures, and the common parameters with their readings."""
    figures = [_figure(each) for each in standards(law, None, cycle)]
    general = [law.provisions.reading] if law.provisions.reading else []
    return [group.label for group in law.groups] + general + figures


def _figure(standard: dict[str, Any]) -> str:
    """A common parameter in one sentence: all of its value, then how it is read."""
    value = "、".join(f"{each['key']} {each['value']}".strip() for each in standard["values"])
    return "；".join(filter(None, (f"{standard['label']}：{value}", standard["reading"])))


def repeated(law: Policy, cycle: Cycle) -> str:
    """What this year gives of what a higher level gave for already; empty when the policy does not look at it."""
    told = _REPEATED[settled(law, cycle.overrides).provisions.overlap]
    apart = any(measure.overlap is not None for measure in law.measures)
    return f"{told}，措施另有规定的除外" if told and apart else told


def places_word(law: Policy) -> str:
    """What the policy's places are called together: 开发区 only where it has any."""
    zones = any(county.name.endswith(_ZONES) for county in law.counties)
    return "县（区）、开发区" if zones else "县（区）"


def sharing(law: Policy, cycle: Cycle) -> list[dict[str, str]]:
    """Who bears the cost, county by county where the policy or the cycle sets it apart."""
    rule = law.provisions.cost_sharing
    names = {county.id: county.name for county in law.counties}
    apart = [county for county in names if county in rule.counties or county in cycle.cost_sharing]
    rows = [{"name": names[county], **_shares(general_rate(law, cycle, county))} for county in apart]
    return [*rows, {"name": f"{'其他' if apart else '各'}{places_word(law)}", **rule.default.model_dump()}]


def own_sharing(law: Policy) -> list[dict[str, str]]:
    """Who bears the cost of the measures of which the law itself says it (特别规定), in every county."""
    return [
        {"name": measure.title, "clause": measure.cost_sharing.clause or measure.clause}
        | {"quote": measure.cost_sharing.quote, "reading": measure.cost_sharing.reading}
        | {"city": measure.cost_sharing.city, "county": measure.cost_sharing.county}
        for measure in law.measures
        if measure.cost_sharing is not None
    ]


def _shares(county: Decimal) -> dict[str, str]:
    return {"city": _percent(1 - county), "county": _percent(county)}


def _percent(rate: Decimal) -> str:
    """A rate as people write it: 0.4 is 40%."""
    return f"{plain(rate * 100)}%"


def _standard(law: Policy, measure: Measure | None, parameter: Parameter, cycle: Cycle) -> dict[str, Any]:
    stated = version_of(parameter, cycle.year)
    chosen = cycle.overrides.get(measure.id if measure else "policy", {}).get(parameter.name)
    holds = stated
    if chosen is not None:
        holds = override(parameter, stated, chosen, adjustable(parameter, law.provisions.percentages_are_maxima))
    key = _key_label(measure, parameter)
    return {
        "label": parameter.label,
        "values": _shown(parameter, holds, key),
        "stated": _shown(parameter, stated, key) if chosen is not None else [],
        "reading": parameter.reading,
        "is_cap": measure is not None and parameter.name in _WORD.findall(measure.cap or measure.ceiling or ""),
    }


def _shown(parameter: Parameter, version: Version, key_label: str) -> list[dict[str, str]]:
    """A value on one line, or a table on several."""
    if parameter.type != "table" and version.value is None:
        return [{"key": "", "value": "没有规定"}]
    if parameter.type != "table":
        return [{"key": "", "value": _value(parameter, version.value or "")}]
    rows = [(_key(parameter, row.key or row.band or "", key_label), row.value) for row in version.rows]
    if version.otherwise not in (None, "error"):
        rows.append(("其他", str(version.otherwise)))
    return [{"key": key, "value": _value(parameter, value)} for key, value in rows]


def _value(parameter: Parameter, text: str) -> str:
    """A figure with its unit, however the policy file writes it."""
    match value_type(parameter):
        case "money":
            return _money(int(read_exact("money", text, ()).scaleb(2))) + parameter.unit.removeprefix("元")
        case "rate":
            return f"{plain(read_exact('rate', text, ()).scaleb(2))}%"
        case "boolean":
            return "是" if text == "true" else "否"
        case "date":
            return chinese_date(date.fromisoformat(text))
    return text + parameter.unit


def _money(fen: int) -> str:
    """As people write it: 1.5亿元, 12.5万元, 5000元, 0.50元."""
    if fen >= 10**10 and fen % 10**9 == 0:
        return f"{plain(Decimal(fen).scaleb(-10))}亿元"
    if fen >= 1_000_000 and fen % 100_000 == 0:
        return f"{wan(fen)}万元"
    return f"{fen // 100}元" if fen % 100 == 0 else f"{yuan(fen)}元"


def _key_label(measure: Measure | None, table: Parameter) -> str:
    """What a table is looked up by: the label of what stands in `lookup(table, …)`."""
    if measure is None or table.type != "table":
        return ""
    wanted = re.compile(rf"lookup\(\s*{table.name}\s*,\s*(\w+)\s*\)")
    labels = {fact.name: fact.label for fact in measure.all_facts}
    labels |= {step.name: step.label for step in measure.steps}
    expressions = [step.expression for step in measure.steps]
    expressions += [condition.expression for condition in measure.conditions] + [measure.cap or ""]
    keys = [found.group(1) for found in map(wanted.search, expressions) if found]
    return next((labels[key] for key in keys if key in labels), "")


def _key(parameter: Parameter, key: str, label: str) -> str:
    """1, looked up by a year of benefit → 第1年; a band in words: [10万元, 30万元) → 10万元（含）至30万元（不含）."""
    if parameter.by == "integer":
        return f"第{key}年" if "年" in label else f"{label}{key}"
    if parameter.by == "choice":
        return key
    low, high = (end.strip() for end in key[1:-1].replace("，", ",").split(","))
    low_text = f"{low}（{'含' if key[0] == '[' else '不含'}）" if low else ""
    high_text = f"{high}（{'含' if key[-1] == ']' else '不含'}）" if high else ""
    if low_text and high_text:
        return f"{low_text}至{high_text}"
    return f"{low_text}以上" if low_text else f"{high_text}以下" if high_text else "全部"
