"""归档: the payment list with its results, what was not paid in full, and the yearly report."""

from flows.stages.stage import Summary, spread, stage_flow

_KEPT = ("payment_list", "differences", "yearly_report")


@stage_flow("归档")
def archive(cycle_id: int, year: int) -> Summary:
    """Write what is kept."""
    return {"documents": spread(cycle_id, "write", _KEPT)["documents"]}
