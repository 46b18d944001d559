"""The append-only audit chain: one row a business operation, carrying the hash of the row before."""

from datetime import datetime
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
