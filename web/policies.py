"""Policies: those in use with what their check says, and drafts on their way to be."""

from typing import Annotated

from fastapi import APIRouter, Form, UploadFile
from fastapi.responses import HTMLResponse, Response

from services.errors import InputError, NotFoundError, StateError
from services.law import policy_drafts, policy_shelf, policy_upload
from services.law.policy_folder import MOST_BYTES
from web.access import does, sees
from web.bounds import Id
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("policies")]
OUTCOMES = {"award": "奖补", "referral": "转报上级", "case_by_case": "一事一议"}
_MOST_LINES = 2000  # of a comparison on a page
_PLAIN = {"Content-Security-Policy": "default-src 'none'; sandbox"}


@router.get("/policies")
def policy_list(visit: Seen) -> HTMLResponse:
    """The policies with what the check says, and the drafts."""
    return _list(visit)


@router.post("/policies/drafts")
def upload(
    visit: Annotated[Visit, does("policy.upload")],
    policy_id: Annotated[str, Form()] = "",
    files: list[UploadFile] | None = None,
) -> Response:
    """Keep a policy folder as a draft."""
    sent = [(file.filename, file.file.read(MOST_BYTES + 1)) for file in files or [] if file.filename]
    try:
        draft, new = policy_drafts.upload(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            policy_id=policy_id,
            folder=policy_upload.read(visit.console.settings, sent),
        )
    except InputError as error:
        return _list(visit, policy_id=policy_id, trouble=str(error), status=422)
    said = "已保存为草稿，批准后才能使用。" if new else "同样的内容已经上传过，正在等待批准，没有重复保存。"
    return visit.back(f"/policies/drafts/{draft.id}", said)


@router.get("/policies/drafts/{draft_id}")
def draft_page(visit: Seen, draft_id: Id) -> HTMLResponse:
    """One draft with all that is to be known before deciding."""
    return _draft(visit, draft_id)


@router.get("/policies/drafts/{draft_id}/files/{name}")
def draft_file(visit: Seen, draft_id: Id, name: str) -> Response:
    """One of a draft's files, as it was handed in."""
    draft = policy_drafts.entry(visit.session, draft_id).draft
    data = policy_drafts.files(visit.console.settings, draft).get(name)
    if data is None:
        raise NotFoundError(f"第 {draft_id} 号政策草稿里没有文件“{name}”。")
    return Response(data, media_type="text/plain; charset=utf-8", headers=_PLAIN)


@router.post("/policies/drafts/{draft_id}/approve")
def approve(
    visit: Annotated[Visit, does("policy.approve")], draft_id: Id, instead_of: Annotated[str, Form()] = ""
) -> Response:
    """Have the draft take the place of the policy in use."""
    try:
        policy_drafts.approve(
            visit.session,
            visit.clock,
            visit.actor,
            settings=visit.console.settings,
            draft_id=draft_id,
            instead_of=instead_of,
        )
    except StateError as error:
        return _draft(visit, draft_id, trouble=str(error), status=409)
    return visit.back(f"/policies/drafts/{draft_id}", "已同意启用，开立新的年度时即用这一份。")


@router.post("/policies/drafts/{draft_id}/refuse")
def refuse(
    visit: Annotated[Visit, does("policy.refuse")], draft_id: Id, remark: Annotated[str, Form()] = ""
) -> Response:
    """Send the draft back."""
    try:
        policy_drafts.refuse(visit.session, visit.clock, visit.actor, draft_id=draft_id, remark=remark)
    except (InputError, StateError) as error:
        return _draft(visit, draft_id, trouble=str(error), remark=remark, status=422)
    return visit.back(f"/policies/drafts/{draft_id}", "已退回。")


@router.get("/policies/{policy_id}")
def policy_page(visit: Seen, policy_id: str) -> HTMLResponse:
    """One policy: measures, bureaus, counties, and its problems."""
    found = policy_shelf.shelved(visit.console.settings, policy_id)
    return visit.page("administration/policy.html", found=found, OUTCOMES=OUTCOMES)


@router.get("/policies/{policy_id}/check")
def policy_check(visit: Seen, policy_id: str) -> HTMLResponse:
    """The whole check with every case."""
    checked = policy_shelf.check(visit.console.settings, policy_id)
    return visit.page("administration/policy_check.html", policy_id=policy_id, checked=checked)


def _list(visit: Visit, *, policy_id: str = "", trouble: str = "", status: int = 200) -> HTMLResponse:
    return visit.page(
        "administration/policies.html",
        status=status,
        shelf=policy_shelf.shelf(visit.console.settings),
        drafts=policy_drafts.drafts(visit.session),
        policy_id=policy_id,
        trouble=trouble,
    )


def _draft(visit: Visit, draft_id: int, *, trouble: str = "", remark: str = "", status: int = 200) -> HTMLResponse:
    found, settings = policy_drafts.entry(visit.session, draft_id), visit.console.settings
    digest_in_use = policy_drafts.digest_in_use(settings, found.draft)  # before what is compared with it
    lines = policy_drafts.comparison(settings, found.draft)
    return visit.page(
        "administration/policy_draft.html",
        status=status,
        found=found,
        draft=found.draft,
        digest_in_use=digest_in_use,
        files=policy_drafts.files(settings, found.draft),
        missing=policy_drafts.missing(settings, found.draft),
        checked=policy_drafts.check(settings, found.draft),
        lines=lines[:_MOST_LINES] if lines is not None else None,
        left_out=max(len(lines or ()) - _MOST_LINES, 0),
        newer=policy_drafts.newer(visit.session, found.draft),
        mine=policy_drafts.may_decide(visit.actor, found.draft),
        trouble=trouble,
        remark=remark,
    )
