"""The arithmetic is exact: compared with an oracle of fractions, on random figures and random expressions."""

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from pathlib import Path

import polars as pl
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import policy
from policy.compiling import Environment, build_column, display
from policy.expressions import Analyst, ExpressionError, Node
from policy.functions import TABLE
from policy.kinds import INT128_MAX, MONEY, Kind, number
from policy.narrowing import Bounder

MADE_UP = Path(__file__).parent / "made_up"
FEN = st.integers(0, 10**14)
AMOUNTS_OF_ANY_SIZE = st.one_of(*(st.integers(-(10**digits), 10**digits) for digits in (2, 9, 18, 19, 25)))
MONEY_SAMPLE = st.one_of(FEN, st.integers(0, 10**9), st.sampled_from([0, 1, 99_999_999, 100_000_000, 666_666_667]))
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def amounts(name: str, measure: str, rows: list[dict[str, object]], **more: object) -> list[int]:
    """The awards in fen of a made-up policy, in the order of the rows; each row is an enterprise of its own."""
    found = policy.load(MADE_UP / name)
    chosen = found.measure(measure)
    assert chosen is not None
    who = [{"application_id": f"{i:05d}", "uscc": f"u{i}"} | row for i, row in enumerate(rows)]
    evaluation = policy.evaluate(found, {measure: policy.frame(chosen, who)}, year=2025, **more)  # type: ignore[arg-type]
    assert evaluation.errors == []
    return evaluation.results.sort("application_id")["amount_fen"].to_list()


def whole_yuan(yuan: Fraction) -> int:
    return floor(yuan) * 100


@SLOW
@given(st.lists(MONEY_SAMPLE, min_size=1, max_size=30))
def test_percentage_with_cap_is_exact_never_above_and_monotone(investments: list[int]) -> None:
    given_rows: list[dict[str, object]] = [{"investment": fen} for fen in sorted(investments)]
    got = amounts("percentage-cap", "equipment", given_rows)
    oracle = [min(Fraction(fen, 100) * Fraction(15, 100), Fraction(1_000_000)) for fen in sorted(investments)]
    assert got == [whole_yuan(yuan) for yuan in oracle]
    assert all(0 <= fen <= 100_000_000 for fen in got)
    assert got == sorted(got)


@SLOW
@given(st.lists(MONEY_SAMPLE, min_size=1, max_size=30))
def test_amount_bands_are_exact_at_and_around_their_bounds(spends: list[int]) -> None:
    edges = [edge + shift for edge in (100_000_000, 500_000_000) for shift in (-1, 0, 1)]
    spends = spends + edges

    def oracle(fen: int) -> int:
        yuan = Fraction(fen, 100)
        rate = Fraction(5 if yuan < 1_000_000 else 8 if yuan <= 5_000_000 else 10, 100)
        return whole_yuan(yuan * rate)

    assert amounts("rate-tables", "research", [{"spend": fen} for fen in spends]) == [oracle(fen) for fen in spends]


@SLOW
@given(
    st.lists(
        st.tuples(
            MONEY_SAMPLE, st.integers(0, 360_000), st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(1, 900)
        ),
        min_size=1,
        max_size=20,
    )
)
def test_loan_interest_is_exact_to_the_fen(loans: list[tuple[int, int, date, int]]) -> None:
    rows: list[dict[str, object]] = [
        {
            "principal": fen,
            "loan_rate": Decimal(rate).scaleb(-4),
            "from_date": day,
            "to_date": day + timedelta(days=length),
        }
        for fen, rate, day, length in loans
    ]

    def oracle(fen: int, rate: int, length: int) -> int:
        yearly = min(Fraction(rate, 10**6), Fraction(3, 100))
        interest = Fraction(fen, 100) * yearly * min(length, 365) / 365
        return floor(interest * 100 + Fraction(1, 2))

    assert amounts("loan-interest", "loan", rows) == [oracle(fen, rate, length) for fen, rate, _, length in loans]


