"""县区初审: each county examines the applications of its enterprises."""

from flows.stages.asking import ask
from flows.stages.stage import Summary, stage_flow
from models import ReviewerKind


@stage_flow("县区初审")
def county_review(cycle_id: int, year: int) -> Summary:
    """Ask the counties, and follow each."""
    return ask(cycle_id, ReviewerKind.COUNTY)
