"""免申即享: lists of bureaus told row by row before they are saved, and what became of the invitations."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from models import Cycle
from services.clock import today
from services.cycle import cycles
from services.documents.render.xlsx import to_xlsx
from services.enterprise import invitations, qualifying
from services.errors import InputError, NotFoundError, StateError
from services.files import blank_books, incoming
from services.law import policies
from web.access import does, sees
from web.bounds import Id
from web.uploads import looked_at
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("invitations")]
Sending = Annotated[Visit, does("invitation.send")]
Text = Annotated[str, Form()]
_SHOWN_ROWS = 200
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@router.get("/invitations")
def newest(visit: Seen) -> HTMLResponse:
    """The newest year."""
    return _year(visit, cycles.newest(visit.session))


@router.get("/invitations/{cycle_id}")
def year(visit: Seen, cycle_id: Id) -> HTMLResponse:
    """One year's lists and invitations."""
    return _year(visit, visit.cycle(cycle_id))


@router.get("/invitations/{cycle_id}/{measure_id}.xlsx")
def template(visit: Seen, cycle_id: Id, measure_id: str) -> Response:
    """An empty table with the headings that a list for the measure has."""
    law = policies.policy_of(visit.session, visit.cycle(cycle_id))
    measure = next((each for each in qualifying.measures_of(law) if each.id == measure_id), None)
    if measure is None:
        raise NotFoundError("没有这项措施，或者它不能只凭数据认定。")
    book = blank_books.for_list(measure, visit.console.settings.organisation, today(visit.clock))
    headers = {"Content-Disposition": f'attachment; filename="list-{measure.id}.xlsx"'}
    return Response(to_xlsx(book), media_type=_XLSX, headers=headers)


@router.post("/invitations/{cycle_id}")
def preview(
    visit: Sending, cycle_id: Id, measure: Text = "", given_by: Text = "", file: UploadFile | None = None
) -> HTMLResponse:
    """Whom a list would invite, row by row; nothing is saved and nothing is sent."""
    cycle = visit.cycle(cycle_id)
    form = {"measure": measure, "given_by": given_by}
    try:
        sha256, path = looked_at(visit, file)
        report = invitations.report(
            visit.console.engine,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=cycle_id,
            measure_id=measure,
            given_by=given_by,
            path=path,
        )
    except (InputError, StateError) as error:
        return _year(visit, cycle, form=form, trouble=str(error))
    title = policies.policy_of(visit.session, cycle).measure(measure)
    return visit.page(
        "invitations/report.html",
        cycle=cycle,
        report=report,
        title=title.title if title else measure,
        sha256=sha256,
        shown=_SHOWN_ROWS,
    )


@router.post("/invitations/{cycle_id}/save")
def save(visit: Sending, cycle_id: Id, measure: Text = "", given_by: Text = "", sha256: Text = "") -> Response:
    """Invite those whom the list that was looked at names."""
    cycle, settings = visit.cycle(cycle_id), visit.console.settings
    try:
        path = incoming.path_of(settings, visit.actor, sha256)
        found = invitations.take(
            visit.session,
            visit.clock,
            visit.actor,
            settings=settings,
            cycle_id=cycle_id,
            measure_id=measure,
            given_by=given_by,
            path=path,
        )
    except (InputError, StateError) as error:
        return _year(visit, cycle, form={"measure": measure, "given_by": given_by}, trouble=str(error))
    incoming.drop(settings, visit.actor)
    return visit.back(f"/invitations/{cycle_id}", f"“{found.record.filename}”已保存：邀请 {len(found.invited)} 家。")


@router.get("/invitations/lists/{source_id}")
def one_list(visit: Seen, source_id: Id) -> HTMLResponse:
    """One list that was taken in, with every row that was not."""
    found = invitations.one_list(visit.session, source_id)
    cycle = visit.cycle(found.cycle_id)
    measure = policies.policy_of(visit.session, cycle).measure(found.measure)
    return visit.page("invitations/list.html", cycle=cycle, found=found, title=measure.title if measure else "")


def _year(visit: Visit, cycle: Cycle | None, *, form: dict[str, str] | None = None, trouble: str = "") -> HTMLResponse:
    given: dict[str, Any] = {"lines": [], "counts": {}, "lists": [], "measures": [], "titles": {}}
    if cycle is not None:
        law = policies.policy_of(visit.session, cycle)
        lines = invitations.lines(visit.session, visit.clock, cycle, law)
        given = {
            "lines": lines,
            "counts": invitations.counts(lines),
            "lists": invitations.lists(visit.session, cycle.id or 0),
            "measures": qualifying.measures_of(law),
            "titles": {measure.id: measure.title for measure in law.measures},
            "taking": invitations.may_invite(cycle),
        }
    status = 422 if trouble else 200
    return visit.page("invitations/year.html", status=status, cycle=cycle, form=form or {}, trouble=trouble, **given)
