"""Each notice reaches its mailbox once, whatever the server, the network or the process does."""

import json
from collections import Counter
from datetime import timedelta
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP
from sqlalchemy import Engine
from sqlmodel import Session, select

from config.settings import Settings
from models import DeliveryAttempt, MessageStatus
from services.clock import FixedClock
from services.errors import InputError
from services.notices import delivery
from services.notices.claims import CLAIM, MAX_ATTEMPTS
from services.notices.delivery import DeliveryReport
from services.notices.rendering import Letters, TemplateProblemError
from tests.services.notices.support import (
    CYCLE_TIME,
    WALL_TIME,
    Script,
    addresses,
    copies,
    deliverer,
    kept_mails,
    mailbox,
    messages,
    queue_receipts,
    scripted,
    settings_for,
)

A, B = "a@example.invalid", "b@example.invalid"


@pytest.fixture
def wall() -> FixedClock:
    return FixedClock(WALL_TIME)


def deliver(engine: Engine, wall: FixedClock, port: int, limit: int | None = None, **more: Any) -> DeliveryReport:
    settings = settings_for(Path("/nonexistent"), port, **more)
    return delivery.deliver_due(engine, settings, FixedClock(CYCLE_TIME), wall, limit)


def attempts(engine: Engine) -> list[tuple[int, int | None]]:
    with Session(engine) as session:
        rows = session.exec(select(DeliveryAttempt).order_by(DeliveryAttempt.id))  # type: ignore[arg-type]
        return [(row.number, row.code) for row in rows]


def test_500_notices_arrive_once_each_over_the_pool(engine: Engine, wall: FixedClock, tmp_path: Path) -> None:
    queue_receipts(engine, addresses(500))
    with mailbox(tmp_path / "mails") as port:
        assert deliver(engine, wall, port) == DeliveryReport(sent=500)
        assert deliver(engine, wall, port) == DeliveryReport()
    mails = kept_mails(tmp_path / "mails")
    rows = messages(engine)
    assert Counter(mail["Message-ID"] for mail in mails) == Counter(row.message_id for row in rows)
    assert {mail["To"].addresses[0].addr_spec for mail in mails} == set(addresses(500))
    assert all(row.status is MessageStatus.SENT and row.sent_at == CYCLE_TIME for row in rows)
    assert all(mail["Date"].datetime == CYCLE_TIME for mail in mails)
    assert attempts(engine) == [(1, 250)] * 500 and copies(tmp_path / "mails") == 0


def test_a_temporary_refusal_is_tried_again_later(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, [A, B])
    script = Script(rcpt={A: ["451 4.7.1 greylisted"]}, data={A: ["452 4.3.1 disk full"]})
    with scripted(script) as port:
        assert deliver(engine, wall, port) == DeliveryReport(sent=1, deferred=1, left=1)
        assert deliver(engine, wall, port) == DeliveryReport(left=1), "it is not due yet"
        wall.advance(timedelta(minutes=2))
        assert deliver(engine, wall, port) == DeliveryReport(deferred=1, left=1)
        assert messages(engine)[0].last_reply == "452 4.3.1 disk full"
        wall.advance(timedelta(minutes=4))
        assert deliver(engine, wall, port) == DeliveryReport(sent=1)
    assert len(script.message_ids) == len(set(script.message_ids)) == 2
    assert sorted(attempts(engine)) == [(1, 250), (1, 451), (2, 452), (3, 250)]


def test_a_final_refusal_fails_and_is_not_tried_again(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, [A, B])
    with scripted(Script(rcpt={A: ["550 5.1.1 no such user"]})) as port:
        assert deliver(engine, wall, port) == DeliveryReport(sent=1, failed=1)
        wall.advance(timedelta(days=1))
        assert deliver(engine, wall, port) == DeliveryReport()
    assert messages(engine)[0].last_reply == "550 5.1.1 no such user"


def test_refused_for_the_time_being_too_often_is_refused(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, [A])
    with scripted(Script(rcpt={A: ["451 later"] * 99})) as port:
        for _ in range(MAX_ATTEMPTS - 1):
            assert deliver(engine, wall, port) == DeliveryReport(deferred=1, left=1)
            wall.advance(timedelta(hours=5))
        assert deliver(engine, wall, port) == DeliveryReport(failed=1)
    assert attempts(engine) == [(number, 451) for number in range(1, MAX_ATTEMPTS + 1)]


def test_a_mailbox_that_is_full_over_the_weekend_is_waited_for(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, [A])
    with scripted(Script(rcpt={A: ["452 quota"] * 99})) as port:
        for _ in range(2 * 60):  # half-hours from Friday evening to Monday morning
            assert deliver(engine, wall, port).failed == 0
            wall.advance(timedelta(minutes=30))
    assert messages(engine)[0].status is MessageStatus.PENDING
    with scripted(Script()) as port:
        wall.advance(timedelta(hours=5))
        assert deliver(engine, wall, port) == DeliveryReport(sent=1)


def test_a_connection_broken_before_the_mail_was_taken(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, [A, B])
    script = Script(rcpt={A: ["drop"]})
    with scripted(script) as port:
        report = deliver(engine, wall, port, smtp_connections=1)
        assert (report.sent, report.deferred, report.trouble) == (1, 1, None), "the other went over a new connection"
        wall.advance(timedelta(minutes=2))
        assert deliver(engine, wall, port) == DeliveryReport(sent=1)
    assert len(script.message_ids) == len(set(script.message_ids)) == 2


