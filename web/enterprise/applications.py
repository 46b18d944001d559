"""What an enterprise does: register, see what it may get, apply, answer, follow."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Request
from fastapi import UploadFile as UploadedFile
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import FormData, UploadFile

from policy import Measure
from services.access.actors import system_actor
from services.after_payment import assessments, bans
from services.after_payment import overview as clawbacks
from services.application import accounts, applications, attachments, contacts, drafts, progress
from services.application.particulars import CONTACTS
from services.award import public_notices
from services.clock import today
from services.enterprise import eligibility, invitations, offers, registration
from services.enterprise.eligibility import Checked
from services.enterprise.offers import Offer
from services.errors import InputError, StateError
from services.notices.bounce_intake import newest_bounce
from web.access import does, sees
from web.bounds import Id, Year
from web.uploads import checked, chosen, handed_out
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("own")]
Everybody = Annotated[Visit, sees("public")]
Anybody = Annotated[Visit, does("public")]
Drafting = Annotated[Visit, does("draft.save")]
FILE = "file:"  # before the evidence in the name of a file field


async def sent(request: Request) -> FormData:
    """All fields of a form whose fields come from the policy."""
    return await request.form()


Sent = Annotated[FormData, Depends(sent)]


class Blank(dict[str, str]):
    """Texts by field; a field without one is empty."""

    def __missing__(self, name: str) -> str:
        return ""


@router.get("/register")
def register_form(visit: Everybody) -> HTMLResponse:
    """The form to register an enterprise."""
    return _register_page(visit, {}, {})


@router.post("/register")
def register(visit: Anybody, form: Sent) -> HTMLResponse:
    """Take a registration and mail the link that confirms it."""
    texts = _texts(form)
    fields = registration.Wanted.__dataclass_fields__
    wanted = registration.Wanted(**{name: texts.get(name, "") for name in fields})
    laws = offers.laws(visit.session)
    try:
        _slow_down(visit, "register")
        found = registration.troubles(laws, wanted)
        if found:
            return _register_page(visit, texts, found, status=422)
        email = registration.register(
            visit.session, visit.console.wall, settings=visit.console.settings, laws=laws, wanted=wanted
        )
    except InputError as error:
        return _register_page(visit, texts, {}, trouble=str(error), status=422)
    return visit.page("enterprise/registered.html", email=email)


@router.get("/confirm/{token}")
def confirm_form(visit: Everybody, token: str) -> HTMLResponse:
    """What the link in the mail shows; looking at it confirms nothing, since mail scanners look too."""
    waiting = registration.waiting(visit.session, visit.console.wall, token)
    return visit.page("enterprise/confirm.html", waiting=waiting, token=token)


@router.post("/confirm/{token}")
def confirm(visit: Anybody, token: str) -> Response:
    """Make the registration an account, or say that the bureau confirms it first."""
    system, email = system_actor(visit.session), registration.waiting(visit.session, visit.console.wall, token).email
    user = registration.confirm(visit.session, visit.clock, system, wall=visit.console.wall, token=token)
    if user is None:
        return visit.page("enterprise/asked.html", email=email)
    return visit.back("/signin", "注册已确认，请用统一社会信用代码和注册时设的密码登录。")


@router.get("/my")
def my(visit: Seen) -> HTMLResponse:
    """The enterprise's drafts and applications, and what it may apply for now."""
    known = offers.offers(visit.session, visit.clock)
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    counties = registration.counties(offers.laws(visit.session))
    return visit.page(
        "enterprise/my.html",
        enterprise=enterprise,
        county=counties.get(enterprise.county, enterprise.county),
        offers=[each for each in known if each.closes],
        latest=known[0].cycle if known else None,
        stage=visit.console.plan.stage(known[0].cycle.stage).title if known else "",
        lines=progress.lines(visit.session, visit.actor),
        drafts=offers.kept(visit.session, visit.clock, visit.actor),
        invited=invitations.offered(visit.session, visit.clock, visit.actor),
        ban=bans.holding(visit.session, today(visit.clock)).get(enterprise.uscc),
        told=bans.told,
        owed=clawbacks.of_enterprise(visit.session, visit.clock, visit.actor),
        assessments=assessments.of_enterprise(visit.session, visit.clock, visit.actor),
    )


