"""The outbox, and what each kind of notice looks like. What the operator writes: web/dispatches.py."""

import logging
from datetime import datetime
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form
from fastapi.responses import HTMLResponse, Response
from starlette.background import BackgroundTask

from flows import control
from models import Cycle, MessageAction, MessageStatus
from services.access import sightings
from services.clock import CHINA, today
from services.cycle import reminders
from services.cycle.calendar import CalendarError
from services.errors import InputError, StateError
from services.notices import bounce_intake, browsing, mail_trial, opting_out, queueing, relays, tracking, upcoming
from services.notices.delivery import office_open
from services.notices.kinds import KINDS, kind_of
from services.notices.rendering import Letter
from services.notices.samples import sample_context
from web.access import does, sees
from web.bounds import Id, Page, Year, number
from web.console import Console
from web.visit import Visit

router = APIRouter()
Seen = Annotated[Visit, sees("messages")]
Resends = Annotated[Visit, does("message.resend")]
Changes = Annotated[Visit, does("message.change")]
Tries = Annotated[Visit, does("message.try")]
INPUT = "%Y-%m-%dT%H:%M"  # what a browser's field for a moment sends
_NOW = "now"
_DONE = {
    MessageAction.HOLD.value: "已暂缓，恢复后才发",
    MessageAction.RELEASE.value: "已恢复，按规则发送",
    MessageAction.SCHEDULE.value: "已改发送时间",
    MessageAction.CANCEL.value: "已撤销，不会发出",
    MessageAction.REMARK.value: "说明已保存，随通知发出",
    _NOW: "正在发送",
}
_MOST_FAILED = 200  # that the page lists to be chosen from
# A letter carries its own style; nothing in it may run, load or lead anywhere.
_LETTER_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; frame-ancestors 'self'"
_LOG = logging.getLogger(__name__)


@router.get("/messages")
def message_list(
    visit: Seen,
    cycle_id: Year = None,
    kind: str = "",
    state: str = "",
    words: str = "",
    page: Page = 1,
    waiting: Page = 1,
) -> HTMLResponse:
    """The outbox: what failed, what will be sent, counts by kind, and every message."""
    return _outbox(visit, visit.cycle(cycle_id), kind=kind, state=state, words=words, page=page, waiting_page=waiting)


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
            domain=visit.console.settings.message_domain,
        )
    except (InputError, StateError) as error:
        return _outbox(visit, cycle, trouble=str(error))
    return and_deliver(visit, f"/messages?cycle={cycle.id}", f"{done} 封通知已放回待发送。")


@router.post("/messages/change")
def change_chosen(
    visit: Changes,
    cycle_id: Annotated[str, Form(alias="cycle")] = "",
    chosen: Annotated[list[str] | None, Form()] = None,
    action: Annotated[str, Form()] = "",
    send_at: Annotated[str, Form()] = "",
    remark: Annotated[str, Form()] = "",
) -> Response:
    """Hold, release, move, call off or add to the chosen messages that wait."""
    cycle = visit.cycle(number(cycle_id))
    numbers = [found for each in chosen or [] if (found := number(each)) is not None]
    try:
        said = _change(visit, cycle.id or 0, numbers, action, send_at, remark)
    except (InputError, StateError) as error:
        return _outbox(visit, cycle, trouble=str(error))
    return and_deliver(visit, f"/messages?cycle={cycle.id}", said)


@router.post("/messages/retry")
def retry_server(visit: Annotated[Visit, does("message.retry")]) -> Response:
    """Use the mail server again at once."""
    relays.retry(visit.session, visit.clock, visit.actor, settings=visit.console.settings)
    return and_deliver(visit, "/messages", "已恢复发信，正在发送。")


def _change(visit: Visit, cycle_id: int, numbers: list[int], action: str, send_at: str, remark: str) -> str:
    """Do it, and the sentence that says so."""
    if action not in {*MessageAction, _NOW}:
        raise InputError("请选择要做什么。")
    who = visit.session, visit.clock, visit.actor
    if action == MessageAction.REMARK:
        done = upcoming.add_remark(*who, cycle_id=cycle_id, numbers=numbers, remark=remark)
    elif action == _NOW:
        now, move = visit.clock.now(), MessageAction.SCHEDULE
        done = upcoming.change(*who, cycle_id=cycle_id, numbers=numbers, action=move, send_at=now)
    else:
        moment = moment_of(send_at) if send_at else None
        done = upcoming.change(*who, cycle_id=cycle_id, numbers=numbers, action=MessageAction(action), send_at=moment)
    return f"{done} 封通知：{_DONE[action]}。"


def moment_of(text: str) -> datetime:
    """A moment as a browser's field sends it, in Beijing's time. Raises InputError."""
    try:
        return datetime.strptime(text[:16], INPUT).replace(tzinfo=CHINA)
    except ValueError:
        raise InputError(f"请选择发送的日期和时间；看到的是“{text[:40]}”，应像 2026-04-01T09:00 这样。") from None


