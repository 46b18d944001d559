"""The real formulas against an oracle of fractions: exact to the fen, within their caps, monotone where the law is."""

from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from stdnum.cn.uscc import calc_check_digit

import policy
from policy import Evaluation

POLICY = policy.load(policy.find("zhangzhou-ai-2024"))
SLOW = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
MEASURES = ("dataset-trade", "industrial-internet", "annotation-platform", "ai-event")
RATES = {
    "dataset-trade": (Fraction(30, 100), 100_000_000, 0),
    "industrial-internet": (Fraction(20, 100), 100_000_000, 0),
    "annotation-platform": (Fraction(15, 100), 500_000_000, 2_000_000_000),
    "ai-event": (Fraction(50, 100), 10_000_000, 0),
}
MONEY_FACT = {
    "dataset-trade": "trade_amount",
    "industrial-internet": "investment",
    "annotation-platform": "investment",
    "ai-event": "spend",
}
GUESTS = [code + calc_check_digit(code) for code in (f"91350699MA7XW{number:04d}" for number in range(20))]
OTHERS: dict[str, dict[str, object]] = {
    "dataset-trade": {"on_exchange": True, "item_date": date(2025, 6, 15)},
    "industrial-internet": {"effective": True, "item_date": date(2025, 6, 15)},
    "annotation-platform": {"item_date": date(2025, 6, 15)},
    "ai-event": {"recognised": True, "participants": GUESTS, "item_date": date(2025, 6, 15)},
}
EDGES = [0, 1, 9_999_999, 10_000_000, 29_999_999, 30_000_000, 333_333_333, 333_333_334, 1_999_999_999, 2_000_000_000]
FEN = st.one_of(st.integers(0, 10**14), st.integers(0, 10**10), st.sampled_from(EDGES))


def evaluate(measure: str, rows: list[dict[str, object]]) -> Evaluation:
    chosen = POLICY.measure(measure)
    assert chosen is not None
    who = [{"application_id": f"{i:05d}", "uscc": f"u{i}"} | row for i, row in enumerate(rows)]
    evaluation = policy.evaluate(POLICY, {measure: policy.frame(chosen, who)}, year=2025)
    assert evaluation.errors == []
    return evaluation


def amounts(measure: str, rows: list[dict[str, object]]) -> list[int]:
    return evaluate(measure, rows).results.sort("application_id")["amount_fen"].to_list()


def down_to_the_yuan(fen: Fraction) -> int:
    return floor(fen / 100) * 100


@pytest.mark.parametrize("measure", MEASURES)
@SLOW
@given(figures=st.lists(FEN, min_size=1, max_size=30), above=st.integers(0, 10**9))
def test_percentages_with_caps(measure: str, figures: list[int], above: int) -> None:
    rate, cap, least = RATES[measure]
    figures = sorted(figures)
    got = amounts(measure, [OTHERS[measure] | {MONEY_FACT[measure]: fen} for fen in figures])
    expected = [down_to_the_yuan(min(fen * rate, Fraction(cap))) if fen >= least else 0 for fen in figures]
    assert got == expected
    assert got == sorted(got)
    assert all(0 <= fen <= cap for fen in got)
    topped = amounts(measure, [OTHERS[measure] | {MONEY_FACT[measure]: fen, "granted_above": above} for fen in figures])
    wanted = [max(Fraction(0), min(fen * rate, Fraction(cap)) - above) if fen >= least else 0 for fen in figures]
    assert topped == [down_to_the_yuan(Fraction(fen)) for fen in wanted]


@SLOW
@given(st.lists(st.tuples(FEN, st.integers(1, 5)), min_size=1, max_size=30))
def test_compute_purchase_by_year_of_benefit(purchases: list[tuple[int, int]]) -> None:
    evaluation = evaluate("compute-purchase", [{"service_fee": fen, "benefit_year": year} for fen, year in purchases])
    results = evaluation.results.sort("application_id")
    for (fen, year), outcome, amount in zip(purchases, results["outcome"], results["amount_fen"], strict=True):
        rate = {1: Fraction(1, 2), 2: Fraction(2, 5), 3: Fraction(3, 10)}.get(year, Fraction(0))
        if fen >= 30_000_000:
            assert (outcome, amount) == ("referral", 0)
        elif fen < 10_000_000 or year > 3:
            assert (outcome, amount) == ("rejected", 0)
        else:
            assert (outcome, amount) == ("award", down_to_the_yuan(fen * rate))


LEVELS = [(1_000_000_000_0, 150_000_000), (800_000_000_0, 100_000_000), (500_000_000_0, 80_000_000)]
LEVELS.append((300_000_000_0, 50_000_000))
REVENUE = st.one_of(
    st.integers(1, 2 * 10**10), st.sampled_from([bound + shift for bound, _ in LEVELS for shift in (-1, 0)])
)


def level(fen: int) -> int:
    return next((award for bound, award in LEVELS if fen >= bound), 0)


@SLOW
@given(st.lists(st.tuples(REVENUE, REVENUE, REVENUE, st.integers(-2000, 5000)), min_size=1, max_size=30))
def test_revenue_milestones(companies: list[tuple[int, int, int, int]]) -> None:
    rows: list[dict[str, object]] = [
        {
            "revenue": revenue,
            "previous_revenue": previous,
            "highest_earlier_revenue": max(previous, highest),
            "industry_growth": Decimal(growth).scaleb(-2),
        }
        for revenue, previous, highest, growth in companies
    ]
    expected = []
    for revenue, previous, highest, growth in companies:
        grows = Fraction(revenue - previous, previous) >= Fraction(growth, 10_000)
        first = level(revenue) > level(max(previous, highest))
        expected.append(level(revenue) if grows and first else 0)
    assert amounts("revenue-milestone", rows) == expected


@SLOW
@given(st.lists(st.tuples(FEN, st.dates(date(2022, 1, 1), date(2025, 12, 1))), min_size=1, max_size=30))
def test_annotation_operation_is_a_tenth_and_at_most_a_million_a_year(platforms: list[tuple[int, date]]) -> None:
    rows: list[dict[str, object]] = [
        {
            "turnover": fen,
            "operation_start": start,
            "period_from": max(start, date(2025, 1, 1)),
            "period_to": min(
                date(2025, 12, 31), start.replace(year=start.year + 3, day=min(start.day, 28)) - timedelta(days=1)
            ),
        }
        for fen, start in platforms
    ]
    kept = [(row, fen) for row, (fen, _) in zip(rows, platforms, strict=True) if row["period_from"] <= row["period_to"]]  # type: ignore[operator]
    if not kept:
        return
    got = amounts("annotation-operation", [row for row, _ in kept])
    assert got == [down_to_the_yuan(min(Fraction(fen, 10), Fraction(100_000_000))) for _, fen in kept]
