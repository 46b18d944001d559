"""Applications taken in from a workbook, which is looked at before it is saved."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import Cycle
from services.application import applications, browsing, previews
from services.application.previews import ImportReport
from services.clock import today
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError, StateError
from services.files import blank_books, incoming
from services.law import policies
from web.access import does, sees
from web.bounds import CycleId, number
from web.uploads import looked_at
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("application.import")]
Done = Annotated[Visit, does("application.import")]
Text = Annotated[str, Form()]
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SHOWN_ROWS = 200


@router.get("/applications/import")
def import_form(visit: Seen, cycle_id: CycleId = None) -> HTMLResponse:
    """The form to hand a workbook in."""
    return _import(visit, visit.cycle(cycle_id))


@router.get("/applications/import/blank.xlsx")
def import_blank(visit: Seen, cycle_id: CycleId = None) -> Response:
    """An empty workbook with the sheets and headings that the import reads."""
    law = policies.policy_of(visit.session, visit.cycle(cycle_id))
    book = blank_books.for_applications(law, visit.console.settings.organisation, today(visit.clock))
    headers = {"Content-Disposition": 'attachment; filename="applications.xlsx"'}
    return Response(to_xlsx(book), media_type=_XLSX, headers=headers)


@router.post("/applications/import")
def import_preview(visit: Done, cycle_id: Text = "", file: UploadFile | None = None) -> HTMLResponse:
    """What the import of a workbook would do, row by row; nothing is saved."""
    cycle, settings = visit.cycle(number(cycle_id)), visit.console.settings
    try:
        sha256, path = looked_at(visit, file)
        report = previews.import_report(
            visit.console.engine, visit.clock, visit.actor, settings=settings, cycle_id=cycle.id or 0, path=path
        )
    except (InputError, StateError) as error:
        return _import(visit, cycle, trouble=str(error))
    return _import(visit, cycle, report=report, sha256=sha256)


@router.post("/applications/import/save")
def import_save(visit: Done, cycle_id: Text = "", sha256: Text = "") -> Response:
    """Save the workbook that was looked at."""
    cycle, settings = visit.cycle(number(cycle_id)), visit.console.settings
    try:
        record = applications.import_applications(
            visit.session,
            visit.clock,
            visit.actor,
            settings=settings,
            cycle_id=cycle.id or 0,
            path=incoming.path_of(settings, visit.actor, sha256),
        )
    except (InputError, StateError) as error:
        return _import(visit, cycle, trouble=str(error))
    incoming.drop(settings, visit.actor)
    said = f"“{record.filename}”已导入：新增 {record.rows_added} 件，已有 {record.rows_known} 件。"
    return visit.back(f"/applications?cycle_id={cycle.id}", said, wake=cycle.id)


def _import(
    visit: Visit, cycle: Cycle, *, report: ImportReport | None = None, sha256: str = "", trouble: str = ""
) -> HTMLResponse:
    return visit.page(
        "applications/import.html",
        status=422 if trouble else 200,
        cycle=cycle,
        law=policies.policy_of(visit.session, cycle),
        receiving=cycle.stage == applications.INTAKE,
        report=report,
        sha256=sha256,
        shown=_SHOWN_ROWS,
        trouble=trouble,
        measure_title=browsing.measure_title,
    )
