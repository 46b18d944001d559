"""检查、审计 of paid awards: recorded with files, closed, or leading to a clawback."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import InspectionKind
from services.access import sightings
from services.after_payment import inspections
from services.after_payment.inspections import Look
from services.application import attachments
from services.cycle.deadlines import read_day
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Id, Year, number
from web.forms import Typed
from web.uploads import chosen, shown
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("tracking")]
Recording = Annotated[Visit, does("inspection.record")]


@router.get("/tracking/inspections")
def year(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """A year's inspections; before the first year a page that says so."""
    cycle = visit.cycle(cycle_id) if cycle_id is not None or visit.years else None
    found = inspections.of_year(visit.session, (cycle.id if cycle else 0) or 0)
    return visit.page("after_payment/inspections.html", cycle=cycle, found=found)


@router.get("/tracking/inspections/new")
def new(
    visit: Annotated[Visit, sees("inspection.record")], cycle_id: Year = None, application: str = ""
) -> HTMLResponse:
    """The form to record one."""
    return _form(visit, {"cycle": str(visit.cycle(cycle_id).id), "number": application})


@router.post("/tracking/inspections/new")
def record(visit: Recording, form: Typed, files: list[UploadFile] | None = None) -> Response:
    """Record one, with its files."""
    try:
        made = inspections.record(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=visit.cycle(number(form.get("cycle", ""))).id or 0,
            number=form.get("number", ""),
            look=_look(form),
            files=chosen(visit, files),
        )
    except InputError as error:
        return _form(visit, form, trouble=str(error), status=422)
    return visit.back(f"/tracking/inspections/{made.id}", "检查已登记。")


@router.get("/tracking/inspections/{inspection_id}")
def one(visit: Seen, inspection_id: Id) -> HTMLResponse:
    """One inspection."""
    return _page(visit, inspection_id)


@router.get("/tracking/inspections/{inspection_id}/files/{file_id}")
def file(visit: Seen, inspection_id: Id, file_id: Id) -> Response:
    """A file of an inspection."""
    inspections.file(visit.session, inspection_id, file_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"inspection_file:{file_id}")
    found = inspections.file(visit.session, inspection_id, file_id)
    return shown(found.filename, attachments.read(visit.console.settings, found))


@router.post("/tracking/inspections/{inspection_id}/close")
def close(
    visit: Annotated[Visit, does("inspection.close")],
    inspection_id: Id,
    conclusion: Annotated[str, Form()] = "",
) -> Response:
    """Close it without a clawback."""
    try:
        inspections.close(visit.session, visit.clock, visit.actor, inspection_id=inspection_id, conclusion=conclusion)
    except (InputError, StateError) as error:
        return _page(visit, inspection_id, trouble=str(error), status=422)
    return visit.back(f"/tracking/inspections/{inspection_id}", "检查已办结。")


def _form(visit: Visit, given: dict[str, str], *, trouble: str = "", status: int = 200) -> HTMLResponse:
    cycle = visit.cycle(number(given.get("cycle", "")))
    return visit.page(
        "after_payment/inspection_new.html",
        status=status,
        cycle=cycle,
        given=given,
        kinds=inspections.KIND_NAMES,
        trouble=trouble,
    )


def _page(visit: Visit, inspection_id: int, *, trouble: str = "", status: int = 200) -> HTMLResponse:
    inspections.get(visit.session, inspection_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"inspection:{inspection_id}")
    found = inspections.shown(visit.session, inspection_id)
    cycle = visit.cycle(found.inspection.cycle_id)
    return visit.page("after_payment/inspection.html", status=status, it=found, cycle=cycle, trouble=trouble)


def _look(form: dict[str, str]) -> Look:
    if form.get("kind") not in list(InspectionKind):
        raise InputError("没有选择检查种类；请选择。")
    on = read_day(form.get("on", ""), "检查日期")
    return Look(InspectionKind(form["kind"]), form.get("inspector", ""), on, form.get("finding", ""))
