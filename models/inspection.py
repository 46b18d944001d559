"""检查、审计: what was looked at after an award was paid, by whom, and what was found."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import instant, state


class InspectionKind(StrEnum):
    """Who looks."""

    AUDIT = "audit"  # 审计
    FINANCE = "finance"  # 财政监督检查
    BUREAU = "bureau"  # 主管部门检查
    THIRD_PARTY = "third_party"  # 第三方核查


class Inspection(SQLModel, table=True):
    """One look at one award; open until it was closed with a conclusion, or a clawback was opened on it."""

    __table_args__ = (
        CheckConstraint("length(inspector) > 0 AND length(finding) > 0", name="says_who_and_what"),
        CheckConstraint("(closed_by IS NULL) = (closed_at IS NULL)", name="closed_by_somebody"),
        CheckConstraint("closed_at IS NULL OR length(conclusion) > 0", name="closed_with_a_conclusion"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    entry_id: int = Field(foreign_key="awardlistentry.id", index=True)
    kind: InspectionKind = state(InspectionKind)
    inspector: str = Field(max_length=100)
    inspected_on: date
    finding: str = Field(max_length=4000)
    user_id: int = Field(foreign_key="user.id")
    recorded_at: datetime = instant()
    conclusion: str = Field(default="", max_length=1000)
    closed_by: int | None = Field(default=None, foreign_key="user.id")
    closed_at: datetime | None = instant(default=None)


class InspectionFile(SQLModel, table=True):
    """A file of an inspection, kept with the evidence by its SHA-256."""

    __table_args__ = (UniqueConstraint("inspection_id", "sha256"), CheckConstraint("size > 0", name="not_empty"))

    id: int | None = Field(default=None, primary_key=True)
    inspection_id: int = Field(foreign_key="inspection.id", index=True)
    filename: str = Field(max_length=255)
    sha256: str = Field(max_length=64)
    size: int
