"""The real policy: every measure and duty as the document has them, every quote literal, every worked case."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import pytest
from ruamel.yaml import YAML

import policy
from policy import CaseResult, Measure, Policy
from policy.schema import Condition, Limit, Parameter, Step

FOLDER = Path(__file__).parents[2] / "config" / "policies" / "zhangzhou-ai-2024"
CASES = [case["name"] for case in YAML(typ="safe").load(FOLDER / "cases.yaml")["cases"]]

# id: (clause, kind of outcome, lead, responsible), as the document names them
MEASURES = {
    "compute-centre": ("一（一）", "referral", "市工信局", {"市发改委", "市财政局"}),
    "compute-purchase": ("一（二）", "award", "市工信局", {"市财政局"}),
    "compute-voucher": ("一（二）", "case_by_case", "市工信局", {"市财政局"}),
    "dataset-trade": ("二（三）", "award", "市发改委", {"市工信局", "市财政局"}),
    "typical-scenario": ("二（四）", "award", "市工信局", {"市发改委", "市财政局"}),
    "industrial-internet": ("二（四）", "award", "市工信局", {"市发改委", "市财政局"}),
    "talent": ("三（五）", "referral", "市人社局", {"市发改委", "市工信局", "市教育局", "市财政局"}),
    "new-enterprise": ("三（六）", "award", "市工信局", {"市发改委", "市科技局", "市商务局"}),
    "above-scale": ("三（六）", "award", "市工信局", {"市发改委", "市科技局", "市商务局"}),
    "revenue-milestone": ("三（六）", "award", "市工信局", {"市发改委", "市科技局", "市商务局"}),
    "annotation-platform": ("三（七）", "award", "市工信局", {"市财政局"}),
    "annotation-operation": ("三（七）", "award", "市工信局", {"市财政局"}),
    "annotation-base": ("三（七）", "award", "市工信局", {"市财政局"}),
    "ai-event": ("三（八）", "award", "市工信局", {"市财政局"}),
    "ai-competition": ("三（八）", "award", "市工信局", {"市财政局"}),
}
# The same for the duties, which pay nothing.
DUTIES = {
    "computing-transition": ("一（一）", "市工信局", {"市发改委", "市财政局"}),
    "open-data": ("二（三）", "市发改委", {"市工信局", "市财政局"}),
    "scenario-spreading": ("二（四）", "市工信局", {"市发改委", "市财政局"}),
    "skill-certification": ("三（五）", "市人社局", {"市发改委", "市工信局", "市教育局", "市财政局"}),
    "talent-bases": ("三（五）", "市人社局", {"市发改委", "市工信局", "市教育局", "市财政局"}),
    "industry-fund": ("三（六）", "市工信局", {"市发改委", "市科技局", "市商务局"}),
    "public-platforms": ("三（七）", "市工信局", {"市财政局"}),
    "education-exhibitions": ("三（八）", "市工信局", {"市财政局"}),
    "associations": ("三（八）", "市工信局", {"市财政局"}),
}
COUNTIES = (
    "芗城区、龙文区、龙海区、长泰区、漳浦县、云霄县、诏安县、东山县、南靖县、平和县、华安县、"
    "漳州开发区、常山开发区、古雷开发区、漳州台商投资区、漳州高新区"
)
# (measure, parameter) that holds a reading where the text leaves room
READINGS = {
    ("compute-purchase", "gap_years_count"),
    ("compute-purchase", "city_pays_if_province_refuses"),
    ("new-enterprise", "awards_before_allowed"),
    ("above-scale", "awards_before_allowed"),
    ("revenue-milestone", "first_time_only"),
    ("revenue-milestone", "equal_growth_eligible"),
    ("revenue-milestone", "zero_base_eligible"),
    ("revenue-milestone", "levels"),
    ("revenue-milestone", "deduct"),
    ("annotation-base", "maxima"),
    ("annotation-operation", "supported_years"),
    ("ai-event", "minimum_enterprises"),
    ("typical-scenario", "maximum"),
    ("ai-competition", "maximum"),
    ("compute-purchase", "province_fee"),
    ("compute-purchase", "batches_a_year"),
    ("annotation-operation", "whole_period_counts"),
    ("ai-event", "only_valid_codes"),
}
# measure: the parameter with its percentage, which is a maximum
PERCENTAGES = {
    "compute-purchase": "rates",
    "dataset-trade": "rate",
    "industrial-internet": "rate",
    "annotation-platform": "rate",
    "annotation-operation": "rate",
    "ai-event": "rate",
}


@lru_cache(maxsize=1)
def law() -> Policy:
    """The policy as the product loads it."""
    return policy.load(FOLDER)


@lru_cache(maxsize=1)
def results() -> dict[str, CaseResult]:
    """Every worked case, run once, by its name."""
    return {result.name: result for result in policy.run_cases(FOLDER)}


@lru_cache(maxsize=1)
def document() -> str:
    """The text of the law."""
    return (FOLDER / "text.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    assert results()[name].differences == []


def test_the_checker_finds_nothing_wrong() -> None:
    assert policy.check(FOLDER) == []


def test_every_case_has_its_own_name_and_there_are_over_a_hundred() -> None:
    assert len(set(CASES)) == len(CASES) >= 100


def test_every_measure_stands_under_its_clause_with_its_bureaus() -> None:
    found = {
        measure.id: (
            measure.clause,
            measure.outcome,
            law().bureau_name(measure.lead),
            {law().bureau_name(bureau) for bureau in measure.responsible},
        )
        for measure in law().measures
    }
    assert found == MEASURES


def test_every_duty_stands_under_its_clause_with_its_bureaus() -> None:
    found = {
        duty.id: (duty.clause, law().bureau_name(duty.lead), {law().bureau_name(bureau) for bureau in duty.responsible})
        for duty in law().duties
    }
    assert found == DUTIES


def test_all_counties_and_zones_of_the_letter_take_part() -> None:
    assert "、".join(county.name for county in law().counties) == COUNTIES


def test_the_bureaus_are_those_of_the_document() -> None:
    last_line = next(line for line in document().splitlines() if line.startswith("市直有关单位：市"))
    named = last_line.removeprefix("市直有关单位：市").rstrip("。").split("、")
    assert {bureau.name for bureau in law().bureaus} == {f"市{name}" for name in named}


def test_head_and_dates_are_those_of_the_document() -> None:
    head = law()
    assert (head.number, head.title) == ("漳政办规〔2024〕2号", "漳州市培育扶持人工智能产业若干措施")
    assert head.number in document()
    assert head.title in document()
    dates = (head.issued, head.valid.start, head.valid.to, head.statistics_from)
    assert [day.isoformat() for day in dates] == ["2024-08-13", "2024-08-13", "2026-12-31", "2024-01-01"]


def test_general_provisions() -> None:
    provisions = law().provisions
    assert provisions.percentages_are_maxima
    assert provisions.overlap == "top_up"
    assert (provisions.rounding.unit, provisions.rounding.mode) == ("1元", "down")
    assert (provisions.cost_sharing.default.city, provisions.cost_sharing.counties) == ("100%", {})
    own = {measure.id: measure.cost_sharing for measure in law().measures if measure.cost_sharing is not None}
    assert {name: (shares.city, shares.quote) for name, shares in own.items()} == {
        "typical-scenario": ("100%", "市级财政最高奖励20万元")
    }


@dataclass(frozen=True)
class Citation:
    """A quote, the clause that it is cited for, and the part of the policy that cites it."""

    place: str
    clause: str
    quote: str


def citations(measure: Measure) -> list[Citation]:
    """Everything that a measure quotes; what names no clause of its own stands under the measure's."""
    found = [Citation(measure.id, measure.clause, measure.quote)]
    parts: list[tuple[str, Parameter | Step | Condition | Limit]] = [
        *((part.name, part) for part in measure.parameters),
        *((part.name, part) for part in measure.steps),
        *((part.id, part) for part in measure.conditions),
        *((part.id, part) for part in measure.limits),
    ]
    found += [Citation(f"{measure.id} {name}", part.clause or measure.clause, part.quote) for name, part in parts]
    return found


