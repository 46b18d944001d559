"""The mails of a registration: the link that confirms it, and what the bureau decided. Sent at once, not by the outbox:
there is no user and no year yet that they would belong to.
"""

import asyncio
import secrets
from datetime import datetime

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from config.settings import Settings
from models import Registration
from services.clock import CHINA
from services.errors import InputError
from services.notices.addresses import one_line
from services.notices.building import build
from services.notices.deadline_entry import calendar_file
from services.notices.mailer import ACCEPTED, Batch, Outgoing, Pool, Reply
from services.notices.rendering import Letter, day, folders, when

LINK, ACCEPTANCE, REFUSAL = "registration.j2", "registration_accepted.j2", "registration_refused.j2"
TITLE = "注册确认截止"


def send_link(settings: Settings, now: datetime, row: Registration, token: str) -> None:
    """Mail the link that confirms the registration. Raises InputError when the mail server did not take it."""
    path = f"/confirm/{token}"
    due = calendar_file(
        settings, now, title=TITLE, about=f"惠企政策兑现工作台{TITLE}", key=path, due=row.expires_at, path=path
    )
    reply = _send(settings, now, row, letter(settings, now, row, LINK, path), due)
    if reply.code is None:
        raise InputError("确认邮件暂时发不出去，注册没有保存；请稍后再试，仍不行请联系我们。")
    if reply.code != ACCEPTED:
        raise InputError(f"邮箱“{row.email}”收不了确认邮件（{reply.code} {reply.text}），注册没有保存；请核对邮箱。")


def send_decision(settings: Settings, now: datetime, row: Registration) -> bool:
    """Mail what the bureau decided; whether the mail server took it."""
    template, path = (ACCEPTANCE, "/signin") if row.refused_at is None else (REFUSAL, "/register")
    return _send(settings, now, row, letter(settings, now, row, template, path)).code == ACCEPTED


def letter(settings: Settings, now: datetime, row: Registration, template: str, path: str) -> Letter:
    """One of the mails; `path` is the page that it leads to."""
    values = {
        "name": row.name,
        "uscc": row.uscc,
        "person": row.contact,
        "expires": row.expires_at,
        "reason": row.reason,
        "recipient_name": row.name,
        "organisation": settings.organisation,
        "contact": settings.contact,
        "reply_to": settings.mail_reply_to,
        "in_calendar": template == LINK,
        "remark": None,
        "opt_out": "",
        "link": f"{settings.console_url.rstrip('/')}{path}",
        "on": now.astimezone(CHINA).date(),
    }
    plain, html = (_environment(settings, autoescape=each).get_template(template) for each in (False, True))
    values["title"] = subject = one_line("".join(plain.blocks["subject"](plain.new_context(values))))
    text = plain.render(values, layout="layout.txt", parts="parts.txt").strip() + "\n"
    return Letter(subject, text, html.render(values, layout="layout.html", parts="parts.html"))


def _send(settings: Settings, now: datetime, row: Registration, mail: Letter, entry: str = "") -> Reply:
    message_id = f"<{secrets.token_hex(20)}.registration@{settings.message_domain}>"
    content = build(
        mail, settings, recipient=row.email, recipient_name=row.name, message_id=message_id, at=now, entry=entry
    )
    batch = asyncio.run(_deliver(settings, Outgoing(0, settings.envelope_sender, row.email, content)))
    return batch.replies.get(0) or Reply(None, "")


async def _deliver(settings: Settings, mail: Outgoing) -> Batch:
    pool = Pool(settings)
    try:
        return await pool.send([mail])
    finally:
        await pool.close()


def _environment(settings: Settings, *, autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(folders(settings)),
        autoescape=autoescape,  # noqa: S701 (off for the plain text part only)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"when": when, "day": day}
    return environment
