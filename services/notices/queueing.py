"""Putting a notice into the outbox, once."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from itertools import chain, islice
from typing import Any

from sqlalchemy import ColumnElement, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel, and_, col, select

from models import Channel, Message, MessageStatus
from services.clock import Clock, day_began, today
from services.notices.addresses import LONGEST, one_line, trouble_with
from services.notices.kinds import KINDS, REMARK, Kind, kind_of
from services.notices.opting_out import opted_out
from services.record.parts import in_parts

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # of the wall clock: before every real instant
_TABLE: Table = SQLModel.metadata.tables[str(Message.__tablename__)]
_TOGETHER = 1000  # notices in one statement
_OF_THE_DAY = [kind.id for kind in KINDS.values() if kind.of_the_day]
WAITING = (MessageStatus.PENDING, MessageStatus.HELD)


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice to one recipient.

    `about` is a canonical key of what it is about: an application's number, a list's digest, a deadline …; for kinds
    that go out once a day it is the day. A recipient may refuse what is `optional`, and every notice of such a kind.
    What goes by another channel than mail has its name for an address.
    """

    cycle_id: int
    kind: str
    recipient: str
    recipient_name: str
    about: str
    context: Mapping[str, object]
    optional: bool = False
    channel: Channel = Channel.MAIL


def queue_all(session: Session, clock: Clock, notices: Iterable[Notice], *, domain: str) -> int:
    """Queue notices in the caller's transaction; returns how many of them were new.

    One that was queued before is left out, with the same cycle, kind, recipient and `about`; so is one that its
    recipient may refuse and did. One of an earlier day that still waits, and is true on its day only, says what is so
    today. A recipient that is no usable address is kept as failed, for the operator to see, and
    does not stop the others. `domain` is settings.message_domain. Raises NotFoundError for an unknown kind and
    ValueError (a defect of the caller) for a context with missing or unknown keys.
    """
    waiting, new = iter(notices), 0
    while some := list(islice(waiting, _TOGETHER)):
        refused = opted_out(session, {each.recipient for each in some if _refusable(each)})
        wanted = [each for each in some if not (_refusable(each) and each.recipient.casefold() in refused)]
        rows = [_row(clock, each, domain) for each in wanted]
        new += _insert_new(session, rows)
        _say_anew(session, clock, rows)
    return new


def queue(
    session: Session,
    clock: Clock,
    cycle_id: int,
    kind: str,
    recipient: str,
    recipient_name: str,
    about: str,
    context: Mapping[str, object],
    *,
    domain: str,
) -> bool:
    """Queue one notice as `queue_all` does; False when the same one was queued before."""
    notice = Notice(cycle_id, kind, recipient, recipient_name, about, context)
    return queue_all(session, clock, [notice], domain=domain) == 1


def queue_to_all(
    session: Session,
    clock: Clock,
    cycle_id: int,
    kind: str,
    recipients: Iterable[tuple[str, str]],
    about: str,
    context: Mapping[str, object],
    *,
    domain: str,
    optional: Collection[str] = (),
    channel: Channel = Channel.MAIL,
) -> int:
    """Queue the same notice to many recipients (address and name each), as `queue_all` does; `optional` are addresses.

    Returns how many were new.
    """
    notices = (
        Notice(cycle_id, kind, address, name, about, context, address in optional, channel)
        for address, name in recipients
    )
    return queue_all(session, clock, notices, domain=domain)


def about_digest(about: str) -> str:
    """SHA-256 of what a notice is about."""
    return hashlib.sha256(about.encode()).hexdigest()


def message_id_of(cycle_id: int, kind: str, recipient: str, digest: str, domain: str) -> str:
    """The Message-ID: always the same for the same notice, so that a mailbox can drop a copy."""
    key = "\n".join((str(cycle_id), kind, recipient, digest))
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"


def plain(value: object) -> Any:
    """The value as JSON can keep it: days and instants in ISO form."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return value.isoformat() if isinstance(value, date) else value


def past_its_day(now: datetime) -> ColumnElement[bool]:
    """What was true on an earlier day (China) than this moment's."""
    return and_(col(Message.kind).in_(_OF_THE_DAY), col(Message.queued_at) < day_began(now))


def _refusable(notice: Notice) -> bool:
    return notice.optional or kind_of(notice.kind).optional


def _row(clock: Clock, notice: Notice, domain: str) -> dict[str, Any]:
    known = kind_of(notice.kind)
    _check(known, notice.context)
    digest = about_digest(today(clock).isoformat() if known.once_a_day else notice.about)
    trouble = trouble_with(notice.recipient) if notice.channel is Channel.MAIL else None
    recipient = one_line(notice.recipient)[:LONGEST]
    return {
        "cycle_id": notice.cycle_id,
        "kind": known.id,
        "channel": notice.channel,
        "about_digest": digest,
        "context": plain(notice.context),
        "queued_at": clock.now(),
        "not_before": AT_ONCE,
        "attempts": 0,
        "recipient": recipient,
        "optional": _refusable(notice),
        "recipient_name": one_line(notice.recipient_name)[:200],
        "message_id": message_id_of(notice.cycle_id, known.id, recipient, digest, domain),
        "status": MessageStatus.FAILED if trouble else MessageStatus.PENDING,
        "last_reply": trouble or "",
    }


def _check(kind: Kind, context: Mapping[str, object]) -> None:
    missing, unknown = kind.needs - context.keys(), context.keys() - kind.needs - kind.may
    if missing or unknown:
        raise ValueError(f"context of {kind.id}: missing {sorted(missing)}, unknown {sorted(unknown)}")
    if not str(context["path"]).startswith("/"):
        raise ValueError(f"context of {kind.id}: path must begin with /, got {context['path']!r}")


def _insert_new(session: Session, rows: list[dict[str, Any]]) -> int:
    """Insert those that are not there; atomic on both databases, without a savepoint. Returns how many that were."""
    if not rows:
        return 0
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    statement = insert(_TABLE).on_conflict_do_nothing().returning(_TABLE.c.id)
    return len(session.connection().execute(statement, rows).all())


def _say_anew(session: Session, clock: Clock, rows: list[dict[str, Any]]) -> None:
    """Bring up to date what waits since an earlier day and still holds; what the operator decided about it stays."""
    told = {(row["cycle_id"], row["kind"], row["recipient"], row["about_digest"]): row["context"] for row in rows}
    kinds = {kind for _, kind, *_ in told if KINDS[kind].of_the_day}
    if not kinds:
        return
    waiting = select(Message).where(
        col(Message.cycle_id).in_({cycle_id for cycle_id, *_ in told}),
        col(Message.kind).in_(kinds),
        col(Message.status).in_(WAITING),
        past_its_day(clock.now()),
    )
    found = waiting.with_for_update().execution_options(populate_existing=True)
    parts = in_parts(sorted({recipient for _, _, recipient, _ in told}))
    for message in chain.from_iterable(session.exec(found.where(col(Message.recipient).in_(some))) for some in parts):
        context = told.get((message.cycle_id, message.kind, message.recipient, message.about_digest))
        if context is not None:
            remark = {REMARK: message.context[REMARK]} if REMARK in message.context else {}
            message.context, message.queued_at = context | remark, clock.now()
            session.add(message)
