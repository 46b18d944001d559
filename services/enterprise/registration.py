"""An enterprise registers itself: one account a 统一社会信用代码, in force once the link in a mail was confirmed.

The code is public, so a mail address is the only proof. Where the record names the code (applications, 免申即享 lists,
bans, the city's ledger: an account would show what they say) and the address is none that an application or a list
gave, or the name is another, the bureau confirms too, as it does when there is an account already: nobody is told
before whether there is.
"""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from sqlmodel import Session, col, delete, func, select
from sqlmodel.sql.expression import SelectOfScalar

from config.settings import Settings
from matching import normalise, uscc
from models import (
    Application,
    Ban,
    Credential,
    Enterprise,
    Invitation,
    LedgerEntry,
    LedgerLevel,
    Registration,
    Role,
    User,
)
from policy import Policy
from services.access import passwords, people
from services.access.actors import Actor
from services.clock import Clock
from services.enterprise import enterprises, registration_mail
from services.errors import InputError, NotFoundError, StateError
from services.notices.addresses import one_line, trouble_with
from services.record.database import writing
from services.record.operation import operation

VALID_FOR = timedelta(hours=48)
SOURCE = "企业注册"
MOST_SHOWN = 50


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


@dataclass(frozen=True)
class Waiting:
    """A registration that waits for the bureau, and what the record knows of the enterprise."""

    row: Registration
    known: Enterprise | None
    named: Sequence[str]  # where else the record names it, and how
    known_mails: Sequence[str]
    account: str


def kinds(laws: Sequence[Policy]) -> list[str]:
    """The kinds of applicants that the policies know."""
    return list(dict.fromkeys(kind for law in laws for measure in law.measures for kind in measure.applicants))


def counties(laws: Sequence[Policy]) -> dict[str, str]:
    """The names of the counties that the policies know, by id."""
    return {county.id: county.name for law in laws for county in law.counties}


def troubles(laws: Sequence[Policy], wanted: Wanted) -> dict[str, str]:
    """Chinese sentences by field for what is wrong with the form; empty when nothing is. The record is not asked."""
    code, email = uscc.normalised(wanted.uscc), wanted.email.strip()
    checks = {
        "uscc": uscc.fault(code),
        "name": _length(wanted.name, 200, "单位名称"),
        "kind": "" if wanted.kind in kinds(laws) else "请选择单位类型",
        "county": "" if wanted.county in counties(laws) else "请选择所属县区",
        "contact": _length(wanted.contact, 64, "联系人"),
        "email": "没有填写邮箱" if not email else "不是有效的邮箱" if trouble_with(email) else "",
        "password": passwords.trouble_with(wanted.password, code),
        "again": "" if wanted.password == wanted.again else "两次输入的密码不一样",
    }
    return {name: sentence for name, sentence in checks.items() if sentence}


def register(session: Session, wall: Clock, *, settings: Settings, laws: Sequence[Policy], wanted: Wanted) -> str:
    """Keep the registration and mail the link that confirms it; returns where the mail went.

    Raises InputError when something is wrong, or when the mail server did not take the mail (nothing is kept then).
    """
    if troubles(laws, wanted):
        raise InputError("注册信息还有填错的地方；请按提示修改。")
    token, now = secrets.token_urlsafe(32), wall.now()
    row = Registration(
        token_digest=_digest(token),
        uscc=uscc.normalised(wanted.uscc),
        name=one_line(wanted.name),
        kind=wanted.kind,
        county=wanted.county,
        contact=one_line(wanted.contact),
        email=wanted.email.strip(),
        password_hash=passwords.hash_of(wanted.password),
        requested_at=now,
        expires_at=now + VALID_FOR,
    )
    registration_mail.send_link(settings, now, row, token)
    email = row.email
    with writing(session):
        session.exec(
            delete(Registration).where(col(Registration.expires_at) < now, col(Registration.confirmed_at).is_(None))
        )
        session.add(row)
    return email


def waiting(session: Session, wall: Clock, token: str) -> Registration:
    """The registration that a link confirms. Raises NotFoundError when there is none (any more)."""
    found = session.exec(select(Registration).where(Registration.token_digest == _digest(token))).one_or_none()
    if found is None or found.confirmed_at is not None or wall.now() >= found.expires_at:
        raise NotFoundError("这个确认链接无效、已经用过或已超过 48 小时；请重新注册。")
    return found


@operation("registration.confirm")
def confirm(session: Session, clock: Clock, actor: Actor, *, wall: Clock, token: str) -> User | None:
    """Make the registration an account, or leave it to the bureau where the mail address proves nothing (None).

    `clock` is the cycle's, `wall` the machine's. Raises NotFoundError for an unknown link.
    """
    row = waiting(session, wall, token)
    if _proven(session, row):
        return _made(session, clock, actor, row)
    row.confirmed_at = wall.now()
    return None


