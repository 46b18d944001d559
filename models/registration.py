"""What is not on the record yet: registrations waiting to be confirmed, and drafts of applications.

Rows leave these tables when what they prepare is done; a registration that the bureau refused stays with the reason.
What they lead to (a user, a refusal, a submitted application) is in the audit chain.
"""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant, sealed_document


class Registration(SQLModel, table=True):
    """An account that an enterprise asked for; it exists as soon as the link in the mail is confirmed.

    Where the mail address proves nothing (services/enterprise/registration.py), the bureau confirms it too: such a row
    waits from `confirmed_at`. The link's token is kept as its SHA-256 only. Times are of the wall clock.
    """

    id: int | None = Field(default=None, primary_key=True)
    token_digest: str = Field(unique=True, max_length=64)
    uscc: str = Field(max_length=18, index=True)
    name: str = Field(max_length=200)
    kind: str = Field(max_length=32)
    county: str = Field(max_length=32)
    contact: str = Field(max_length=64)
    email: str = Field(max_length=254)
    password_hash: str = Field(max_length=200)
    requested_at: datetime = instant()
    expires_at: datetime = instant()
    confirmed_at: datetime | None = instant(default=None)
    refused_at: datetime | None = instant(default=None)
    refused_by: int | None = Field(default=None, foreign_key="user.id")
    reason: str = ""  # of the refusal


class Draft(SQLModel, table=True):
    """An application being filled in: what was typed, as it was typed. Submitting it makes the application."""

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    enterprise_id: int = Field(foreign_key="enterprise.id", index=True)
    measure: str = Field(max_length=64)
    given: dict[str, str] = sealed_document("draft.given", default_factory=dict)  # text by field
    saved_at: datetime = instant()


class DraftFile(SQLModel, table=True):
    """Evidence uploaded for a draft; its bytes lie in the drafts' folder under their SHA-256."""

    __table_args__ = (UniqueConstraint("draft_id", "evidence", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    draft_id: int = Field(foreign_key="draft.id", index=True)
    evidence: str = Field(max_length=200)
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    size: int
    added_at: datetime = instant()
