"""公示 of a frozen list, and the objections raised against it."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant, sealed_text, state


class PublicNotice(SQLModel, table=True):
    """The publication of one frozen list, for at least the working days that the cycle sets."""

    __table_args__ = (UniqueConstraint("list_id"), CheckConstraint("ends_on > starts_on", name="notice_runs"))

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    list_id: int = Field(foreign_key="awardlist.id")
    starts_on: date
    ends_on: date
    published_at: datetime = instant()


class ObjectionStatus(StrEnum):
    """What became of an objection."""

    OPEN = "open"  # 待答复
    UPHELD = "upheld"  # 成立
    DISMISSED = "dismissed"  # 不成立


class Objection(SQLModel, table=True):
    """An objection against a published list; an upheld one leads to re-verification and a new list version."""

    __table_args__ = (CheckConstraint("status = 'open' OR length(answer) > 0", name="an_answer_is_given"),)

    id: int | None = Field(default=None, primary_key=True)
    number: str = Field(unique=True, max_length=32)
    notice_id: int = Field(foreign_key="publicnotice.id", index=True)
    application_id: int | None = Field(default=None, foreign_key="application.id")
    raised_by: str = Field(max_length=100)
    contact: str = sealed_text("objection.contact", 254)
    grounds: str
    received_at: datetime = instant()
    answer_by: date | None = None  # as the receipt said; None: it is from before that was kept
    status: ObjectionStatus = state(ObjectionStatus, default=ObjectionStatus.OPEN)
    answer: str = ""
    answered_by: int | None = Field(default=None, foreign_key="user.id")
    answered_at: datetime | None = instant(default=None)


class ObjectionFile(SQLModel, table=True):
    """A file handed in with an objection; its bytes lie in the attachment store under their SHA-256."""

    __table_args__ = (UniqueConstraint("objection_id", "sha256"),)

    id: int | None = Field(default=None, primary_key=True)
    objection_id: int = Field(foreign_key="objection.id", index=True)
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    size: int