def test_a_connection_broken_after_the_mail_was_taken_sends_the_same_message_id(
    engine: Engine, wall: FixedClock
) -> None:
    queue_receipts(engine, [A])
    script = Script(data={A: ["drop"]})
    with scripted(script) as port:
        assert deliver(engine, wall, port) == DeliveryReport(deferred=1, left=1)
        assert messages(engine)[0].last_reply.startswith("连接中断")
        wall.advance(timedelta(minutes=2))
        assert deliver(engine, wall, port) == DeliveryReport(sent=1)
    assert script.message_ids == [messages(engine)[0].message_id] * 2
    assert script.taken[0] == script.taken[1]
    assert attempts(engine) == [(1, None), (2, 250)]


def test_a_process_killed_between_sending_and_recording_leaves_no_second_mail(either: Settings, tmp_path: Path) -> None:
    engine = delivery_engine(either)
    queue_receipts(engine, addresses(30))
    folder = tmp_path / "mails"
    with mailbox(folder) as port:
        settings = either.model_copy(update={"smtp_port": port})
        killed = deliverer(settings, WALL_TIME, die="before-record")
        assert killed.wait(timeout=60) == 9
        assert {row.status for row in messages(engine)} == {MessageStatus.SENDING}
        taken = len(kept_mails(folder))
        assert taken > 0, "mails were sent before the first of them was recorded"
        assert report_of(deliverer(settings, WALL_TIME + timedelta(minutes=1))) == DeliveryReport(left=30)
        assert report_of(deliverer(settings, WALL_TIME + CLAIM)) == DeliveryReport(sent=30)
    assert len(kept_mails(folder)) == 30 and copies(folder) == taken
    assert {row.status for row in messages(engine)} == {MessageStatus.SENT}


def test_what_arrived_is_recorded_while_others_are_still_being_sent(engine: Engine, wall: FixedClock) -> None:
    to = addresses(40)
    queue_receipts(engine, to)
    recorded: list[int] = []

    class Slow(Script):
        def _next(self, behaviour: dict[str, list[str]], address: str, server: SMTP) -> str:
            if address == to[-1] and not recorded:
                until = monotonic() + 10
                while (done := sent_of(engine)) < 30 and monotonic() < until:
                    sleep(0.01)
                recorded.append(done)
            return super()._next(behaviour, address, server)

    with scripted(Slow()) as port:
        assert deliver(engine, wall, port, smtp_connections=1) == DeliveryReport(sent=40)
    assert recorded[0] >= 30, "a process killed here would send at most ten again"


def sent_of(engine: Engine) -> int:
    return sum(row.status is MessageStatus.SENT for row in messages(engine))


def test_two_deliverers_at_once_send_no_mail_twice(either: Settings, tmp_path: Path) -> None:
    engine = delivery_engine(either)
    queue_receipts(engine, addresses(300))
    folder = tmp_path / "mails"
    with mailbox(folder) as port:
        settings = either.model_copy(update={"smtp_port": port})
        reports = [report_of(process) for process in [deliverer(settings, WALL_TIME) for _ in range(2)]]
    assert sum(report.sent for report in reports) == 300
    assert len(kept_mails(folder)) == 300 and copies(folder) == 0


def test_the_limit_is_kept(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, addresses(5))
    with scripted(Script()) as port:
        assert deliver(engine, wall, port, 2) == DeliveryReport(sent=2, left=3)
        assert deliver(engine, wall, port, 9) == DeliveryReport(sent=3)


def test_a_broken_template_or_sender_is_told_before_anything_is_claimed(
    engine: Engine, wall: FixedClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue_receipts(engine, [A])
    with pytest.raises(InputError, match="DUIXIAN_MAIL_FROM"):
        deliver(engine, wall, 1, mail_from="nobody")

    def refuse(*_: object) -> None:
        raise TemplateProblemError("邮件模板有误")

    monkeypatch.setattr(Letters, "check", refuse)
    with pytest.raises(TemplateProblemError):
        deliver(engine, wall, 1)
    assert {(row.status, row.attempts) for row in messages(engine)} == {(MessageStatus.PENDING, 0)}


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"context": {"received_at": "昨天"}}, "receipt.j2"),
        ({"recipient": "no address"}, "程序错误（ValueError），详情见日志；请告知管理员。"),
    ],
)
def test_one_notice_that_cannot_be_built_does_not_stop_the_others(
    engine: Engine, wall: FixedClock, change: dict[str, Any], told: str
) -> None:
    queue_receipts(engine, [A, B])
    with Session(engine) as session:
        first = messages(engine)[0]
        first.context = {**first.context, **change.get("context", {})}
        first.recipient = change.get("recipient", first.recipient)
        session.merge(first)
        session.commit()
    with scripted(Script()) as port:
        assert deliver(engine, wall, port) == DeliveryReport(sent=1, failed=1)
    assert told in messages(engine)[0].last_reply


def delivery_engine(settings: Settings) -> Engine:
    from services.record.database import engine_of

    return engine_of(settings)


def report_of(process: Any) -> DeliveryReport:
    """What a deliverer printed."""
    output, _ = process.communicate(timeout=120)
    return DeliveryReport(**json.loads(output))
