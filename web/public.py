"""What everybody may read and do without signing in: guides, public notices, and objections to them."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from services.access.actors import system_actor
from services.award import public_notices
from services.cycle import cycles, publication
from services.errors import InputError, NotFoundError, StateError
from services.notices import opting_out
from web.access import clicks, does, sees
from web.bounds import Id
from web.uploads import chosen
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("public")]
Done = Annotated[Visit, does("public")]

_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}
# A document carries its own style sheet; nothing else in it may run or load.
_DOCUMENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"


@router.get("/")
def home(visit: Seen) -> HTMLResponse:
    """Guides and running notices."""
    return visit.page(
        "public/home.html",
        guides=publication.guides(visit.session),
        notices=publication.notices(visit.session, visit.clock),
    )


@router.get("/cycles/{cycle_id}/guide")
def guide(visit: Seen, cycle_id: Id) -> HTMLResponse:
    """A year's guide."""
    found = next((each for each in publication.guides(visit.session) if each.cycle_id == cycle_id), None)
    if found is None:
        raise NotFoundError("这个年度的申报指南还没有发布。")
    return visit.page("public/document.html", heading=f"{found.year} 年度申报指南", found=found, kind="guide")


@router.get("/cycles/{cycle_id}/list")
def notice(visit: Seen, cycle_id: Id) -> HTMLResponse:
    """The public notice of a year, while it runs."""
    found = _running(visit, cycle_id)
    heading = f"{found.year} 年度拟奖补名单公示"
    return visit.page("public/document.html", heading=heading, found=found, kind="public_list")


@router.get("/cycles/{cycle_id}/files/{kind}.{form}")
def file(visit: Seen, cycle_id: Id, kind: str, form: str) -> Response:
    """A public document as it was written."""
    if form not in _TYPES:
        raise NotFoundError("没有这份文件，或者它现在不公开。")
    data = publication.file(visit.session, visit.clock, visit.console.settings, cycle_id, kind, form)
    headers = {"Content-Security-Policy": _DOCUMENT_POLICY}
    if form != "html":
        headers["Content-Disposition"] = f'attachment; filename="{kind}-{cycle_id}.{form}"'
    return Response(data, media_type=_TYPES[form], headers=headers)


@router.get("/cycles/{cycle_id}/objections/new")
def objection_form(visit: Seen, cycle_id: Id) -> HTMLResponse:
    """The form to raise an objection."""
    return _objection_form(visit, _running(visit, cycle_id), {}, "")


@router.post("/cycles/{cycle_id}/objections")
def raise_objection(
    visit: Done,
    cycle_id: Id,
    raised_by: Annotated[str, Form()] = "",
    contact: Annotated[str, Form()] = "",
    grounds: Annotated[str, Form()] = "",
    files: list[UploadFile] | None = None,
) -> Response:
    """Take an objection and give its receipt number."""
    found = _running(visit, cycle_id)
    given = {"raised_by": raised_by, "contact": contact, "grounds": grounds}
    try:
        _slow_down(visit, "objection")
        raised = public_notices.raise_objection(
            visit.session,
            visit.clock,
            system_actor(visit.session),
            settings=visit.console.settings,
            cycle_id=cycle_id,
            raised_by=raised_by,
            contact=contact,
            grounds=grounds,
            files=chosen(visit, files),
        )
    except (InputError, StateError) as error:
        return _objection_form(visit, found, given, str(error), again=any(file.filename for file in files or []))
    return visit.page("public/objection_taken.html", raised=raised)


@router.get("/objection")
def objection(visit: Seen) -> HTMLResponse:
    """The form to ask what became of an objection."""
    return visit.page("public/objection.html", found=None, trouble="", number="")


@router.post("/objection")
def objection_state(
    visit: Done, number: Annotated[str, Form()] = "", contact: Annotated[str, Form()] = ""
) -> HTMLResponse:
    """What became of an objection, for whoever knows its number and contact."""
    try:
        _slow_down(visit, "objection-state")
        found = publication.objection(visit.session, number, contact)
    except (NotFoundError, InputError) as error:
        return visit.page("public/objection.html", status=404, found=None, trouble=str(error), number=number)
    return visit.page("public/objection.html", found=found, trouble="", number=number)


@router.get("/unsubscribe/{refusal}")
def refusal(visit: Seen, refusal: str) -> HTMLResponse:
    """Where the link in a mail leads: nothing is changed by looking, as mail filters follow links."""
    return _refusal(visit, opting_out.address_of(visit.console.settings, refusal))


@router.post("/unsubscribe/{refusal}")
def refuse(visit: Annotated[Visit, clicks("public")], refusal: str, again: Annotated[str, Form()] = "") -> HTMLResponse:
    """Send no more mail about applying to the link's address, or send it again."""
    address = opting_out.address_of(visit.console.settings, refusal)
    change = opting_out.opt_in if again else opting_out.opt_out
    change(visit.session, visit.clock, system_actor(visit.session), address=address)
    return _refusal(visit, address)


def _refusal(visit: Visit, address: str) -> HTMLResponse:
    refused = bool(opting_out.opted_out(visit.session, [address]))
    return visit.page("public/unsubscribe.html", address=address, refused=refused)


def _objection_form(
    visit: Visit, found: publication.Running, given: dict[str, str], trouble: str, *, again: bool = False
) -> HTMLResponse:
    """`again`: files were chosen, which a browser does not keep."""
    return visit.page(
        "public/objection_new.html",
        status=422 if trouble else 200,
        found=found,
        given=given,
        trouble=trouble,
        again=again,
    )


def _slow_down(visit: Visit, what: str) -> None:
    if visit.console.too_often(what, visit.address):
        raise InputError("提交过于频繁，请一分钟后再试。")
    visit.console.count_try(what, visit.address)


def _running(visit: Visit, cycle_id: int) -> publication.Running:
    cycles.get_cycle(visit.session, cycle_id)
    running = publication.notices(visit.session, visit.clock)
    found = next((each for each in running if each.cycle_id == cycle_id), None)
    if found is None:
        raise NotFoundError("这个年度现在没有公示中的名单。")
    return found
