"""How our mail server does, kept in the record so that all deliverers know: a circuit breaker, and mails a minute.

After three deliveries in a row that could not use it, nothing is sent for five minutes, then for ten, up to an hour;
then one deliverer tries it with one mail. All moments are of the wall clock.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from models import Relay
from services.access.actors import Actor
from services.clock import CHINA, Clock
from services.notices.claims import transaction
from services.record.database import take_turn
from services.record.operation import operation

OPENS_AFTER = 3  # deliveries in a row that could not use the server
_FIRST_PAUSE, _LONGEST_PAUSE = timedelta(minutes=5), timedelta(hours=1)
_JITTER = 0.2
_PROBE = timedelta(minutes=2)  # others wait so long while one tries the server


@dataclass(frozen=True)
class Permit:
    """Whether to send now; `probe`: one mail first; `failed` before. `trouble` says why not (Chinese)."""

    probe: bool = False
    failed: bool = False
    trouble: str | None = None


def server_of(settings: Settings) -> str:
    """The name of our mail server in the record."""
    return f"{settings.smtp_host}:{settings.smtp_port}"[:300]


def relay_of(session: Session, settings: Settings) -> Relay:
    """How our server does."""
    return session.get(Relay, server_of(settings)) or Relay(server=server_of(settings))


def permit(engine: Engine, settings: Settings, wall: datetime) -> Permit:
    """Whether the server may be used now."""
    with transaction(engine) as session:
        relay = _kept(session, settings)
        if relay.closed_until is None:
            return Permit(failed=relay.failures > 0)
        if relay.closed_until > wall:
            return Permit(trouble=paused(relay))
        relay.closed_until = wall + _PROBE
        return Permit(probe=True, failed=True)


def answered(engine: Engine, settings: Settings) -> None:
    """The server could be used."""
    with transaction(engine) as session:
        _open(_kept(session, settings))


def refused(engine: Engine, settings: Settings, reason: str, wall: datetime) -> None:
    """The server could not be used; from the third time in a row on it is left alone for a while."""
    with transaction(engine) as session:
        relay = _kept(session, settings)
        relay.failures, relay.reason = relay.failures + 1, reason
        relay.closed_until = wall + _pause(relay) if relay.failures >= OPENS_AFTER else None


@operation("message.retry")
def retry(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> None:
    """Use the server again at once, because somebody has mended it."""
    _open(_kept(session, settings))


def reserve(engine: Engine, settings: Settings, wall: datetime, count: int) -> tuple[timedelta, timedelta]:
    """Take the next `count` moments for mails: how long to wait for the first, and from each to the next."""
    if not settings.smtp_per_minute:
        return timedelta(), timedelta()
    step = timedelta(minutes=1) / settings.smtp_per_minute
    with transaction(engine) as session:
        relay = _kept(session, settings)
        first = max(wall, relay.next_at or wall)
        relay.next_at = first + count * step
    return first - wall, step


def paused(relay: Relay) -> str:
    """The sentence for a server that is left alone."""
    assert relay.closed_until is not None
    until = f"{relay.closed_until.astimezone(CHINA):%H:%M}"
    return f"{relay.reason}；已连续 {relay.failures} 次，暂停发送到 {until} 再试"


def _kept(session: Session, settings: Settings) -> Relay:
    """The row, for this transaction alone: two deliverers that both make it take turns."""
    take_turn(session)
    relay = relay_of(session, settings)
    session.add(relay)
    return relay


def _open(relay: Relay) -> None:
    relay.failures, relay.closed_until, relay.reason = 0, None, ""


def _pause(relay: Relay) -> timedelta:
    """Doubling, with a jitter that differs from time to time but not from test to test."""
    doublings = min(relay.failures - OPENS_AFTER, 10)
    step = min(_FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
    seed = hashlib.sha256(f"{relay.server} {relay.failures}".encode()).digest()[0] / 255
    return step * (1 - _JITTER + 2 * _JITTER * seed)
