"""Writing down what became of mails while others are still being sent, so that a killed process leaves few in doubt."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor

from sqlalchemy import Engine

from services.clock import Clock
from services.notices.claims import Verdict, record

# A transaction for every mail would take longer than sending it.
_EVERY = 0.05  # seconds
_MOST = 32  # mails; more only while the disk is slower than the mail server


class Recorder:
    """Gathers verdicts for a moment and has them recorded by the executor's thread, one transaction after the other.

    One event loop only.
    """

    def __init__(self, engine: Engine, clock: Clock, thread: Executor) -> None:
        self._engine, self._clock, self._thread = engine, clock, thread
        self._waiting: list[Verdict] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Future[None] | None = None
        self._error: BaseException | None = None

    def add(self, verdict: Verdict) -> None:
        """Have this recorded soon."""
        self._waiting.append(verdict)
        self._plan()

    def check(self) -> None:
        """Raise what recording raised: nothing more is to be sent then."""
        if self._error is not None:
            raise self._error

    async def settle(self) -> None:
        """Return when all that was added is recorded. Raises what recording raised."""
        while self._waiting or self._writing is not None:
            self._flush()
            if self._writing is not None:
                await asyncio.wait([self._writing])
        self.check()

    def _plan(self) -> None:
        if self._writing is not None:
            return
        if len(self._waiting) >= _MOST:
            self._flush()
        elif self._waiting and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting and self._writing is None:
            batch, self._waiting = self._waiting, []
            self._writing = asyncio.get_running_loop().run_in_executor(self._thread, self._record, batch)
            self._writing.add_done_callback(self._written)

    def _written(self, done: asyncio.Future[None]) -> None:
        self._writing = None
        self._error = self._error or done.exception()
        self._plan()

    def _record(self, batch: Sequence[Verdict]) -> None:
        record(self._engine, batch, self._clock.now())
