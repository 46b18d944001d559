"""A policy as `duixian policy show` tells it: beside each name the id that imports, `award` and `user add` ask for."""

from collections.abc import Iterator

from policy import Fact, Measure, Policy
from policy.schema import Parameter

OUTCOMES = {"award": "奖补", "referral": "转报上级", "case_by_case": "一事一议"}
TYPES = {
    "money": "金额",
    "integer": "整数",
    "decimal": "小数",
    "date": "日期",
    "boolean": "是否",
    "choice": "选项",
    "text": "文本",
    "list": "清单",
}
SOURCES = {"declared": "申报", "verified": "部门核定", "history": "历年记录"}
_GROUPS = {"highest_only": "只给最高的一件", "times": "合计次数", "amount_cap": "合计封顶", "pool": "资金池"}


def policy_text(policy: Policy) -> str:
    """The whole policy: head, places, what all measures share, the measures, the rules across them, the duties."""
    parts = [
        "\n".join(_head(policy)),
        *("\n".join(_measure(policy, measure)) for measure in policy.measures),
        *(
            f"[{_GROUPS[group.kind]}] {group.id}　{group.label}　{group.clause}\n"
            f"  措施：{'、'.join(group.measures)}\n  原文：{group.quote}"
            for group in policy.groups
        ),
        *(
            f"[职责] {duty.id}　{duty.clause}　{duty.quote}　牵头：{policy.bureau_name(duty.lead)}"
            for duty in policy.duties
        ),
    ]
    return "\n\n".join(parts)


def fact_text(policy: Policy, fact: Fact) -> str:
    """One fact on one line: name, label, type, who gives it, whether it must be given."""
    kind = TYPES[fact.type] + (f"（{fact.unit}）" if fact.unit else "")
    choices = f"：{'、'.join(fact.choices)}" if fact.choices else ""
    source = SOURCES[fact.source]
    if fact.verified_by is not None:
        verifier = policy.bureau_name(fact.verified_by)
        source = f"{verifier}核定" if fact.source == "verified" else f"{source}，{verifier}核定"
    needed = "必填" if fact.must_be_given else "可不填"
    return f"{fact.name}　{fact.label}　{kind}{choices}　{source}　{needed}"


def _head(policy: Policy) -> Iterator[str]:
    yield policy.title
    yield f"{policy.number}　{policy.issuer}　{policy.issued} 印发"
    yield f"有效期 {policy.valid.start} 至 {policy.valid.to}，数据统计自 {policy.statistics_from}"
    yield f"SHA-256 {policy.sha256}"
    for name, places in (("部门", policy.bureaus), ("县区", policy.counties)):
        if places:
            yield f"{name}：{'、'.join(f'{place.id}（{place.name}）' for place in places)}"
    yield from (f"公共事实：{_fact(fact)}" for fact in policy.common_facts)
    yield from (f"公共参数：{_parameter(parameter)}" for parameter in policy.parameters)


def _measure(policy: Policy, measure: Measure) -> Iterator[str]:
    bureaus = "、".join(policy.bureau_name(bureau) for bureau in measure.responsible)
    yield f"[{OUTCOMES[measure.outcome]}] {measure.id}　{measure.title}　{measure.clause}"
    yield f"  原文：{measure.quote}"
    yield f"  牵头：{policy.bureau_name(measure.lead)}；责任：{bureaus or '无'}；主体：{'、'.join(measure.applicants)}"
    yield from (f"  事实：{_fact(fact)}" for fact in measure.facts)
    yield from (f"  参数：{_parameter(parameter)}" for parameter in measure.parameters)
    yield from (f"  步骤：{step.label}（{step.name}）= {step.expression}" for step in measure.steps)
    labels = {each.name: each.label for each in (*policy.parameters, *measure.parameters)}
    labels |= {step.name: step.label for step in measure.steps}
    for what, expression in (("奖补金额", measure.award), ("封顶", measure.cap), ("一事一议上限", measure.ceiling)):
        if expression is not None:
            yield f"  {what}：{f'{labels[expression]}（{expression}）' if expression in labels else expression}"
    yield from (f"  限制：{limit.label}（{limit.id}）" for limit in measure.limits)


def _fact(fact: Fact) -> str:
    return f"{fact.label}（{fact.name}，{TYPES[fact.type]}）"


def _parameter(parameter: Parameter) -> str:
    value = parameter.value or "、".join(f"{row.key or row.band} → {row.value}" for row in parameter.rows)
    value = value or "、".join(f"{each.from_year} 年起 {each.value or '见档位'}" for each in parameter.values)
    reading = f"　读法：{parameter.reading}" if parameter.reading else ""
    return f"{parameter.label}（{parameter.name}）= {value}{reading}"
