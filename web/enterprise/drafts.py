"""An application before it is handed in: begun from a measure, filled in, kept, submitted."""

from typing import Annotated, Any

from fastapi import APIRouter
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData

from services.after_payment import bans
from services.application import drafts
from services.clock import today
from services.enterprise import eligibility, offers
from services.enterprise.offers import Offer
from services.errors import InputError, StateError
from web.access import does, sees
from web.bounds import Id, Year
from web.enterprise.fields import Blank, Sent, facts, files, texts
from web.uploads import handed_out
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("own")]
Drafting = Annotated[Visit, does("draft.save")]
FILE = "file:"  # before the evidence in the name of a file field


@router.get("/my/apply/{measure_id}")
def apply_form(visit: Seen, measure_id: str, cycle_id: Year = None) -> HTMLResponse:
    """A measure before one begins: the clause, the conditions, the evidence."""
    return _apply_page(visit, offers.offer(visit.session, visit.clock, cycle_id), measure_id)


@router.post("/my/apply/{measure_id}")
def begin(visit: Drafting, measure_id: str, cycle_id: Year = None) -> Response:
    """Begin a draft."""
    found = offers.offer(visit.session, visit.clock, cycle_id)
    try:
        draft = drafts.begin(
            visit.session, visit.clock, visit.actor, cycle_id=found.cycle.id or 0, measure_id=measure_id
        )
    except (InputError, StateError) as error:
        return _apply_page(visit, found, measure_id, trouble=str(error), status=422)
    return visit.back(f"/my/drafts/{draft.id}")


@router.get("/my/drafts/{draft_id}")
def draft(visit: Seen, draft_id: Id) -> HTMLResponse:
    """The form of an application, made from the facts of its measure."""
    return _draft_page(visit, draft_id)


@router.post("/my/drafts/{draft_id}")
def save(visit: Drafting, draft_id: Id, form: Sent) -> Response:
    """Keep what was typed and the files that were chosen."""
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=texts(form))
    refused = _keep_files(visit, draft_id, form)
    if refused:
        return _draft_page(visit, draft_id, refused=refused, status=422)
    return visit.back(f"/my/drafts/{draft_id}", "草稿已保存，还没有提交。")


@router.post("/my/drafts/{draft_id}/autosave")
def autosave(visit: Drafting, draft_id: Id, form: Sent) -> HTMLResponse:
    """The same from a script, while somebody types; answers how the draft stands."""
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=texts(form))
    return visit.page("enterprise/check.html", **_standing(visit, draft_id), saved=True)


@router.post("/my/drafts/{draft_id}/submit")
def submit(visit: Drafting, draft_id: Id, form: Sent) -> Response:
    """Keep what was typed, and make the draft an application if nothing is missing."""
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=texts(form))
    refused = _keep_files(visit, draft_id, form)
    if refused:
        return _draft_page(visit, draft_id, refused=refused, status=422)
    try:
        made = drafts.submit(
            visit.session, visit.clock, visit.actor, settings=visit.console.settings, draft_id=draft_id
        )
    except (InputError, StateError) as error:
        return _draft_page(visit, draft_id, trouble=str(error), all_troubles=True, status=422)
    return visit.back(f"/my/{made.id}", f"已提交，受理编号 {made.number}；回执已发往 {made.contact_email}。")


@router.post("/my/drafts/{draft_id}/discard")
def discard(visit: Drafting, draft_id: Id) -> RedirectResponse:
    """Throw a draft away."""
    drafts.discard(visit.session, visit.actor, settings=visit.console.settings, draft_id=draft_id)
    return visit.back("/my", "草稿已删除。")


@router.post("/my/drafts/{draft_id}/files")
def upload(visit: Drafting, draft_id: Id, form: Sent) -> HTMLResponse:
    """Keep files sent by a script one after the other; answers the list of files."""
    refused = _keep_files(visit, draft_id, form)
    found = drafts.form(visit.session, visit.actor, draft_id)
    page = visit.page("enterprise/files.html", form=found, refused=refused, status=422 if refused else 200)
    page.headers["X-Fragment"] = "files"  # so that the script knows it from a page of its own
    return page


@router.get("/my/drafts/{draft_id}/files/{file_id}")
def draft_file(visit: Seen, draft_id: Id, file_id: Id) -> Response:
    """A file of a draft."""
    found = drafts.draft_file(visit.session, visit.actor, draft_id, file_id)
    return handed_out(found.filename, drafts.read_file(visit.console.settings, found))


@router.post("/my/drafts/{draft_id}/files/{file_id}/drop")
def drop_file(visit: Drafting, draft_id: Id, file_id: Id, form: Sent) -> RedirectResponse:
    """Take a file away; the button stands in the draft's form, so what was typed is kept."""
    drafts.draft_file(visit.session, visit.actor, draft_id, file_id)
    if len(form) > 1:
        drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=texts(form))
    settings = visit.console.settings
    drafts.drop_file(visit.session, visit.actor, settings=settings, draft_id=draft_id, file_id=file_id)
    return visit.back(f"/my/drafts/{draft_id}#files", "材料已删除。")


def _apply_page(visit: Visit, offer: Offer, measure_id: str, *, trouble: str = "", status: int = 200) -> HTMLResponse:
    measure = drafts.measure_of(offer.law, measure_id)
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    ban = bans.holding(visit.session, today(visit.clock)).get(enterprise.uscc)
    return visit.page(
        "enterprise/apply.html",
        status=status,
        offer=offer,
        measure=measure,
        evidence=drafts.evidence_of(measure),
        enterprise=enterprise,
        ban=bans.told(ban) if ban is not None else "",
        trouble=trouble,
    )


def _draft_page(
    visit: Visit,
    draft_id: int,
    *,
    trouble: str = "",
    refused: list[str] | None = None,
    all_troubles: bool = False,
    status: int = 200,
) -> HTMLResponse:
    """Before the first try to submit, only what was filled in wrongly is marked."""
    standing = _standing(visit, draft_id)
    found: drafts.Form = standing["form"]
    shown = {name: text for name, text in standing["troubles"].items() if all_troubles or found.draft.given.get(name)}
    return visit.page(
        "enterprise/draft.html",
        status=status,
        **standing,
        given=Blank(found.draft.given),
        shown=Blank(shown),
        trouble=trouble,
        refused=refused or [],
        saved=False,
        closes=drafts.closes_on(visit.session, visit.clock, found.cycle),
    )


def _standing(visit: Visit, draft_id: int) -> dict[str, Any]:
    """How a draft stands: what keeps it from being submitted, and what the policy says of it so far."""
    found = drafts.form(visit.session, visit.actor, draft_id)
    given = facts(found.draft.given)
    return {
        "form": found,
        "troubles": drafts.troubles(found),
        "checked": eligibility.check(
            visit.session, found.cycle, found.law, found.measure, given, found.enterprise, assume=True
        ),
    }


def _keep_files(visit: Visit, draft_id: int, form: FormData) -> list[str]:
    """Keep the files of a form; sentences for those that were refused, while the others are kept."""
    refused = []
    for name, file in files(form):
        try:
            drafts.add_file(
                visit.session,
                visit.clock,
                visit.actor,
                settings=visit.console.settings,
                draft_id=draft_id,
                evidence=name.removeprefix(FILE),
                filename=file.filename or "",
                data=file.file.read(),
            )
        except InputError as error:
            refused.append(str(error))
    return refused
