"""Notices that the operator writes: to whom, what and when; queued once, and never after being called off."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.settings import Settings
from models import Cycle, Dispatch, Message, MessageStatus
from services.access.actors import Actor
from services.clock import CHINA, Clock
from services.cycle import cycles
from services.errors import InputError, NotFoundError, StateError
from services.notices.addresses import one_line, trouble_with
from services.notices.contacts import not_taking_part
from services.notices.contexts import about_cycle
from services.notices.hours import hours_of
from services.notices.queueing import about_digest, queue_to_all
from services.notices.recipients import Recipient, distinct
from services.notices.tracking import resend
from services.record.operation import operation

KIND = "written"
LONGEST_SUBJECT, LONGEST_BODY, MOST_RECIPIENTS = 100, 5000, 5000
_FARTHEST = timedelta(days=366)


@dataclass(frozen=True)
class Draft:
    """A notice as it is to go out: at once, or at an instant of the cycle's clock."""

    cycle_id: int
    subject: str
    body: str
    recipients: tuple[Recipient, ...]
    send_at: datetime | None = None


def checked(clock: Clock, draft: Draft) -> Draft:
    """The draft with its subject on one line, its body in clean paragraphs and each address once. Raises InputError."""
    clean = replace(
        draft,
        subject=" ".join(one_line(draft.subject).split()),
        body="\n".join(line for line in map(one_line, draft.body.splitlines()) if line),
        recipients=tuple(distinct(draft.recipients)),
    )
    for what, text, longest in (("标题", clean.subject, LONGEST_SUBJECT), ("正文", clean.body, LONGEST_BODY)):
        if not text or len(text) > longest:
            raise InputError(f"请写{what}，最多 {longest} 个字；看到的有 {len(text)} 个字。")
    _check_recipients(clean.recipients)
    _check_moment(clock.now(), clean.send_at)
    return clean


def on_a_working_day(settings: Settings, draft: Draft) -> Draft:
    """The draft, moved from a day off to the same hour of the next working day. Raises InputError, CalendarError."""
    if draft.send_at is None:
        return draft
    return replace(draft, send_at=hours_of(settings).same_hour_of_a_working_day(draft.send_at))


@operation("message.write")
def write(session: Session, clock: Clock, actor: Actor, *, settings: Settings, draft: Draft) -> Dispatch:
    """Keep a notice with its recipients, to go out when its time comes, or queue it at once.

    Raises NotFoundError, and InputError for what cannot be sent, a time in the past among it.
    """
    draft, now = checked(clock, draft), clock.now()
    cycle = cycles.get_cycle(session, draft.cycle_id)
    dispatch = Dispatch(
        cycle_id=draft.cycle_id,
        subject=draft.subject,
        body=draft.body,
        recipients=[{"name": each.name, "address": each.address} for each in draft.recipients],
        user_id=actor.user_id,
        written_at=now,
        send_at=draft.send_at or now,
        queued_at=None if draft.send_at else now,
    )
    session.add(dispatch)
    session.flush()
    if dispatch.queued_at is not None:
        _queue(session, clock, settings, cycle, dispatch)
    return dispatch


@operation("message.write")
def call_off(session: Session, clock: Clock, actor: Actor, *, dispatch_id: int) -> Dispatch:
    """Have a notice not go out. Raises NotFoundError, StateError once it is queued or was called off."""
    dispatch = _locked(session, dispatch_id)
    if dispatch.called_off_at is not None:
        raise StateError(f"通知“{dispatch.subject}”已于 {_told(dispatch.called_off_at)} 撤销，不需要再撤销。")
    if dispatch.queued_at is not None:
        raise StateError(
            f"通知“{dispatch.subject}”已于 {_told(dispatch.queued_at)} 发出，不能撤销；需要更正的请另发通知。"
        )
    dispatch.called_off_at = clock.now()
    session.add(dispatch)
    return dispatch


