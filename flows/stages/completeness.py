"""形式审查: each application is examined; what is missing is asked for, and lapses when it does not come."""

from collections import Counter

from flows.stages.stage import Summary, in_chunks, stage_flow
from tasks import intake


@stage_flow("形式审查")
def completeness(cycle_id: int, year: int) -> Summary:
    """Examine what waits."""
    counts: Counter[str] = Counter()
    for part in in_chunks(intake.examine, intake.to_examine(cycle_id), cycle_id=cycle_id):
        counts.update(part)
    return {name: counts[name] for name in ("accepted", "asked", "lapsed", "barred")}
