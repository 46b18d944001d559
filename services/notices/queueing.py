"""Putting a notice into the outbox, once."""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlmodel import Session, SQLModel

from models import Channel, Message, MessageStatus
from services.clock import Clock, today
from services.notices.addresses import LONGEST, one_line, trouble_with
from services.notices.kinds import Kind, kind_of
from services.notices.opting_out import opted_out

AT_ONCE = datetime(2000, 1, 1, tzinfo=UTC)  # of the wall clock: before every real instant
_TABLE: Table = SQLModel.metadata.tables[str(Message.__tablename__)]


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
    """Queue one notice in the caller's transaction; False when the same one was queued before.

    The same means: cycle, kind, recipient and `about` (a canonical key: an application's number, a list's digest, a
    deadline …; the day for kinds that go out once a day). A recipient that is no usable address is kept as failed,
    for the operator to see, and does not stop the others. `domain` is settings.message_domain. Raises NotFoundError for
    an unknown kind and ValueError (a defect of the caller) for a context with missing or unknown keys.
    """
    to = [(recipient, recipient_name)]
    return queue_to_all(session, clock, cycle_id, kind, to, about, context, domain=domain) == 1


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
    """Queue the same notice to many recipients (address and name each), as `queue` does. Returns how many were new.

    Addresses in `optional`, and all when the kind is, may refuse it; those that did are left out. What goes by another
    channel than mail has its name for an address.
    """
    known = kind_of(kind)
    _check(known, context)
    digest = about_digest(today(clock).isoformat() if known.once_a_day else about)
    to = list(recipients)
    refusable = {address for address, _ in to if known.optional or address in optional}
    refused = opted_out(session, refusable)
    notice = {
        "cycle_id": cycle_id,
        "kind": kind,
        "channel": channel,
        "about_digest": digest,
        "context": plain(context),
        "queued_at": clock.now(),
        "not_before": AT_ONCE,
        "attempts": 0,
    }
    rows = []
    for address, name in to:
        if address in refusable and address.casefold() in refused:
            continue
        trouble = trouble_with(address) if channel is Channel.MAIL else None
        recipient = one_line(address)[:LONGEST]
        own = {
            "recipient": recipient,
            "optional": address in refusable,
            "recipient_name": one_line(name)[:200],
            "message_id": message_id_of(cycle_id, kind, recipient, digest, domain),
            "status": MessageStatus.FAILED if trouble else MessageStatus.PENDING,
            "last_reply": trouble or "",
        }
        rows.append(notice | own)
    return _insert_new(session, rows)


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
