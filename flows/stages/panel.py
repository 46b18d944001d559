"""专家评审: case-by-case applications wait for the panel's figure."""

from flows.stages.stage import Summary, stage_flow
from tasks import outcomes


@stage_flow("专家评审")
def panel(cycle_id: int, year: int) -> Summary:
    """Count what the panel has to decide."""
    return {"panel_open": outcomes.undecided_by_panel(cycle_id)}
