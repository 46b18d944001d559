"""The exact text of a policy as a cycle used it, by its SHA-256."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from models.columns import instant


class PolicyVersion(SQLModel, table=True):
    """Kept for ever, so that the same inputs give the same result years later."""

    id: int | None = Field(default=None, primary_key=True)
    policy_id: str = Field(max_length=64, index=True)
    sha256: str = Field(unique=True, max_length=64)
    text: str
    stored_at: datetime = instant()
