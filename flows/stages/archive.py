"""归档: the payment list with its results, and the yearly report."""

from flows.stages.stage import Summary, stage_flow
from tasks import documents


@stage_flow("归档")
def archive(cycle_id: int, year: int) -> Summary:
    """Write what is kept."""
    return {"documents": documents.write(cycle_id, "payment_list") + documents.write(cycle_id, "yearly_report")}
