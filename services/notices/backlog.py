"""What waits in the outbox, for how long, and whether it goes."""

from dataclasses import dataclass
from datetime import datetime, timedelta

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


def oldest(session: Session) -> datetime | None:
    """Since when the oldest message waits that was neither sent nor given up; of the cycle's clock."""
    waits = col(Message.status).in_((MessageStatus.PENDING, MessageStatus.SENDING))
    return session.exec(select(Message.queued_at).where(waits).order_by(col(Message.queued_at)).limit(1)).first()


def stuck(session: Session, settings: Settings, clock: Clock, wall: Clock) -> int:
    """How many messages should have gone half an hour ago: nobody delivers, or the server takes nothing."""
    then, due = clock.now() - PATIENCE, wall.now() - PATIENCE
    long_open = office_open(settings, clock.now())[0] and office_open(settings, then)[0]
    pending = and_(
        col(Message.status) == MessageStatus.PENDING,
        col(Message.not_before) <= due,
        func.coalesce(Message.send_at, Message.queued_at) <= then,
        timely(then, long_open),
    )
    in_doubt = and_(col(Message.status) == MessageStatus.SENDING, col(Message.claimed_until) <= due)
    return session.exec(select(func.count()).select_from(Message).where(or_(pending, in_doubt))).one()


def refusals(session: Session, clock: Clock) -> Refusals:
    """How the server took what it was given."""
    since = clock.now() - _LOOKED_AT
    code = col(DeliveryAttempt.code)
    counted = select(func.count(), func.count().filter(or_(code.is_(None), code >= 400)))
    attempts, refused = session.exec(counted.where(col(DeliveryAttempt.tried_at) > since)).one()
    return Refusals(attempts, refused)
