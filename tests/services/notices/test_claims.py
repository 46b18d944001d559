"""A message is claimed by one deliverer at a time, and comes back when its claim has run out."""

import subprocess
import sys
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine
from sqlmodel import select

from config.settings import ROOT, Settings
from models import Channel, Message, MessageStatus
from services.access.actors import system_actor
from services.clock import CHINA, FixedClock
from services.notices.claims import CLAIM, Verdict, claim, delay, record, transaction
from services.notices.kinds import KINDS
from services.notices.mailer import Reply
from services.notices.queueing import queue
from services.notices.samples import sample_context
from services.notices.upcoming import call_off, call_off_past
from services.record.database import engine_of
from tests.services.notices.support import (
    CYCLE_TIME,
    DOMAIN,
    WALL_TIME,
    addresses,
    claimed,
    messages,
    queue_one,
    queue_receipts,
)

_CLAIMER = """
import sys
import time
from datetime import datetime
from services.record.database import engine_of
from tests.services.notices.support import claimed, settings_for
from pathlib import Path
engine = engine_of(settings_for(Path("/nonexistent"), url=sys.argv[1]))
engine.connect().close()
print("ready", flush=True)
sys.stdin.readline()
while rows := claimed(engine, datetime.fromisoformat(sys.argv[2]), 3):
    print(*(row.id for row in rows))
    time.sleep(0.01)  # sending takes time
"""


def test_two_processes_never_claim_the_same_message(either: Settings) -> None:
    engine = engine_of(either)
    queue_receipts(engine, addresses(300))
    command = [sys.executable, "-c", _CLAIMER, either.database_url, WALL_TIME.isoformat()]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    claimers = [subprocess.Popen(command, **pipes) for _ in range(2)]  # type: ignore[call-overload]
    for claimer in claimers:
        assert claimer.stdout.readline() == "ready\n"
    for claimer in claimers:
        claimer.stdin.write("go\n")
        claimer.stdin.flush()
    outputs = [claimer.communicate(timeout=60)[0].split() for claimer in claimers]
    assert all(outputs), "one of them got nothing: they did not run side by side"
    assert sorted(int(number) for output in outputs for number in output) == [row.id for row in messages(engine)]


def test_a_claim_holds_until_it_runs_out_and_counts_an_attempt(engine: Engine) -> None:
    queue_receipts(engine, ["a@example.invalid"])
    (first,) = claimed(engine, WALL_TIME, 10)
    assert (first.attempts, first.claimed_until) == (1, WALL_TIME + CLAIM)
    (row,) = messages(engine)
    assert (row.status, row.attempts, row.claimed_until) == (MessageStatus.SENDING, 1, WALL_TIME + CLAIM)
    assert claimed(engine, WALL_TIME + CLAIM - timedelta(seconds=1), 10) == []
    (again,) = claimed(engine, WALL_TIME + CLAIM, 10)
    assert (again.message_id, again.attempts) == (first.message_id, 2)


def test_a_message_is_not_due_before_its_time(engine: Engine) -> None:
    queue_receipts(engine, ["a@example.invalid"])
    later = WALL_TIME + timedelta(minutes=5)
    record(
        engine, [Verdict(row, MessageStatus.PENDING, "", later) for row in claimed(engine, WALL_TIME, 1)], CYCLE_TIME
    )
    assert claimed(engine, later - timedelta(seconds=1), 1) == []
    assert len(claimed(engine, later, 1)) == 1