@router.post("/my/invitations/{invitation_id}")
def accept(visit: Drafting, invitation_id: Id) -> Response:
    """Go to the application that is filled in with a bureau's data."""
    try:
        accepted = invitations.accept(visit.session, visit.clock, visit.actor, invitation_id=invitation_id)
    except (InputError, StateError) as error:
        return visit.back("/my", str(error))
    told = "已按部门提供的数据填好，请逐项核对、补充后提交。"
    if not accepted.filled:
        told = "这项措施已有草稿，请核对；这次没有写入部门提供的数据。"
    return visit.back(f"/my/drafts/{accepted.draft.id}", told)


@router.get("/my/eligibility")
def measures(visit: Seen, cycle_id: Year = None) -> HTMLResponse:
    """The questions of every measure of a year, to ask which ones one would get."""
    return _measures_page(visit, offers.offer(visit.session, visit.clock, cycle_id), {}, None)


@router.post("/my/eligibility")
def estimates(visit: Annotated[Visit, does("own")], form: Sent, cycle_id: Year = None) -> HTMLResponse:
    """What the policy says of the answers, for every measure that was answered for; nothing is kept."""
    given: dict[str, dict[str, str]] = {}
    for name, text in _texts(form).items():
        measure_id, dot, fact = name.partition(".")
        if dot and text.strip():
            given.setdefault(measure_id, {})[fact] = text
    offer = offers.offer(visit.session, visit.clock, cycle_id)
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    checked = [
        (each, eligibility.check(visit.session, offer.cycle, offer.law, each, given[each.id], enterprise))
        for each in offer.law.measures
        if each.id in given
    ]
    return _measures_page(visit, offer, given, checked)


@router.get("/my/eligibility/{measure_id}")
def eligibility_form(visit: Seen, measure_id: str, cycle_id: Year = None) -> HTMLResponse:
    """The questions of a measure."""
    return _eligibility_page(visit, offers.offer(visit.session, visit.clock, cycle_id), measure_id, {}, None)


@router.post("/my/eligibility/{measure_id}")
def eligibility_answer(
    visit: Annotated[Visit, does("own")], measure_id: str, form: Sent, cycle_id: Year = None
) -> HTMLResponse:
    """What the policy says of the answers; nothing is kept."""
    found = offers.offer(visit.session, visit.clock, cycle_id)
    measure = drafts.measure_of(found.law, measure_id)
    given = _facts(_texts(form))
    enterprise = drafts.enterprise_of(visit.session, visit.actor)
    checked = eligibility.check(visit.session, found.cycle, found.law, measure, given, enterprise)
    return _eligibility_page(visit, found, measure_id, given, checked, status=422 if checked.troubles else 200)


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
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=_texts(form))
    refused = _keep_files(visit, draft_id, form)
    if refused:
        return _draft_page(visit, draft_id, refused=refused, status=422)
    return visit.back(f"/my/drafts/{draft_id}", "草稿已保存，还没有提交。")


@router.post("/my/drafts/{draft_id}/autosave")
def autosave(visit: Drafting, draft_id: Id, form: Sent) -> HTMLResponse:
    """The same from a script, while somebody types; answers how the draft stands."""
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=_texts(form))
    return visit.page("enterprise/check.html", **_standing(visit, draft_id), saved=True)


@router.post("/my/drafts/{draft_id}/submit")
def submit(visit: Drafting, draft_id: Id, form: Sent) -> Response:
    """Keep what was typed, and make the draft an application if nothing is missing."""
    drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=_texts(form))
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
        drafts.save(visit.session, visit.clock, visit.actor, draft_id=draft_id, given=_texts(form))
    settings = visit.console.settings
    drafts.drop_file(visit.session, visit.actor, settings=settings, draft_id=draft_id, file_id=file_id)
    return visit.back(f"/my/drafts/{draft_id}#files", "材料已删除。")


@router.get("/my/{application_id}")
def application(visit: Seen, application_id: Id) -> HTMLResponse:
    """An own application: where it stands, what is asked, what became of it."""
    return _story_page(visit, application_id)


@router.get("/my/{application_id}/files/{attachment_id}")
def attachment(visit: Seen, application_id: Id, attachment_id: Id) -> Response:
    """A file of an own application."""
    found = progress.file(visit.session, visit.actor, application_id, attachment_id)
    return handed_out(found.filename, attachments.read(visit.console.settings, found))


