"""个人信息清除: what a year kept of persons was erased once its time had come."""

from datetime import datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel

from models.columns import instant


class Erasure(SQLModel, table=True):
    """The erasure of one cycle's personal data; append-only.

    `digest` proves to the keeper of the data keys what it was (services/record/sealing.py), and tells nobody else.
    """

    __table_args__ = (CheckConstraint("length(reason) > 0", name="has_a_reason"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", unique=True)
    applications: int
    files: int  # entries of evidence; the bytes go too unless something else names them
    digest: str = Field(max_length=80)
    reason: str
    user_id: int = Field(foreign_key="user.id")
    erased_at: datetime = instant()
