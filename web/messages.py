"""The outbox, and what each kind of notice looks like. What the operator writes: web/dispatches.py."""

import logging
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask

from flows import control
from models import Cycle, MessageStatus
from services import sightings
from services.clock import today
from services.errors import InputError, StateError
from services.notices import browsing, tracking
from services.notices.kinds import KINDS, kind_of
from web.access import does, sees
from web.bounds import Id, Page, Year, number
from web.console import Console
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("messages")]
Resends = Annotated[Visit, does("message.resend")]
_MOST_FAILED = 200  # that the page lists to be chosen from
# A letter carries its own style; nothing in it may run, load or lead anywhere.
_LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
_LOG = logging.getLogger(__name__)


@router.get("/messages")
def message_list(
    visit: Seen, cycle_id: Year = None, kind: str = "", state: str = "", words: str = "", page: Page = 1
) -> HTMLResponse:
    """The outbox: counts by kind, what failed, and every message."""
    return _outbox(visit, visit.cycle(cycle_id), kind=kind, state=state, words=words, page=page)


@router.post("/messages/resend")
def resend_chosen(
    visit: Resends,
    cycle_id: Annotated[str, Form(alias="cycle")] = "",
    chosen: Annotated[list[str] | None, Form()] = None,
) -> Response:
    """Put the chosen failed messages back into the queue, each to its own address."""
    cycle = visit.cycle(number(cycle_id))
    try:
        done = tracking.resend_chosen(
            visit.session,
            visit.clock,
            visit.actor,
            cycle_id=cycle.id or 0,
            numbers=[found for each in chosen or [] if (found := number(each)) is not None],
            domain=visit.console.settings.mail_domain,
        )
    except (InputError, StateError) as error:
        return _outbox(visit, cycle, trouble=str(error))
    return and_deliver(visit, f"/messages?cycle={cycle.id}", f"{done} 封通知已放回待发送。")


def _outbox(
    visit: Visit, cycle: Cycle, *, kind: str = "", state: str = "", words: str = "", page: int = 1, trouble: str = ""
) -> HTMLResponse:
    asked = {"cycle": cycle.id, "kind": kind, "state": state, "words": words}
    return visit.page(
        "messages/outbox.html",
        status=422 if trouble else 200,
        trouble=trouble,
        most=_MOST_FAILED,
        cycle=cycle,
        counts=tracking.counts(visit.session, cycle.id or 0),
        failed=tracking.failures(visit.session, cycle.id or 0),
        found=browsing.messages(
            visit.session, cycle.id or 0, kind=kind, status=status_of(state), words=words.strip(), page=page
        ),
        chosen=asked,
        address=f"/messages?{urlencode(asked)}&page=",
        STATES=tracking.STATUS_NAMES,
        KINDS=KINDS,
    )


@router.get("/messages/{message_id}")
def message(visit: Seen, message_id: Id) -> HTMLResponse:
    """One message as its recipient sees it, each attempt, and sending it again."""
    browsing.message(visit.session, message_id)
    sightings.note(visit.session, visit.console.wall, visit.actor, f"message:{message_id}")
    return _message(visit, message_id, "", "")


@router.get("/messages/{message_id}/letter")
def message_letter(visit: Seen, message_id: Id) -> Response:
    """The letter of one message."""
    found = browsing.message(visit.session, message_id)
    return letter_page(browsing.letter_of(visit.console.settings, found, today(visit.clock)).html)


@router.post("/messages/{message_id}/resend")
def resend(visit: Resends, message_id: Id, recipient: Annotated[str, Form()] = "") -> Response:
    """Put a failed message back into the queue, to a corrected address when one is given."""
    browsing.message(visit.session, message_id)
    try:
        found = tracking.resend(
            visit.session,
            visit.clock,
            visit.actor,
            message_id,
            domain=visit.console.settings.mail_domain,
            recipient=recipient.strip(),
        )
    except (InputError, StateError) as error:
        return _message(visit, message_id, recipient, str(error))
    return and_deliver(visit, "/messages", f"发给 {found.recipient} 的通知已放回待发送。")


@router.get("/letters")
def letter_kinds(visit: Seen) -> HTMLResponse:
    """The kinds of notices with what each is for."""
    return visit.page("messages/letters.html", kinds=KINDS.values())


@router.get("/letters/{kind}")
def letter_kind(visit: Seen, kind: str) -> HTMLResponse:
    """What a kind of notice looks like to its recipient."""
    known = kind_of(kind)
    letter = browsing.sample_letter(visit.console.settings, kind, today(visit.clock))
    return visit.page("messages/letter.html", kind=known, letter=letter)


@router.get("/letters/{kind}/sample")
def letter_sample(visit: Seen, kind: str) -> Response:
    """The sample letter itself."""
    return letter_page(browsing.sample_letter(visit.console.settings, kind, today(visit.clock)).html)


def letter_page(html: str) -> Response:
    """A letter, to be shown in a frame."""
    headers = {"Content-Security-Policy": _LETTER_POLICY}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


def status_of(text: str) -> MessageStatus | None:
    """The state that an address asks for; None for all."""
    return MessageStatus(text) if text in set(MessageStatus) else None


def and_deliver(visit: Visit, path: str, said: str) -> Response:
    """Send the browser on with a sentence, and have what is queued delivered now."""
    response = visit.back(path, said)
    response.background = BackgroundTask(_deliver_quietly, visit.console)
    return response


def _deliver_quietly(console: Console) -> None:
    """Run the delivery; when the engine is away, its scheduled run does so later."""
    try:
        control.trigger(console.settings, "notices")
    except Exception as error:  # the act itself is done and recorded
        _LOG.warning("the delivery of notices was not triggered: %s", error)


def _message(visit: Visit, message_id: int, recipient: str, trouble: str) -> HTMLResponse:
    found = browsing.message(visit.session, message_id)
    return visit.page(
        "messages/message.html",
        status=422 if trouble else 200,
        found=found,
        letter=browsing.letter_of(visit.console.settings, found, today(visit.clock)),
        attempts=browsing.attempts(visit.session, message_id),
        recipient=recipient,
        trouble=trouble,
        STATES=tracking.STATUS_NAMES,
        KINDS=KINDS,
    )
