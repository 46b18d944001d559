"""The documents of a year: what was written, writing them, samples, and the register of their numbers."""

from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from services import documents
from services.access import sightings
from services.documents import numbers, preview, shelf
from services.documents.render import fonts
from services.documents.render.pages import own_templates
from services.errors import InputError, NotFoundError, StateError
from web.access import does, sees
from web.bounds import Id, Year
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("documents")]
_TYPES = {
    "html": "text/html; charset=utf-8",
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
# A document carries its own style sheet; nothing else in it may run or load.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"


@router.get("/documents")
def newest(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """The documents of a year; by default the newest."""
    if not visit.years and cycle_id is None:
        return visit.page("documents/year.html", cycle=None)
    return _year(visit, visit.cycle(cycle_id).id or 0)


@router.post("/documents/{cycle_id}")
def write(
    visit: Annotated[Visit, does("document.write")],
    cycle_id: Id,
    kind: Annotated[str, Form()] = "",
    about: Annotated[str, Form()] = "",
) -> Response:
    """Write a document from the record as it stands."""
    cycle = visit.cycle(cycle_id)
    try:
        written = documents.write(
            visit.session, visit.clock, visit.actor, visit.console.settings, cycle, kind, about=about.strip()
        )
    except (InputError, NotFoundError, StateError) as error:
        return _year(visit, cycle_id, trouble=str(error), status=422)
    return visit.back(f"/documents?cycle={cycle_id}#{kind}", f"已生成“{written[0].title}”。")


@router.get("/documents/files/{document_id}")
def file(visit: Seen, document_id: Id) -> Response:
    """A document as it was written."""
    row, path = shelf.file(visit.session, visit.console.settings, document_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"document:{row.id}")
    return _answer(path.read_bytes(), row.format, path.name)


@router.get("/documents/sample/{kind}.{form}")
def sample(visit: Seen, kind: str, form: str) -> Response:
    """A document with made-up data."""
    data = preview.preview(visit.console.settings, kind, form)
    return _answer(data, form, f"样张-{documents.kind_of(kind).title}.{form}")


@router.post("/documents/numbers/{number_id}/void")
def void(
    visit: Annotated[Visit, does("document.void")], number_id: Id, reason: Annotated[str, Form()] = ""
) -> Response:
    """Void a number; it stays in the register with the reason."""
    try:
        voided = numbers.void(visit.session, visit.clock, visit.actor, number_id=number_id, reason=reason)
    except (InputError, StateError) as error:
        cycle_id = numbers.find(visit.session, number_id).cycle_id
        return _year(visit, cycle_id, trouble=str(error), status=422)
    return visit.back(f"/documents?cycle={voided.cycle_id}#numbers", f"{voided.spelled}已作废。")


def _year(visit: Visit, cycle_id: int, *, trouble: str = "", status: int = 200) -> HTMLResponse:
    cycle, settings = visit.cycle(cycle_id), visit.console.settings
    return visit.page(
        "documents/year.html",
        status=status,
        cycle=cycle,
        places=shelf.shelf(visit.session, visit.clock, visit.actor, settings, cycle),
        register=numbers.register(visit.session, cycle_id),
        own=own_templates(settings),
        replaced=fonts.missing(),
        trouble=trouble,
    )


def _answer(data: bytes, form: str, name: str) -> Response:
    """Pages and PDF open in the browser, the others are saved."""
    way = "inline" if form in ("html", "pdf") else "attachment"
    headers = {"Content-Disposition": f"{way}; filename*=UTF-8''{quote(name, safe='')}"}
    if form == "html":
        headers["Content-Security-Policy"] = _POLICY
    return Response(data, media_type=_TYPES[form], headers=headers)
