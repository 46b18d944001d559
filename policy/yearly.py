"""What a year's guide settles beside the parameters: budgets and, where the policy lets it, overlap and rounding.

They stand as parameters of their own: `policy.overlap`, `policy.rounding_unit`, `policy.rounding_mode`, and for each
measure that pays `budget`, `when_short`, `rank_by`. What the law gives at most, no year exceeds: it chooses how what
was granted above counts, not that it does not, and it rounds down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from policy.amounts import read_money
from policy.names import COMMON
from policy.schema import Budget, Measure, Parameter, Policy

_OVERLAP = {"补差": "top_up", "不再补": "exclude", "不看": "none"}
_OF_A_YEAR = ("补差", "不再补")
_DOWN = "舍去"
_MODES = {_DOWN: "down", "四舍五入": "half_up", "进位": "up"}
_SHORT = {"不核减": "warn", "按比例": "pro_rata", "按排名": "by_rank"}


def year_settings(policy: Policy, measure: Measure | None, *, what_if: bool = False) -> list[Parameter]:
    """The settings of a measure, or with None those of the whole policy; a what-if may go beyond what a year may."""
    return _of_measure(measure) if measure is not None else _of_policy(policy, what_if)


def _of_policy(policy: Policy, what_if: bool) -> list[Parameter]:
    provisions = policy.provisions
    found = []
    if what_if or "overlap" in provisions.adjustable:
        offered = _OVERLAP if what_if else _OF_A_YEAR
        found.append(_choice("overlap", "同一事项已获上级资助时", _OVERLAP, provisions.overlap, offered))
    if what_if or "rounding" in provisions.adjustable:
        unit, mode = provisions.rounding.unit, provisions.rounding.mode
        found.append(Parameter(name="rounding_unit", label="取整到", type="money", value=unit, adjustable="any"))
        found.append(_choice("rounding_mode", "取整办法", _MODES, mode, _MODES if what_if else (_DOWN,)))
    return found


def _of_measure(measure: Measure) -> list[Parameter]:
    if measure.outcome != "award" and measure.decided_by is None:
        return []
    budget = Parameter(name="budget", label="年度预算", type="money", adjustable="any")
    found = [budget, _choice("when_short", "预算不足时", _SHORT, measure.budget.when_short)]
    if ranks := _ranks(measure):
        found.append(_choice("rank_by", "按哪一项从高到低排名", ranks, measure.budget.rank_by))
    return found


def _ranks(measure: Measure) -> dict[str, str]:
    numeric = (fact for fact in measure.facts if fact.type in ("money", "integer", "decimal"))
    return {fact.label: fact.name for fact in numeric}


def _choice(
    name: str, label: str, words: Mapping[str, str], value: str | None, offered: Iterable[str] | None = None
) -> Parameter:
    """``words`` that say what a policy file means by its value; all of them are offered unless only some are."""
    stated, choices = next((word for word, meant in words.items() if meant == value), None), list(offered or words)
    return Parameter(name=name, label=label, type="choice", choices=choices, value=stated, adjustable="any")


def settled(policy: Policy, overrides: Mapping[str, Mapping[str, str]]) -> Policy:
    """The policy as the year settles it; the overrides are known to be right."""
    common = overrides.get(COMMON, {})
    rounding = policy.provisions.rounding.model_copy(
        update=_given(common, "rounding_unit", "unit") | _given(common, "rounding_mode", "mode", _MODES)
    )
    provisions = policy.provisions.model_copy(
        update={"rounding": rounding} | _given(common, "overlap", "overlap", _OVERLAP)
    )
    measures = [_settled_measure(measure, overrides.get(measure.id, {})) for measure in policy.measures]
    return policy.model_copy(update={"provisions": provisions, "measures": measures})


def _settled_measure(measure: Measure, chosen: Mapping[str, str]) -> Measure:
    changes = _given(chosen, "when_short", "when_short", _SHORT) | _given(chosen, "rank_by", "rank_by", _ranks(measure))
    return measure.model_copy(update={"budget": measure.budget.model_copy(update=changes)}) if changes else measure


def _given(chosen: Mapping[str, str], name: str, key: str, words: Mapping[str, str] | None = None) -> dict[str, object]:
    """The setting of that name as an update, when the year has it."""
    if name not in chosen:
        return {}
    return {key: chosen[name] if words is None else words[chosen[name]]}


def budgets_of(overrides: Mapping[str, Mapping[str, str]]) -> dict[str, int]:
    """The year's budgets in fen by measure."""
    found: dict[str, int] = {}
    for measure, chosen in overrides.items():
        money = read_money(chosen["budget"]) if measure != COMMON and "budget" in chosen else None
        if isinstance(money, tuple):
            found[measure] = money[0]
    return found


def unsettled(policy: Policy, overrides: Mapping[str, Mapping[str, str]]) -> list[str]:
    """A Chinese sentence for what overrides, each of which is right by itself, still leave open or make wrong."""
    measures = [each for each in policy.measures if _unranked(each, overrides.get(each.id, {}))]
    found = [f"{measure.id} 预算不足时按排名，要另定 rank_by（按哪一项排名）" for measure in measures]
    return found + _unit_troubles(settled(policy, overrides), overrides.get(COMMON, {}).get("rounding_unit"))


def _unit_troubles(policy: Policy, unit: str | None) -> list[str]:
    money = read_money(unit) if unit is not None else None
    if isinstance(money, tuple) and money[0] <= 0:
        return [f"取整单位（rounding_unit）要大于零，看到的是“{unit}”；请写成 1元、100元 的样子"]
    if unit is not None and policy.provisions.rounding.mode != _MODES[_DOWN]:
        return [
            f"取整单位（rounding_unit）另定为“{unit}”的，只能舍去，以免超过原文的标准；请把取整办法（rounding_mode）也定为舍去"
        ]
    return []


def _unranked(measure: Measure, chosen: Mapping[str, str]) -> bool:
    """Whether a year ranks a measure and nothing says by what."""
    budget: Budget = _settled_measure(measure, chosen).budget
    return budget.when_short == "by_rank" and budget.rank_by is None
