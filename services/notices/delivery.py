"""Delivery: claim a chunk, send it outside of any transaction, record the replies; until nothing is due."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from config.settings import Settings
from models import Message, MessageStatus
from services.clock import CHINA, Clock
from services.errors import InputError
from services.mailer import Batch, Outgoing, Pool, Reply
from services.notices.addresses import trouble_with
from services.notices.building import build
from services.notices.claims import MAX_ATTEMPTS, Verdict, claim, delay, record
from services.notices.rendering import Letters, TemplateProblemError

CHUNK = 200
_WAITING = col(Message.status).in_([MessageStatus.PENDING, MessageStatus.SENDING])


@dataclass(frozen=True)
class DeliveryReport:
    """What one delivery did. `left` counts all that still wait: deferred, not reached, or with another deliverer."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    left: int = 0
    trouble: str | None = None  # why the server could not be used (Chinese); delivery stopped there


def deliver_due(
    engine: Engine, settings: Settings, clock: Clock, wall: Clock, limit: int | None = None
) -> DeliveryReport:
    """Send what is due, up to `limit` messages. Several processes may do this at once.

    `clock` is the cycle's (the mails' Date, sent_at); `wall` is the machine's (claims, back-off). Call it where no
    event loop is running. Raises TemplateProblemError or InputError, before anything is claimed, when a template or
    the sender's address cannot be used.
    """
    kinds = _waiting_kinds(engine)
    if not kinds:
        return DeliveryReport()
    letters = Letters(settings)
    letters.check(kinds)
    trouble = trouble_with(settings.mail_from)
    if trouble:
        raise InputError(f"设置 DUIXIAN_MAIL_FROM（发件人地址）有误：{trouble}")
    with asyncio.Runner() as runner:
        pool = Pool(settings)
        try:
            return _Delivery(engine, settings, letters, clock, wall, runner, pool).run(limit)
        finally:
            runner.run(pool.close())


@dataclass(frozen=True)
class _Delivery:
    engine: Engine
    settings: Settings
    letters: Letters
    clock: Clock
    wall: Clock
    runner: asyncio.Runner
    pool: Pool

    def run(self, limit: int | None) -> DeliveryReport:
        report, taken = DeliveryReport(), 0
        while report.trouble is None and (limit is None or taken < limit):
            room = CHUNK if limit is None else min(CHUNK, limit - taken)
            messages = claim(self.engine, self.wall.now(), room)
            if not messages:
                break
            taken += len(messages)
            report = self._chunk(messages, report)
        return replace(report, left=_left(self.engine))

    def _chunk(self, messages: list[Message], report: DeliveryReport) -> DeliveryReport:
        unbuilt: dict[int, str] = {}
        mails = list(self._mails(messages, unbuilt))
        batch = self.runner.run(self.pool.send(mails))
        verdicts = [self._verdict(message, batch, unbuilt) for message in messages]
        record(self.engine, verdicts, self.clock.now())
        found = [verdict.status for verdict in verdicts]
        return DeliveryReport(
            sent=report.sent + found.count(MessageStatus.SENT),
            deferred=report.deferred + found.count(MessageStatus.PENDING),
            failed=report.failed + found.count(MessageStatus.FAILED),
            trouble=batch.trouble,
        )

    def _mails(self, messages: list[Message], unbuilt: dict[int, str]) -> Iterator[Outgoing]:
        """The mails of a chunk; what cannot be built is told in `unbuilt` and does not stop the others."""
        for message in messages:
            assert message.id is not None
            try:
                content = mail_of(message, self.letters, self.settings, self.clock)
            except TemplateProblemError as error:
                unbuilt[message.id] = str(error)
            else:
                yield Outgoing(message.id, self.settings.mail_from, message.recipient, content)

    def _verdict(self, message: Message, batch: Batch, unbuilt: dict[int, str]) -> Verdict:
        assert message.id is not None
        now = self.wall.now()
        if message.id in unbuilt:
            return Verdict(message, MessageStatus.FAILED, unbuilt[message.id], now)
        reply = batch.replies.get(message.id)
        if reply is None:
            return Verdict(message, MessageStatus.PENDING, batch.trouble or "", now + delay(message))
        status = _status_after(reply, message.attempts)
        text = f"{reply.code} {reply.text}" if reply.code else f"连接中断：{reply.text}"
        return Verdict(message, status, text, now + delay(message), reply)


def mail_of(message: Message, letters: Letters, settings: Settings, clock: Clock) -> bytes:
    """The mail of a message as it goes out now. Raises TemplateProblemError."""
    now = clock.now()
    letter = letters.render(message.kind, message.context, message.recipient_name, now.astimezone(CHINA).date())
    return build(
        letter,
        settings,
        recipient=message.recipient,
        recipient_name=message.recipient_name,
        message_id=message.message_id,
        at=now,
    )


def _status_after(reply: Reply, attempts: int) -> MessageStatus:
    """RFC 5321: 2xx is taken, 5xx is final, anything else may be tried again, but not for ever."""
    if reply.code is not None and 200 <= reply.code < 300:
        return MessageStatus.SENT
    if reply.code is not None and reply.code >= 500:
        return MessageStatus.FAILED
    return MessageStatus.PENDING if attempts < MAX_ATTEMPTS else MessageStatus.FAILED


def _waiting_kinds(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(Message.kind).where(_WAITING).distinct()))


def _left(engine: Engine) -> int:
    with Session(engine) as session:
        return session.exec(select(func.count()).select_from(Message).where(_WAITING)).one()
