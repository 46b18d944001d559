"""An enterprise registers itself: one account a 统一社会信用代码, in force once the link in a mail was confirmed."""

import asyncio
import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from sqlmodel import Session, col, delete, select

from config.settings import Settings
from matching import uscc
from models import Application, Credential, Enterprise, Registration, Role, User
from policy import Policy
from services import enterprises, passwords, people
from services.actors import Actor
from services.clock import Clock, today
from services.database import writing
from services.errors import InputError, NotFoundError
from services.mailer import ACCEPTED, Batch, Outgoing, Pool
from services.notices.addresses import one_line, trouble_with
from services.notices.building import build
from services.notices.rendering import FOLDERS, Letter, day, when
from services.operation import operation
from services.passwords import hash_of

VALID_FOR = timedelta(hours=48)
SOURCE = "企业注册"
_TEMPLATE = "registration.j2"


@dataclass(frozen=True)
class Wanted:
    """What the registration form asks for."""

    uscc: str
    name: str
    kind: str
    county: str
    contact: str
    email: str
    password: str
    again: str


def kinds(law: Policy) -> list[str]:
    """The kinds of applicants that the policy knows."""
    return list(dict.fromkeys(kind for measure in law.measures for kind in measure.applicants))


def troubles(session: Session, law: Policy, wanted: Wanted) -> dict[str, str]:
    """Chinese sentences by field for what keeps this from being registered; empty when nothing does."""
    code = uscc.normalised(wanted.uscc)
    checks = {
        "uscc": uscc.fault(code) or _taken(session, code),
        "name": _length(wanted.name, 200, "单位名称"),
        "kind": "" if wanted.kind in kinds(law) else "请选择单位类型",
        "county": "" if any(county.id == wanted.county for county in law.counties) else "请选择所属县区",
        "contact": _length(wanted.contact, 64, "联系人"),
        "email": _mail_trouble(session, code, wanted.email.strip()),
        "password": passwords.trouble_with(wanted.password, code),
        "again": "" if wanted.password == wanted.again else "两次输入的密码不一样",
    }
    return {name: sentence for name, sentence in checks.items() if sentence}


def register(session: Session, wall: Clock, *, settings: Settings, law: Policy, wanted: Wanted) -> str:
    """Keep the registration and mail the link that makes it an account; returns where the mail went.

    Raises InputError when something is wrong, or when the mail server did not take the mail (nothing is kept then).
    """
    if troubles(session, law, wanted):
        raise InputError("注册信息还有填错的地方；请按提示修改。")
    token, now, code = secrets.token_urlsafe(32), wall.now(), uscc.normalised(wanted.uscc)
    row = Registration(
        token_digest=_digest(token),
        uscc=code,
        name=one_line(wanted.name),
        kind=wanted.kind,
        county=wanted.county,
        contact=one_line(wanted.contact),
        email=wanted.email.strip(),
        password_hash=hash_of(wanted.password),
        requested_at=now,
        expires_at=now + VALID_FOR,
    )
    _send(settings, wall, row, token)
    email = row.email
    with writing(session):
        session.exec(delete(Registration).where(col(Registration.expires_at) < now))
        session.add(row)
    return email


def waiting(session: Session, wall: Clock, token: str) -> Registration:
    """The registration that a link confirms. Raises NotFoundError when there is none (any more)."""
    found = session.exec(select(Registration).where(Registration.token_digest == _digest(token))).one_or_none()
    if found is None or wall.now() >= found.expires_at:
        raise NotFoundError("这个确认链接无效、已经用过或已超过 48 小时；请重新注册。")
    return found


