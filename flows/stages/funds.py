"""资金审批: the published list waits for the government's approval of the money."""

from flows.stages.stage import Summary, stage_flow
from flows.stages.waiting import listed


@stage_flow("资金审批")
def funds(cycle_id: int, year: int) -> Summary:
    """Say which list is to be paid."""
    return listed(cycle_id)
