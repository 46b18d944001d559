"""名单公示: the approved list is published for the working days that the plan sets."""

from flows.stages.stage import Summary, spread, stage_flow
from tasks import money


@stage_flow("名单公示")
def public_notice(cycle_id: int, year: int) -> Summary:
    """Publish the list."""
    starts, ends = money.publish_list(cycle_id)
    files = spread(cycle_id, "write", ["public_list", "award_list"])
    return {"notice_starts": starts.isoformat(), "notice_ends": ends.isoformat(), "documents": files["documents"]}
