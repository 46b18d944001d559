"""申报受理: applications come in until the window closes."""

from flows.stages.stage import Summary, stage_flow
from tasks import intake as work


@stage_flow("申报受理")
def intake(cycle_id: int, year: int) -> Summary:
    """Invite those who qualify by the bureaus' lists, and count what has come in."""
    return {"invited": work.invite(cycle_id), "applications": sum(work.by_status(cycle_id).values())}
