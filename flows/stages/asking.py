"""What county review and verification share: ask in chunks, tell once, then see how far every reviewer is."""

from flows.stages.stage import Summary, chunks, spread
from models import ReviewerKind
from tasks import reviews


def ask(cycle_id: int, kind: ReviewerKind) -> Summary:
    """Ask about what has not been asked yet. Returns the requests made now, all, and those open by reviewer."""
    made = spread(cycle_id, kind.value, chunks(reviews.to_request(cycle_id, kind)))
    reviews.tell(cycle_id, kind)
    asked = reviews.reviewers(cycle_id, kind)
    branches = [reviews.follow(cycle_id, kind, reviewer) for reviewer in asked]
    return {
        "requests_made": made["requests_made"],
        "requests": sum(branch.asked for branch in branches),
        "requests_open": sum(branch.open for branch in branches),
    }
