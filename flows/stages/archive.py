"""归档: the payment list with its results, what was not paid in full, and the yearly report."""

from flows.stages.stage import Summary, stage_flow
from tasks import documents

_KEPT = ("payment_list", "differences", "yearly_report")


@stage_flow("归档")
def archive(cycle_id: int, year: int) -> Summary:
    """Write what is kept."""
    return {"documents": sum(documents.write(cycle_id, kind) for kind in _KEPT)}
