"""Non-cash duties (鼓励…): each bureau's line of progress in a year."""

from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from services import duties, policies
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import CycleId, Id
from web.visit import Visit

router = APIRouter()
Text = Annotated[str, Form()]


@router.get("/duties")
def newest(visit: Annotated[Visit, sees("duties")], cycle_id: CycleId = None) -> HTMLResponse:
    """The duties of a year; by default the newest."""
    if not visit.years and cycle_id is None:
        return visit.page("casework/duties.html", cycle=None, found=[], most=duties.MOST_CHARACTERS)
    return _page(visit, visit.cycle(cycle_id).id or 0)


@router.post("/duties/{cycle_id}")
def report(
    visit: Annotated[Visit, does("duty.report")],
    cycle_id: Id,
    duty: Text = "",
    bureau: Text = "",
    progress: Text = "",
) -> Response:
    """Record a bureau's line; earlier lines stay."""
    try:
        line = duties.report(
            visit.session,
            visit.clock,
            visit.actor,
            cycle_id=visit.cycle(cycle_id).id or 0,
            duty=duty,
            bureau=bureau,
            progress=progress,
        )
    except (InputError, StateError) as error:
        given = {"duty": duty, "bureau": bureau, "progress": progress}
        return _page(visit, cycle_id, trouble=str(error), given=given, status=422)
    return visit.back(f"/duties?cycle_id={cycle_id}#{line.duty}", "进展情况已保存，计入年度报告。")


def _page(
    visit: Visit, cycle_id: int, *, trouble: str = "", given: dict[str, str] | None = None, status: int = 200
) -> HTMLResponse:
    cycle = visit.cycle(cycle_id)
    law = policies.policy_of(visit.session, cycle)
    return visit.page(
        "casework/duties.html",
        status=status,
        cycle=cycle,
        law=law,
        found=duties.of_year(visit.session, visit.actor, law, cycle),
        most=duties.MOST_CHARACTERS,
        trouble=trouble,
        given=given or {},
    )
