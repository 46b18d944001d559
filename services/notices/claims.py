"""The outbox as a work queue: claim due messages, record what became of them. Safe for several deliverers at once."""

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, Engine, Table, bindparam, func, insert, not_, or_, update
from sqlmodel import Session, SQLModel, and_, col, select

from models import Channel, DeliveryAttempt, Message, MessageStatus
from services.notices.kinds import KINDS
from services.notices.mailer import Reply
from services.notices.queueing import past_its_day
from services.record.database import WRITE

CLAIM = timedelta(minutes=15)  # far longer than a chunk takes; after it a message is in doubt
MAX_ATTEMPTS = 24  # some three days, or a week of office hours: RFC 5321 4.5.4.1 asks for days
_FIRST_DELAY = timedelta(minutes=1)
_LONGEST_DELAY = timedelta(hours=4)
_JITTER = 0.25
_AT_ONCE = [kind.id for kind in KINDS.values() if not kind.waits]
_ROW: Table = SQLModel.metadata.tables[str(Message.__tablename__)]
_ATTEMPT: Table = SQLModel.metadata.tables[str(DeliveryAttempt.__tablename__)]


@dataclass(frozen=True, slots=True)
class Claimed:
    """A message that is ours to send until `claimed_until`: what its delivery needs of it, as it is after the claim."""

    id: int
    cycle_id: int
    kind: str
    recipient: str
    recipient_name: str
    context: dict[str, Any]
    message_id: str
    optional: bool
    not_before: datetime
    claimed_until: datetime
    attempts: int


@dataclass(frozen=True)
class Verdict:
    """What is to be recorded of one message. Without a reply the server was not spoken to: no attempt was made."""

    message: Claimed
    status: MessageStatus
    text: str
    not_before: datetime
    reply: Reply | None = None


@contextmanager
def transaction(engine: Engine) -> Iterator[Session]:
    """A short writing transaction of its own."""
    with Session(engine, expire_on_commit=False) as session:
        session.connection(execution_options=WRITE)
        yield session
        session.commit()


def claim(
    engine: Engine, wall: datetime, limit: int, *, channel: Channel, now: datetime, in_hours: bool
) -> list[Claimed]:
    """Take up to `limit` messages that are due, or in doubt: nobody else gets them until the claim runs out.

    `now` is the cycle's time; with `in_hours` also those go that wait for office hours.
    """
    with transaction(engine) as session:
        due = and_(col(Message.status) == MessageStatus.PENDING, col(Message.not_before) <= wall, timely(now, in_hours))
        in_doubt = and_(col(Message.status) == MessageStatus.SENDING, col(Message.claimed_until) <= wall)
        wanted = (
            select(Message.id)
            .where(Message.channel == channel, or_(due, in_doubt))
            .order_by(col(Message.id))
            .limit(limit)
            .with_for_update(skip_locked=True)  # SQLite has no row locks: the transaction holds its one write lock
        )
        taken = (
            update(_ROW)
            .where(_ROW.c.id.in_(wanted))
            .values(status=MessageStatus.SENDING, claimed_until=wall + CLAIM, attempts=_ROW.c.attempts + 1)
            .returning(*(_ROW.c[each.name] for each in fields(Claimed)))
        )
        rows = [Claimed(*row) for row in session.connection().execute(taken)]
    return sorted(rows, key=lambda row: row.id)


def timely(now: datetime, in_hours: bool) -> ColumnElement[bool]:
    """What the operator wants sent by now, and what goes by the rule of its kind: in office hours, on its day."""
    by_rule, asked = and_(col(Message.send_at).is_(None), not_(past_its_day(now))), col(Message.send_at) <= now
    return or_(asked, by_rule) if in_hours else or_(asked, and_(by_rule, col(Message.kind).in_(_AT_ONCE)))


def record(engine: Engine, verdicts: Iterable[Verdict], at: datetime) -> None:
    """Write down what became of a claimed chunk, in one transaction, with each reply of the server.

    A reply that comes after the claim ran out does not undo what a later claim found, and what was called off
    meanwhile stays so; but a mail that the server took is sent, whoever sent it.
    """
    by_status: dict[bool, list[dict[str, object]]] = {True: [], False: []}
    attempts = []
    for verdict in verdicts:
        by_status[verdict.status is MessageStatus.SENT].append(_values(verdict, at))
        if verdict.reply is not None:
            attempts.append(_attempt(verdict, verdict.reply, at))
    with transaction(engine) as session:
        row, status = _ROW.c.id == bindparam("row"), _ROW.c.status
        on_its_way = and_(row, or_(status == MessageStatus.SENDING, status == MessageStatus.CANCELLED))
        still_ours = and_(row, status == MessageStatus.SENDING, _ROW.c.claimed_until == bindparam("claim"))
        for sent, condition in ((True, on_its_way), (False, still_ours)):
            if by_status[sent]:
                session.connection().execute(update(_ROW).where(condition).values(_NEW), by_status[sent])
        if attempts:
            session.connection().execute(insert(_ATTEMPT).values(number=_NEXT_NUMBER), attempts)


_NEW: dict[str, object] = {
    "status": bindparam("new_status"),
    "not_before": bindparam("new_not_before"),
    "claimed_until": None,
    "attempts": bindparam("new_attempts"),
    "sent_at": bindparam("new_sent_at"),
    "last_reply": bindparam("new_last_reply"),
}


def _values(verdict: Verdict, at: datetime) -> dict[str, object]:
    message = verdict.message
    return {
        "row": message.id,
        "claim": message.claimed_until,
        "new_status": verdict.status,
        "new_not_before": verdict.not_before,
        "new_attempts": message.attempts if verdict.reply else message.attempts - 1,
        "new_sent_at": at if verdict.status is MessageStatus.SENT else None,
        "new_last_reply": verdict.text,
    }


_NEXT_NUMBER = (  # of an attempt, counted on from those that the message has
    select(func.coalesce(func.max(DeliveryAttempt.number), 0) + 1)
    .where(DeliveryAttempt.message_id == bindparam("of_message"))
    .scalar_subquery()
)


def _attempt(verdict: Verdict, reply: Reply, at: datetime) -> dict[str, Any]:
    key = verdict.message.id
    return {"message_id": key, "of_message": key, "code": reply.code, "reply": reply.text, "tried_at": at}


def due_again(message: Claimed, status: MessageStatus, now: datetime) -> datetime:
    """When it may be tried next: what is deferred after a delay; for anything else that is as it was."""
    return now + delay(message.message_id, message.attempts) if status is MessageStatus.PENDING else message.not_before


def delay(message_id: str, attempts: int) -> timedelta:
    """How long to wait after so many attempts: doubling, with a jitter that differs by message and attempt.

    The jitter is drawn from the Message-ID, so that many mails deferred together do not come back together, and a
    test gets the same every time.
    """
    doublings: int = max(attempts, 1) - 1
    step = min(_FIRST_DELAY * (1 << doublings), _LONGEST_DELAY)
    seed = hashlib.sha256(f"{message_id} {attempts}".encode()).digest()
    share = int.from_bytes(seed[:4], "big") / 2**32  # 0 … 1
    return step * (1 - _JITTER + 2 * _JITTER * share)
