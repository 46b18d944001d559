"""How people come in: what proves who they are, and the visits that they are signed in for.

Times here are of the wall clock. Both tables are logs of their own and stay out of the audit chain, which would
otherwise hold secrets.
"""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import instant, state


class Credential(SQLModel, table=True):
    """A user's password (argon2) and, when set up, the secret of the one-time codes (RFC 6238)."""

    user_id: int = Field(primary_key=True, foreign_key="user.id")
    password_hash: str = Field(max_length=200)
    set_at: datetime = instant()
    set_by: int = Field(foreign_key="user.id")
    must_change: bool = False  # set by somebody else: to be changed at the next sign-in
    failures: int = 0  # in a row
    locked_until: datetime | None = instant(default=None)
    totp_secret: str = Field(default="", max_length=64)
    totp_step: int = 0  # the last time step whose code was used: no code works twice


class SignInEnd(StrEnum):
    """How a visit ended."""

    SIGNED_OUT = "signed_out"  # 退出
    IDLE = "idle"  # 闲置超时
    REPLACED = "replaced"  # 改了密码或被停用


class SignIn(SQLModel, table=True):
    """A visit that somebody is signed in for; the cookie's token is kept as its SHA-256 only."""

    id: int | None = Field(default=None, primary_key=True)
    token_digest: str = Field(unique=True, max_length=64)
    user_id: int = Field(foreign_key="user.id", index=True)
    address: str = Field(default="", max_length=64)
    opened_at: datetime = instant()
    seen_at: datetime = instant()
    ended_at: datetime | None = instant(default=None)
    end: SignInEnd | None = state(SignInEnd, default=None)


class Sighting(SQLModel, table=True):
    """Who looked at what: one row for each application, file or list that somebody opened."""

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="user.id", index=True)
    subject: str = Field(max_length=200, index=True)  # such as application:12
    seen_at: datetime = instant()
