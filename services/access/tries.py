"""Wrong tries to sign in, counted by login and place, so that a stranger's tries do not lock out the owner.

A browser from which the login was signed in before is a place of its own; any other counts by its address. Five wrong
tries in a row lock that place. Strangers are slowed down together: from the eleventh wrong try for a login on, each
makes all of them wait, twice as long as the one before and a minute at most. None of this depends on whether there is
such a login. Times are of the wall clock.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlmodel import Session, col, delete, select

from models import SignIn, SignInTry, User

AT_ONE_PLACE = 5
LOCKED_FOR = timedelta(minutes=15)
FREE = 10  # wrong tries of strangers for one login before they are slowed down
LONGEST_WAIT = timedelta(minutes=1)
FORGOTTEN_AFTER = timedelta(hours=24)
KNOWN_FOR = timedelta(days=180)
_STRANGERS = ""


@dataclass(frozen=True)
class Place:
    """Where somebody tries a login from; strangers are no browser that the login is known to have used."""

    login_digest: str
    name: str
    stranger: bool


def place_of(session: Session, now: datetime, *, login: str, address: str, browser: str) -> Place:
    """The place of a try; `browser` is the mark that the browser was given when somebody signed in with it."""
    known = (
        browser
        and session.exec(
            select(SignIn.id)
            .join(User, col(User.id) == SignIn.user_id)
            .where(User.login == login, SignIn.token_digest == browser, col(SignIn.opened_at) > now - KNOWN_FOR)
        ).first()
    )
    name = f"browser:{browser}" if known else f"address:{address}"
    return Place(_digest(login), name, stranger=not known)


def own_place(login: str) -> Place:
    """The place of somebody who is signed in and types the own password again."""
    return Place(_digest(login), "account", stranger=False)


def patience(session: Session, now: datetime, place: Place) -> str:
    """A sentence when this place must wait before it tries again, else nothing."""
    rows = [session.get(SignInTry, (place.login_digest, name)) for name in _names(place)]
    until = max((row.wait_until for row in rows if row is not None and row.wait_until is not None), default=now)
    if until <= now:
        return ""
    seconds = -(-(until - now) // timedelta(seconds=1))
    told = f"{seconds} 秒" if seconds < 60 else f"{-(-seconds // 60)} 分钟"
    return f"尝试次数过多，请 {told}后再试；忘记密码请找管理员重设。"


def count(session: Session, now: datetime, place: Place) -> datetime | None:
    """Count a wrong try; until when the place is locked, if this one locked it. Within a writing transaction."""
    session.exec(delete(SignInTry).where(col(SignInTry.tried_at) < now - FORGOTTEN_AFTER))
    here = _counted(session, now, place, place.name)
    if place.stranger:
        over = _counted(session, now, place, _STRANGERS)
        _slow_down(over, now)
    if here.failures < AT_ONE_PLACE:
        return None
    here.failures, here.wait_until = 0, now + LOCKED_FOR
    return here.wait_until


def forget(session: Session, place: Place) -> None:
    """Begin to count anew at a place where somebody came in. Within a writing transaction."""
    session.exec(
        delete(SignInTry).where(col(SignInTry.login_digest) == place.login_digest, col(SignInTry.place) == place.name)
    )


def forget_all(session: Session, login: str) -> None:
    """Begin to count anew everywhere: the login has a new password. Within a writing transaction."""
    session.exec(delete(SignInTry).where(col(SignInTry.login_digest) == _digest(login)))


def _names(place: Place) -> tuple[str, ...]:
    return (place.name, _STRANGERS) if place.stranger else (place.name,)


def _counted(session: Session, now: datetime, place: Place, name: str) -> SignInTry:
    row = session.get(SignInTry, (place.login_digest, name))
    row = row or SignInTry(login_digest=place.login_digest, place=name, failures=0, tried_at=now)
    row.failures, row.tried_at = row.failures + 1, now
    session.add(row)
    return row


def _slow_down(strangers: SignInTry, now: datetime) -> None:
    over = strangers.failures - FREE
    if over > 0:
        strangers.wait_until = now + min(timedelta(seconds=2 ** min(over, 10)), LONGEST_WAIT)


def _digest(login: str) -> str:
    return hashlib.sha256(login.encode()).hexdigest()
