"""追回: an award that has to be returned, wholly or in part, each payment's share of it, and what came back."""

from datetime import date, datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, fen, instant, state


class ClawbackGround(StrEnum):
    """What brought it to light."""

    AUDIT = "audit"  # 审计
    INSPECTION = "inspection"  # 检查
    REPORT = "report"  # 举报
    PERFORMANCE = "performance"  # 绩效
    VOLUNTARY = "voluntary"  # 自行退回


class ClawbackState(StrEnum):
    """What was decided; how much of it has come back follows from the receipts."""

    PROPOSED = "proposed"  # 待决定
    OWED = "owed"  # 决定追回
    DECLINED = "declined"  # 不予追回
    REVOKED = "revoked"  # 撤销


class Clawback(SQLModel, table=True):
    """One case against one paid award. What is proposed does not change; what is decided is added."""

    __table_args__ = (
        CheckConstraint("amount_fen > 0", name="claims_something"),
        CheckConstraint("length(reason) > 0", name="has_a_reason"),
        CheckConstraint("state IN ('proposed', 'revoked') OR decided_by IS NOT NULL", name="somebody_decided"),
        CheckConstraint("decided_by <> proposed_by", name="decided_by_another"),
        CheckConstraint("state <> 'revoked' OR length(revoke_reason) > 0", name="revoked_for_a_reason"),
        CheckConstraint("state <> 'owed' OR due_on IS NOT NULL", name="owed_by_a_day"),
        CheckConstraint("(ban_from IS NULL) = (ban_until IS NULL)", name="a_ban_has_both_ends"),
        CheckConstraint("ban_until >= ban_from", name="a_ban_ends_after_it_begins"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    entry_id: int = Field(foreign_key="awardlistentry.id", index=True)
    inspection_id: int | None = Field(default=None, foreign_key="inspection.id")
    number: str = Field(unique=True, max_length=40)  # 追回编号
    ground: ClawbackGround = state(ClawbackGround)
    untrue: bool = False  # the facts were false, so that later years do not read them either
    reason: str
    clause: str = Field(max_length=64)
    amount_fen: int = fen()
    ban_from: date | None = None
    ban_until: date | None = None
    proposed_by: int = Field(foreign_key="user.id")
    proposed_at: datetime = instant()
    state: ClawbackState = state(ClawbackState, default=ClawbackState.PROPOSED)
    decided_by: int | None = Field(default=None, foreign_key="user.id")
    decided_at: datetime | None = instant(default=None)
    opinion: str = ""
    due_on: date | None = None
    returned_fen: int = fen(default=0)  # what of it had come back when it was decided
    interest_fen: int = fen(default=0)
    interest_steps: list[dict[str, Any]] = document(default_factory=list)
    revoked_by: int | None = Field(default=None, foreign_key="user.id")
    revoked_at: datetime | None = instant(default=None)
    revoke_reason: str = ""


class ClawbackShare(SQLModel, table=True):
    """What of a decided clawback one payment, and so its bearer, gets back; the shares add up to it. Append-only."""

    __table_args__ = (
        UniqueConstraint("clawback_id", "payment_id"),
        CheckConstraint("amount_fen > 0 AND interest_fen >= 0", name="share_of_something"),
    )

    id: int | None = Field(default=None, primary_key=True)
    clawback_id: int = Field(foreign_key="clawback.id", index=True)
    payment_id: int = Field(foreign_key="payment.id", index=True)
    amount_fen: int = fen()
    interest_fen: int = fen(default=0)


class ClawbackReceipt(SQLModel, table=True):
    """Money that came back on a day; append-only. One that was wrong is replaced by a row that `corrects` it."""

    __table_args__ = (
        UniqueConstraint("clawback_id", "seq"),
        UniqueConstraint("corrects"),
        CheckConstraint("amount_fen > 0 OR corrects IS NOT NULL", name="brings_something"),
        CheckConstraint("amount_fen >= 0", name="never_negative"),
        CheckConstraint("corrects IS NULL OR length(note) > 0", name="a_correction_has_a_reason"),
    )

    id: int | None = Field(default=None, primary_key=True)
    clawback_id: int = Field(foreign_key="clawback.id", index=True)
    seq: int
    received_on: date
    amount_fen: int = fen()
    reference: str = Field(default="", max_length=100)
    note: str = Field(default="", max_length=500)
    corrects: int | None = Field(default=None, foreign_key="clawbackreceipt.id")
    user_id: int = Field(foreign_key="user.id")
    recorded_at: datetime = instant()
