"""Other platforms that talk to ours: their tokens, and the requests that they may safely repeat."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant


class ApiToken(SQLModel, table=True):
    """What a platform shows to come in, kept as its SHA-256: acts as its user, within its scopes, until it expires."""

    id: int | None = Field(default=None, primary_key=True)
    digest: str = Field(unique=True, max_length=64)
    name: str = Field(max_length=100)
    user_id: int = Field(foreign_key="user.id", index=True)
    scopes: list[str] = document(default_factory=list)
    issued_by: int = Field(foreign_key="user.id")
    issued_at: datetime = instant()
    expires_at: datetime = instant()
    used_at: datetime | None = instant(default=None)  # the last time, to the minute
    ended_at: datetime | None = instant(default=None)


class ApiRequest(SQLModel, table=True):
    """A request that was carried out under its idempotency key; the same again gives the same application."""

    __table_args__ = (UniqueConstraint("token_id", "key"),)

    id: int | None = Field(default=None, primary_key=True)
    token_id: int = Field(foreign_key="apitoken.id")
    key: str = Field(max_length=100)
    request_digest: str = Field(max_length=64)
    application_id: int = Field(foreign_key="application.id")
    received_at: datetime = instant()
