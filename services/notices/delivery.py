"""Delivery: claim a chunk, send it outside of any transaction, record each reply; until nothing is due.

While a chunk is being sent, what came back is recorded and the next chunk is claimed in one thread beside the event
loop, and each mail is built while the one before it is on its way.
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from sqlalchemy import Engine, func
from sqlmodel import Session, col, select

from config.settings import Settings
from models import Channel, Message, MessageStatus
from services.clock import Clock
from services.cycle.calendar import CalendarError
from services.notices import relays
from services.notices.claims import MAX_ATTEMPTS, Claimed, Verdict, claim, due_again
from services.notices.composing import Composer
from services.notices.hours import hours_of
from services.notices.mailer import Outgoing, Pool, Reply
from services.notices.recording import Recorder
from services.notices.rendering import TemplateProblemError
from services.watch import logs

CHUNK = 200
_LOG = logging.getLogger(__name__)
_LONGEST_CHUNK = timedelta(minutes=2)  # with a limit of mails a minute; far shorter than a claim
_LONGEST = timedelta(minutes=20)  # then the next run goes on
_WAITING = col(Message.status).in_([MessageStatus.PENDING, MessageStatus.SENDING])


@dataclass(frozen=True)
class DeliveryReport:
    """What one delivery did. `left` counts all that still wait: deferred, not due, or with another deliverer."""

    sent: int = 0
    deferred: int = 0
    failed: int = 0
    left: int = 0
    trouble: str | None = None  # why something could not be sent (Chinese)


def deliver_due(
    engine: Engine, settings: Settings, clock: Clock, wall: Clock, limit: int | None = None
) -> DeliveryReport:
    """Send what is due, up to `limit` messages. Several processes may do this at once.

    `clock` is the cycle's (the mails' Date, sent_at, office hours); `wall` is the machine's (claims, back-off). Call it
    where no event loop is running. Raises TemplateProblemError or InputError, before anything is claimed, when a
    template or a setting cannot be used.
    """
    kinds = _waiting_kinds(engine)
    if not kinds:
        return DeliveryReport()
    composer = Composer(settings)
    composer.check(kinds)
    in_hours, unknown = office_open(settings, clock.now())
    permit = relays.permit(engine, settings, wall.now())
    if permit.trouble:
        return DeliveryReport(left=_left(engine), trouble=permit.trouble)
    delivery = _Delivery(engine, settings, composer, clock, wall, in_hours, permit.failed)
    report = asyncio.run(delivery.run(limit, probe=permit.probe))
    return replace(report, left=_left(engine), trouble=report.trouble or unknown)


def office_open(settings: Settings, now: datetime) -> tuple[bool, str | None]:
    """Whether notices that are not urgent may go out now, and why that is not known (Chinese)."""
    try:
        return hours_of(settings).open(now), None
    except CalendarError as error:
        return False, f"不急的通知暂不发送：{error}"


@dataclass
class _Delivery:
    engine: Engine
    settings: Settings
    composer: Composer
    clock: Clock
    wall: Clock
    in_hours: bool
    failed_before: bool
    counts: Counter[MessageStatus] = field(default_factory=Counter)
    trouble: str | None = None

    async def run(self, limit: int | None, *, probe: bool) -> DeliveryReport:
        loop, pool = asyncio.get_running_loop(), Pool(self.settings)
        until, room, first = self.wall.now() + _LONGEST, limit, probe
        with ThreadPoolExecutor(1) as thread:
            recorder = Recorder(self.engine, self.clock, thread)
            chunk = await loop.run_in_executor(thread, self._claim, 1 if probe else room)
            try:
                while chunk:
                    room = None if room is None else room - len(chunk)
                    ahead = None if first or self.wall.now() >= until else thread.submit(self._claim, room)
                    await self._chunk(chunk, pool, recorder)
                    recorder.check()
                    following = await asyncio.wrap_future(ahead) if ahead else []
                    if self.trouble:
                        self._give_back(following, recorder)
                        break
                    if first:
                        first, following = False, await loop.run_in_executor(thread, self._claim, room)
                    chunk = following
            finally:
                await recorder.settle()
                await pool.close()
        sent, deferred, failed = (
            self.counts[status] for status in (MessageStatus.SENT, MessageStatus.PENDING, MessageStatus.FAILED)
        )
        return DeliveryReport(sent, deferred, failed, trouble=self.trouble)

    def _claim(self, room: int | None) -> list[Claimed]:
        most = CHUNK
        if self.settings.smtp_per_minute:
            most = max(1, min(CHUNK, self.settings.smtp_per_minute * (_LONGEST_CHUNK // timedelta(minutes=1))))
        most = most if room is None else min(most, room)
        if most <= 0:
            return []
        return claim(
            self.engine, self.wall.now(), most, channel=Channel.MAIL, now=self.clock.now(), in_hours=self.in_hours
        )

    async def _chunk(self, messages: list[Claimed], pool: Pool, recorder: Recorder) -> None:
        by_id = {message.id: message for message in messages}
        wait, step = relays.reserve(self.engine, self.settings, self.wall.now(), len(messages))

        def replied(key: int, reply: Reply) -> None:
            self._conclude(self._verdict(by_id.pop(key), reply), recorder)

        mails = self._mails(messages, by_id, recorder)
        self.trouble = await pool.send_each(mails, replied, wait=wait.total_seconds(), step=step.total_seconds())
        self._note(self.trouble)
        self._give_back(list(by_id.values()), recorder)

    def _mails(self, messages: list[Claimed], open_ones: dict[int, Claimed], recorder: Recorder) -> Iterator[Outgoing]:
        """The mails of a chunk; what cannot be built has failed and does not stop the others."""
        for message in messages:
            key, now = message.id, self.clock.now()
            try:
                content = self.composer.mail(message, now)
            except Exception as error:
                cause = str(error)
                if not isinstance(error, TemplateProblemError):  # a defect of ours; a mail is no reason to stop
                    _LOG.exception("mail %s cannot be built", key)
                    cause = f"程序错误（{type(error).__name__}），详情见日志；请告知管理员。"
                failed = Verdict(open_ones.pop(key), MessageStatus.FAILED, cause, self.wall.now())
                self._conclude(failed, recorder)
            else:
                yield Outgoing(key, self.settings.envelope_sender, message.recipient, content)

    def _note(self, trouble: str | None) -> None:
        """Tell all deliverers how the server does."""
        if trouble:
            relays.refused(self.engine, self.settings, trouble, self.wall.now())
        elif self.failed_before:
            relays.answered(self.engine, self.settings)
            self.failed_before = False

    def _give_back(self, messages: list[Claimed], recorder: Recorder) -> None:
        """What was claimed and not tried waits on."""
        for message in messages:
            again = due_again(message, MessageStatus.PENDING, self.wall.now())
            self._conclude(Verdict(message, MessageStatus.PENDING, self.trouble or "", again), recorder)

    def _verdict(self, message: Claimed, reply: Reply) -> Verdict:
        text = f"{reply.code} {reply.text}" if reply.code else f"连接中断：{reply.text}"
        status = status_after(reply, message.attempts)
        return Verdict(message, status, text, due_again(message, status, self.wall.now()), reply)

    def _conclude(self, verdict: Verdict, recorder: Recorder) -> None:
        recorder.add(verdict)
        self.counts[verdict.status] += 1
        if not _LOG.isEnabledFor(logging.INFO):
            return
        message = verdict.message
        with logs.case(cycle=message.cycle_id, mail=message.id, kind=message.kind):
            _LOG.info("mail %s", verdict.status.value)


def status_after(reply: Reply, attempts: int) -> MessageStatus:
    """RFC 5321: 2xx is taken, 5xx is final, anything else may be tried again, but not for ever."""
    if reply.code is not None and 200 <= reply.code < 300:
        return MessageStatus.SENT
    if reply.code is not None and reply.code >= 500:
        return MessageStatus.FAILED
    return MessageStatus.PENDING if attempts < MAX_ATTEMPTS else MessageStatus.FAILED


def _waiting_kinds(engine: Engine) -> list[str]:
    with Session(engine) as session:
        return list(session.exec(select(Message.kind).where(_WAITING, Message.channel == Channel.MAIL).distinct()))


def _left(engine: Engine) -> int:
    with Session(engine) as session:
        query = select(func.count()).select_from(Message).where(_WAITING, Message.channel == Channel.MAIL)
        return session.exec(query).one()
