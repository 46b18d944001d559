"""Documents that the cycle produced, by content."""

from datetime import datetime

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant


class Document(SQLModel, table=True):
    """One file written for a cycle; `subject` is the digest of what it shows."""

    __table_args__ = (UniqueConstraint("cycle_id", "kind", "format", "subject"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    kind: str = Field(max_length=32)
    format: str = Field(max_length=8)
    title: str = Field(max_length=200)
    subject: str = Field(max_length=64)
    path: str = Field(max_length=500)  # relative to the output folder of the settings
    sha256: str = Field(max_length=64)
    written_at: datetime = instant()
