"""The list of applications, one application on one page, its evidence, batches, and imports."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import FileResponse, HTMLResponse, Response
from starlette.background import BackgroundTask
from starlette.datastructures import QueryParams

from models import ApplicationStatus, Cycle, Outcome
from policy import Policy
from services import masking
from services.access import sight, sightings
from services.after_payment import bans
from services.after_payment import overview as clawbacks
from services.application import (
    accounts,
    applications,
    attachments,
    browsing,
    completeness,
    contacts,
    dossier,
    previews,
    saved_views,
)
from services.application.browsing import Wanted
from services.application.facts import declared_facts
from services.application.lifecycle import STATUS_NAMES, UNDER_REVIEW
from services.application.particulars import CONTACTS
from services.application.previews import Batch, BatchAction, ImportReport
from services.application.state_names import OPINIONS, OUTCOMES, REQUEST_STATES, VERDICTS
from services.clock import CHINA, today
from services.documents.render.xlsx import to_xlsx
from services.enterprise import enterprises
from services.errors import InputError, StateError
from services.files import blank_books, incoming
from services.grants import links
from services.law import policies
from services.notices.bounce_intake import newest_bounce
from services.review import reviews
from services.tables import write_table
from web.access import does, sees
from web.bounds import CycleId, Id, Page, number
from web.forms import Typed
from web.uploads import checked, looked_at, shown
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("applications")]
ImportSeen = Annotated[Visit, sees("application.import")]
ImportDone = Annotated[Visit, does("application.import")]
# What the operator does on this page for an applicant; the service asks for its own right besides.
Acts = Annotated[Visit, does("supplement.request")]
Text = Annotated[str, Form()]
Texts = Annotated[list[str] | None, Form()]

# How the cells of a column look: numbers to the right, codes and dates on one line, words broken where they may be.
_LOOKS = {
    **dict.fromkeys(("number", "submitted", "county", "contact_phone"), "nowrap"),
    **dict.fromkeys(("enterprise", "project", "measure", "reason", "source"), "words"),
    "uscc": "code",
    "amount": "num",
}
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ACTIONS = {BatchAction.SUPPLEMENT: "要求补正", BatchAction.WITHDRAW: "撤回"}
_SHOWN_ROWS = 200


@dataclass(frozen=True)
class View:
    """The list as the address asks for it."""

    cycle: Cycle
    law: Policy
    wanted: Wanted
    columns: list[str]
    params: list[tuple[str, str]]

    @property
    def query(self) -> str:
        """What the address asks for, without the page number."""
        return urlencode(self.params)

    @property
    def narrowed(self) -> bool:
        """Whether it asks for more than a year."""
        return any(key != "cycle_id" for key, _ in self.params)

    def address(self, path: str = "/applications", **changes: str) -> str:
        """The same view with something else in its address; the page number is not kept."""
        kept = [(key, value) for key, value in self.params if key not in changes]
        return f"{path}?{urlencode([*kept, *changes.items()])}"


@router.get("/applications")
def listing(visit: Seen, page: Page = 1) -> HTMLResponse:
    """The applications that the visitor may see, filtered and sorted, 50 a page."""
    return _listing(visit, _view(visit), page)


@router.get("/applications/export.xlsx")
def export(visit: Seen) -> Response:
    """The list as it is shown, every page of it, as a workbook."""
    view = _view(visit)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"applications:{view.cycle.id}")
    titles = [browsing.COLUMNS[column] for column in view.columns]
    rows = (
        [_cell(view.law, line, column) for column in view.columns]
        for line in browsing.every_line(visit.session, visit.actor, view.wanted)
    )
    with NamedTemporaryFile(suffix=".xlsx", delete=False) as file:
        path = Path(file.name)
    try:
        write_table(path, titles, rows, for_people=True)
    except BaseException:
        path.unlink()
        raise
    name = f"{view.cycle.year}年度申报.xlsx"
    return FileResponse(path, media_type=_XLSX, filename=name, background=BackgroundTask(path.unlink))


@router.get("/applications/import")
def import_form(visit: ImportSeen, cycle_id: CycleId = None) -> HTMLResponse:
    """The form to hand a workbook in."""
    return _import(visit, visit.cycle(cycle_id))


@router.get("/applications/import/blank.xlsx")
def import_blank(visit: ImportSeen, cycle_id: CycleId = None) -> Response:
    """An empty workbook with the sheets and headings that the import reads."""
    law = policies.policy_of(visit.session, visit.cycle(cycle_id))
    book = blank_books.for_applications(law, visit.console.settings.organisation, today(visit.clock))
    headers = {"Content-Disposition": 'attachment; filename="applications.xlsx"'}
    return Response(to_xlsx(book), media_type=_XLSX, headers=headers)


@router.post("/applications/import")
def import_preview(visit: ImportDone, cycle_id: Text = "", file: UploadFile | None = None) -> HTMLResponse:
    """What the import of a workbook would do, row by row; nothing is saved."""
    cycle, settings = _cycle(visit, cycle_id), visit.console.settings
    try:
        sha256, path = looked_at(visit, file)
        report = previews.import_report(
            visit.console.engine, visit.clock, visit.actor, settings=settings, cycle_id=cycle.id or 0, path=path
        )
    except (InputError, StateError) as error:
        return _import(visit, cycle, trouble=str(error))
    return _import(visit, cycle, report=report, sha256=sha256)


@router.post("/applications/import/save")
def import_save(visit: ImportDone, cycle_id: Text = "", sha256: Text = "") -> Response:
    """Save the workbook that was looked at."""
    cycle, settings = _cycle(visit, cycle_id), visit.console.settings
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


@router.post("/applications/batch")
def batch(
    visit: Acts, cycle_id: Text = "", chosen: Texts = None, action: Text = "", text: Text = "", sure: Text = ""
) -> Response:
    """First what a batch would change, then, when that was confirmed, the batch itself."""
    cycle, console = _cycle(visit, cycle_id), visit.console
    ids = tuple(found for each in chosen or [] if (found := number(each)) is not None)
    kind = next((each for each in BatchAction if each == action), None)
    try:
        if kind is None:
            raise InputError("请选择要批量办理的事项。")
        asked, settings = Batch(kind, ids, text), console.settings
        if sure != "yes":
            effects = previews.batch_report(console.engine, visit.clock, visit.actor, settings=settings, batch=asked)
            return _batch(visit, cycle, kind, text, effects)
        effects = previews.run_batch(visit.session, visit.clock, visit.actor, settings=settings, batch=asked)
    except InputError as error:
        return _batch(visit, cycle, kind, text, [], ids=ids, trouble=str(error))
    done = sum(not each.trouble for each in effects)
    said = f"已{_ACTIONS[kind]} {done} 件" + (f"，{len(effects) - done} 件没有办成。" if done < len(effects) else "。")
    return visit.back(f"/applications?cycle_id={cycle.id}", said, wake=cycle.id)


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


def _view(visit: Visit) -> View:
    asked = visit.request.query_params
    cycle = _cycle(visit, asked.get("cycle_id", ""))
    allowed = browsing.columns_of(visit.actor)
    columns = [column for column in allowed if column in asked.getlist("column")]
    return View(
        cycle=cycle,
        law=policies.policy_of(visit.session, cycle),
        wanted=_wanted(asked, cycle.id or 0),
        columns=columns or browsing.default_columns(visit.session, visit.actor, cycle.id or 0),
        params=[(key, value) for key, value in asked.multi_items() if key != "page" and value],
    )


def _wanted(asked: QueryParams, cycle_id: int) -> Wanted:
    return Wanted(
        cycle_id=cycle_id,
        statuses=tuple(each for each in ApplicationStatus if each.value in asked.getlist("status")),
        measure=asked.get("measure", ""),
        county=asked.get("county", ""),
        outcome=next((each for each in Outcome if each.value == asked.get("outcome")), None),
        text=asked.get("text", "").strip()[:200],
        sort=asked.get("sort", "number"),
        descending=asked.get("order") == "desc",
    )


def _listing(visit: Visit, view: View, page: int) -> HTMLResponse:
    return visit.page(
        "applications/list.html",
        view=view,
        views=saved_views.views(visit.session, visit.actor),
        found=browsing.lines(visit.session, visit.actor, view.wanted, page=page),
        titles=browsing.columns_of(visit.actor),
        sortable=browsing.SORTABLE,
        statuses=[each for each in ApplicationStatus if each is not ApplicationStatus.DRAFT],
        outcomes=OUTCOMES if visit.may("lists") else {},
        actions=_ACTIONS,
        columns=[(each, browsing.Line._fields.index(each), _LOOKS.get(each, "")) for each in view.columns],
        counties={each.id: each.name for each in view.law.counties},
        measures={each.id: each.title for each in view.law.measures},
    )


def _cell(law: Policy, line: browsing.Line, column: str) -> object:
    if column == "status":
        return STATUS_NAMES[line.status]
    if column == "submitted":
        return line.submitted.astimezone(CHINA).strftime("%Y-%m-%d %H:%M") if line.submitted else None
    return browsing.cell(law, line, column)


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


def _batch(
    visit: Visit,
    cycle: Cycle,
    action: BatchAction | None,
    text: str,
    effects: list[previews.Effect],
    *,
    ids: Iterable[int] = (),
    trouble: str = "",
) -> HTMLResponse:
    return visit.page(
        "applications/batch.html",
        status=422 if trouble else 200,
        cycle=cycle,
        action=action,
        actions=_ACTIONS,
        text=text,
        effects=effects,
        ids=list(ids) or [each.id for each in effects],
        trouble=trouble,
    )


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


def _cycle(visit: Visit, cycle_id: str) -> Cycle:
    return visit.cycle(number(cycle_id))
