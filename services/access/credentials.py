"""What proves who somebody is, and changing it: one's own, or another's by the administrator. All of it is audited.

Times are of the wall clock. Passwords are hashed before an operation begins, since a hash takes long.
"""

from sqlmodel import Session, select

from models import Credential, LockOut, Role, SignIn, SignInEnd, User
from services.access import codes, passwords, tries
from services.access.actors import Actor, system_actor
from services.access.permissions import require
from services.clock import Clock
from services.errors import InputError, NotAllowedError, NotFoundError
from services.record.operation import operation


def set_password(session: Session, wall: Clock, actor: Actor, *, user_id: int, password: str) -> None:
    """Set a user's password and end the visits opened with the one before.

    One's own at any time; another's by the administrator, and then it must be changed at the next sign-in.
    Raises NotAllowedError, and InputError for a password that is too short, too plain, or the one before.
    """
    keep = _change if actor.user_id == user_id else _issue
    require(actor, "password.change" if keep is _change else "password.issue")
    login, before = _known(session, user_id)
    trouble = passwords.trouble_with(password, login)
    if trouble:
        raise InputError(f"{trouble}。")
    if before and passwords.matches(before, password):
        raise InputError("新密码不能与原来的相同。")
    keep(session, wall, actor, user_id=user_id, password_hash=passwords.hash_of(password))


def check_own(session: Session, wall: Clock, actor: Actor, password: str) -> None:
    """Raise InputError unless this is the actor's password; five wrong tries in a row keep even the actor waiting."""
    place = tries.own_place(actor.login)
    trouble = tries.patience(session, wall.now(), place)
    if trouble:
        raise InputError(trouble)
    _, own = _known(session, actor.user_id)
    if not own:
        raise InputError("没有设置密码，登录由统一身份认证负责。")
    if not passwords.matches(own, password):
        fail(session, wall, system_actor(session), login=actor.login, place=place)
        raise InputError("密码不对；请输入您现在登录用的密码。")


@operation("signin.fail")
def fail(session: Session, wall: Clock, actor: Actor, *, login: str, place: tries.Place, address: str = "") -> None:
    """Count a wrong try; where it locks a user out, that is kept."""
    now = wall.now()
    until = tries.count(session, now, place)
    if until is not None and session.exec(select(User.id).where(User.login == login)).first() is not None:
        session.add(LockOut(login=login, address=address, locked_at=now, locked_until=until))


@operation("codes.start")
def set_totp(session: Session, wall: Clock, actor: Actor, *, secret: str, code: str) -> None:
    """Ask the actor for one-time codes from now on. Raises InputError unless the code shows that the secret is kept."""
    kept = session.get(Credential, actor.user_id)
    if kept is None:
        raise InputError("没有设置密码，登录由统一身份认证负责，不用另设验证码。")
    step = codes.step_of(secret, code, wall.now()) if codes.is_secret(secret) else None
    if step is None:
        raise InputError("验证码不对；请核对手机时间，输入认证器当前显示的 6 位数字。")
    kept.totp_secret, kept.totp_step = secret, step


def drop_totp(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> None:
    """Ask a user for no code any more: one's own, or another's by the administrator (a lost telephone)."""
    drop = _stop_codes if actor.user_id == user_id else _reset_codes
    drop(session, wall, actor, user_id=user_id)


@operation("codes.stop")
def _stop_codes(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> None:
    _without_codes(session, user_id)


@operation("codes.reset")
def _reset_codes(session: Session, wall: Clock, actor: Actor, *, user_id: int) -> None:
    _without_codes(session, user_id)


@operation("password.change")
def _change(session: Session, wall: Clock, actor: Actor, *, user_id: int, password_hash: str) -> None:
    _keep(session, wall, actor, user_id, password_hash)


@operation("password.issue")
def _issue(session: Session, wall: Clock, actor: Actor, *, user_id: int, password_hash: str) -> None:
    _keep(session, wall, actor, user_id, password_hash)


def _keep(session: Session, wall: Clock, actor: Actor, user_id: int, password_hash: str) -> None:
    now, login = wall.now(), session.get_one(User, user_id).login
    kept = session.get(Credential, user_id)
    kept = kept or Credential(user_id=user_id, password_hash="", set_at=now, set_by=actor.user_id)
    kept.password_hash, kept.set_at, kept.set_by = password_hash, now, actor.user_id
    kept.must_change = actor.user_id != user_id
    session.add(kept)
    tries.forget_all(session, login)
    for visit in session.exec(select(SignIn).where(SignIn.user_id == user_id, SignIn.end == None)):  # noqa: E711
        visit.ended_at, visit.end = now, SignInEnd.REPLACED


def _without_codes(session: Session, user_id: int) -> None:
    kept = session.get(Credential, user_id)
    if kept is None:
        raise NotFoundError("这个用户没有设置密码，也就没有动态验证码。")
    kept.totp_secret, kept.totp_step = "", 0


def _known(session: Session, user_id: int) -> tuple[str, str]:
    """The user's login and password hash, empty without one. The reading transaction ends: hashing takes long."""
    user, kept = session.get_one(User, user_id), session.get(Credential, user_id)
    if user.role is Role.SYSTEM:
        raise NotAllowedError("“系统”用户不能登录，不设密码。")
    found = user.login, kept.password_hash if kept is not None else ""
    session.rollback()
    return found
