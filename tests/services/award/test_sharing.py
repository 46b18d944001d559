"""Cost sharing: the shares add up to the award to the fen, whatever the rate."""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

import policy
from services.award.sharing import county_rate, split
from services.errors import InputError
from services.law.policies import policy_of
from tests.services.filled_record import Record


@given(
    fen=st.integers(min_value=0, max_value=10**14),
    rate=st.decimals(min_value=0, max_value=1, allow_nan=False, places=6),
)
def test_shares_add_up_and_each_is_right_to_the_fen(fen: int, rate: Decimal) -> None:
    city, county = split(fen, rate)
    assert city + county == fen
    assert city >= 0 and county >= 0
    assert 0 <= fen * rate - county < 1


@pytest.mark.parametrize(("rate", "shares"), [("0", (101, 0)), ("1", (0, 101)), ("0.5", (51, 50))])
def test_all_to_one_bearer_and_the_odd_fen_to_the_city(rate: str, shares: tuple[int, int]) -> None:
    assert split(101, Decimal(rate)) == shares


def test_the_cycles_own_setting_comes_before_the_policys(record: Record) -> None:
    law = policy_of(record.session, record.cycle)
    assert [county_rate(law, record.cycle, "computing", each) for each in ("east", "west")] == [Decimal("0.4"), 0]
    record.cycle.cost_sharing = {"east": "12.5%", "west": "100%"}
    assert [county_rate(law, record.cycle, "computing", each) for each in ("east", "west")] == [Decimal("0.125"), 1]


def test_what_the_law_says_of_one_measure_comes_before_both(record: Record) -> None:
    law = policy_of(record.session, record.cycle)
    record.cycle.cost_sharing = {"west": "100%"}
    assert [county_rate(law, record.cycle, "vouchers", each) for each in ("east", "west")] == [0, 0]


def test_a_typical_scenario_is_paid_by_the_city_alone(record: Record) -> None:
    """二（四）：“市级财政最高奖励20万元”，附则：“根据现行财政体制（特别规定除外）”."""
    law = policy.load(policy.find("zhangzhou-ai-2024"))
    record.cycle.cost_sharing = {"xiangcheng": "40%"}
    rates = {each.id: county_rate(law, record.cycle, each.id, "xiangcheng") for each in law.measures}
    assert [name for name, rate in rates.items() if rate != Decimal("0.4")] == ["typical-scenario"]
    assert split(200_000_00, rates["typical-scenario"]) == (200_000_00, 0)


@pytest.mark.parametrize("text", ["140%", "-1%", "一半"])
def test_a_share_that_is_none_is_refused(record: Record, text: str) -> None:
    record.cycle.cost_sharing = {"east": text}
    with pytest.raises(InputError, match="不是 0% 至 100% 之间的比例"):
        county_rate(policy_of(record.session, record.cycle), record.cycle, "computing", "east")
