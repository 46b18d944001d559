"""Signing in: passwords, one-time codes, lock-out, and visits that end when idle. All times are of the wall clock."""

import hashlib
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyotp
from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlmodel import Session, col, select

from models import Credential, Role, SignIn, SignInEnd, User
from services.actors import Actor, actor_of
from services.clock import Clock
from services.database import writing
from services.errors import InputError, NotAllowedError, ServiceError
from services.permissions import require

SHORTEST = 10
ATTEMPTS = 5
LOCKED_FOR = timedelta(minutes=15)
_TOUCH_AFTER = timedelta(minutes=1)
_REFUSED = "登录名或密码不对；连续错 5 次会锁定 15 分钟。忘记密码请找管理员重设。"
_HASHER = PasswordHasher()
_NOBODY = _HASHER.hash("nobody has this password")  # so that an unknown login takes as long as a wrong password


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


def set_password(session: Session, wall: Clock, actor: Actor, *, user_id: int, password: str) -> None:
    """Set a user's password and end the visits opened with the one before.

    One's own at any time; another's by whoever may add users, and then it must be changed at the next sign-in.
    Raises NotAllowedError, and InputError for a password that is too short, too plain, or the one before.
    """
    own = actor.user_id == user_id
    if not own:
        require(actor, "user.add")
    with writing(session):
        user = session.get_one(User, user_id)
        if user.role is Role.SYSTEM:
            raise NotAllowedError("“系统”用户不能登录，不设密码。")
        kept = session.get(Credential, user_id)
        _check_password(password, user, kept)
        now = wall.now()
        kept = kept or Credential(user_id=user_id, password_hash="", set_at=now, set_by=actor.user_id)
        kept.password_hash, kept.set_at, kept.set_by = hash_of(password), now, actor.user_id
        kept.must_change, kept.failures, kept.locked_until = not own, 0, None
        session.add(kept)
        for visit in session.exec(select(SignIn).where(SignIn.user_id == user_id, SignIn.end == None)):  # noqa: E711
            visit.ended_at, visit.end = now, SignInEnd.REPLACED


def sign_in(session: Session, wall: Clock, *, login: str, password: str, code: str = "", address: str = "") -> str:
    """Open a visit and return its token (256 random bits).

    Raises SignInError, the same for an unknown login as for a wrong password, and CodeNeededError.
    """
    now = wall.now()
    with writing(session):
        user = session.exec(select(User).where(User.login == login)).one_or_none()
        kept = session.get(Credential, user.id) if user is not None and user.active else None
        if user is None or kept is None:
            _matches(_NOBODY, password)
            raise SignInError(_REFUSED)
        if kept.locked_until is not None and now < kept.locked_until:
            minutes = -(-(kept.locked_until - now) // timedelta(minutes=1))
            raise SignInError(f"该账号已锁定，请 {minutes} 分钟后再试，或找管理员重设密码。")
        trouble = _trouble(kept, password, code, now)
        if trouble is None:
            kept.failures, kept.locked_until = 0, None
            token = _opened(session, user, address, now)
        elif code or not isinstance(trouble, CodeNeededError):
            _count_failure(kept, now)
    if trouble is not None:
        raise trouble
    return token


def enter(session: Session, wall: Clock, *, login: str, address: str = "") -> str:
    """Open a visit for somebody whom the government's directory vouches for, and return its token.

    Enterprises are not in the directory. Raises SignInError when no user of the bureaus has this login.
    """
    with writing(session):
        user = session.exec(select(User).where(User.login == login, col(User.active))).one_or_none()
        if user is None or user.role in (Role.SYSTEM, Role.APPLICANT):
            raise SignInError(f"本系统没有登录名为“{login}”的有效用户；请找管理员添加。")
        return _opened(session, user, address, wall.now())


def visitor(session: Session, wall: Clock, token: str, *, idle: timedelta) -> Visitor | None:
    """Who a visit belongs to; None when it has ended, was idle for too long, or its user was put out."""
    visit = session.exec(select(SignIn).where(SignIn.token_digest == digest_of(token))).one_or_none()
    if visit is None or visit.ended_at is not None:
        return None
    user, now = session.get_one(User, visit.user_id), wall.now()
    if not user.active or now - visit.seen_at > idle:
        _end(session, visit, now, SignInEnd.IDLE if user.active else SignInEnd.REPLACED)
        return None
    if now - visit.seen_at > _TOUCH_AFTER:
        with writing(session):
            visit.seen_at = now
    kept = session.get(Credential, visit.user_id)  # none: comes in through the directory only
    return Visitor(actor_of(user), visit.id or 0, kept is not None and kept.must_change)


def sign_out(session: Session, wall: Clock, sign_in_id: int) -> None:
    """End a visit."""
    _end(session, session.get_one(SignIn, sign_in_id), wall.now(), SignInEnd.SIGNED_OUT)


def check_own(session: Session, actor: Actor, password: str) -> None:
    """Raise InputError unless this is the actor's password."""
    kept = session.get(Credential, actor.user_id)
    if kept is None or not _matches(kept.password_hash, password):
        raise InputError("原密码不对。")


def hash_of(password: str) -> str:
    """The password's argon2id hash with a salt of its own."""
    return _HASHER.hash(password)


def new_totp_secret() -> str:
    """A secret for an authenticator (base32), not yet in force."""
    return pyotp.random_base32()


def is_totp_secret(text: str) -> bool:
    """Whether it looks like one of ours."""
    return re.fullmatch("[A-Z2-7]{32}", text) is not None


def totp_address(secret: str, login: str, issuer: str) -> str:
    """The otpauth:// address that an authenticator reads from a QR code."""
    return pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=issuer)