@router.post("/my/{application_id}/withdraw")
def withdraw(
    visit: Annotated[Visit, does("application.withdraw")], application_id: Id, reason: Annotated[str, Form()] = ""
) -> Response:
    """Withdraw an own application."""
    found = progress.own(visit.session, visit.actor, application_id)
    try:
        applications.withdraw(visit.session, visit.clock, visit.actor, application_id=application_id, reason=reason)
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, withdraw_trouble=str(error), status=422)
    return visit.back(f"/my/{application_id}", f"{found.number} 已撤回。", wake=found.cycle_id)


@router.post("/my/{application_id}/account")
def correct_account(
    visit: Annotated[Visit, does("application.account")],
    application_id: Id,
    bank_name: Annotated[str, Form()] = "",
    bank_account: Annotated[str, Form()] = "",
) -> Response:
    """Supply or correct the bank account of an own application."""
    found = progress.own(visit.session, visit.actor, application_id)
    given = {"bank_name": bank_name, "bank_account": bank_account}
    try:
        accounts.correct(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            **given,
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, account_trouble=str(error), account=given, status=422)
    return visit.back(f"/my/{application_id}", "收款账户已更正。", wake=found.cycle_id)


@router.post("/my/{application_id}/contacts")
def correct_contacts(
    visit: Annotated[Visit, does("application.contacts")],
    application_id: Id,
    contact_name: Annotated[str, Form()] = "",
    contact_phone: Annotated[str, Form()] = "",
    contact_email: Annotated[str, Form()] = "",
) -> Response:
    """Correct whom the notices about an own application reach."""
    progress.own(visit.session, visit.actor, application_id)
    given = {"contact_name": contact_name, "contact_phone": contact_phone, "contact_email": contact_email}
    try:
        contacts.correct(visit.session, visit.clock, visit.actor, application_id=application_id, **given)
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, contact_trouble=str(error), reached=given, status=422)
    return visit.back(f"/my/{application_id}", "联系方式已更正，以后的通知发到新的邮箱。")


@router.post("/my/{application_id}/files")
def add_files(visit: Annotated[Visit, does("attachment.add")], application_id: Id, form: Sent) -> HTMLResponse:
    """Keep files for a 补正 request that is answered later; what was typed stays in the form."""
    progress.own(visit.session, visit.actor, application_id)
    texts = _texts(form)
    try:
        files = _uploads(visit, form)
        progress.add_files(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            files=files,
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, answer_trouble=str(error), answers=texts, status=422)
    return _story_page(visit, application_id, answers=texts, added=len(files))


@router.post("/my/{application_id}/answer")
def answer(visit: Annotated[Visit, does("supplement.answer")], application_id: Id, form: Sent) -> Response:
    """Answer a 补正 request, remark by remark."""
    found = progress.own(visit.session, visit.actor, application_id)
    texts = _texts(form)
    try:
        progress.answer(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            answers={int(name[7:]): text for name, text in texts.items() if name[:7] == "answer_" and _whole(name[7:])},
            files=_uploads(visit, form),
            contacts={name: texts[name] for name in CONTACTS if name in texts},
            pledged="pledged" in texts,
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, answer_trouble=str(error), answers=texts, status=422)
    return visit.back(f"/my/{application_id}", "补正已提交，等待形式审查。", wake=found.cycle_id)


@router.post("/my/{application_id}/objection")
def objection(
    visit: Annotated[Visit, does("objection.raise")],
    application_id: Id,
    grounds: Annotated[str, Form()] = "",
    files: list[UploadedFile] | None = None,
) -> Response:
    """Object to how the public list treats an own application."""
    found = progress.own(visit.session, visit.actor, application_id)
    try:
        raised = public_notices.raise_objection(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            cycle_id=found.cycle_id,
            raised_by=found.enterprise_name[:100],
            contact=found.contact_email or found.contact_phone,
            grounds=grounds,
            application_id=application_id,
            files=chosen(visit, files),
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, objection_trouble=str(error), grounds=grounds, status=422)
    return visit.back(f"/my/{application_id}", f"异议已受理，受理编号 {raised.number}。")


def _register_page(
    visit: Visit, given: dict[str, str], troubles: dict[str, str], *, trouble: str = "", status: int = 200
) -> HTMLResponse:
    laws = offers.laws(visit.session)
    if not laws:
        return visit.page("enterprise/not_yet.html")
    return visit.page(
        "enterprise/register.html",
        status=status,
        given=Blank(given),
        troubles=Blank(troubles),
        trouble=trouble,
        kinds=registration.kinds(laws),
        counties=registration.counties(laws),
    )