@SLOW
@given(st.lists(st.tuples(st.integers(0, 200_000), st.integers(0, 10_000)), min_size=1, max_size=30))
def test_per_person_award_keeps_both_caps(trainings: list[tuple[int, int]]) -> None:
    got = amounts("per-unit", "training", [{"cost": cost, "persons": persons} for cost, persons in trainings])
    oracle = [min(Fraction(min(cost, 80_000) * persons, 100), Fraction(100_000)) for cost, persons in trainings]
    assert got == [whole_yuan(yuan) for yuan in oracle]


@SLOW
@given(st.lists(st.integers(1, 10**7), min_size=1, max_size=40))
def test_pool_is_shared_to_the_fen_and_never_exceeded(claims: list[int]) -> None:
    got = amounts("pools", "shared", [{"claim": yuan * 100} for yuan in claims])
    pool, total = 10_000, sum(claims) * 100
    assert sum(got) == min(pool, total)
    for yuan, fen in zip(claims, got, strict=True):
        fair = Fraction(yuan * 100) * min(Fraction(1), Fraction(pool, total))
        assert abs(fen - fair) < 1
        assert 0 <= fen <= yuan * 100


@SLOW
@given(st.lists(st.tuples(st.integers(1, 10**7), st.integers(0, 1000)), min_size=1, max_size=40))
def test_ranked_pool_never_pays_a_lower_score_before_a_higher(claims: list[tuple[int, int]]) -> None:
    rows: list[dict[str, object]] = [
        {"claim": yuan * 100, "score": Decimal(score).scaleb(-1)} for yuan, score in claims
    ]
    got = amounts("pools", "ranked", rows)
    assert sum(got) <= 10_000
    assert sum(fen > 0 for fen in got) <= 3
    for (yuan, score), fen in zip(claims, got, strict=True):
        if fen < yuan * 100:
            assert all(other == 0 for (_, lower), other in zip(claims, got, strict=True) if lower < score)