def set_totp(session: Session, wall: Clock, actor: Actor, *, secret: str, code: str) -> None:
    """Ask the actor for one-time codes from now on. Raises InputError unless the code shows that the secret is kept."""
    if session.get(Credential, actor.user_id) is None:
        raise InputError("没有设置密码，登录由统一身份认证负责，不用另设验证码。")
    step = _step_of(secret, code, wall.now()) if is_totp_secret(secret) else None
    if step is None:
        raise InputError("验证码不对；请核对手机时间，输入认证器当前显示的 6 位数字。")
    with writing(session):
        kept = session.get_one(Credential, actor.user_id)
        kept.totp_secret, kept.totp_step = secret, step


def drop_totp(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> None:
    """Ask a user for no code any more: one's own, or another's by whoever may add users (a lost telephone)."""
    if actor.user_id != user_id:
        require(actor, "user.add")
    with writing(session):
        kept = session.get_one(Credential, user_id)
        kept.totp_secret, kept.totp_step = "", 0


def _opened(session: Session, user: User, address: str, now: datetime) -> str:
    token = secrets.token_urlsafe(32)
    kept = digest_of(token)
    session.add(SignIn(token_digest=kept, user_id=user.id or 0, address=address, opened_at=now, seen_at=now))
    return token


def _trouble(kept: Credential, password: str, code: str, now: datetime) -> SignInError | None:
    if not _matches(kept.password_hash, password):
        return SignInError(_REFUSED)
    if not kept.totp_secret:
        return None
    if not code:
        return CodeNeededError("请输入认证器上的 6 位验证码。")
    step = _step_of(kept.totp_secret, code, now)
    if step is None or step <= kept.totp_step:
        return CodeNeededError("验证码不对或已用过；请等认证器换成下一个再试。")
    kept.totp_step = step
    return None


def _count_failure(kept: Credential, now: datetime) -> None:
    kept.failures += 1
    if kept.failures >= ATTEMPTS:
        kept.failures, kept.locked_until = 0, now + LOCKED_FOR


def _step_of(secret: str, code: str, now: datetime) -> int | None:
    """The time step that the code belongs to: this one or a neighbour, for clocks that differ a little."""
    totp = pyotp.TOTP(secret)
    current = totp.timecode(now)
    return next((step for step in (current, current - 1, current + 1) if totp.generate_otp(step) == code.strip()), None)


def _check_password(password: str, user: User, kept: Credential | None) -> None:
    if len(password) < SHORTEST:
        raise InputError(f"密码至少 {SHORTEST} 个字符，现在是 {len(password)} 个。")
    if len(set(password)) < SHORTEST // 2 or user.login.casefold() in password.casefold():
        raise InputError("密码太简单：不要用登录名，也不要用重复的字符。")
    if kept is not None and _matches(kept.password_hash, password):
        raise InputError("新密码不能与原来的相同。")


def _matches(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        return False


def digest_of(token: str) -> str:
    """What of a visit's token is kept."""
    return hashlib.sha256(token.encode()).hexdigest()


def _end(session: Session, visit: SignIn, now: datetime, end: SignInEnd) -> None:
    with writing(session):
        visit.ended_at, visit.end = now, end
