"""A year of awards: the cycle, its visits to stages, the decisions at its gates and the lease of its one live run."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint, Index, text
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant, state


class CycleStatus(StrEnum):
    """Whether the cycle is under way."""

    OPEN = "open"  # 进行中
    CLOSED = "closed"  # 已归档
    CANCELLED = "cancelled"  # 已终止


class Cycle(SQLModel, table=True):
    """One policy in one statistics year. `stage` is where it stands; the order is in config/cycle.yaml."""

    __table_args__ = (
        UniqueConstraint("policy_id", "year"),
        CheckConstraint("year BETWEEN 2000 AND 2100", name="year_range"),
    )

    id: int | None = Field(default=None, primary_key=True)
    policy_id: str = Field(max_length=64)
    year: int
    policy_version_id: int = Field(foreign_key="policyversion.id")
    status: CycleStatus = state(CycleStatus, default=CycleStatus.OPEN)
    stage: str = Field(max_length=32)
    overrides: dict[str, dict[str, str]] = document(default_factory=dict)
    cost_sharing: dict[str, str] = document(default_factory=dict)  # county id → the county's share, e.g. "40%"
    opened_by: int = Field(foreign_key="user.id")
    opened_at: datetime = instant()
    closed_at: datetime | None = instant(default=None)
    failure: str | None = None  # why the last run of the current stage failed; cleared when it goes on
    flow_run_id: str | None = Field(default=None, max_length=64)  # the run to wake; only a hint, never the record


class VisitResult(StrEnum):
    """How a visit to a stage ended."""

    PASSED = "passed"  # 通过
    RETURNED = "returned"  # 退回
    REOPENED = "reopened"  # a later stage led back, e.g. an objection was upheld


class StageVisit(SQLModel, table=True):
    """One visit of the cycle to a stage; a return makes a new visit, nothing is overwritten."""

    __table_args__ = (
        UniqueConstraint("cycle_id", "stage", "number"),
        CheckConstraint("(left_at IS NULL) = (result IS NULL)", name="left_with_result"),
        Index(
            "one_current_visit",
            "cycle_id",
            unique=True,
            sqlite_where=text("left_at IS NULL"),
            postgresql_where=text("left_at IS NULL"),
        ),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    stage: str = Field(max_length=32)
    number: int
    entered_at: datetime = instant()
    due_at: datetime | None = instant(default=None)
    work_done_at: datetime | None = instant(default=None)
    left_at: datetime | None = instant(default=None)
    result: VisitResult | None = state(VisitResult, default=None)
    summary: dict[str, Any] = document(default_factory=dict)


class DecisionKind(StrEnum):
    """What somebody decided at a gate."""

    APPROVE = "approve"  # 同意
    RETURN = "return"  # 退回
    OVERRIDE = "override"  # 经办人说明理由放行
    EXTEND = "extend"  # 延长期限
    CLOSE_EARLY = "close_early"  # 提前截止受理
    CORRECTED = "corrected"  # 按退回意见改正完毕


class Decision(SQLModel, table=True):
    """A person's decision at a gate about one exact subject (its SHA-256); append-only."""

    __table_args__ = (
        Index(
            "one_approval_a_step",
            "visit_id",
            "digest",
            "step",
            unique=True,
            sqlite_where=text("kind = 'approve'"),
            postgresql_where=text("kind = 'approve'"),
        ),
        Index(
            "one_approval_a_person",
            "visit_id",
            "digest",
            "user_id",
            unique=True,
            sqlite_where=text("kind = 'approve'"),
            postgresql_where=text("kind = 'approve'"),
        ),
        CheckConstraint("kind = 'approve' OR length(reason) > 0", name="a_reason_is_given"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    visit_id: int = Field(foreign_key="stagevisit.id", index=True)
    kind: DecisionKind = state(DecisionKind)
    step: int = 0
    digest: str = Field(default="", max_length=64)
    user_id: int = Field(foreign_key="user.id")
    reason: str = ""
    decided_at: datetime = instant()


class CycleLease(SQLModel, table=True):
    """The one live run of a cycle. Times here are of the wall clock, not of the cycle's clock."""

    cycle_id: int = Field(primary_key=True, foreign_key="cycle.id")
    holder: str = Field(max_length=64)
    acquired_at: datetime = instant()
    heartbeat_at: datetime = instant()
    expires_at: datetime = instant()
