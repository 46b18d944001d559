"""A test mail, so that the administrator sees whether the mail settings work."""

import asyncio
import secrets
from html import escape

from config.settings import Settings
from services.actors import Actor
from services.clock import Clock
from services.errors import InputError
from services.mailer import Outgoing, Pool, Reply
from services.notices.addresses import trouble_with
from services.notices.building import build
from services.notices.rendering import Letter
from services.permissions import require

_TIMEOUT_SECONDS = 10.0
_TEXT = "这是一封测试邮件。收到它，说明发信设置可以使用；不需要回复。"


def send_test(settings: Settings, wall: Clock, actor: Actor, *, recipient: str) -> str:
    """Send a test mail and return what the server answered. Raises InputError when it was not taken, saying why."""
    require(actor, "mail.test")
    for what, address in (("收件地址", recipient), ("发件人地址（设置）", settings.mail_from)):
        trouble = trouble_with(address)
        if trouble:
            raise InputError(f"{what}有误：{trouble}")
    letter = Letter(
        "测试邮件", f"{_TEXT}\n\n{settings.organisation}\n", f"<p>{_TEXT}</p><p>{escape(settings.organisation)}</p>"
    )
    content = build(
        letter,
        settings,
        recipient=recipient,
        recipient_name=actor.name,
        message_id=f"<test-{secrets.token_hex(8)}@{settings.mail_domain}>",
        at=wall.now(),
    )
    reply = asyncio.run(_send(settings, Outgoing(0, settings.mail_from, recipient, content)))
    if reply.code is None or reply.code >= 300:
        raise InputError(f"没有发出：{reply.code or ''} {reply.text}；请检查发信设置。".replace("：  ", "："))
    return f"{reply.code} {reply.text}"


async def _send(settings: Settings, mail: Outgoing) -> Reply:
    pool = Pool(settings, timeout=_TIMEOUT_SECONDS)
    try:
        batch = await pool.send([mail])
    finally:
        await pool.close()
    return batch.replies.get(mail.key) or Reply(None, batch.trouble or "")