@pytest.mark.parametrize(
    ("first", "second", "kept"),
    [
        ((451, MessageStatus.PENDING), (250, MessageStatus.SENT), MessageStatus.SENT),
        ((550, MessageStatus.FAILED), (250, MessageStatus.SENT), MessageStatus.SENT),
        ((250, MessageStatus.SENT), (550, MessageStatus.FAILED), MessageStatus.SENT),
    ],
)
def test_a_late_reply_of_a_lost_claim_does_not_undo_a_sent_mail(
    engine: Engine, first: tuple[int, MessageStatus], second: tuple[int, MessageStatus], kept: MessageStatus
) -> None:
    queue_receipts(engine, ["a@example.invalid"])
    (slow,) = claimed(engine, WALL_TIME, 1)
    (quick,) = claimed(engine, WALL_TIME + CLAIM, 1)
    for message, (code, status) in ((slow, first), (quick, second)):
        record(engine, [Verdict(message, status, str(code), WALL_TIME, Reply(code, ""))], CYCLE_TIME)
    assert messages(engine)[0].status is kept


@pytest.mark.parametrize(
    ("code", "status", "kept"),
    [
        (451, MessageStatus.PENDING, MessageStatus.CANCELLED),
        (550, MessageStatus.FAILED, MessageStatus.CANCELLED),
        (250, MessageStatus.SENT, MessageStatus.SENT),
    ],
)
def test_what_is_called_off_while_it_is_being_sent_is_not_tried_again(
    engine: Engine, code: int, status: MessageStatus, kept: MessageStatus
) -> None:
    queue_receipts(engine, ["a@example.invalid"])
    (message,) = claimed(engine, WALL_TIME, 1)
    with transaction(engine) as session:
        at = FixedClock(CYCLE_TIME), system_actor(session), 1
        assert not call_off(session, *at, kind="receipt", about="application 0"), "its reader may have it"
    record(engine, [Verdict(message, status, str(code), WALL_TIME, Reply(code, ""))], CYCLE_TIME)
    assert messages(engine)[0].status is kept
    assert claimed(engine, WALL_TIME + timedelta(days=1), 1) == []


def test_the_delay_doubles_up_to_four_hours_with_a_jitter_of_a_quarter() -> None:
    minutes = [delay("<a@b>", attempts).total_seconds() / 60 for attempts in range(1, 12)]
    for waited, nominal in zip(minutes, [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240], strict=True):
        assert nominal * 0.75 <= waited <= nominal * 1.25
    others = {delay(f"<{number}@b>", 1) for number in range(50)}
    assert len(others) == 50


def test_what_holds_on_its_day_only_goes_on_that_day_or_when_the_operator_wants(either: Settings) -> None:
    engine = engine_of(either)
    tomorrow = CYCLE_TIME + timedelta(days=1)
    daily = [kind.id for kind in KINDS.values() if kind.of_the_day and kind.id != "office_digest"]

    def kinds(now: datetime) -> set[str]:
        mails = claim(engine, WALL_TIME, 99, channel=Channel.MAIL, now=now, in_hours=True)
        record(engine, [Verdict(mail, MessageStatus.PENDING, "", WALL_TIME) for mail in mails], now)
        return {mail.kind for mail in mails}

    with transaction(engine) as session:
        for kind in (*daily, "supplement_request"):
            queue_one(session, kind=kind)
    evening = CYCLE_TIME.astimezone(CHINA).replace(hour=23, minute=59)
    assert kinds(evening) == {*daily, "supplement_request"}
    assert kinds(evening + timedelta(minutes=1)) == kinds(tomorrow) == {"supplement_request"}
    with transaction(engine) as session:
        session.exec(select(Message).where(Message.kind == daily[0])).one().send_at = tomorrow
    assert kinds(tomorrow) == {daily[0], "supplement_request"}
    with transaction(engine) as session:
        again = ("a@example.invalid", "示例公司", "application 1", sample_context(daily[1]))
        assert not queue(session, FixedClock(tomorrow), 1, daily[1], *again, domain=DOMAIN)
    with transaction(engine) as session:
        called_off = call_off_past(session, FixedClock(tomorrow), system_actor(session))
    assert called_off == len(daily) - 2, "one was moved, one was said anew"
    assert kinds(tomorrow) == {*daily[:2], "supplement_request"}
