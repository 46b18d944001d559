"""An objection that came on paper, recorded by the operator for whoever raised it."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import Cycle
from services.award import caseload, public_notices
from services.clock import today
from services.cycle.deadlines import read_day
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Year
from web.uploads import chosen
from web.visit import Visit

router = APIRouter()
Text = Annotated[str, Form()]
# Recording it is objection.raise, which applicants have too; the page is for those who answer objections.
Seen = Annotated[Visit, sees("objection.answer")]
Done = Annotated[Visit, does("objection.answer")]


@router.get("/objections/new")
def form(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """The form to record it."""
    return _form(visit, visit.cycle(cycle_id), {"received": str(today(visit.clock))})


@router.post("/objections/new")
def record(
    visit: Done,
    cycle_id: Year = None,
    raised_by: Text = "",
    contact: Text = "",
    grounds: Text = "",
    number: Text = "",
    received: Text = "",
    files: list[UploadFile] | None = None,
) -> Response:
    """Record it as received on its day, with the scans of what came."""
    cycle = visit.cycle(cycle_id)
    try:
        raised = public_notices.raise_objection(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=cycle.id or 0,
            raised_by=raised_by,
            contact=contact,
            grounds=grounds,
            application_id=caseload.listed_application(visit.session, cycle.id or 0, number),
            received_on=read_day(received, "收到日期"),
            files=chosen(visit, files),
        )
    except (InputError, StateError) as error:
        given = {"raised_by": raised_by, "contact": contact, "grounds": grounds, "number": number, "received": received}
        return _form(visit, cycle, given, str(error), again=any(file.filename for file in files or []))
    said = f"已登记异议 {raised.number}，请把编号告诉异议人。"
    return visit.back(f"/objections/{raised.id}", said, wake=cycle.id)


def _form(visit: Visit, cycle: Cycle, given: dict[str, str], trouble: str = "", *, again: bool = False) -> HTMLResponse:
    return visit.page(
        "casework/objection_new.html",
        status=422 if trouble else 200,
        cycle=cycle,
        takes=public_notices.takes_objections(visit.session, visit.console.plan, cycle),
        today=today(visit.clock),
        given={"raised_by": "", "contact": "", "grounds": "", "number": "", "received": "", **given},
        trouble=trouble,
        again=again,
    )
