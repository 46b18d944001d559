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
    HELD = "held"  # 经办人暂缓
    CANCELLED = "cancelled"  # 经办人撤销，不再发送


class Channel(StrEnum):
    """The way a message goes."""

    MAIL = "mail"
    GROUP = "group"  # the office's group in 钉钉 or 政务微信, by a signed webhook


class MessageAction(StrEnum):
    """What the operator did with a message that waits."""

    HOLD = "hold"  # 暂缓
    RELEASE = "release"  # 恢复按规则发送
    SCHEDULE = "schedule"  # 改到指定时间发送
    CANCEL = "cancel"  # 撤销
    REMARK = "remark"  # 附加说明


class Message(SQLModel, table=True):
    """One notice to one recipient. The same notice is queued once, whatever runs again."""

    __table_args__ = (UniqueConstraint("cycle_id", "kind", "recipient", "about_digest"),)

    id: int | None = Field(default=None, primary_key=True)
    cycle_id: int = Field(foreign_key="cycle.id", index=True)
    kind: str = Field(max_length=32, index=True)
    channel: Channel = state(Channel, default=Channel.MAIL)
    recipient: str = Field(max_length=254, index=True)
    recipient_name: str = Field(default="", max_length=200)
    about_digest: str = Field(max_length=64)  # of what it is about: application, list, deadline …
    context: dict[str, Any] = document(default_factory=dict)  # what its template needs
    message_id: str = Field(unique=True, max_length=128)
    status: MessageStatus = state(MessageStatus, default=MessageStatus.PENDING)
    queued_at: datetime = instant()
    send_at: datetime | None = instant(default=None)  # when the operator wants it sent; else by the rule of its kind
    optional: bool = False  # the recipient may opt out of such mail (List-Unsubscribe)
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


class MessageChange(SQLModel, table=True):
    """What the operator, or the rule of its kind, did with a message that waited; append-only."""

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    action: MessageAction = state(MessageAction)
    send_at: datetime | None = instant(default=None)
    remark: str = Field(default="", max_length=500)
    user_id: int = Field(foreign_key="user.id")
    changed_at: datetime = instant()


class Bounce(SQLModel, table=True):
    """A delivery report (RFC 3464) that came back for a message that a server had taken; append-only."""

    id: int | None = Field(default=None, primary_key=True)
    message_id: int = Field(foreign_key="message.id", index=True)
    sha256: str = Field(unique=True, max_length=64)  # of the report as it came: read once
    recipient: str = Field(max_length=254, index=True)
    final: bool  # no further attempt is made by anybody
    code: str = Field(default="", max_length=16)  # RFC 3463, such as 5.1.1
    text: str = ""  # the other server's words
    read_at: datetime = instant()


class OptOut(SQLModel, table=True):
    """An address that wants no more mail of the kinds that one may refuse."""

    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True, max_length=254)  # in small letters
    opted_out_at: datetime = instant()


class Relay(SQLModel, table=True):
    """How our mail server does, known to all deliverers: the circuit breaker, and the next moment for a mail.

    All moments are of the wall clock.
    """

    server: str = Field(primary_key=True, max_length=300)  # host:port
    failures: int = 0  # in a row
    closed_until: datetime | None = instant(default=None)  # nothing is sent before
    reason: str = ""
    next_at: datetime | None = instant(default=None)  # with a limit of mails a minute
