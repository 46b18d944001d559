"""奖补测算: every outcome is computed from verified values."""

from flows.stages.stage import Summary, stage_flow
from tasks import outcomes


@stage_flow("奖补测算")
def computation(cycle_id: int, year: int) -> Summary:
    """Compute."""
    return {"warnings": outcomes.compute(cycle_id)}
