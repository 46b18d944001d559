"""禁止申报: from when to when an enterprise may not apply, and why; and which applications that ended."""

from datetime import date, datetime

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.application import ApplicationStatus
from models.columns import instant, state


class Ban(SQLModel, table=True):
    """One ban, both days included: part of a clawback's decision, or entered by hand (失信名单 …)."""

    __table_args__ = (
        UniqueConstraint("clawback_id"),
        CheckConstraint("until >= starts_on", name="ends_after_it_begins"),
        CheckConstraint("length(reason) > 0 AND length(clause) > 0", name="has_a_reason_and_a_clause"),
        CheckConstraint("(lifted_by IS NULL) = (lifted_at IS NULL)", name="lifted_by_somebody"),
        CheckConstraint("lifted_at IS NULL OR length(lift_reason) > 0", name="lifted_for_a_reason"),
    )

    id: int | None = Field(default=None, primary_key=True)
    uscc: str = Field(index=True, min_length=18, max_length=18)  # who may not be on the register yet
    name: str = Field(max_length=200)
    clawback_id: int | None = Field(default=None, foreign_key="clawback.id")
    starts_on: date
    until: date
    reason: str = Field(max_length=500)
    clause: str = Field(max_length=64)
    imposed_by: int = Field(foreign_key="user.id")
    imposed_at: datetime = instant()
    lifted_by: int | None = Field(default=None, foreign_key="user.id")
    lifted_at: datetime | None = instant(default=None)
    lift_reason: str = Field(default="", max_length=500)


class Barring(SQLModel, table=True):
    """An application that a ban ended, and where it stood; append-only, the newest of an application counts."""

    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    ban_id: int = Field(foreign_key="ban.id", index=True)
    stood_at: ApplicationStatus = state(ApplicationStatus)
    barred_at: datetime = instant()
