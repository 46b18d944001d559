"""What will be sent to whom and when, and what the operator changes about it: hold, move, call off."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Dispatch, Message, MessageAction, MessageChange, MessageStatus, User
from services.access.actors import Actor
from services.access.sightings import Slice, sliced
from services.clock import CHINA, Clock, day_began
from services.cycle.calendar import CalendarError
from services.errors import InputError, StateError
from services.notices.addresses import one_line
from services.notices.hours import hours_of
from services.notices.kinds import KINDS, REMARK, WITHIN_YEAR
from services.notices.queueing import WAITING, about_digest, past_its_day
from services.record.operation import operation
from services.record.parts import in_parts

_NOT_OUT = (*WAITING, MessageStatus.SENDING)
ACTION_NAMES = {
    MessageAction.HOLD: "暂缓",
    MessageAction.RELEASE: "恢复",
    MessageAction.SCHEDULE: "改发送时间",
    MessageAction.CANCEL: "撤销",
    MessageAction.REMARK: "附加说明",
}
PAGE = 20
LONGEST_REMARK = 500
_FARTHEST = timedelta(days=366)
_NEXT_MORNING = "只在产生的当天发；到下一个工作日早上，事项还在的改按当时的情况发，不在的撤销"
_PAST = "当天没有发出，所说的情况已经过时"


@dataclass(frozen=True)
class Upcoming:
    """A message that waits: when it is to go out (None: nobody can say yet), and by which rule (Chinese)."""

    message: Message
    at: datetime | None
    rule: str


@dataclass(frozen=True)
class Changed:
    """What somebody did with a message."""

    change: MessageChange
    by: str


def upcoming(
    session: Session, settings: Settings, clock: Clock, wall: Clock, cycle_id: int, page: int = 1
) -> Slice[Upcoming]:
    """The messages of a year that wait, in the order in which they were queued."""
    query = select(Message).where(Message.cycle_id == cycle_id, col(Message.status).in_(WAITING))
    found = sliced(session, query, page, PAGE, col(Message.id))
    rows = [foreseen(settings, clock, wall, message) for message in found.rows]
    return Slice(rows, found.number, found.pages, found.total)


def scheduled(session: Session, cycle_id: int) -> int:
    """How many notices of the operator's own wait for their time; their mails are made then."""
    return session.exec(select(func.count()).where(*_unqueued(cycle_id))).one()


def foreseen(settings: Settings, clock: Clock, wall: Clock, message: Message) -> Upcoming:
    """When a message that waits is to go out."""
    now = clock.now()
    if message.status is MessageStatus.HELD:
        return Upcoming(message, None, "已暂缓，恢复后才发")
    if message.send_at is not None and message.send_at > now:
        return Upcoming(message, message.send_at, "经办人定的时间")
    found = _by_rule(settings, now, wall.now(), message)
    of_the_day = KINDS[message.kind].of_the_day and message.send_at is None
    if of_the_day and found.at is not None and day_began(found.at) > message.queued_at:
        return Upcoming(message, None, _NEXT_MORNING)
    return found


def _by_rule(settings: Settings, now: datetime, wall: datetime, message: Message) -> Upcoming:
    if message.not_before > wall:
        return Upcoming(message, now + (message.not_before - wall), "上次没有发成，稍后重试")
    if message.send_at is not None or not KINDS[message.kind].waits:
        return Upcoming(message, now, "马上")
    try:
        at = hours_of(settings).next(now)
    except CalendarError as error:
        return Upcoming(message, None, str(error))
    return Upcoming(message, at, "马上" if at == now else "等到办公时间")


def changes(session: Session, message_id: int) -> list[Changed]:
    """What was done with a message while it waited, in order."""
    query = (
        select(MessageChange, User.name)
        .join(User, col(User.id) == MessageChange.user_id)
        .where(MessageChange.message_id == message_id)
        .order_by(col(MessageChange.id))
    )
    return [Changed(change, name) for change, name in session.exec(query)]


@operation("message.change")
def change(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    cycle_id: int,
    numbers: Iterable[int],
    action: MessageAction,
    send_at: datetime | None = None,
) -> int:
    """Hold, release, move or call off these messages of a year, as far as they still wait. Returns how many.

    `send_at` (the cycle's clock) is for moving; the past or present means at once. Raises InputError when nothing is
    chosen or the moment is no good, and StateError when none of them waits any more.
    """
    if action is MessageAction.SCHEDULE:
        _check_moment(clock.now(), send_at)
    rows = _locked(session, cycle_id, numbers, action)
    moment = send_at if action is MessageAction.SCHEDULE else None
    for row in rows:
        _set(session, clock, actor, row, action, moment)
    return len(rows)


def call_off(session: Session, clock: Clock, actor: Actor, cycle_id: int, kind: str, about: str) -> bool:
    """Call the notices about something off in the caller's operation, as far as they have not gone out.

    For what holds no more. One that is being sent is not tried again if the server does not take it this time.
    True when nobody has been told: none has gone out, nor been tried.
    """
    query = select(Message).where(
        Message.cycle_id == cycle_id, Message.kind == kind, Message.about_digest == about_digest(about)
    )
    rows = session.exec(query.with_for_update().execution_options(populate_existing=True)).all()
    _call_off(session, clock, actor, [row for row in rows if row.status in _NOT_OUT])
    return all(row.status is MessageStatus.CANCELLED and not row.attempts for row in rows)


