"""结果通知: every applicant is told the outcome."""

from flows.stages.stage import Summary, stage_flow
from tasks import money


@stage_flow("结果通知")
def results(cycle_id: int, year: int) -> Summary:
    """Tell the applicants."""
    return {"notices": money.notify_results(cycle_id)}