@SLOW
@given(st.lists(st.tuples(MONEY_SAMPLE, MONEY_SAMPLE), min_size=1, max_size=30))
def test_top_up_reaches_what_the_city_would_have_given_and_no_more(pairs: list[tuple[int, int]]) -> None:
    got = amounts("overlap", "topped", [{"claim": claim, "granted_above": above} for claim, above in pairs])
    assert got == [max(0, claim - above) // 100 * 100 for claim, above in pairs]


# random expressions

FACTS: dict[str, Kind] = {
    "a": MONEY,
    "b": MONEY,
    "n": number(0, 10**6),
    "m": number(-1000, 1000),
    "r": number(-(10**7), 10**8, 6, percent=True),
}
Row = dict[str, int]


class FactScope:
    """Names of the random expressions."""

    def resolve(self, name: str) -> Node | None:
        return Node("name", FACTS[name], value=name) if name in FACTS else None

    def known(self) -> set[str]:
        return set(FACTS)


def grown(leaves: st.SearchStrategy[str], shapes: list[Callable[[str, str], str]]) -> st.SearchStrategy[str]:
    def extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        return st.builds(lambda shape, left, right: shape(left, right), st.sampled_from(shapes), inner, inner)

    return st.recursive(leaves, extend, max_leaves=6)


SHAPES: list[Callable[[str, str], str]] = [
    lambda left, right: f"({left} + {right})",
    lambda left, right: f"({left} - {right})",
    lambda left, right: f"min({left}, {right})",
    lambda left, right: f"max({left}, {right})",
    lambda left, right: f"({left} if {left} <= {right} else {right})",
    lambda left, right: f"abs({left} - {right})",
]
NUMBERS = grown(st.sampled_from(["n", "m", "r", "7", "0"]), [*SHAPES, lambda left, right: f"({left} * {right})"])
MONIES = grown(st.one_of(st.sampled_from(["a", "b"]), NUMBERS.map(lambda factor: f"(a * {factor})")), SHAPES)
ALL_SIZES = {name: st.integers(kind.low, kind.high) for name, kind in FACTS.items()}
SMALL = {name: st.integers(max(kind.low, -50_000), min(kind.high, 50_000)) for name, kind in FACTS.items()}
AROUND_64_BITS = SMALL | {"a": st.integers(10**14 - 1000, 10**14), "n": st.integers(92_230, 92_236)}
ROWS = st.one_of(
    st.lists(st.fixed_dictionaries(sizes), min_size=1, max_size=5) for sizes in (ALL_SIZES, SMALL, AROUND_64_BITS)
)


def computed(expression: str, rows: list[Row]) -> tuple[Node, list[int | None]]:
    """The tree, and its values; with the tighter bounds of these very rows they are the same."""
    node = Analyst(expression, FactScope(), TABLE).analyse()
    frame, nothing = pl.DataFrame(rows, schema=dict.fromkeys(FACTS, pl.Int64())), Environment({}, {}, {})
    found = frame.with_columns(x=build_column(node, nothing))["x"].to_list()
    seen = {name: (min(row[name] for row in rows), max(row[name] for row in rows)) for name in FACTS}
    tight = Bounder(nothing, seen, len(rows)).bound(node)
    assert found == frame.with_columns(x=build_column(tight, nothing))["x"].to_list(), expression
    assert all(tight.kind.low <= value <= tight.kind.high for value in found if value is not None), expression
    return node, found


def oracle_names(row: Row) -> dict[str, object]:
    exact = {name: Fraction(row[name], 10**kind.scale) for name, kind in FACTS.items()}
    return exact | {"min": min, "max": max, "abs": abs}


@settings(max_examples=300, deadline=None)
@given(st.one_of(NUMBERS, MONIES), ROWS)
def test_random_expressions_equal_the_oracle_or_are_refused_as_too_large(expression: str, rows: list[Row]) -> None:
    try:
        node, got = computed(expression, rows)
    except ExpressionError as error:
        assert "38 位" in error.message, (expression, error)
        return
    for row, value in zip(rows, got, strict=True):
        exact = eval(expression, {}, oracle_names(row))
        assert Fraction(value or 0, 10**node.kind.scale) == exact, expression
        assert node.kind.low <= (value or 0) <= node.kind.high <= INT128_MAX


@settings(max_examples=200, deadline=None)
@given(MONIES, st.sampled_from(["n", "m", "(n + 7)", "b"]), ROWS)
def test_division_rounds_down_at_eight_digits_and_zero_gives_no_value(above: str, below: str, rows: list[Row]) -> None:
    try:
        node, got = computed(f"{above} / {below}", rows)
    except ExpressionError as error:
        assert "38 位" in error.message
        return
    for row, value in zip(rows, got, strict=True):
        names = oracle_names(row)
        divisor = eval(below, {}, names)
        if divisor == 0:
            assert value is None
            continue
        unit = 10**node.kind.scale
        assert node.kind.scale >= 8
        assert value == floor(eval(above, {}, names) / divisor * unit)


def test_values_just_beyond_64_bits_stay_exact() -> None:
    for factor in (50_000, 92_233, 92_234, 100_000, 360_000):
        row = {"a": 10**14 - 1, "b": 1, "n": factor, "m": 1, "r": 0}
        _, got = computed("a * n - b + b", [row])
        assert got == [(10**14 - 1) * factor]
        _, got = computed("a * 100 * 100 * 10", [row])
        assert got == [(10**14 - 1) * 100_000]


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(["round_down", "round_up", "round_half_up"]), NUMBERS, ROWS)
def test_roundings_are_the_same_with_the_bounds_of_the_rows(rounding: str, figure: str, rows: list[Row]) -> None:
    try:
        node, got = computed(f"{rounding}({figure}, 100)", rows)
    except ExpressionError as error:
        assert "38 位" in error.message
        return
    assert all(value is not None and value % (100 * 10**node.kind.scale) == 0 for value in got)


@given(AMOUNTS_OF_ANY_SIZE, st.integers(0, 8), st.booleans())
def test_an_amount_is_shown_the_same_at_any_width(value: int, scale: int, percent: bool) -> None:
    wide = Kind("number", scale, -(10**30), 10**30, percent=percent)
    tight = Kind("number", scale, min(value, 0), max(value, 0), percent=percent)
    column = pl.DataFrame({"x": pl.Series([value], dtype=pl.Int128)})
    shown = [column.select(x=display(pl.col("x"), kind))["x"][0] for kind in (wide, tight)]
    exact = Fraction(value, 10**scale) * (100 if percent else 1)
    assert shown[0] == shown[1] and Fraction(shown[0].removesuffix("%")) == exact
