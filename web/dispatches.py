"""Notices that the operator writes: the form, the preview, the list, and each with what became of its mails."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response

from models import Cycle, Dispatch
from services.access import sightings
from services.clock import CHINA
from services.cycle.calendar import CalendarError
from services.errors import InputError, StateError
from services.law import policies
from services.notices import dispatches, groups, proofs, tracking, written
from services.notices.dispatches import LONGEST_BODY, LONGEST_SUBJECT, Draft
from services.notices.proofs import Proof
from services.notices.recipients import Recipient, read_lines
from services.notices.rendering import Letter
from web.access import does, sees
from web.bounds import Id, Number, Page, Year, number
from web.messages import INPUT, Resends, Seen, Tries, and_deliver, letter_page, moment_of, status_of, try_out
from web.rendering import moment
from web.visit import Visit

router = APIRouter()
WriteSeen = Annotated[Visit, sees("message.write")]
WriteDone = Annotated[Visit, does("message.write")]
Text = Annotated[str, Form()]
Texts = Annotated[list[str] | None, Form()]
_NOW, _LATER = "now", "later"


@dataclass(frozen=True)
class Filled:
    """The form of a new notice as it was filled in."""

    subject: str = ""
    body: str = ""
    groups: tuple[str, ...] = ()
    typed: str = ""
    when: str = _NOW
    send_at: str = ""


@router.get("/messages/new")
def new_message(visit: WriteSeen, cycle_id: Year = None, proof: str = "", again: Number = 0) -> HTMLResponse:
    """The form to write a notice: empty, as it was before the preview, or with what an earlier notice says."""
    if proof:
        kept = proofs.read(visit.console.settings, visit.actor, proof)
        return _form(visit, visit.cycle(kept.draft.cycle_id), _as_before(kept))
    if again:
        earlier = dispatches.find(visit.session, again)
        return _form(visit, visit.cycle(earlier.cycle_id), _as_written(earlier))
    return _form(visit, visit.cycle(cycle_id), Filled())


@router.post("/messages/new")
def preview_message(
    visit: WriteDone,
    cycle: Text = "",
    subject: Text = "",
    body: Text = "",
    group: Texts = None,
    typed: Text = "",
    when: Text = _NOW,
    send_at: Text = "",
) -> Response:
    """Keep a notice aside to be looked at; nothing of it is saved yet."""
    year = visit.cycle(number(cycle))
    filled = Filled(subject, body, tuple(group or ()), typed, when, send_at)
    try:
        proof = _proof(visit, year, filled)
    except (InputError, CalendarError) as error:
        return _form(visit, year, filled, str(error))
    return visit.back(f"/messages/new/{proofs.keep(visit.console.settings, visit.actor, proof)}")


@router.get("/messages/new/{proof_id}")
def message_proof(visit: WriteSeen, proof_id: str) -> HTMLResponse:
    """The notice as its recipients will see it, and who they are."""
    return _proof_page(visit, proof_id)


@router.get("/messages/new/{proof_id}/letter")
def proof_letter(visit: WriteSeen, proof_id: str) -> Response:
    """The letter of a notice that is not saved yet."""
    draft = proofs.read(visit.console.settings, visit.actor, proof_id).draft
    return letter_page(_letter(visit, draft).html)


@router.post("/messages/new/{proof_id}/try")
def try_proof(visit: Tries, proof_id: str) -> Response:
    """Send the notice to the visitor alone, before it is saved."""
    draft = proofs.read(visit.console.settings, visit.actor, proof_id).draft
    try:
        said = try_out(visit, _letter(visit, draft))
    except InputError as error:
        return _proof_page(visit, proof_id, trouble=str(error))
    return visit.back(f"/messages/new/{proof_id}", said)


@router.post("/messages/new/{proof_id}")
def save_message(visit: WriteDone, proof_id: str, without: Texts = None) -> Response:
    """Save the notice that was looked at, to all its recipients but those struck out."""
    settings, struck = visit.console.settings, frozenset(without or ())
    try:
        with proofs.taken(settings, visit.actor, proof_id) as proof:
            kept = tuple(each for each in proof.draft.recipients if each.address not in struck)
            draft = replace(proof.draft, recipients=kept)
            saved = dispatches.write(visit.session, visit.clock, visit.actor, settings=settings, draft=draft)
    except InputError as error:
        return _proof_page(visit, proof_id, struck, str(error))
    address, to = f"/messages/written/{saved.id}", f"{len(kept)} 个收件人"
    if saved.queued_at is None:
        return visit.back(address, f"通知“{saved.subject}”定于 {moment(saved.send_at)} 发给 {to}。")
    return and_deliver(visit, address, f"通知“{saved.subject}”正在发给 {to}。")


@router.get("/messages/written")
def written_list(visit: Seen, cycle_id: Year = None, page: Page = 1) -> HTMLResponse:
    """The notices that were written in a year."""
    cycle = visit.cycle(cycle_id)
    return visit.page(
        "messages/written.html",
        cycle=cycle,
        found=written.listing(visit.session, cycle.id or 0, page),
        address=f"/messages/written?cycle={cycle.id}&page=",
        STATES=written.STATE_NAMES,
    )


@router.get("/messages/written/{dispatch_id}")
def written_one(visit: Seen, dispatch_id: Id, state: str = "", page: Page = 1) -> HTMLResponse:
    """One written notice: the letter, its recipients, and what became of each mail."""
    dispatches.find(visit.session, dispatch_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"dispatch:{dispatch_id}")
    return _dispatch(visit, dispatch_id, state, page)


@router.get("/messages/written/{dispatch_id}/letter")
def written_letter(visit: Seen, dispatch_id: Id) -> Response:
    """The letter of a written notice."""
    return letter_page(_letter(visit, dispatches.find(visit.session, dispatch_id)).html)


@router.post("/messages/written/{dispatch_id}/call-off")
def call_off(visit: WriteDone, dispatch_id: Id) -> Response:
    """Have a notice not go out."""
    try:
        found = dispatches.call_off(visit.session, visit.clock, visit.actor, dispatch_id=dispatch_id)
    except StateError as error:
        return _dispatch(visit, dispatch_id, trouble=str(error))
    return visit.back(f"/messages/written/{dispatch_id}", f"通知“{found.subject}”已撤销，不会发出。")


@router.post("/messages/written/{dispatch_id}/resend")
def resend_failed(visit: Resends, dispatch_id: Id) -> Response:
    """Send all failed mails of a written notice again."""
    settings = visit.console.settings
    try:
        number = dispatches.resend_failed(
            visit.session, visit.clock, visit.actor, settings=settings, dispatch_id=dispatch_id
        )
    except StateError as error:
        return _dispatch(visit, dispatch_id, trouble=str(error))
    return and_deliver(visit, f"/messages/written/{dispatch_id}", f"{number} 封发送失败的邮件已放回待发送。")


def _proof(visit: Visit, cycle: Cycle, filled: Filled) -> Proof:
    law = policies.policy_of(visit.session, cycle)
    found = groups.gather(visit.session, cycle, law, filled.groups, read_lines(filled.typed))
    draft = Draft(cycle.id or 0, filled.subject, filled.body, found.recipients, _send_at(filled))
    chosen = dispatches.checked(visit.clock, draft)
    moved = dispatches.on_a_working_day(visit.console.settings, chosen)
    asked_for = chosen.send_at if moved.send_at != chosen.send_at else None
    return Proof(moved, filled.groups, filled.typed, found.unreachable, found.refused, asked_for)


def _send_at(filled: Filled) -> datetime | None:
    """The moment of a scheduled notice, in Beijing's time."""
    if filled.when != _LATER:
        return None
    return moment_of(filled.send_at)