def _eligibility_page(
    visit: Visit,
    offer: Offer,
    measure_id: str,
    given: dict[str, str],
    checked: eligibility.Checked | None,
    *,
    status: int = 200,
) -> HTMLResponse:
    measure = drafts.measure_of(offer.law, measure_id)
    return visit.page(
        "enterprise/eligibility.html",
        status=status,
        offer=offer,
        measure=measure,
        questions=eligibility.questions(measure),
        given=Blank(given),
        checked=checked,
        troubles=Blank(checked.troubles if checked else {}),
        enterprise=drafts.enterprise_of(visit.session, visit.actor),
    )


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


def _standing(visit: Visit, draft_id: int) -> dict[str, Any]:
    """How a draft stands: what keeps it from being submitted, and what the policy says of it so far."""
    found = drafts.form(visit.session, visit.actor, draft_id)
    given = _facts(found.draft.given)
    return {
        "form": found,
        "troubles": drafts.troubles(found),
        "checked": eligibility.check(
            visit.session, found.cycle, found.law, found.measure, given, found.enterprise, assume=True
        ),
    }


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


def _story_page(
    visit: Visit,
    application_id: int,
    *,
    withdraw_trouble: str = "",
    answer_trouble: str = "",
    objection_trouble: str = "",
    account_trouble: str = "",
    account: dict[str, str] | None = None,
    contact_trouble: str = "",
    reached: dict[str, str] | None = None,
    answers: dict[str, str] | None = None,
    added: int = 0,
    grounds: str = "",
    status: int = 200,
) -> HTMLResponse:
    found = progress.story(visit.session, visit.clock, visit.actor, application_id)
    return visit.page(
        "enterprise/application.html",
        status=status,
        story=found,
        bounce=newest_bounce(visit.session, found.application.contact_email),
        stage=visit.console.plan.stage(found.cycle.stage).title,
        withdraw_trouble=withdraw_trouble,
        answer_trouble=answer_trouble,
        objection_trouble=objection_trouble,
        account_trouble=account_trouble,
        account=account,
        contact_trouble=contact_trouble,
        reached=reached,
        answers=Blank(answers or {}),
        added=added,
        megabytes=visit.console.settings.upload_megabytes,
        contacts=CONTACTS,
        grounds=grounds,
    )


def _keep_files(visit: Visit, draft_id: int, form: FormData) -> list[str]:
    """Keep the files of a form; sentences for those that were refused, while the others are kept."""
    refused = []
    for name, file in _files(form):
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


def _files(form: FormData) -> list[tuple[str, UploadFile]]:
    return [(name, file) for name, file in form.multi_items() if isinstance(file, UploadFile) and file.filename]


def _uploads(visit: Visit, form: FormData) -> list[progress.Upload]:
    """The files of an answer to a 补正 request. Raises InputError, see file_kinds.check_file."""
    settings = visit.console.settings
    return [
        progress.Upload(file.filename or "", checked(settings, file), int(name[5:]) if _whole(name[5:]) else None)
        for name, file in _files(form)
    ]


def _texts(form: FormData) -> dict[str, str]:
    return {name: value for name, value in form.items() if isinstance(value, str)}


def _measures_page(
    visit: Visit, offer: Offer, given: dict[str, dict[str, str]], found: list[tuple[Measure, Checked]] | None
) -> HTMLResponse:
    enterprise, measures = drafts.enterprise_of(visit.session, visit.actor), offer.law.measures
    return visit.page(
        "enterprise/measures.html",
        offer=offer,
        offers=offers.offers(visit.session, visit.clock),
        enterprise=enterprise,
        measures=[each for each in measures if enterprise.kind in each.applicants],
        others=[each for each in measures if enterprise.kind not in each.applicants],
        questions={each.id: eligibility.questions(each) for each in measures},
        given=given,
        found=found,
        troubles={measure.id: checked.troubles for measure, checked in found or []},
    )


def _facts(given: dict[str, str]) -> dict[str, str]:
    """The texts of facts by the facts' names."""
    return {name.removeprefix(drafts.FACT): text for name, text in given.items() if name.startswith(drafts.FACT)}


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 4


def _slow_down(visit: Visit, what: str) -> None:
    if visit.console.too_often(what, visit.address):
        raise InputError("提交过于频繁，请一分钟后再试。")
    visit.console.count_try(what, visit.address)
