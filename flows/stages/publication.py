"""指南发布: the approved guide is put out and the enterprises are told."""

from flows.stages.stage import Summary, stage_flow
from tasks import documents, intake


@stage_flow("指南发布")
def publication(cycle_id: int, year: int) -> Summary:
    """Write the approved guide and tell the enterprises."""
    files = documents.write(cycle_id, "guide")
    return {"documents": files, "notices": intake.tell_guide(cycle_id)}
