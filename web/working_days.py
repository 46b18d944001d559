"""A year's working days from the State Council's notice: handed in, looked at, and put in place."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from services.cycle import calendar_changes
from services.cycle.calendar_changes import Proposed
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Number
from web.visit import Visit

router = APIRouter()
Done = Annotated[Visit, does("calendar.change")]
Text = Annotated[str, Form()]


@router.get("/settings/calendar")
def form(visit: Annotated[Visit, sees("calendar.change")], year: Number = 0) -> HTMLResponse:
    """The form to hand a year in; with a year, what its file says now."""
    return _form(visit, calendar_changes.present(visit.console.settings, year))


@router.post("/settings/calendar")
def preview(visit: Done, text: Text = "", file: UploadFile | None = None) -> HTMLResponse:
    """What a file, or else the text, would change; nothing is saved."""
    try:
        if file is not None and file.filename:
            data = file.file.read(calendar_changes.MOST_BYTES + 1)
            text = calendar_changes.text_of(visit.console.settings, file.filename, data)
        proposed = calendar_changes.propose(visit.console.settings, text)
    except InputError as error:
        return _form(visit, text, trouble=str(error))
    return _form(visit, proposed.text, proposed=proposed)


@router.post("/settings/calendar/save")
def save(visit: Done, text: Text = "") -> Response:
    """Put in place what was looked at."""
    try:
        made = calendar_changes.change(
            visit.session, visit.clock, visit.actor, settings=visit.console.settings, handed_in=text
        )
    except (InputError, StateError) as error:
        return _form(visit, text, trouble=str(error))
    return visit.back("/settings", f"{made.year} 年的工作日历已启用；以后计算的期限用它，已经定下的期限不变。")


def _form(visit: Visit, text: str, *, proposed: Proposed | None = None, trouble: str = "") -> HTMLResponse:
    return visit.page(
        "administration/calendar.html",
        status=422 if trouble else 200,
        text=text,
        proposed=proposed,
        trouble=trouble,
    )
