"""部门联审: all bureaus of a measure verify side by side, each fact by the bureau that answers for it."""

from flows.stages.asking import ask
from flows.stages.stage import Summary, stage_flow
from models import ReviewerKind


@stage_flow("部门联审")
def verification(cycle_id: int, year: int) -> Summary:
    """Ask the bureaus, and follow each."""
    return ask(cycle_id, ReviewerKind.BUREAU)
