"""The board's sums: fixed pools of the policy, and the budgets that the year settles."""

import policy
from models import Cycle
from services.cycle import overview
from services.cycle.overview import MeasureSum, PoolUse

LAW = policy.load(policy.find("zhangzhou-ai-2024"))


def test_a_yearly_budget_stands_beside_what_the_awards_use() -> None:
    cycle = Cycle(
        policy_id=LAW.id, year=2025, overrides={"dataset-trade": {"budget": "20万元", "when_short": "按比例"}}
    )
    sums = [MeasureSum("dataset-trade", "", 3, 2, 15_000_000)]
    title = "人工智能数据集交易奖励：年度预算"
    assert overview.pools(LAW, cycle, sums) == [PoolUse(title, "二（三）", 15_000_000, 20_000_000)]


def test_budgets_overlap_and_rounding_can_be_settled_when_a_year_is_opened() -> None:
    groups = overview.adjustables(LAW, 2025)
    assert groups[0].title == "各项措施" and len({group.title for group in groups}) == len(groups)
    free = {(each.owner, each.name): each for group in groups for each in group.settings}
    assert list(free["dataset-trade", "when_short"].choices) == ["不核减", "按比例", "按排名"]
    assert free["dataset-trade", "when_short"].value == "不核减"
    assert free["dataset-trade", "budget"].value == ""
    assert (free["policy", "overlap"].value, list(free["policy", "overlap"].choices)) == ("补差", ["补差", "不再补"])
    assert list(free["policy", "rounding_mode"].choices) == ["舍去"]
    assert ("talent", "budget") not in free
