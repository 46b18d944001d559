"""Money on its way: orders to counties, payments by list entry and bearer of cost, and what came back unpaid."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import CheckConstraint
from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import fen, instant, state


class PaymentOrder(SQLModel, table=True):
    """资金下达 of one approved list to one county's treasury."""

    __table_args__ = (UniqueConstraint("list_id", "county"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    list_id: int = Field(foreign_key="awardlist.id")
    county: str = Field(max_length=32)
    ordered_at: datetime = instant()


class PaymentStatus(StrEnum):
    """Where a payment stands."""

    PENDING = "pending"  # 待拨付
    PAID = "paid"  # 已拨付
    FAILED = "failed"  # 拨付失败


class Payment(SQLModel, table=True):
    """One bearer's share of one award. The shares of an award add up to it to the fen."""

    __table_args__ = (
        UniqueConstraint("entry_id", "bearer"),
        CheckConstraint("amount_fen > 0", name="pays_something"),
        CheckConstraint("status <> 'paid' OR paid_on IS NOT NULL", name="paid_has_a_date"),
        CheckConstraint("status = 'paid' OR paid_on IS NULL", name="a_date_only_when_paid"),
        CheckConstraint("status <> 'failed' OR length(failure) > 0", name="a_failure_has_a_reason"),
    )

    id: int | None = Field(default=None, primary_key=True)
    order_id: int = Field(foreign_key="paymentorder.id", index=True)
    entry_id: int = Field(foreign_key="awardlistentry.id")
    number: str = Field(unique=True, max_length=40)  # 拨付编号, the key of imported results
    bearer: str = Field(max_length=32)  # city, or the county's id
    amount_fen: int = fen()
    status: PaymentStatus = state(PaymentStatus, default=PaymentStatus.PENDING)
    paid_on: date | None = None
    reference: str = Field(default="", max_length=100)
    failure: str = ""
    reported_at: datetime | None = instant(default=None)


class PaymentReturn(SQLModel, table=True):
    """退汇 of a payment that was reported paid, or a wrong report of it: as it stood, and why. Append-only."""

    __table_args__ = (CheckConstraint("length(reason) > 0", name="has_a_reason"),)

    id: int | None = Field(default=None, primary_key=True)
    payment_id: int = Field(foreign_key="payment.id", index=True)
    paid_on: date
    reference: str = Field(default="", max_length=100)
    returned_on: date | None = None  # None: nothing was paid, the report was wrong
    reason: str = Field(max_length=500)
    user_id: int = Field(foreign_key="user.id")
    recorded_at: datetime = instant()
