"""A mail server that is down is left alone for a while; a limit of mails a minute is kept."""

from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from models import Relay
from services.clock import FixedClock
from services.notices import relays
from services.notices.delivery import DeliveryReport, deliver_due
from services.notices.relays import OPENS_AFTER
from services.record.database import engine_of
from tests.services.notices.support import (
    CYCLE_TIME,
    WALL_TIME,
    Script,
    addresses,
    messages,
    queue_receipts,
    scripted,
    settings_for,
)


@pytest.fixture
def wall() -> FixedClock:
    return FixedClock(WALL_TIME)


def deliver(engine: Engine, wall: FixedClock, port: int, **more: Any) -> DeliveryReport:
    return deliver_due(engine, settings_for(Path("/nonexistent"), port, **more), FixedClock(CYCLE_TIME), wall)


def relay(engine: Engine, port: int) -> Relay:
    with Session(engine) as session:
        return relays.relay_of(session, settings_for(Path("/nonexistent"), port))


def test_a_server_out_of_reach_costs_no_attempt_and_is_left_alone_after_three_times(
    engine: Engine, wall: FixedClock
) -> None:
    queue_receipts(engine, addresses(3))
    with scripted(Script()) as port:
        pass
    for _ in range(OPENS_AFTER):
        report = deliver(engine, wall, port)
        assert (report.sent, report.deferred, report.failed, report.left) == (0, 3, 0, 3)
        assert report.trouble is not None and f"127.0.0.1:{port} 无法使用" in report.trouble
        wall.advance(timedelta(minutes=2))
    paused = deliver(engine, wall, port)
    assert (paused.deferred, paused.left) == (0, 3), "nothing was claimed"
    assert paused.trouble is not None and "已连续 3 次，暂停发送到" in paused.trouble
    assert {row.attempts for row in messages(engine)} == {0}


def test_after_the_pause_one_mail_tries_the_server_and_the_rest_follow(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, addresses(3))
    script = Script()
    with scripted(script) as port:
        settings = settings_for(Path("/nonexistent"), port)
        for _ in range(OPENS_AFTER + 1):
            relays.refused(engine, settings, "发信服务器无法使用", wall.now())
        assert deliver(engine, wall, port).sent == 0 and script.taken == []
        first, known = relay(engine, port).closed_until, wall.now()
        assert first is not None and timedelta(minutes=8) <= first - known <= timedelta(minutes=12), "it doubles"
        wall.set(first)
        assert relays.permit(engine, settings, wall.now()).probe
        assert relays.permit(engine, settings, wall.now()).trouble is not None, "one deliverer tries"
        wall.advance(timedelta(minutes=2))
        assert deliver(engine, wall, port) == DeliveryReport(sent=3)
        assert (relay(engine, port).failures, relay(engine, port).closed_until) == (0, None)


def test_a_failed_trial_leaves_the_server_alone_for_longer(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, addresses(3))
    with scripted(Script()) as port:
        pass
    settings = settings_for(Path("/nonexistent"), port)
    for _ in range(OPENS_AFTER):
        relays.refused(engine, settings, "发信服务器无法使用", wall.now())
    wall.advance(timedelta(minutes=7))
    assert deliver(engine, wall, port).deferred == 1, "one mail tries it"
    assert relay(engine, port).failures == OPENS_AFTER + 1
    assert deliver(engine, wall, port).deferred == 0


def test_mails_a_minute_are_shared_by_all_deliverers(engine: Engine, wall: FixedClock) -> None:
    settings = settings_for(Path("/nonexistent"), 1, smtp_per_minute=120)
    half = timedelta(seconds=0.5)
    assert relays.reserve(engine, settings, wall.now(), 10) == (timedelta(), half)
    assert relays.reserve(engine_of(engine_settings(engine)), settings, wall.now(), 4) == (10 * half, half)
    wall.advance(timedelta(minutes=1))
    assert relays.reserve(engine, settings, wall.now(), 1) == (timedelta(), half), "time that passed is not saved up"


def test_a_limit_spaces_the_mails(engine: Engine, wall: FixedClock) -> None:
    queue_receipts(engine, addresses(4))
    script = Script()
    with scripted(script) as port:
        started = monotonic()
        assert deliver(engine, wall, port, smtp_per_minute=1200, smtp_connections=4) == DeliveryReport(sent=4)
    waited = [at - started for at in script.times]
    assert len(waited) == 4 and all(at >= number * 0.05 for number, at in enumerate(sorted(waited))), waited


def engine_settings(engine: Engine) -> Any:
    return settings_for(Path("/nonexistent"), url=str(engine.url))