@operation("message.queue")
def call_off_past(session: Session, clock: Clock, actor: Actor) -> int:
    """Call off what was true on an earlier day only and was not sent then: after the round that says anew what holds.

    What the operator holds, or moved, stays. Returns how many.
    """
    past = select(Message).where(
        Message.status == MessageStatus.PENDING, col(Message.send_at).is_(None), past_its_day(clock.now())
    )
    rows = session.exec(past.with_for_update().execution_options(populate_existing=True)).all()
    for row in rows:
        _set(session, clock, actor, row, MessageAction.CANCEL, None, _PAST)
    return len(rows)


def call_off_year(session: Session, clock: Clock, actor: Actor, cycle_id: int) -> None:
    """Call off, in the caller's operation, what asks something in a year that ends before its time: as `call_off` does.

    What is told of a year that has ended stays: receipts, answers, results, what was paid or is to be paid back. Of the
    operator's own notices those are called off whose time has not come.
    """
    asking = (Message.cycle_id == cycle_id, col(Message.kind).in_(WITHIN_YEAR), col(Message.status).in_(_NOT_OUT))
    query = select(Message).where(*asking).order_by(col(Message.id)).with_for_update()
    _call_off(session, clock, actor, session.exec(query.execution_options(populate_existing=True)).all())
    written = select(Dispatch).where(*_unqueued(cycle_id)).with_for_update()
    for dispatch in session.exec(written.execution_options(populate_existing=True)):
        dispatch.called_off_at = clock.now()


@operation("message.change")
def add_remark(
    session: Session, clock: Clock, actor: Actor, *, cycle_id: int, numbers: Iterable[int], remark: str
) -> int:
    """Add some words to these messages of a year, as far as they still wait; empty takes earlier ones out again.

    What the messages say by themselves comes from the record and stays. Returns how many. Raises InputError and
    StateError as `change` does.
    """
    said = "\n".join(line for line in map(one_line, remark.splitlines()) if line)
    if len(said) > LONGEST_REMARK:
        raise InputError(f"说明最多 {LONGEST_REMARK} 个字；看到的有 {len(said)} 个字。")
    rows = _locked(session, cycle_id, numbers, MessageAction.REMARK)
    for row in rows:
        row.context = {**row.context, REMARK: said or None}
        session.add(row)
        session.add(
            MessageChange(
                message_id=row.id or 0,
                action=MessageAction.REMARK,
                remark=said,
                user_id=actor.user_id,
                changed_at=clock.now(),
            )
        )
    return len(rows)


def _unqueued(cycle_id: int) -> tuple[ColumnElement[bool], ...]:
    """Of the operator's own notices, those that wait for their time."""
    return col(Dispatch.cycle_id) == cycle_id, col(Dispatch.queued_at).is_(None), col(Dispatch.called_off_at).is_(None)


def _call_off(session: Session, clock: Clock, actor: Actor, rows: Iterable[Message]) -> None:
    for row in rows:
        _set(session, clock, actor, row, MessageAction.CANCEL, None)


def _set(
    session: Session,
    clock: Clock,
    actor: Actor,
    row: Message,
    action: MessageAction,
    moment: datetime | None,
    why: str = "",
) -> None:
    row.status, row.send_at = _AFTER[action], moment
    session.add(row)
    session.add(
        MessageChange(
            message_id=row.id or 0,
            action=action,
            send_at=moment,
            remark=why,
            user_id=actor.user_id,
            changed_at=clock.now(),
        )
    )


def _locked(session: Session, cycle_id: int, numbers: Iterable[int], action: MessageAction) -> list[Message]:
    """Those of these messages with which this can be done, kept from deliverers until the operation ends."""
    chosen = set(numbers)
    if not chosen:
        raise InputError("没有选择通知；请勾选。")
    wanted = select(Message).where(Message.cycle_id == cycle_id, col(Message.status).in_(_CHANGEABLE[action]))
    locked = wanted.with_for_update().execution_options(populate_existing=True)
    parts = [locked.where(col(Message.id).in_(some)) for some in in_parts(sorted(chosen))]
    rows = [row for part in parts for row in session.exec(part)]
    if not rows:
        raise StateError(f"所选的通知已经发出、正在发送或者状态变了，不能{ACTION_NAMES[action]}；请刷新后再看。")
    return rows


_CHANGEABLE = {
    MessageAction.HOLD: (MessageStatus.PENDING,),
    MessageAction.RELEASE: (MessageStatus.HELD,),
    MessageAction.SCHEDULE: WAITING,
    MessageAction.CANCEL: WAITING,
    MessageAction.REMARK: WAITING,
}
_AFTER = {
    MessageAction.HOLD: MessageStatus.HELD,
    MessageAction.RELEASE: MessageStatus.PENDING,
    MessageAction.SCHEDULE: MessageStatus.PENDING,
    MessageAction.CANCEL: MessageStatus.CANCELLED,
}


def _check_moment(now: datetime, send_at: datetime | None) -> None:
    if send_at is None:
        raise InputError("请选择改到什么时间发送。")
    if send_at > now + _FARTHEST:
        told = f"{send_at.astimezone(CHINA):%Y-%m-%d %H:%M}"
        raise InputError(f"发送时间 {told} 在一年以后；请核对年份。")
