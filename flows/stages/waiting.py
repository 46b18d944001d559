"""What the two approval stages share: the list that waits."""

from flows.stages.stage import Summary
from tasks import outcomes


def listed(cycle_id: int) -> Summary:
    """Version and sum of the current list."""
    current = outcomes.current_list(cycle_id)
    return {"list_version": current.version, "total_fen": current.total_fen} if current else {}
