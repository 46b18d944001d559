"""查重比对: earlier grants and double claims are looked for; the uncertain ones wait for a person."""

from flows.stages.stage import Summary, stage_flow
from tasks import outcomes


@stage_flow("查重比对")
def matching(cycle_id: int, year: int) -> Summary:
    """Look for overlaps."""
    found = outcomes.find(cycle_id)
    return {"findings": found, "findings_open": outcomes.undecided_findings(cycle_id)}
