"""绩效自评: what became of an award, as the enterprise that was paid tells it."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant, state


class AssessmentState(StrEnum):
    """Where a self-assessment stands."""

    ASKED = "asked"  # 待填报
    HANDED_IN = "handed_in"  # 已提交
    GOOD = "good"  # 合格
    LACKING = "lacking"  # 需补充


class SelfAssessment(SQLModel, table=True):
    """One award's self-assessment: its draft by field, and what the office says of what was handed in."""

    __table_args__ = (
        CheckConstraint("state = 'asked' OR handed_in_at IS NOT NULL", name="handed_in_at_a_moment"),
        CheckConstraint("state NOT IN ('good', 'lacking') OR marked_by IS NOT NULL", name="marked_by_somebody"),
        CheckConstraint("state <> 'lacking' OR length(remarks) > 0", name="lacking_says_what"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    entry_id: int = Field(foreign_key="awardlistentry.id", unique=True)
    round: int = 1
    state: AssessmentState = state(AssessmentState, default=AssessmentState.ASKED)
    given: dict[str, str] = document(default_factory=dict)
    due_at: datetime = instant()
    asked_at: datetime = instant()
    saved_at: datetime | None = instant(default=None)
    handed_in_at: datetime | None = instant(default=None)
    remarks: str = Field(default="", max_length=1000)
    marked_by: int | None = Field(default=None, foreign_key="user.id")
    marked_at: datetime | None = instant(default=None)


class HandedIn(SQLModel, table=True):
    """What was handed in once: the answers in their stored spelling, and the fields that were asked; append-only.

    `fields` are written like facts of a policy; empty when it is not known which were asked.
    """

    __table_args__ = (UniqueConstraint("assessment_id", "round"),)

    id: int | None = Field(default=None, primary_key=True)
    assessment_id: int = Field(foreign_key="selfassessment.id", index=True)
    round: int
    given: dict[str, str] = document(default_factory=dict)
    fields: list[dict[str, Any]] = document(default_factory=list)
    user_id: int = Field(foreign_key="user.id")
    handed_in_at: datetime = instant()
