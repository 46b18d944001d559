"""An enterprise's application after it was handed in: where it stands, what is asked, what became of it."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response
from starlette.datastructures import FormData

from services.application import accounts, applications, attachments, contacts, progress, supplement_answers
from services.application.particulars import CONTACTS
from services.application.supplement_answers import Upload
from services.award import public_notices
from services.errors import InputError, StateError
from services.notices.bounce_intake import newest_bounce
from web.access import does, sees
from web.bounds import Id
from web.enterprise.fields import Blank, Sent, files, texts
from web.uploads import checked, chosen, handed_out
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("own")]


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
    typed = texts(form)
    try:
        added = _uploads(visit, form)
        supplement_answers.add_files(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            files=added,
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, answer_trouble=str(error), answers=typed, status=422)
    return _story_page(visit, application_id, answers=typed, added=len(added))


@router.post("/my/{application_id}/answer")
def answer(visit: Annotated[Visit, does("supplement.answer")], application_id: Id, form: Sent) -> Response:
    """Answer a 补正 request, remark by remark."""
    found = progress.own(visit.session, visit.actor, application_id)
    typed = texts(form)
    try:
        supplement_answers.answer(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            answers={int(name[7:]): text for name, text in typed.items() if name[:7] == "answer_" and _whole(name[7:])},
            files=_uploads(visit, form),
            contacts={name: typed[name] for name in CONTACTS if name in typed},
            pledged="pledged" in typed,
        )
    except (InputError, StateError) as error:
        return _story_page(visit, application_id, answer_trouble=str(error), answers=typed, status=422)
    return visit.back(f"/my/{application_id}", "补正已提交，等待形式审查。", wake=found.cycle_id)


@router.post("/my/{application_id}/objection")
def objection(
    visit: Annotated[Visit, does("objection.raise")],
    application_id: Id,
    grounds: Annotated[str, Form()] = "",
    files: list[UploadFile] | None = None,
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


def _uploads(visit: Visit, form: FormData) -> list[Upload]:
    """The files of an answer to a 补正 request. Raises InputError, see file_kinds.check_file."""
    settings = visit.console.settings
    return [
        Upload(file.filename or "", checked(settings, file), int(name[5:]) if _whole(name[5:]) else None)
        for name, file in files(form)
    ]


def _whole(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 4
