"""Addresses that want no more mail about applying: the signed link in such mail, and who followed it.

Only mail that is no part of the recipient's own matter may be refused: the guide, the reminder to apply, the invitation
(免申即享), and what the operator writes to enterprises that do not take part.
"""

import base64
import binascii
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Message, MessageStatus, OptOut
from services.access.actors import Actor
from services.clock import Clock
from services.errors import NotFoundError
from services.notices.addresses import trouble_with
from services.record import key_files
from services.record.operation import operation
from services.record.parts import in_parts

_KEY_FILE = "link.key"
_MARK_BYTES = 16


def link(settings: Settings, address: str) -> str:
    """Where this address refuses more mail; nobody can make the link of another."""
    octets = address.casefold().encode()
    token = base64.urlsafe_b64encode(_mark(settings, octets) + octets).decode().rstrip("=")
    return f"{settings.console_url.rstrip('/')}/unsubscribe/{token}"


def address_of(settings: Settings, token: str) -> str:
    """The address that a link was made for. Raises NotFoundError for one that was not made here."""
    try:
        octets = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    except (binascii.Error, ValueError):
        octets = b""
    mark, address = octets[:_MARK_BYTES], octets[_MARK_BYTES:]
    if not address or not hmac.compare_digest(mark, _mark(settings, address)):
        raise NotFoundError("这个退订网址不完整；请从邮件里重新点开，或把整个网址复制到浏览器。")
    return address.decode()


def opted_out(session: Session, addresses: Iterable[str] | None = None) -> set[str]:
    """The addresses, in small letters, that want no more; of these or of all."""
    query = select(OptOut.email)
    if addresses is None:
        return set(session.exec(query))
    asked = sorted({address.casefold() for address in addresses})
    return {found for some in in_parts(asked) for found in session.exec(query.where(col(OptOut.email).in_(some)))}


def count(session: Session) -> int:
    """How many addresses want no more."""
    return session.exec(select(func.count()).select_from(OptOut)).one()


@operation("mail.opt_out")
def opt_out(session: Session, clock: Clock, actor: Actor, *, address: str) -> None:
    """Send this address no more mail about applying, nor what waits already. Doing it again changes nothing."""
    known = address.casefold()
    if trouble_with(known) is not None or opted_out(session, [known]):
        return
    session.add(OptOut(email=known, opted_out_at=clock.now()))
    waiting = select(Message).where(
        func.lower(Message.recipient) == known,
        col(Message.optional),
        col(Message.status).in_([MessageStatus.PENDING, MessageStatus.HELD]),
    )
    for message in session.exec(waiting.with_for_update()):
        message.status, message.last_reply = MessageStatus.CANCELLED, "收件人已退订。"
        session.add(message)


@operation("mail.opt_in")
def opt_in(session: Session, clock: Clock, actor: Actor, *, address: str) -> None:
    """Send it such mail again."""
    found = session.exec(select(OptOut).where(OptOut.email == address.casefold())).one_or_none()
    if found is not None:
        session.delete(found)


def _mark(settings: Settings, octets: bytes) -> bytes:
    return hmac.digest(_key(settings.data_dir), b"unsubscribe\n" + octets, hashlib.sha256)[:_MARK_BYTES]


@lru_cache(maxsize=8)
def _key(folder: Path) -> bytes:
    """The installation's key for links, made when it is first needed; links live as long as the file."""
    path = folder / _KEY_FILE
    key_files.make_once(path, secrets.token_hex(32))
    return bytes.fromhex(path.read_text(encoding="ascii"))
