"""How far the counties and bureaus are with their reviews, for those who wait for them or look back."""

from typing import Annotated

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from models import RequestStatus, ReviewerKind
from services.access import sightings
from services.errors import NotFoundError
from services.law import policies
from services.review import review_progress, reviews
from web.access import sees
from web.bounds import CycleId, Page
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("review_progress")]


@router.get("/reviews")
def progress(visit: Seen, cycle_id: CycleId = None) -> HTMLResponse:
    """Every county and bureau of a year; by default the newest."""
    if not visit.years and cycle_id is None:
        return visit.page("reviews/progress.html", cycle=None, found=[])
    cycle = visit.cycle(cycle_id)
    law = policies.policy_of(visit.session, cycle)
    found = review_progress.of_year(visit.session, visit.clock, law, cycle.id or 0)
    return visit.page("reviews/progress.html", cycle=cycle, found=found)


@router.get("/reviews/{reviewer_kind}/{reviewer}")
def of_reviewer(
    visit: Seen, reviewer_kind: str, reviewer: str, cycle_id: CycleId = None, state: str = "", page: Page = 1
) -> HTMLResponse:
    """Every request of one of them, with its answer."""
    cycle, asked = visit.cycle(cycle_id), _kind(reviewer_kind)
    law = policies.policy_of(visit.session, cycle)
    chosen = next((each for each in RequestStatus if each.value == state), None)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"reviews:{cycle.id}")
    cut = review_progress.requests(
        visit.session, visit.clock, law, cycle.id or 0, kind=asked, reviewer=reviewer, state=chosen, page=page
    )
    return visit.page(
        "reviews/of_reviewer.html",
        cycle=cycle,
        kind=asked,
        reviewer=reviewer,
        name=reviews.reviewer_name(law, asked, reviewer),
        cut=cut,
        states=review_progress.STATES,
        chosen=chosen,
    )


def _kind(text: str) -> ReviewerKind:
    found = next((each for each in ReviewerKind if each.value == text), None)
    if found is None:
        raise NotFoundError("没有这个页面；请从“审核进度”进入。")
    return found