@operation("registration.accept")
def accept(session: Session, clock: Clock, actor: Actor, *, registration_id: int) -> Registration:
    """Make a registration that waits an account; returns what it was. Raises NotFoundError, StateError."""
    row = _asked(session, registration_id)
    account = _account(session, row.uscc)
    if account:
        raise StateError(f"该单位已有账号“{account}”，一个单位只能有一个；请写明理由退回，忘记密码的由管理员重新发放。")
    _made(session, clock, actor, row)
    return row


@operation("registration.refuse")
def refuse(
    session: Session, clock: Clock, actor: Actor, *, wall: Clock, registration_id: int, reason: str
) -> Registration:
    """Refuse a registration that waits, for a reason that the registrant is told. Raises NotFoundError, InputError."""
    row = _asked(session, registration_id)
    if not reason.strip():
        raise InputError("没有填写退回理由；理由会写进发给注册人的邮件。")
    row.refused_at, row.refused_by, row.reason = wall.now(), actor.user_id, reason.strip()
    row.password_hash = ""
    return row


def to_decide(session: Session) -> tuple[list[Waiting], int]:
    """The registrations that wait for the bureau, the longest waiting first and not all of very many; how many wait."""
    query = _waiting_query()
    total = session.exec(select(func.count()).select_from(query.subquery())).one()
    rows = session.exec(query.order_by(col(Registration.confirmed_at)).limit(MOST_SHOWN))
    return [_shown(session, row) for row in rows.all()], total


def _waiting_query() -> SelectOfScalar[Registration]:
    return select(Registration).where(
        col(Registration.confirmed_at).is_not(None), col(Registration.refused_at).is_(None)
    )


def _asked(session: Session, registration_id: int) -> Registration:
    found = session.exec(_waiting_query().where(Registration.id == registration_id)).one_or_none()
    if found is None:
        raise NotFoundError("没有这件待核实的注册，或者刚刚有人办过。")
    return found


def _shown(session: Session, row: Registration) -> Waiting:
    known, named = enterprises.by_code(session, row.uscc), _named(session, row.uscc)
    return Waiting(row, known, named, sorted(_mails(session, row.uscc)), _account(session, row.uscc))


def _proven(session: Session, row: Registration) -> bool:
    """Whether the confirmed mail address is proof enough: nothing is known that it could take, or it is known.

    Another name than the known ones wants to be looked at, whoever gives it.
    """
    if _account(session, row.uscc):
        return False
    known = enterprises.by_code(session, row.uscc)
    if known is None and not _named(session, row.uscc):
        return True
    return row.email.casefold() in _mails(session, row.uscc) and (known is None or _is_named(session, known, row.name))


def _is_named(session: Session, known: Enterprise, name: str) -> bool:
    """Whether it is called so, or was, however that is spelled."""
    names = [known.name, *enterprises.former_names(session, known)]
    return normalise.of(normalise.folded, name) in [normalise.of(normalise.folded, each) for each in names]


def _named(session: Session, code: str) -> list[str]:
    """Where the record names a code that has no application yet, and how it calls the enterprise there."""
    places = {
        "免申即享名单": select(Invitation.enterprise_name).where(Invitation.uscc == code),
        "禁止申报": select(Ban.name).where(Ban.uscc == code),
        "市级台账": select(LedgerEntry.enterprise).where(
            LedgerEntry.uscc == code, LedgerEntry.level == LedgerLevel.CITY
        ),
    }
    return [
        f"{place}（{name or '没有写名称'}）"
        for place, query in places.items()
        for name in sorted(set(session.exec(query)))
    ]


def _made(session: Session, clock: Clock, actor: Actor, row: Registration) -> User:
    """The account; what waits for its mail to be confirmed for the same code is void then."""
    enterprise = enterprises.by_code(session, row.uscc) or enterprises.find_or_add(
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
    done = col(Registration.confirmed_at).is_(None) | (col(Registration.id) == row.id)
    for other in session.exec(select(Registration).where(Registration.uscc == row.uscc, done)).all():
        session.delete(other)
    return user


def _account(session: Session, code: str) -> str:
    """The login of the enterprise's account; empty when it has none."""
    query = (
        select(User.login)
        .join(Enterprise, col(Enterprise.id) == User.enterprise_id, isouter=True)
        .where((Enterprise.uscc == code) | (User.login == code))
    )
    return session.exec(query).first() or ""


def _mails(session: Session, code: str) -> set[str]:
    """The contact addresses that the enterprise's applications and the lists that invite it give."""
    of_applications = select(Application.contact_email).join(Enterprise).where(Enterprise.uscc == code)
    of_lists = select(Invitation.contact_email).where(Invitation.uscc == code)
    return {address.casefold() for query in (of_applications, of_lists) for address in session.exec(query) if address}


def _length(text: str, most: int, what: str) -> str:
    if not one_line(text):
        return f"没有填写{what}"
    return f"{what}最多 {most} 个字" if len(text) > most else ""


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
