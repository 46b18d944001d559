"""One application on its page, its evidence, and what the operator does to it for the applicant."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from services import masking
from services.access import sight, sightings
from services.after_payment import bans
from services.after_payment import overview as clawbacks
from services.application import accounts, applications, attachments, completeness, contacts, dossier
from services.application.facts import declared_facts
from services.application.lifecycle import UNDER_REVIEW
from services.application.particulars import CONTACTS
from services.application.state_names import OPINIONS, OUTCOMES, REQUEST_STATES, VERDICTS
from services.enterprise import enterprises
from services.errors import InputError, StateError
from services.grants import links
from services.notices.bounce_intake import newest_bounce
from services.review import reviews
from web.access import does, sees
from web.bounds import Id
from web.forms import Typed
from web.uploads import checked, shown
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("applications")]
# What the operator does on this page for an applicant; the service asks for its own right besides.
Acts = Annotated[Visit, does("supplement.request")]
Text = Annotated[str, Form()]
Texts = Annotated[list[str] | None, Form()]


@router.get("/applications/{application_id}")
def one(visit: Seen, application_id: Id) -> HTMLResponse:
    """Everything about one application."""
    sight.application(visit.session, visit.actor, application_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"application:{application_id}")
    return _one(visit, application_id)


@router.get("/applications/{application_id}/files/{attachment_id}")
def evidence(visit: Seen, application_id: Id, attachment_id: Id, download: bool = False) -> Response:
    """A file of evidence: PDF files and pictures are shown, everything else is only handed out."""
    found = dossier.attachment(visit.session, visit.actor, application_id, attachment_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"attachment:{attachment_id}")
    return shown(found.filename, attachments.read(visit.console.settings, found), download=download)


@router.post("/applications/{application_id}/files")
def add_evidence(visit: Acts, application_id: Id, evidence: Text = "", file: UploadFile | None = None) -> Response:
    """Add a file that the applicant handed in on paper or by mail."""
    seen = sight.application(visit.session, visit.actor, application_id)
    try:
        if file is None or not file.filename or not evidence.strip():
            raise InputError("请选择文件，并说明是哪一项材料。")
        attachments.add(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            evidence=evidence.strip()[:200],
            filename=file.filename,
            data=checked(visit.console.settings, file),
        )
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="files", trouble=str(error), given={"evidence": evidence})
    return visit.back(f"/applications/{application_id}", "材料已上传。", wake=seen.cycle_id)


@router.post("/applications/{application_id}/supplement")
def ask_supplement(visit: Acts, application_id: Id, remarks: Text = "") -> Response:
    """Ask the applicant to supply what is missing."""
    seen = sight.application(visit.session, visit.actor, application_id)
    try:
        completeness.request_supplement(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            remarks=remarks,
        )
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="supplement", trouble=str(error), given={"remarks": remarks})
    return visit.back(f"/applications/{application_id}", "已要求补正，并通知申报单位。", wake=seen.cycle_id)


@router.post("/applications/{application_id}/answer")
def answer_supplement(
    visit: Acts,
    application_id: Id,
    answer: Text = "",
    pledged: Text = "",
    papers: Text = "",
    fact: Texts = None,
    value: Texts = None,
    contact: Texts = None,
    told: Texts = None,
) -> Response:
    """Note what the applicant supplied on paper or by mail."""
    seen = sight.application(visit.session, visit.actor, application_id)
    values = {name: text.strip() for name, text in zip(fact or [], value or [], strict=False) if text.strip()}
    contacts = {name: text.strip() for name, text in zip(contact or [], told or [], strict=False) if text.strip()}
    try:
        if not answer.strip():
            raise InputError("请写明补正说明。")
        completeness.answer_supplement(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            application_id=application_id,
            answer=answer.strip(),
            facts_given=values,
            contacts=contacts,
            pledged=True if pledged == "yes" else None,
            papers=True if papers == "yes" else None,
        )
    except (InputError, StateError) as error:
        given = {**values, **contacts, "answer": answer}
        return _one(visit, application_id, form="answer", trouble=str(error), given=given)
    return visit.back(f"/applications/{application_id}", "补正已登记，申报重新进入形式审查。", wake=seen.cycle_id)


@router.post("/applications/{application_id}/account")
def correct_account(visit: Acts, application_id: Id, bank_name: Text = "", bank_account: Text = "") -> Response:
    """Supply or correct the bank account for the applicant, as long as its money is to be paid."""
    seen = sight.application(visit.session, visit.actor, application_id)
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
        return _one(visit, application_id, form="account", trouble=str(error), given=given)
    return visit.back(f"/applications/{application_id}", "收款账户已更正。", wake=seen.cycle_id)


@router.post("/applications/{application_id}/name")
def correct_name(visit: Annotated[Visit, does("enterprise.correct")], application_id: Id, name: Text = "") -> Response:
    """Register the applicant by another name, for what it files from now on."""
    case = dossier.case(visit.session, visit.clock, visit.actor, application_id)
    try:
        enterprises.correct(visit.session, visit.clock, visit.actor, law=case.law, uscc=case.enterprise.uscc, name=name)
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="name", trouble=str(error), given={"name": name})
    return visit.back(f"/applications/{application_id}", "单位名称已更正，原名留作曾用名。")


@router.post("/applications/{application_id}/contacts")
def correct_contacts(
    visit: Annotated[Visit, does("enterprise.correct")],
    application_id: Id,
    contact_name: Text = "",
    contact_phone: Text = "",
    contact_email: Text = "",
) -> Response:
    """Correct for the applicant whom the notices about its application reach."""
    sight.application(visit.session, visit.actor, application_id)
    given = {"contact_name": contact_name, "contact_phone": contact_phone, "contact_email": contact_email}
    try:
        contacts.correct(visit.session, visit.clock, visit.actor, application_id=application_id, **given)
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="contacts", trouble=str(error), given=given)
    return visit.back(f"/applications/{application_id}", "联系方式已更正，以后的通知发到新的邮箱。")


@router.post("/applications/{application_id}/requests/{request_id}/override")
def override_request(
    visit: Annotated[Visit, does("review.override")], application_id: Id, request_id: Id, form: Typed
) -> Response:
    """Go on without the answer of one county or bureau, for a reason, with the values that only it could give."""
    asked = dossier.request(visit.session, visit.clock, visit.actor, application_id, request_id)
    values = {name.removeprefix("value."): text for name, text in form.items() if name.startswith("value.")}
    try:
        reviews.override_request(
            visit.session,
            visit.clock,
            visit.actor,
            request_id=request_id,
            reason=form.get("reason", ""),
            values={name: text for name, text in values.items() if text.strip()},
        )
    except (InputError, StateError) as error:
        return _one(visit, application_id, form=f"override-{request_id}", trouble=str(error), given=form)
    said = f"{asked.reviewer}已按视同无意见办理，理由记入审计。"
    return visit.back(f"/applications/{application_id}", said, wake=asked.request.cycle_id)


@router.post("/applications/{application_id}/verify-again")
def verify_again(visit: Annotated[Visit, does("review.again")], application_id: Id, reason: Text = "") -> Response:
    """Have the bureaus verify the application again."""
    seen = sight.application(visit.session, visit.actor, application_id)
    try:
        reviews.verify_again(visit.session, visit.clock, visit.actor, application_id=application_id, reason=reason)
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="again", trouble=str(error), given={"reason": reason})
    return visit.back(f"/applications/{application_id}", "已转各部门重新核验。", wake=seen.cycle_id)


@router.post("/applications/{application_id}/withdraw")
def withdraw(visit: Acts, application_id: Id, reason: Text = "") -> Response:
    """Withdraw the application for the applicant."""
    seen = sight.application(visit.session, visit.actor, application_id)
    try:
        applications.withdraw(visit.session, visit.clock, visit.actor, application_id=application_id, reason=reason)
    except (InputError, StateError) as error:
        return _one(visit, application_id, form="withdraw", trouble=str(error), given={"reason": reason})
    return visit.back(f"/applications/{application_id}", "已撤回。", wake=seen.cycle_id)


def _one(
    visit: Visit, application_id: int, *, form: str = "", trouble: str = "", given: dict[str, str] | None = None
) -> HTMLResponse:
    case = dossier.case(visit.session, visit.clock, visit.actor, application_id)
    account = case.application.bank_account
    whole = visit.may("payments") or visit.may("audit")
    return visit.page(
        "applications/one.html",
        status=422 if trouble else 200,
        case=case,
        it=case.application,
        bank_account=account if whole or not account else masking.mask(account, masking.Personal.BANK_ACCOUNT),
        bans=bans.shown(visit.session, visit.clock, case.enterprise.uscc) if visit.may("tracking") else [],
        clawbacks=clawbacks.of_application(visit.session, visit.clock, visit.actor, application_id)
        if visit.may("clawbacks")
        else [],
        links=links.of_application(visit.session, case.application) if visit.may("findings") else [],
        evidences=list(dict.fromkeys(name for fact in case.measure.all_facts for name in fact.evidence)),
        declared=declared_facts(case.measure),
        under_review=case.application.status in UNDER_REVIEW,
        can_verify_again=reviews.can_verify_again(case.cycle, case.application),
        bounce=newest_bounce(visit.session, case.application.contact_email),
        contacts=CONTACTS,
        opinions=OPINIONS,
        verdicts=VERDICTS,
        outcomes=OUTCOMES,
        request_states=REQUEST_STATES,
        may_correct_contacts=not contacts.why_settled(visit.session, case.cycle),
        may_correct_account=not accounts.why_settled(visit.session, case.cycle, case.application),
        form=form,
        trouble=trouble,
        given=given or {},
    )
