"""How people come in: what proves who they are, and the visits that they are signed in for.

Times here are of the wall clock. Visits, sightings and tries are logs of their own and stay out of the audit chain; a
change of credentials and a lock-out are entries of it, without the secrets (services/record/audit.py).
"""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import instant, sealed_text, state


class Credential(SQLModel, table=True):
    """A user's password (argon2) and, when set up, the secret of the one-time codes (RFC 6238)."""

    user_id: int = Field(primary_key=True, foreign_key="user.id")
    password_hash: str = Field(max_length=200)
    set_at: datetime = instant()
    set_by: int = Field(foreign_key="user.id")
    must_change: bool = False  # set by somebody else: to be changed at the next sign-in
    totp_secret: str = sealed_text("credential.totp_secret", 64, default="")
    totp_step: int = 0  # the last time step whose code was used: no code works twice


class SignInEnd(StrEnum):
    """How a visit ended."""

    SIGNED_OUT = "signed_out"  # 退出
    IDLE = "idle"  # 闲置超时
    EXPIRED = "expired"  # 登录满 12 小时
    REPLACED = "replaced"  # 改了密码或被停用


class SignIn(SQLModel, table=True):
    """A visit that somebody is signed in for; the cookie's token is kept as its SHA-256 only."""

    id: int | None = Field(default=None, primary_key=True)
    token_digest: str = Field(unique=True, max_length=64)
    user_id: int = Field(foreign_key="user.id", index=True)
    address: str = Field(default="", max_length=64)
    by_directory: bool = False  # the government's directory vouched, no password was asked for
    opened_at: datetime = instant()
    seen_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    end: SignInEnd | None = state(SignInEnd, default=None)


class SignInTry(SQLModel, table=True):
    """Wrong tries in a row for one login from one place, whether or not there is such a login.

    The login is kept as its SHA-256: people type their password into the wrong field. A place is a browser that this
    login was signed in from before, an address, or (empty) all addresses together.
    """

    login_digest: str = Field(primary_key=True, max_length=64)
    place: str = Field(primary_key=True, max_length=80)
    failures: int
    tried_at: datetime = instant(index=True)
    wait_until: datetime | None = instant(default=None)


class LockOut(SQLModel, table=True):
    """A user was locked out at one place after wrong tries; each is an entry of the audit chain."""

    id: int | None = Field(default=None, primary_key=True)
    login: str = Field(max_length=64)
    address: str = Field(default="", max_length=64)
    locked_at: datetime = instant()
    locked_until: datetime = instant()


class Sighting(SQLModel, table=True):
    """Who looked at what: one row for each application, file or list that somebody opened."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    subject: str = Field(max_length=200, index=True)  # such as application:12
    seen_at: datetime = instant()
