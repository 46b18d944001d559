"""形式审查: each application is examined; what is missing is asked for, and lapses when it does not come."""

from flows.stages.stage import Summary, chunks, spread, stage_flow
from tasks import intake


@stage_flow("形式审查")
def completeness(cycle_id: int, year: int) -> Summary:
    """Examine what waits."""
    counts = spread(cycle_id, "examine", chunks(intake.to_examine(cycle_id)))
    return {name: counts[name] for name in ("accepted", "asked", "lapsed", "barred")}