def _outbox(
    visit: Visit,
    cycle: Cycle,
    *,
    kind: str = "",
    state: str = "",
    words: str = "",
    page: int = 1,
    waiting_page: int = 1,
    trouble: str = "",
) -> HTMLResponse:
    asked = {"cycle": cycle.id, "kind": kind, "state": state, "words": words}
    settings, session = visit.console.settings, visit.session
    return visit.page(
        "messages/outbox.html",
        status=422 if trouble else 200,
        trouble=trouble,
        most=_MOST_FAILED,
        cycle=cycle,
        waiting=upcoming.upcoming(session, settings, visit.clock, visit.console.wall, cycle.id or 0, waiting_page),
        scheduled=upcoming.scheduled(session, cycle.id or 0),
        foreseen=_foreseen(visit, cycle),
        relay=relays.relay_of(session, settings),
        unknown=office_open(settings, visit.clock.now())[1],
        bounced=bounce_intake.bounced(session),
        unclear=bounce_intake.unclear(settings),
        refused=opting_out.count(session),
        now=visit.clock.now().astimezone(CHINA).strftime(INPUT),
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


def _foreseen(visit: Visit, cycle: Cycle) -> list[reminders.Foreseen]:
    """The reminders of the next days; none when their working days are not known, which the page says elsewhere."""
    settings, plan = visit.console.settings, visit.console.plan
    try:
        return reminders.forecast(visit.session, visit.clock, settings=settings, plan=plan, cycle_id=cycle.id or 0)
    except CalendarError:
        return []


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


@router.post("/messages/{message_id}/change")
def change_one(
    visit: Changes,
    message_id: Id,
    action: Annotated[str, Form()] = "",
    send_at: Annotated[str, Form()] = "",
    remark: Annotated[str, Form()] = "",
) -> Response:
    """Hold, release, move, call off or add to a message that waits."""
    found = browsing.message(visit.session, message_id)
    try:
        said = _change(visit, found.cycle_id, [message_id], action, send_at, remark)
    except (InputError, StateError) as error:
        return _message(visit, message_id, "", str(error))
    return and_deliver(visit, f"/messages/{message_id}", said)


@router.post("/messages/{message_id}/try")
def try_message(visit: Tries, message_id: Id) -> Response:
    """Send the message to the visitor alone, to look at."""
    found = browsing.message(visit.session, message_id)
    settings, now = visit.console.settings, visit.clock.now()
    try:
        letter = browsing.letter_of(settings, found, today(visit.clock))
        entry = browsing.entry_of(settings, found.kind, found.context, now)
        said = try_out(visit, letter, entry)
    except InputError as error:
        return _message(visit, message_id, "", str(error))
    return visit.back(f"/messages/{message_id}", said)


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
            domain=visit.console.settings.message_domain,
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
    return visit.page("messages/letter.html", kind=known, letter=letter, trouble="")


@router.post("/letters/{kind}/try")
def try_kind(visit: Tries, kind: str) -> Response:
    """Send a sample of a kind to the visitor, to look at."""
    known = kind_of(kind)
    settings, now = visit.console.settings, visit.clock.now()
    letter = browsing.sample_letter(settings, kind, today(visit.clock))
    try:
        said = try_out(visit, letter, browsing.entry_of(settings, kind, sample_context(kind), now))
    except InputError as error:
        page = {"kind": known, "letter": letter, "trouble": str(error)}
        return visit.page("messages/letter.html", status=422, **page)
    return visit.back(f"/letters/{kind}", said)


@router.get("/letters/{kind}/sample")
def letter_sample(visit: Seen, kind: str) -> Response:
    """The sample letter itself."""
    return letter_page(browsing.sample_letter(visit.console.settings, kind, today(visit.clock)).html)


def letter_page(html: str) -> Response:
    """A letter, to be shown in a frame."""
    headers = {"Content-Security-Policy": _LETTER_POLICY}
    return Response(html, media_type="text/html; charset=utf-8", headers=headers)


def try_out(visit: Visit, letter: Letter, entry: str = "") -> str:
    """Send a letter to the visitor alone, and the sentence that says so. Raises InputError."""
    settings, wall = visit.console.settings, visit.console.wall
    address, reply = mail_trial.try_out(visit.session, settings, wall, visit.actor, letter=letter, entry=entry)
    return f"已发到您的邮箱 {address}（发信服务器答复：{reply}），请到收件箱查看。"


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
        bounces=bounce_intake.bounces_of(visit.session, message_id),
        changed=upcoming.changes(visit.session, message_id),
        foreseen=(
            upcoming.foreseen(visit.console.settings, visit.clock, visit.console.wall, found)
            if found.status in queueing.WAITING
            else None
        ),
        again=found.status in tracking.AGAIN,
        now=visit.clock.now().astimezone(CHINA).strftime(INPUT),
        ACTIONS=upcoming.ACTION_NAMES,
        recipient=recipient,
        trouble=trouble,
        STATES=tracking.STATUS_NAMES,
        KINDS=KINDS,
    )