def _as_before(proof: Proof) -> Filled:
    """The form as it was before the preview."""
    draft = proof.draft
    when, send_at = (_LATER, f"{draft.send_at.astimezone(CHINA):{INPUT}}") if draft.send_at else (_NOW, "")
    return Filled(draft.subject, draft.body, proof.groups, proof.typed, when, send_at)


def _as_written(dispatch: Dispatch) -> Filled:
    """The form with what an earlier notice said, to the same recipients."""
    typed = "\n".join(Recipient(**each).line for each in dispatch.recipients)
    return Filled(dispatch.subject, dispatch.body, typed=typed)


def _letter(visit: Visit, notice: Draft | Dispatch) -> Letter:
    """The letter that the first recipient reads."""
    on = (notice.send_at or visit.clock.now()).astimezone(CHINA).date()
    return written.letter(visit.session, visit.console.settings, notice, written.first_name(notice), on)


def _form(visit: Visit, cycle: Cycle, filled: Filled, trouble: str = "") -> HTMLResponse:
    law = policies.policy_of(visit.session, cycle)
    return visit.page(
        "messages/new.html",
        status=422 if trouble else 200,
        cycle=cycle,
        filled=filled,
        sections=groups.sections(visit.session, cycle, law),
        now=visit.clock.now().astimezone(CHINA).strftime(INPUT),
        trouble=trouble,
        LONGEST_SUBJECT=LONGEST_SUBJECT,
        LONGEST_BODY=LONGEST_BODY,
    )


def _proof_page(visit: Visit, proof_id: str, struck: Collection[str] = (), trouble: str = "") -> HTMLResponse:
    proof = proofs.read(visit.console.settings, visit.actor, proof_id)
    return visit.page(
        "messages/proof.html",
        status=422 if trouble else 200,
        cycle=visit.cycle(proof.draft.cycle_id),
        proof=proof,
        proof_id=proof_id,
        letter=_letter(visit, proof.draft),
        blotted=written.blotted(proof.draft),
        struck=struck,
        trouble=trouble,
    )


def _dispatch(visit: Visit, dispatch_id: int, state: str = "", page: int = 1, trouble: str = "") -> HTMLResponse:
    found = written.told(visit.session, dispatches.find(visit.session, dispatch_id))
    dispatch, status = found.dispatch, status_of(state)
    sent = dispatch.queued_at is not None
    return visit.page(
        "messages/dispatch.html",
        status=409 if trouble else 200,
        cycle=visit.cycle(dispatch.cycle_id),
        found=found,
        letter=_letter(visit, dispatch),
        mails=written.mails(visit.session, dispatch, status, page) if sent else None,
        recipients=None if sent else written.recipients(dispatch, page),
        only=status,
        address=f"/messages/written/{dispatch_id}?" + (f"state={status.value}&page=" if status else "page="),
        trouble=trouble,
        STATES=written.STATE_NAMES,
        MAIL_STATES=tracking.STATUS_NAMES,
    )
