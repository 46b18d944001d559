"""指南编制: the guide is drafted from the policy and waits for approval."""

from flows.stages.stage import Summary, stage_flow
from tasks import documents


@stage_flow("指南编制")
def guide(cycle_id: int, year: int) -> Summary:
    """Write the draft of the guide."""
    return {"documents": documents.write(cycle_id, "guide")}
