"""The lease: one live run a cycle. All times here are of the wall clock."""

from datetime import timedelta

from sqlmodel import Session

from models import CycleLease
from services.clock import Clock
from services.record.database import WRITE


def acquire(session: Session, wall: Clock, *, cycle_id: int, holder: str, seconds: int) -> bool:
    """Take or renew the lease. False when another holder's has not run out."""
    session.rollback()
    session.connection(execution_options=WRITE)
    now = wall.now()
    lease = session.get(CycleLease, cycle_id, with_for_update=True)
    if lease is not None and lease.holder != holder and lease.expires_at > now:
        session.rollback()
        return False
    if lease is None:
        lease = CycleLease(cycle_id=cycle_id, holder=holder, acquired_at=now, heartbeat_at=now, expires_at=now)
        session.add(lease)
    if lease.holder != holder:
        lease.holder, lease.acquired_at = holder, now
    lease.heartbeat_at, lease.expires_at = now, now + timedelta(seconds=seconds)
    session.commit()
    return True


def release(session: Session, *, cycle_id: int, holder: str) -> None:
    """Give the lease back; another holder's stays."""
    session.rollback()
    session.connection(execution_options=WRITE)
    lease = session.get(CycleLease, cycle_id, with_for_update=True)
    if lease is not None and lease.holder == holder:
        session.delete(lease)
    session.commit()


def is_free(session: Session, cycle_id: int) -> bool:
    """Whether nobody took the lease, or who took it gave it back: one that ran out is not free."""
    return session.get(CycleLease, cycle_id, populate_existing=True) is None


def holder(session: Session, wall: Clock, cycle_id: int) -> str | None:
    """Who holds a lease that has not run out."""
    lease = session.get(CycleLease, cycle_id, populate_existing=True)
    return lease.holder if lease is not None and lease.expires_at > wall.now() else None