def general_citations() -> list[Citation]:
    """What the policy quotes outside its measures."""
    head = law()
    found = [Citation("provisions", head.provisions.clause, head.provisions.quote)]
    found += [Citation(parameter.name, parameter.clause, parameter.quote) for parameter in head.parameters]
    for part in (*head.duties, *head.groups, *head.common_conditions):
        found.append(Citation(part.id, part.clause, part.quote))
    return found


def text_of(clause: str) -> str:
    """The item of the document, such as 二（三）, or the closing paragraph for 附则."""
    start = "本措施规定的奖补百分比" if clause == "附则" else clause[1:]
    return next(line for line in document().splitlines() if line.startswith(start))


def test_every_quote_is_literally_in_the_item_that_it_is_cited_for() -> None:
    everything = [*general_citations(), *(found for measure in law().measures for found in citations(measure))]
    assert [found for found in everything if not found.quote or found.quote not in text_of(found.clause)] == []


def test_every_reading_is_a_named_parameter_with_its_reason() -> None:
    owned = {(measure.id, parameter.name): parameter for measure in law().measures for parameter in measure.parameters}
    assert [key for key in READINGS if not owned[key].reading] == []


@pytest.mark.parametrize(("measure", "parameter"), PERCENTAGES.items())
def test_a_yearly_rate_may_be_lower_but_not_higher(measure: str, parameter: str) -> None:
    lower, higher = ("1=10%", "1=60%") if parameter == "rates" else ("5%", "60%")
    assert policy.check_overrides(law(), {measure: {parameter: lower}}, year=2025) == []
    assert policy.check_overrides(law(), {measure: {parameter: higher}}, year=2025) != []


def test_a_fixed_award_may_not_be_changed_by_the_guide() -> None:
    assert policy.check_overrides(law(), {"new-enterprise": {"bonus": "30万元"}}, year=2025) != []


def test_every_declared_fact_is_verified_by_a_bureau_of_the_policy() -> None:
    bureaus = {bureau.id for bureau in law().bureaus}
    declared = [
        (measure.id, fact.name, fact.verified_by)
        for measure in law().measures
        for fact in measure.all_facts
        if fact.source == "declared"
    ]
    assert [found for found in declared if found[2] not in bureaus] == []
