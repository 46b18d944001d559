"""Computed outcomes, the panel's figures, and the frozen, numbered lists that are approved and paid."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, fen, instant, long_text, state


class Outcome(StrEnum):
    """What the policy says of an application."""

    AWARD = "award"  # 予以奖补
    REFERRAL = "referral"  # 转报上级
    REJECTION = "rejected"  # 不予奖补
    CASE_BY_CASE = "case_by_case"  # 一事一议


class ComputationRun(SQLModel, table=True):
    """One computation of all outcomes from one exact set of inputs."""

    __table_args__ = (UniqueConstraint("cycle_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    number: int
    inputs_digest: str = Field(max_length=64)
    policy_sha256: str = Field(max_length=64)
    code_version: str = Field(max_length=64)
    computed_at: datetime = instant()
    warnings: list[str] = document(default_factory=list)


class ComputationInputs(SQLModel, table=True):
    """A part of the exact text over which a computation's ``inputs_digest`` was made, to compute it again."""

    run_id: int = Field(primary_key=True, foreign_key="computationrun.id")
    part: int = Field(default=0, primary_key=True)
    text: str = long_text()


class Award(SQLModel, table=True):
    """The outcome of one application in one computation, with every step of its arithmetic."""

    __table_args__ = (
        UniqueConstraint("run_id", "application_id"),
        CheckConstraint("amount_fen >= 0", name="never_negative"),
        CheckConstraint("outcome IN ('award', 'case_by_case') OR amount_fen = 0", name="only_awards_pay"),
    )

    id: int | None = Field(default=None, primary_key=True)
    run_id: int = Field(foreign_key="computationrun.id", index=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    outcome: Outcome = state(Outcome)
    amount_fen: int = fen(default=0)
    reason: str = ""
    clause: str = Field(default="", max_length=64)
    referral_to: str = ""
    explanation: str = ""
    steps: list[dict[str, Any]] = document(default_factory=list)  # name, label, value, quote, clause


class PanelDecision(SQLModel, table=True):
    """The expert panel's figure for a case-by-case application; append-only, the newest counts."""

    __table_args__ = (
        UniqueConstraint("application_id", "seq"),
        CheckConstraint("amount_fen >= 0", name="not_negative"),
    )

    id: int | None = Field(default=None, primary_key=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    seq: int = 1
    amount_fen: int = fen()
    reason: str
    user_id: int = Field(foreign_key="user.id")
    decided_at: datetime = instant()


class AwardList(SQLModel, table=True):
    """A frozen, numbered version of all outcomes with its digest; never changed."""

    __table_args__ = (UniqueConstraint("cycle_id", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    version: int
    run_id: int = Field(foreign_key="computationrun.id")
    digest: str = Field(max_length=64, index=True)
    total_fen: int = fen()
    prepared_by: int = Field(foreign_key="user.id")
    frozen_at: datetime = instant()


class AwardListEntry(SQLModel, table=True):
    """One line of a frozen list."""

    __table_args__ = (
        UniqueConstraint("list_id", "application_id"),
        CheckConstraint("amount_fen >= 0", name="entry_never_negative"),
    )

    id: int | None = Field(default=None, primary_key=True)
    list_id: int = Field(foreign_key="awardlist.id", index=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    award_id: int = Field(foreign_key="award.id")
    number: str = Field(max_length=32)
    uscc: str = Field(max_length=18)
    enterprise_name: str = Field(max_length=200)
    county: str = Field(max_length=32)
    measure: str = Field(max_length=64)
    outcome: Outcome = state(Outcome)
    amount_fen: int = fen(default=0)