@operation("user.add")
def confirm(session: Session, clock: Clock, actor: Actor, *, wall: Clock, token: str) -> User:
    """Make the registration an account; other registrations for the same code are void then.

    `clock` is the cycle's, `wall` the machine's. Raises NotFoundError for an unknown link, InputError when the
    enterprise got its account meanwhile.
    """
    row = waiting(session, wall, token)
    trouble = _taken(session, row.uscc) or _mail_trouble(session, row.uscc, row.email)
    if trouble:
        raise InputError(f"{trouble}。")
    enterprise = enterprises.by_code(session, row.uscc)
    if enterprise is None:
        enterprise = enterprises.find_or_add(
            session, clock, uscc=row.uscc, name=row.name, kind=row.kind, county=row.county, source=SOURCE
        )
    user = people.add_user(
        session,
        clock,
        actor,
        login=row.uscc,
        name=row.contact,
        role=Role.APPLICANT,
        enterprise_id=enterprise.id,
        email=row.email,
    )
    session.add(
        Credential(user_id=user.id or 0, password_hash=row.password_hash, set_at=row.requested_at, set_by=user.id or 0)
    )
    for other in session.exec(select(Registration).where(Registration.uscc == row.uscc)).all():
        session.delete(other)
    return user


def letter(settings: Settings, wall: Clock, row: Registration, token: str) -> Letter:
    """The mail with the link."""
    values = {
        "name": row.name,
        "uscc": row.uscc,
        "person": row.contact,
        "expires": row.expires_at,
        "recipient_name": row.name,
        "organisation": settings.organisation,
        "contact": settings.contact,
        "link": f"{settings.console_url.rstrip('/')}/confirm/{token}",
        "on": today(wall),
    }
    plain, html = (_environment(autoescape).get_template(_TEMPLATE) for autoescape in (False, True))
    subject = "".join(plain.blocks["subject"](plain.new_context(values)))
    text = plain.render(values, layout="layout.txt", parts="parts.txt").strip() + "\n"
    return Letter(one_line(subject), text, html.render(values, layout="layout.html", parts="parts.html"))


def _send(settings: Settings, wall: Clock, row: Registration, token: str) -> None:
    message_id = f"<{_digest(token)[:40]}.registration@{settings.mail_domain}>"
    content = build(
        letter(settings, wall, row, token),
        settings,
        recipient=row.email,
        recipient_name=row.name,
        message_id=message_id,
        at=wall.now(),
    )
    batch = asyncio.run(_deliver(settings, Outgoing(0, settings.mail_from, row.email, content)))
    reply = batch.replies.get(0)
    if reply is None or reply.code is None:
        raise InputError("确认邮件暂时发不出去，注册没有保存；请稍后再试，仍不行请联系我们。")
    if reply.code != ACCEPTED:
        raise InputError(f"邮箱“{row.email}”收不了确认邮件（{reply.code} {reply.text}），注册没有保存；请核对邮箱。")


async def _deliver(settings: Settings, mail: Outgoing) -> Batch:
    pool = Pool(settings)
    try:
        return await pool.send([mail])
    finally:
        await pool.close()


def _taken(session: Session, code: str) -> str:
    query = (
        select(User.id)
        .join(Enterprise, col(Enterprise.id) == User.enterprise_id, isouter=True)
        .where((Enterprise.uscc == code) | (User.login == code))
    )
    if session.exec(query).first() is None:
        return ""
    return "该单位已经注册过账号；一个单位一个账号，忘记密码请联系管理员"


def _mail_trouble(session: Session, code: str, email: str) -> str:
    """An enterprise that applied before is known by its mail address: nobody else may take its account."""
    if trouble_with(email):
        return "没有填写邮箱" if not email else "不是有效的邮箱"
    query = (
        select(Application.contact_email)
        .join(Enterprise)
        .where(Enterprise.uscc == code, Application.contact_email != "")
    )
    known = {address.casefold() for address in session.exec(query)}
    if known and email.casefold() not in known:
        return "该单位以前申报过，请用申报时所填的联系邮箱注册；邮箱已停用的请联系我们"
    return ""


def _length(text: str, most: int, what: str) -> str:
    if not one_line(text):
        return f"没有填写{what}"
    return f"{what}最多 {most} 个字" if len(text) > most else ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDERS),
        autoescape=autoescape,  # noqa: S701 (off for the plain text part only)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"when": when, "day": day}
    return environment
