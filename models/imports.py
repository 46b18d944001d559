"""Files that were imported, with every row that could not be taken."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant, state


class ImportKind(StrEnum):
    """What a file was imported as."""

    APPLICATIONS = "applications"
    LEDGER = "ledger"
    VERIFICATION = "verification"
    PAYMENTS = "payments"


class ImportFile(SQLModel, table=True):
    """One imported file by content; importing it again adds nothing. `scope` is the cycle or the ledger level.

    Another attempt is made only while something of the content may still be taken (services/files/imports.py).
    """

    __table_args__ = (UniqueConstraint("kind", "scope", "sha256", "attempt"),)

    id: int | None = Field(default=None, primary_key=True)
    kind: ImportKind = state(ImportKind)
    scope: str = Field(max_length=64)
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    attempt: int = 1
    rows_added: int = 0
    rows_changed: int = 0  # rows of a ledger that correct what an earlier file said
    rows_known: int = 0
    problems: list[dict[str, Any]] = document(default_factory=list)
    notes: list[dict[str, Any]] = document(default_factory=list)
    user_id: int = Field(foreign_key="user.id")
    imported_at: datetime = instant()
