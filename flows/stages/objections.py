"""异议处理: objections wait for their answers; an upheld one leads back to verification."""

from flows.stages.stage import Summary, stage_flow
from models import ObjectionStatus
from tasks import money


@stage_flow("异议处理")
def objections(cycle_id: int, year: int) -> Summary:
    """Count the objections."""
    counts = money.objections(cycle_id)
    return {"objections": sum(counts.values()), "objections_upheld": counts.get(ObjectionStatus.UPHELD, 0)}
