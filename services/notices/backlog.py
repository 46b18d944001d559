"""What waits in the outbox, for how long, and whether it goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, func, or_, select

from config.settings import Settings
from models import DeliveryAttempt, Message, MessageStatus
from services.clock import Clock
from services.notices.claims import timely
from services.notices.delivery import office_open

PATIENCE = timedelta(minutes=30)  # many rounds of delivery
_LOOKED_AT = timedelta(hours=24)
_FEWEST, _SHARE = 20, 0.3  # attempts of a day from which on their failures are counted, and how many of them are many


@dataclass(frozen=True)
class Refusals:
    """The attempts of the last 24 hours, and how many the server did not take."""

    attempts: int
    refused: int

    @property
    def many(self) -> bool:
        """Whether something must be wrong."""
        return self.attempts >= _FEWEST and self.refused > _SHARE * self.attempts


def oldest(session: Session, settings: Settings, clock: Clock, wall: Clock) -> datetime | None:
    """Since when the oldest message waits that should have gone by now; of the cycle's clock.

    What waits on purpose, for its day or for office hours, is none.
    """
    due = _due(settings, clock.now(), wall.now(), timedelta(0))
    return session.exec(select(_since()).where(due).order_by(_since()).limit(1)).first()


def stuck(session: Session, settings: Settings, clock: Clock, wall: Clock) -> int:
    """How many messages should have gone half an hour ago: nobody delivers, or the server takes nothing."""
    due = _due(settings, clock.now(), wall.now(), PATIENCE)
    return session.exec(select(func.count()).select_from(Message).where(due)).one()


def _due(settings: Settings, now: datetime, wall: datetime, patience: timedelta) -> ColumnElement[bool]:
    """What should have gone that long ago, and already could."""
    then, due = now - patience, wall - patience
    long_open = office_open(settings, now)[0] and office_open(settings, then)[0]
    pending = and_(
        col(Message.status) == MessageStatus.PENDING,
        col(Message.not_before) <= due,
        _since() <= then,
        timely(then, long_open),
    )
    in_doubt = and_(col(Message.status) == MessageStatus.SENDING, col(Message.claimed_until) <= due)
    return or_(pending, in_doubt)


def _since() -> ColumnElement[datetime]:
    """From when on a message may go."""
    return func.coalesce(Message.send_at, Message.queued_at)


def refusals(session: Session, clock: Clock) -> Refusals:
    """How the server took what it was given."""
    since = clock.now() - _LOOKED_AT
    code = col(DeliveryAttempt.code)
    counted = select(func.count(), func.count().filter(or_(code.is_(None), code >= 400)))
    attempts, refused = session.exec(counted.where(col(DeliveryAttempt.tried_at) > since)).one()
    return Refusals(attempts, refused)
