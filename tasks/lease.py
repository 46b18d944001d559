"""The one live run of a cycle: a lease, renewed by a thread for as long as the run works."""

import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import SQLAlchemyError

from services.cycle import lease
from services.record.database import session_of
from tasks.context import context

_LOG = logging.getLogger(__name__)
_AGAIN = 1.0  # seconds until a renewal that failed is tried again, after half a minute's waiting on SQLite


class LeaseLostError(Exception):
    """Another run has taken the cycle over; this one stops."""


class Heartbeat:
    """Renews the lease every third of its length, on the machine's clock."""

    def __init__(self, cycle_id: int, holder: str, seconds: int) -> None:
        """Prepare for this holder; `seconds` is the length of the lease."""
        self._cycle_id, self._holder, self._seconds = cycle_id, holder, seconds
        self._stop, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._beat, name="lease", daemon=True)

    def start(self) -> None:
        """Begin to beat."""
        self._thread.start()

    def stop(self) -> None:
        """Beat no more."""
        self._stop.set()
        self._thread.join()

    def check(self) -> None:
        """Raise LeaseLostError when another run has the cycle."""
        if self._lost.is_set() or not _acquire(self._cycle_id, self._holder, self._seconds):
            raise LeaseLostError

    def _beat(self) -> None:
        pause = self._seconds / 3
        while not self._stop.wait(pause):
            try:
                held = _acquire(self._cycle_id, self._holder, self._seconds)
            except SQLAlchemyError:
                _LOG.warning("租约续期未成功，稍后再试", exc_info=True)
                pause = min(_AGAIN, pause)
                continue
            if not held:
                self._lost.set()
                return
            pause = self._seconds / 3


@contextmanager
def held(cycle_id: int, holder: str) -> Iterator[Heartbeat | None]:
    """Hold the cycle's lease; None when another live run has it. Given back at the end, whatever happens."""
    seconds = context().settings.lease_seconds
    if not _acquire(cycle_id, holder, seconds):
        yield None
        return
    heartbeat = Heartbeat(cycle_id, holder, seconds)
    heartbeat.start()
    try:
        yield heartbeat
    finally:
        heartbeat.stop()
        with session_of(context().engine) as session:
            lease.release(session, cycle_id=cycle_id, holder=holder)


def holder(cycle_id: int) -> str | None:
    """The run that has the cycle now."""
    with session_of(context().engine) as session:
        return lease.holder(session, context().wall, cycle_id)


def _acquire(cycle_id: int, holder: str, seconds: int) -> bool:
    with session_of(context().engine) as session:
        return lease.acquire(session, context().wall, cycle_id=cycle_id, holder=holder, seconds=seconds)
