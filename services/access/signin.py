"""Signing in, and visits that end: on leaving, when idle, after half a day. All times are of the wall clock."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, select

from models import Credential, Role, SignIn, SignInEnd, User
from services.access import codes, credentials, passwords, tries
from services.access.actors import Actor, actor_of, system_actor
from services.access.logins import spelled
from services.clock import Clock
from services.errors import ServiceError
from services.record.database import writing

LONGEST = timedelta(hours=12)
_TOUCH_AFTER = timedelta(minutes=1)
_REFUSED = "登录名或密码不对；连续错 5 次要等 15 分钟。忘记密码请找管理员重设。"


class SignInError(ServiceError):
    """Somebody was not let in; the sentence does not tell whether the login exists."""


class CodeNeededError(SignInError):
    """The password was right; the one-time code is missing or wrong."""


@dataclass(frozen=True)
class Visitor:
    """Who a visit belongs to."""

    actor: Actor
    sign_in_id: int
    must_change: bool


def sign_in(
    session: Session, wall: Clock, *, login: str, password: str, code: str = "", address: str = "", browser: str = ""
) -> str:
    """Open a visit and return its token (256 random bits).

    `browser` is the mark of an earlier visit from there, see `mark_of`. Raises SignInError, the same for an unknown
    login as for a wrong password, and CodeNeededError.
    """
    login = spelled(login)
    place = tries.place_of(session, wall.now(), login=login, address=address, browser=browser)
    _wait_for(session, wall, place)
    known = _password_hash(session, login)
    session.rollback()  # nobody holds a connection, let alone the write lock, while a password is hashed
    if not passwords.matches(known or passwords.nobodys(), password) or not known:
        credentials.fail(session, wall, system_actor(session), login=login, place=place, address=address)
        raise SignInError(_REFUSED)
    try:
        return _open_with_password(session, wall, login, known, code, address, place)
    except CodeNeededError:
        if code:
            credentials.fail(session, wall, system_actor(session), login=login, place=place, address=address)
        raise


def enter(session: Session, wall: Clock, *, login: str, address: str = "") -> str:
    """Open a visit for somebody whom the government's directory vouches for, and return its token.

    Enterprises are not in the directory. Raises SignInError when no user of the bureaus has this login.
    """
    with writing(session):
        user = session.exec(select(User).where(User.login == login, col(User.active))).one_or_none()
        if user is None or user.role in (Role.SYSTEM, Role.APPLICANT):
            raise SignInError(f"本系统没有登录名为“{login}”的有效用户；请找管理员添加。")
        return _opened(session, user, address, wall.now(), by_directory=True)


def visitor(session: Session, wall: Clock, token: str, *, idle: timedelta) -> Visitor | None:
    """Who a visit belongs to; None when it has ended, was idle or lasted for too long, or its user was put out."""
    visit = session.exec(select(SignIn).where(SignIn.token_digest == mark_of(token))).one_or_none()
    if visit is None or visit.ended_at is not None:
        return None
    user, now = session.get_one(User, visit.user_id), wall.now()
    end = _due_end(visit, user, now, idle)
    if end is not None:
        _end(session, visit, now, end)
        return None
    if now - visit.seen_at > _TOUCH_AFTER:
        with writing(session):
            visit.seen_at = now
    kept = session.get(Credential, visit.user_id)
    must_change = kept is not None and kept.must_change and not visit.by_directory
    return Visitor(actor_of(user), visit.id or 0, must_change)


def sign_out(session: Session, wall: Clock, sign_in_id: int) -> None:
    """End a visit."""
    _end(session, session.get_one(SignIn, sign_in_id), wall.now(), SignInEnd.SIGNED_OUT)


def mark_of(token: str) -> str:
    """What of a visit's token is kept; a browser may keep it too, to be known again: it opens nothing."""
    return hashlib.sha256(token.encode()).hexdigest()


def _wait_for(session: Session, wall: Clock, place: tries.Place) -> None:
    trouble = tries.patience(session, wall.now(), place)
    if trouble:
        raise SignInError(trouble)


def _password_hash(session: Session, login: str) -> str:
    """The hash of the login's password; empty when nobody can come in with it."""
    query = select(Credential.password_hash).join(User, col(User.id) == Credential.user_id)
    return session.exec(query.where(User.login == login, col(User.active))).one_or_none() or ""


def _open_with_password(
    session: Session, wall: Clock, login: str, known: str, code: str, address: str, place: tries.Place
) -> str:
    """Open the visit of somebody whose password is right, unless something changed while it was hashed."""
    with writing(session):
        _wait_for(session, wall, place)
        user = session.exec(select(User).where(User.login == login, col(User.active))).one_or_none()
        kept = session.get(Credential, user.id) if user is not None else None
        if user is None or kept is None or kept.password_hash != known:
            raise SignInError(_REFUSED)
        _take_code(kept, code, wall.now())
        tries.forget(session, place)
        return _opened(session, user, address, wall.now())


def _take_code(kept: Credential, code: str, now: datetime) -> None:
    if not kept.totp_secret:
        return
    if not code:
        raise CodeNeededError("请输入认证器上的 6 位验证码。")
    step = codes.step_of(kept.totp_secret, code, now)
    if step is None or step <= kept.totp_step:
        raise CodeNeededError("验证码不对或已用过；请等认证器换成下一个再试。")
    kept.totp_step = step


def _opened(session: Session, user: User, address: str, now: datetime, *, by_directory: bool = False) -> str:
    token = secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_digest=mark_of(token),
            user_id=user.id or 0,
            address=address,
            by_directory=by_directory,
            opened_at=now,
            seen_at=now,
        )
    )
    return token


def _due_end(visit: SignIn, user: User, now: datetime, idle: timedelta) -> SignInEnd | None:
    if not user.active:
        return SignInEnd.REPLACED
    if now - visit.opened_at > LONGEST:
        return SignInEnd.EXPIRED
    return SignInEnd.IDLE if now - visit.seen_at > idle else None


def _end(session: Session, visit: SignIn, now: datetime, end: SignInEnd) -> None:
    with writing(session):
        visit.ended_at, visit.end = now, end
