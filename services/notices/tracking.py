"""What the operator sees of the outbox, and sending a failed notice again."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from sqlalchemy import func
from sqlmodel import Session, col, select

from models import Channel, Message, MessageStatus
from services.access.actors import Actor
from services.clock import Clock
from services.errors import InputError, NotFoundError, StateError
from services.notices.addresses import trouble_with
from services.notices.kinds import KINDS
from services.notices.queueing import AT_ONCE, message_id_of
from services.record.operation import operation

STATUS_NAMES = {
    MessageStatus.PENDING: "待发送",
    MessageStatus.SENDING: "发送中",
    MessageStatus.SENT: "已发送",
    MessageStatus.FAILED: "失败",
    MessageStatus.HELD: "暂缓",
    MessageStatus.CANCELLED: "已撤销",
}


AGAIN = (MessageStatus.FAILED, MessageStatus.CANCELLED)  # what can be sent again


@dataclass(frozen=True)
class KindCount:
    """How many messages of a kind are in each state."""

    kind: str
    name: str
    by_status: Counter[MessageStatus] = field(default_factory=Counter)


def counts(session: Session, cycle_id: int | None = None) -> list[KindCount]:
    """Counts by kind and state, in the order of the kinds' table; only kinds that occur."""
    query = select(Message.kind, Message.status, func.count()).group_by(col(Message.kind), col(Message.status))
    if cycle_id is not None:
        query = query.where(col(Message.cycle_id) == cycle_id)
    found = {name: KindCount(name, kind.name) for name, kind in KINDS.items()}
    for kind, status, number in session.exec(query):
        found.setdefault(kind, KindCount(kind, kind)).by_status[MessageStatus(status)] = number
    return [count for count in found.values() if count.by_status]


def failures(session: Session, cycle_id: int | None = None) -> list[Message]:
    """The messages that failed, oldest first; `last_reply` says why."""
    query = select(Message).where(col(Message.status) == MessageStatus.FAILED).order_by(col(Message.id))
    if cycle_id is not None:
        query = query.where(col(Message.cycle_id) == cycle_id)
    return list(session.exec(query))


def find_message(session: Session, number: int) -> Message:
    """The message with this number. Raises NotFoundError."""
    message = session.get(Message, number)
    if message is None:
        raise NotFoundError(f"没有编号为 {number} 的通知；请用 duixian notice status 查看编号。")
    return message


@operation("message.resend")
def resend(session: Session, clock: Clock, actor: Actor, number: int, *, domain: str, recipient: str = "") -> Message:
    """Put a message that failed or was called off back into the queue, to a corrected address when one is given.

    Raises NotFoundError, StateError (it goes or went out; the corrected address was told already), InputError
    (the address cannot be used).
    """
    message = find_message(session, number)
    if message.status not in AGAIN:
        raise StateError(f"编号 {number} 的通知{STATUS_NAMES[message.status]}，不需要重新发送。")
    if message.channel is Channel.MAIL:
        trouble = trouble_with(recipient or message.recipient)
        if trouble:
            raise InputError(f"编号 {number} 的通知不能发送：{trouble}")
        if recipient and recipient != message.recipient:
            _redirect(session, message, recipient, domain)
    message.status, message.not_before, message.attempts = MessageStatus.PENDING, AT_ONCE, 0
    message.send_at = clock.now()  # somebody wants it sent now, whatever the hours
    session.add(message)
    return message


@operation("message.resend")
def resend_chosen(
    session: Session, clock: Clock, actor: Actor, *, cycle_id: int, numbers: Iterable[int], domain: str
) -> int:
    """Put these messages of a year back into the queue as far as they have failed, all or none. Returns how many.

    Raises InputError when nothing is chosen, or what `resend` raises for one that cannot be sent.
    """
    chosen = set(numbers)
    failed = [each.id or 0 for each in failures(session, cycle_id) if each.id in chosen]
    if not failed:
        raise InputError("没有选择发送失败的通知；请勾选要重发的。")
    for number in failed:
        resend(session, clock, actor, number, domain=domain)
    return len(failed)


def _redirect(session: Session, message: Message, recipient: str, domain: str) -> None:
    digest = message.about_digest
    message_id = message_id_of(message.cycle_id, message.kind, recipient, digest, domain)
    if session.exec(select(Message.id).where(Message.message_id == message_id)).first() is not None:
        raise StateError(f"同一事项已经通知过 {recipient}，不再重复发送；请核对编号 {message.id} 的收件人。")
    message.recipient, message.message_id = recipient, message_id
