"""The exact text of a policy as a cycle used it, by its SHA-256; and policy folders that wait to be approved."""

from datetime import datetime
from enum import StrEnum

from sqlmodel import Field, SQLModel

from models.columns import instant, state


class PolicyVersion(SQLModel, table=True):
    """Kept for ever, so that the same inputs give the same result years later."""

    id: int | None = Field(default=None, primary_key=True)
    policy_id: str = Field(max_length=64, index=True)
    sha256: str = Field(unique=True, max_length=64)
    text: str
    stored_at: datetime = instant()


class DraftState(StrEnum):
    """Where an uploaded policy stands."""

    WAITING = "waiting"  # 待批准
    APPROVED = "approved"  # 已批准并启用
    REFUSED = "refused"  # 已退回


class PolicyDraft(SQLModel, table=True):
    """A policy folder as it was uploaded; no year can use it before somebody else approved it.

    Its files lie under the data folder by `sha256`, the digest of all of them.
    """

    id: int | None = Field(default=None, primary_key=True)
    policy_id: str = Field(max_length=64, index=True)
    sha256: str = Field(max_length=64, index=True)
    status: DraftState = state(DraftState, default=DraftState.WAITING)
    uploaded_by: int = Field(foreign_key="user.id")
    uploaded_at: datetime = instant()
    decided_by: int | None = Field(default=None, foreign_key="user.id")
    decided_at: datetime | None = instant(default=None)
    remark: str = ""
