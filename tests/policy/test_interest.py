"""Interest on what is claimed back: exact, simple, capped and rounded a part, told step by step."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policy
from policy.interest import Held, charge
from policy.schema import Clawback, Interest
from tests.policy.base_policy import BASE

DAY = date(2026, 1, 1)


def rule(**interest: object) -> Clawback:
    return Clawback(interest=Interest.model_validate({"annual_rate": "3.65%"} | interest), clause="二十一")


def fen(clawback: Clawback, principal: int, until: date, since: date = DAY) -> int:
    return charge(clawback, [Held("市级", principal, since)], until).fen[0]


def test_without_a_rule_nothing_is_charged() -> None:
    charged = charge(Clawback(), [Held("市级", 100, DAY), Held("东区", 50, DAY)], date(2027, 1, 1))
    assert charged.fen == (0, 0)
    assert [step.value for step in charged.steps] == ["不计利息"]


@pytest.mark.parametrize(
    ("clawback", "until", "expected"),
    [
        (rule(), date(2026, 1, 1), 0),  # the day of payment itself is no day
        (rule(), date(2026, 1, 2), 10_00),  # 100,000 yuan × 3.65% ÷ 365
        (rule(year_days=360), date(2026, 1, 2), 10_14),  # 10.138…
        (rule(), date(2027, 1, 1), 3650_00),
        (rule(), date(2025, 12, 1), 0),  # before it was paid
        (rule(cap="1%"), date(2027, 1, 1), 1000_00),
        (rule(year_days=360, rounding={"unit": "1分", "mode": "down"}), date(2026, 1, 2), 10_13),
        (rule(year_days=360, rounding={"unit": "1元", "mode": "up"}), date(2026, 1, 2), 11_00),
        (rule(cap="1.00005%", rounding={"unit": "1元", "mode": "up"}), date(2027, 1, 1), 1000_00),  # 1,000.05
    ],
)
def test_days_times_rate_times_what_was_held(clawback: Clawback, until: date, expected: int) -> None:
    assert fen(clawback, 100_000_00, until) == expected


def test_interest_runs_on_each_piece_until_it_came_back_and_is_rounded_once_a_part() -> None:
    back = ((date(2026, 1, 11), 40_000_00), (date(2026, 1, 21), 60_000_00))
    held = [Held("市级", 100_000_00, DAY, back), Held("东区", 100_000_00, DAY, back[:1]), Held("西区", 5_00, DAY)]
    charged = charge(rule(), held, date(2026, 2, 10))
    assert charged.fen == (160_00, 280_00, 2)
    values = {step.name: step.value for step in charged.steps}
    assert values["exact_1_2"] == "60000.00 × 3.65% × 20 ÷ 365 = 120"
    assert (values["exact_1"], values["exact_2_2"]) == ("160", "60000.00 × 3.65% × 40 ÷ 365 = 240")
    assert "exact_3_1" not in values
    half = [Held("市级", 2_50, DAY, ((date(2026, 1, 2), 1_25),))]
    assert charge(rule(annual_rate="73%"), half, date(2026, 1, 2)).fen == (1,)  # 0.25 fen and 0.25 fen
    capped = charge(rule(cap="0.1%"), held[:1], date(2026, 2, 10))
    assert capped.fen == (100_00,) and "按封顶计" in {step.name: step.value for step in capped.steps}["exact_1"]


def test_half_a_fen_goes_up_and_less_does_not() -> None:
    assert fen(rule(annual_rate="36.5%"), 5_00, date(2026, 1, 2)) == 1  # 0.5 fen
    assert fen(rule(annual_rate="36.5%"), 4_99, date(2026, 1, 2)) == 0


def test_each_part_is_rounded_by_itself_and_the_steps_add_up() -> None:
    charged = charge(rule(), [Held("市级部分", 60_000_00, DAY), Held("东区部分", 40_000_00, DAY)], date(2026, 2, 1))
    assert charged.fen == (186_00, 124_00)
    assert [(step.name, step.value) for step in charged.steps] == [
        (
            "terms",
            "单利，年利率 3.65%，自拨付之日起至作出决定之日止，算头不算尾，一年按 365 天",
        ),
        ("exact_1", "60000.00 × 3.65% × 31 ÷ 365 = 186"),
        ("rounded_1", "186.00"),
        ("exact_2", "40000.00 × 3.65% × 31 ÷ 365 = 124"),
        ("rounded_2", "124.00"),
        ("interest", "310.00"),
    ]
    assert {step.clause for step in charged.steps} == {"二十一"}


@given(principal=st.integers(1, 10**12), days=st.integers(0, 4000), year=st.sampled_from([360, 365]))
def test_it_is_never_half_a_fen_away_from_the_exact_interest(principal: int, days: int, year: int) -> None:
    until = date.fromordinal(DAY.toordinal() + days)
    exact = Fraction(principal) * Fraction(365, 10000) * days / year
    assert abs(fen(rule(year_days=year), principal, until) - exact) <= Fraction(1, 2)


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("{annual_rate: 365%}", "不是 0% 至 100% 之间的比例"),
        ("{annual_rate: 很高}", "不是 0% 至 100% 之间的比例"),
        ("{annual_rate: 3%, cap: -1%}", "不是 0% 至 100% 之间的比例"),
        ("{annual_rate: 3%, rounding: {unit: 0元}}", "取整单位不是大于零的金额"),
        ("{annual_rate: 3%, from: tomorrow}", ""),
    ],
)
def test_a_rule_that_cannot_be_is_refused_with_its_line(tmp_path: Path, written: str, told: str) -> None:
    text = BASE.replace("{overlap: top_up}", f"{{overlap: top_up, clawback: {{interest: {written}}}}}")
    (tmp_path / "policy.yaml").write_text(text, encoding="utf-8")
    problems = [each for each in policy.check(tmp_path) if each.severity == "error"]
    assert problems and all(told in each.sentence() for each in problems)