def queue_due(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> int:
    """Queue the mails of every notice whose time has come, each notice in a transaction of its own.

    Returns how many mails were new. Several processes may do this at once.
    """
    waiting = select(Dispatch.id).where(
        col(Dispatch.queued_at).is_(None), col(Dispatch.called_off_at).is_(None), Dispatch.send_at <= clock.now()
    )
    ids = list(session.exec(waiting.order_by(col(Dispatch.send_at), col(Dispatch.id))))
    return sum(_queue_one(session, clock, actor, settings=settings, dispatch_id=each or 0) for each in ids)


@operation("message.resend")
def resend_failed(session: Session, clock: Clock, actor: Actor, *, settings: Settings, dispatch_id: int) -> int:
    """Put all failed mails of a notice back into the queue. Returns how many. Raises NotFoundError, StateError."""
    dispatch = find(session, dispatch_id)
    failed = session.exec(mails_of(dispatch).where(Message.status == MessageStatus.FAILED)).all()
    if not failed:
        raise StateError(f"通知“{dispatch.subject}”没有发送失败的邮件。")
    for message in failed:
        resend(session, clock, actor, message.id or 0, domain=settings.message_domain)
    return len(failed)


def find(session: Session, dispatch_id: int) -> Dispatch:
    """One notice. Raises NotFoundError."""
    dispatch = session.get(Dispatch, dispatch_id)
    if dispatch is None:
        raise NotFoundError("没有这份通知。")
    return dispatch


def mails_of(dispatch: Dispatch) -> SelectOfScalar[Message]:
    """The mails of a notice, also those that were sent again to another address."""
    return select(Message).where(
        Message.cycle_id == dispatch.cycle_id, Message.kind == KIND, Message.about_digest == digest_of(dispatch)
    )


def digest_of(dispatch: Dispatch) -> str:
    """What the mails of a notice are about: the same for all of them, so that none is queued twice."""
    return about_digest(_about(dispatch))


def context_of(session: Session, cycle: Cycle, subject: str, body: str) -> dict[str, object]:
    """What the template of a written notice needs."""
    return {**about_cycle(session, cycle, "home"), "subject": subject, "body": body}


@operation("message.queue")
def _queue_one(session: Session, clock: Clock, actor: Actor, *, settings: Settings, dispatch_id: int) -> int:
    dispatch = _locked(session, dispatch_id)
    if dispatch.queued_at is not None or dispatch.called_off_at is not None:
        return 0  # somebody was quicker
    dispatch.queued_at = clock.now()
    session.add(dispatch)
    return _queue(session, clock, settings, cycles.get_cycle(session, dispatch.cycle_id), dispatch)


def _queue(session: Session, clock: Clock, settings: Settings, cycle: Cycle, dispatch: Dispatch) -> int:
    return queue_to_all(
        session,
        clock,
        dispatch.cycle_id,
        KIND,
        [(each["address"], each["name"]) for each in dispatch.recipients],
        _about(dispatch),
        context_of(session, cycle, dispatch.subject, dispatch.body),
        domain=settings.message_domain,
        optional=not_taking_part(session, dispatch.cycle_id),
    )


def _about(dispatch: Dispatch) -> str:
    return f"dispatch/{dispatch.id}"


def _locked(session: Session, dispatch_id: int) -> Dispatch:
    """The notice as it stands now, kept from others until the operation ends."""
    wanted = select(Dispatch).where(Dispatch.id == dispatch_id).with_for_update()
    dispatch = session.exec(wanted).one_or_none()
    if dispatch is None:
        raise NotFoundError("没有这份通知。")
    return dispatch


def _check_recipients(recipients: tuple[Recipient, ...]) -> None:
    if not recipients:
        raise InputError("没有可以收到邮件的收件人；请选择收件人，或另外添加。")
    if len(recipients) > MOST_RECIPIENTS:
        raise InputError(f"收件人共 {len(recipients)} 个，一份通知最多 {MOST_RECIPIENTS} 个；请分几份发送。")
    for each in recipients:
        trouble = trouble_with(each.address)
        if trouble:
            raise InputError(f"收件人“{each.name}”：{trouble}")


def _check_moment(now: datetime, send_at: datetime | None) -> None:
    if send_at is not None and send_at < now:
        raise InputError(f"发送时间 {_told(send_at)} 已经过去（现在是 {_told(now)}）；请改晚一些，或选择立即发送。")
    if send_at is not None and send_at > now + _FARTHEST:
        raise InputError(f"发送时间 {_told(send_at)} 在一年以后；请核对年份，最多提前一年安排。")


def _told(moment: datetime) -> str:
    return f"{moment.astimezone(CHINA):%Y-%m-%d %H:%M}"
