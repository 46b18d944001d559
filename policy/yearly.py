"""What a year's guide settles beside the parameters: budgets and, where the policy lets it, overlap and rounding.

They stand as parameters of their own: `policy.overlap`, `policy.rounding_unit`, `policy.rounding_mode`, and for each
measure that pays `budget`, `when_short`, `rank_by`.
"""

from __future__ import annotations

from collections.abc import Mapping

from policy.amounts import read_money
from policy.names import COMMON
from policy.schema import Budget, Measure, Parameter, Policy

_OVERLAP = {"补差": "top_up", "不再补": "exclude", "不看": "none"}
_MODES = {"舍去": "down", "四舍五入": "half_up", "进位": "up"}
_SHORT = {"不核减": "warn", "按比例": "pro_rata", "按排名": "by_rank"}


def year_settings(policy: Policy, measure: Measure | None) -> list[Parameter]:
    """The settings of a measure, or with None those of the whole policy."""
    return _of_measure(measure) if measure is not None else _of_policy(policy)


def _of_policy(policy: Policy) -> list[Parameter]:
    provisions = policy.provisions
    found = []
    if "overlap" in provisions.adjustable:
        found.append(_choice("overlap", "同一事项已获上级资助时", _OVERLAP, provisions.overlap))
    if "rounding" in provisions.adjustable:
        unit = Parameter(
            name="rounding_unit", label="取整到", type="money", value=provisions.rounding.unit, adjustable="any"
        )
        found += [unit, _choice("rounding_mode", "取整办法", _MODES, provisions.rounding.mode)]
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


def _choice(name: str, label: str, words: Mapping[str, str], value: str | None) -> Parameter:
    stated = next((word for word, meant in words.items() if meant == value), None)
    return Parameter(name=name, label=label, type="choice", choices=list(words), value=stated, adjustable="any")


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


def unranked(measure: Measure, chosen: Mapping[str, str]) -> bool:
    """Whether a year ranks a measure and nothing says by what."""
    budget: Budget = _settled_measure(measure, chosen).budget
    return budget.when_short == "by_rank" and budget.rank_by is None
