"""The figures of the law in the guide are written as people write them, prices with what they are for."""

import pytest

import policy
from models import Cycle
from services.documents.law import standards
from tests.policy.base_policy import BASE
from tests.services.documents.small_cycle import NOW

WAS = "{name: threshold, label: 起点, type: money, value: 10万元}"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("value: 10万元", "10万元"),
        ("value: 12.5万元", "12.5万元"),
        ("value: 5000元", "5000元"),
        ("value: 12345元", "12345元"),
        ("value: 1.5亿元", "1.5亿元"),
        ("value: 0.5元", "0.50元"),
        ("value: 0", "0元"),
        ("value: 20元, unit: 元/平方米", "20元/平方米"),
        ("value: 1万元, unit: 元", "1万元"),
    ],
)
def test_a_figure_of_the_law_is_shown_as_people_write_it(given: str, shown: str) -> None:
    law = policy.parse(BASE.replace(WAS, WAS.replace("value: 10万元", given)), "base.yaml")
    cycle = Cycle(policy_id="base", year=2025, policy_version_id=1, stage="guide", opened_by=1, opened_at=NOW)
    assert standards(law, law.measures[0], cycle)[1]["values"] == [{"key": "", "value": shown}]
