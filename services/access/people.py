"""Users: who may come in, in which role."""

import secrets
from dataclasses import dataclass

from sqlalchemy import case
from sqlmodel import Session, col, select

from models import Credential, Role, User
from services.access import credentials
from services.access.actors import Actor
from services.access.logins import spelled
from services.access.permissions import ADDED_BY_OPERATORS, ROLE_NAMES
from services.access.sightings import Slice, sliced
from services.clock import Clock
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.notices.addresses import trouble_with
from services.record.operation import operation

_LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"  # none that can be taken for another


@dataclass(frozen=True)
class Account:
    """A user with what is known of how they come in."""

    user: User
    has_password: bool
    must_change: bool
    has_codes: bool


@operation("user.add")
def add_user(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    login: str,
    name: str,
    role: Role,
    bureau: str | None = None,
    county: str | None = None,
    enterprise_id: int | None = None,
    email: str | None = None,
) -> User:
    """Add a user; operators add reviewers, treasurers and applicants only.

    Raises NotAllowedError, and InputError when the login is taken, the role's bureau, county or enterprise is
    missing, or the address is none.
    """
    if not may_add(actor.role, role):
        names = "、".join(ROLE_NAMES[each] for each in Role if each in ADDED_BY_OPERATORS)
        raise NotAllowedError(f"经办人只能添加{names}；“{ROLE_NAMES[role]}”用户请由管理员添加。")
    login = spelled(login)
    if not name.strip() or not login or login != "".join(login.split()) or len(login) > 64:
        raise InputError("姓名和登录名都要填写；登录名不能有空格，最多 64 个字符。")
    if session.exec(select(User).where(User.login == login)).first() is not None:
        raise InputError(f"登录名“{login}”已被使用；请换一个。")
    needed = {
        Role.BUREAU_VERIFIER: ("部门", bureau),
        Role.COUNTY_REVIEWER: ("县区", county),
        Role.APPLICANT: ("企业", enterprise_id),
    }.get(role)
    if needed is not None and not needed[1]:
        raise InputError(f"“{ROLE_NAMES[role]}”用户“{login}”必须写明所属{needed[0]}。")
    if role is Role.SYSTEM:
        raise InputError("“系统”用户只有一个，不能添加。")
    user = User(
        login=login,
        name=name.strip(),
        role=role,
        bureau=bureau,
        county=county,
        enterprise_id=enterprise_id,
        email=read_email(email or ""),
    )
    session.add(user)
    session.flush()
    return user


def may_add(adder: Role, role: Role) -> bool:
    """Whether somebody who may add users may add one of this role."""
    return adder is not Role.OPERATOR or role in ADDED_BY_OPERATORS


def active_users(session: Session, role: Role, *, bureau: str | None = None, county: str | None = None) -> list[User]:
    """Active users of a role, of one bureau or county when named, in the order in which they were added."""
    query = select(User).where(User.role == role, col(User.active)).order_by(col(User.id))
    if bureau is not None:
        query = query.where(User.bureau == bureau)
    if county is not None:
        query = query.where(User.county == county)
    return list(session.exec(query))


def staff(session: Session) -> list[User]:
    """Active users but applicants, by login."""
    query = select(User).where(col(User.active), col(User.role).not_in((Role.APPLICANT, Role.SYSTEM)))
    return list(session.exec(query.order_by(col(User.login))))


@operation("user.change")
def change_user(
    session: Session, clock: Clock, actor: Actor, *, user_id: int, name: str, email: str, active: bool
) -> User:
    """Change a user's name and address, or whether they may come in. Role and place stay: that is another user.

    Raises NotFoundError, InputError, and StateError for shutting out oneself.
    """
    user = find_user(session, user_id)
    if not name.strip():
        raise InputError("姓名没有填写。")
    address = read_email(email)
    if not active and user_id == actor.user_id:
        raise StateError("不能停用自己的账号；请由另一位管理员办理。")
    user.name, user.email, user.active = name.strip(), address, active
    return user


def issue_password(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> str:
    """Give a user a random first password, to be changed at the next sign-in; it is returned once and kept nowhere.

    Raises NotFoundError, InputError for one's own: that is changed with the one before.
    """
    login = find_user(session, user_id).login.casefold()
    if user_id == actor.user_id:
        raise InputError("自己的密码请在“我的账号”里修改。")
    password = _random_password()
    while login in password:  # a login of one or two letters
        password = _random_password()
    credentials.set_password(session, wall, actor, user_id=user_id, password=password)
    return password


def drop_codes(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> None:
    """Ask a user who lost the telephone for no more one-time codes. Raises NotFoundError, StateError without any."""
    find_user(session, user_id)
    kept = session.get(Credential, user_id)
    if kept is None or not kept.totp_secret:
        raise StateError("这个用户没有启用动态验证码。")
    credentials.drop_totp(session, wall, actor, user_id=user_id)


def read_email(text: str) -> str | None:
    """An address that somebody typed; None for an empty one. Raises InputError."""
    address = text.strip()
    trouble = trouble_with(address) if address else None
    if trouble:
        raise InputError(f"邮箱不能使用：{trouble}")
    return address or None


def _random_password() -> str:
    return "-".join("".join(secrets.choice(_LETTERS) for _ in range(4)) for _ in range(4))


def find_user(session: Session, user_id: int) -> User:
    """A person's user. Raises NotFoundError; the system's is nobody's business."""
    user = session.get(User, user_id)
    if user is None or user.role is Role.SYSTEM:
        raise NotFoundError("没有这个用户。")
    return user


def accounts(session: Session, *, role: Role | None = None, words: str = "", page: int = 1) -> Slice[Account]:
    """All users but the system, by role and login; of one role, or whose login or name holds the words."""
    order = case({each: place for place, each in enumerate(Role)}, value=col(User.role))
    query = select(User).where(User.role != Role.SYSTEM).order_by(order)
    if role is not None:
        query = query.where(User.role == role)
    if words:
        query = query.where(
            col(User.login).contains(words, autoescape=True) | col(User.name).contains(words, autoescape=True)
        )
    cut = sliced(session, query, page, 50, col(User.login))
    found = [_account(user, session.get(Credential, user.id)) for user in cut.rows]
    return Slice(found, cut.number, cut.pages, cut.total)


def account(session: Session, user_id: int) -> Account:
    """One user. Raises NotFoundError."""
    return _account(find_user(session, user_id), session.get(Credential, user_id))


def _account(user: User, kept: Credential | None) -> Account:
    return Account(
        user,
        kept is not None,
        kept is not None and kept.must_change,
        kept is not None and bool(kept.totp_secret),
    )
