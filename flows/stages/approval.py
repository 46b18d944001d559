"""名单审批: the frozen list waits for the chain."""

from flows.stages.stage import Summary, stage_flow
from flows.stages.waiting import listed


@stage_flow("名单审批")
def approval(cycle_id: int, year: int) -> Summary:
    """Say which list is to be approved."""
    return listed(cycle_id)
