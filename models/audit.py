"""The append-only audit chain: one row a business operation, carrying the hash of the row before; and its anchors."""

from datetime import date, datetime
from typing import Any

from sqlmodel import Field, SQLModel

from models.columns import document, instant


class AuditEntry(SQLModel, table=True):
    """Who did what, when, and which rows it changed. `hash` covers everything here and `previous`."""

    seq: int = Field(primary_key=True)
    at: datetime = instant()
    actor: str = Field(max_length=64)
    operation: str = Field(max_length=64, index=True)
    changes: list[dict[str, Any]] = document(default_factory=list)
    previous: str = Field(max_length=64)
    hash: str = Field(unique=True, max_length=64)


class AuditAnchor(SQLModel, table=True):
    """Where the chain stood on a day: its last number and hash, mailed to and printed for the office; append-only.

    `problems` are what a check of the whole chain found on that day.
    """

    id: int | None = Field(default=None, primary_key=True)
    day: date = Field(unique=True)
    seq: int
    hash: str = Field(max_length=64)
    entries: int  # how many since the anchor before
    problems: list[str] = document(default_factory=list)
    taken_at: datetime = instant()


class AnchorStamp(SQLModel, table=True):
    """What a time-stamping authority (RFC 3161) signed of an anchor; append-only."""

    id: int | None = Field(default=None, primary_key=True)
    anchor_id: int = Field(unique=True, foreign_key="auditanchor.id")
    authority: str = Field(max_length=300)
    token: str  # the whole answer (TimeStampResp), base64
    stamped_at: datetime = instant()  # as the authority says
