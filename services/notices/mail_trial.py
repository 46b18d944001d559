"""Mails sent at once to whoever asks: a test of the mail settings, and a notice to look at before others get it."""

import asyncio
import secrets
from dataclasses import replace
from html import escape

from sqlmodel import Session

from config.settings import Settings
from models import User
from services.access.actors import Actor
from services.access.permissions import require
from services.clock import Clock
from services.errors import InputError
from services.notices.addresses import trouble_with
from services.notices.building import build
from services.notices.mailer import Outgoing, Pool, Reply
from services.notices.rendering import Letter

_TIMEOUT_SECONDS = 10.0
_TEXT = "这是一封测试邮件。收到它，说明发信设置可以使用；不需要回复。"


def send_test(settings: Settings, wall: Clock, actor: Actor, *, recipient: str) -> str:
    """Send a test mail and return what the server answered. Raises InputError when it was not taken, saying why."""
    require(actor, "mail.test")
    letter = Letter(
        "测试邮件", f"{_TEXT}\n\n{settings.organisation}\n", f"<p>{_TEXT}</p><p>{escape(settings.organisation)}</p>"
    )
    return _send_now(settings, wall, actor, letter, recipient)


def greet(settings: Settings) -> bool:
    """Have the mail server take login and sender, and send nothing; whether it offers STARTTLS.

    Raises UnreachableError, which says why it cannot be used.
    """
    return asyncio.run(_greet(settings))


def try_out(
    session: Session, settings: Settings, wall: Clock, actor: Actor, *, letter: Letter, entry: str = ""
) -> tuple[str, str]:
    """Send a notice to the actor's own address alone, marked as a trial; the address and what the server answered.

    `entry` is the calendar file that goes with it. Raises InputError when the actor has no address, or the server did
    not take it.
    """
    require(actor, "message.try")
    own = session.get_one(User, actor.user_id).email or ""
    if not own:
        raise InputError("您的账号没有填邮箱，无法发给您试看；请管理员在“用户”里补填。")
    marked = replace(letter, subject=f"【试看】{letter.subject}")
    return own, _send_now(settings, wall, actor, marked, own, entry)


def _send_now(settings: Settings, wall: Clock, actor: Actor, letter: Letter, recipient: str, entry: str = "") -> str:
    for what, address in (("收件地址", recipient), ("发件人地址（设置）", settings.mail_from)):
        trouble = trouble_with(address)
        if trouble:
            raise InputError(f"{what}有误：{trouble}")
    content = build(
        letter,
        settings,
        recipient=recipient,
        recipient_name=actor.name,
        message_id=f"<test-{secrets.token_hex(8)}@{settings.message_domain}>",
        at=wall.now(),
        entry=entry,
    )
    reply = asyncio.run(_send(settings, Outgoing(0, settings.envelope_sender, recipient, content)))
    if reply.code is None or reply.code >= 300:
        raise InputError(f"没有发出：{reply.code or ''} {reply.text}；请检查发信设置。".replace("：  ", "："))
    return f"{reply.code} {reply.text}"


async def _greet(settings: Settings) -> bool:
    pool = Pool(settings, timeout=_TIMEOUT_SECONDS)
    try:
        return await pool.greet(settings.envelope_sender)
    finally:
        await pool.close()


async def _send(settings: Settings, mail: Outgoing) -> Reply:
    pool = Pool(settings, timeout=_TIMEOUT_SECONDS)
    try:
        batch = await pool.send([mail])
    finally:
        await pool.close()
    return batch.replies.get(mail.key) or Reply(None, batch.trouble or "")
