"""名单固化: the outcomes become a numbered list with a digest, and the workbook that explains it."""

from flows.stages.stage import Summary, spread, stage_flow
from tasks import outcomes


@stage_flow("名单固化")
def freeze(cycle_id: int, year: int) -> Summary:
    """Freeze the list and write the calculation."""
    frozen = outcomes.freeze(cycle_id)
    return {
        "list_version": frozen.version,
        "list_entries": frozen.entries,
        "total_fen": frozen.total_fen,
        "documents": spread(cycle_id, "write", ["calculation", "differences"])["documents"],
    }
