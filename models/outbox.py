"""Notices on their way: the outbox and each attempt to deliver."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlmodel import Field, SQLModel, UniqueConstraint

from models.columns import document, instant, state


class MessageStatus(StrEnum):
    """The life of a message. A crash between sending and recording leaves it `sending` until its claim runs out."""

    PENDING = "pending"  # 待发送
    SENDING = "sending"  # claimed; in doubt once claimed_until has passed
    SENT = "sent"  # 已发送
    FAILED = "failed"  # 退信或多次失败，待经办人处理


class Message(SQLModel, table=True):
    """One notice to one recipient. The same notice is queued once, whatever runs again."""

    __table_args__ = (UniqueConstraint("cycle_id", "kind", "recipient", "about_digest"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    kind: str = Field(max_length=32, index=True)
    recipient: str = Field(max_length=254)
    recipient_name: str = Field(default="", max_length=200)
    about_digest: str = Field(max_length=64)  # of what it is about: application, list, deadline …
    context: dict[str, Any] = document(default_factory=dict)  # what its template needs
    message_id: str = Field(unique=True, max_length=128)
    status: MessageStatus = state(MessageStatus, default=MessageStatus.PENDING)
    queued_at: datetime = instant()
    not_before: datetime = instant(index=True)  # of the wall clock: the next attempt
    claimed_until: datetime | None = instant(default=None)
    attempts: int = 0
    sent_at: datetime | None = instant(default=None)
    last_reply: str = ""


class Dispatch(SQLModel, table=True):
    """A notice that the operator wrote: queued for each recipient once its time has come, unless called off before."""

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    subject: str = Field(max_length=200)
    body: str
    recipients: list[dict[str, str]] = document(default_factory=list)  # name and address
    user_id: int = Field(foreign_key="user.id")
    written_at: datetime = instant()
    send_at: datetime = instant()
    queued_at: datetime | None = instant(default=None)
    called_off_at: datetime | None = instant(default=None)


class DeliveryAttempt(SQLModel, table=True):
    """What the mail server answered; append-only."""

    __table_args__ = (UniqueConstraint("message_id", "number"),)

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    number: int
    code: int | None = None  # None: the connection broke before a reply
    reply: str = ""
    tried_at: datetime = instant()
