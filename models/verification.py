"""Who is asked to check an application (county first, then every bureau of the measure) and what they replied."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint, Index
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant, state


class ReviewerKind(StrEnum):
    """Who is asked."""

    COUNTY = "county"
    BUREAU = "bureau"


class RequestStatus(StrEnum):
    """Where a request stands."""

    OPEN = "open"  # 待回复
    ANSWERED = "answered"  # 已回复
    OVERRIDDEN = "overridden"  # 经办人说明理由视同无意见
    CANCELLED = "cancelled"  # no longer needed


class VerificationRequest(SQLModel, table=True):
    """One question to one county or bureau about one application; `round` grows when it is asked again."""

    __table_args__ = (
        UniqueConstraint("application_id", "kind", "reviewer", "round"),
        Index("ix_verificationrequest_by_reviewer", "cycle_id", "kind", "status", "reviewer", "due_at"),
    )

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    application_id: int = Field(foreign_key="application.id", index=True)
    kind: ReviewerKind = state(ReviewerKind)
    reviewer: str = Field(max_length=32, index=True)  # county or bureau id
    round: int = 1
    facts: list[str] = document(default_factory=list)  # which facts it verifies; may be empty (opinion only)
    status: RequestStatus = state(RequestStatus, default=RequestStatus.OPEN)
    assigned_to: int | None = Field(default=None, foreign_key="user.id", index=True)  # 交由本单位谁办理; None: anybody
    sent_at: datetime = instant()
    due_at: datetime = instant()


class Opinion(StrEnum):
    """The reviewer's opinion on the application as a whole."""

    AGREE = "agree"  # 同意
    REFUSE = "refuse"  # 不同意


class VerificationReply(SQLModel, table=True):
    """The reply to a request; append-only, one a request."""

    __table_args__ = (
        UniqueConstraint("request_id"),
        CheckConstraint("opinion = 'agree' OR length(reason) > 0", name="a_refusal_has_a_reason"),
    )

    id: int | None = Field(default=None, primary_key=True)
    request_id: int = Field(foreign_key="verificationrequest.id")
    opinion: Opinion = state(Opinion)
    reason: str = ""
    user_id: int = Field(foreign_key="user.id")
    replied_at: datetime = instant()
