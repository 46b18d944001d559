"""Opening a cycle: what is refused before anything begins."""

from typing import Any

import pytest

from services import cycles
from services.errors import InputError, StateError
from tests.desk import POLICY, Desk


def _open(desk: Desk, **changes: Any) -> cycles.Cycle:
    given: dict[str, Any] = {"policy_id": POLICY, "year": 2026, **changes}
    return cycles.open_cycle(*desk.at, desk.operator, settings=desk.settings, plan=desk.plan, **given)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"year": 2025}, "已经开立"),
        ({"year": 2023}, "只适用于 2024—2026 统计年度，看到 2023"),
        ({"year": 2027}, "只适用于 2024—2026 统计年度，看到 2027"),
        ({"overrides": {"compute-purchase": {"rates": "1=60%"}}}, "60%"),
        ({"cost_sharing": {"nowhere": "40%"}}, "“nowhere”不是本政策的县区"),
        ({"cost_sharing": {"longhai": "140%"}}, "负担比例“140%”"),
    ],
)
def test_a_cycle_that_the_policy_does_not_allow_is_refused(desk: Desk, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        _open(desk, **changes)


def test_rates_may_be_set_lower_than_the_law_says(desk: Desk) -> None:
    assert _open(desk, overrides={"compute-purchase": {"rates": "1=45%"}}).year == 2026


def test_a_cancelled_cycle_takes_nothing_more(desk: Desk) -> None:
    cycles.cancel(*desk.at, desk.operator, cycle_id=desk.cycle_id, reason="政策暂停执行")
    with pytest.raises(StateError, match="已经结束"):
        cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})
