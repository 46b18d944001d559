"""Writing down what became of mails while others are still being sent, so that a killed process leaves few in doubt."""

import asyncio
from collections.abc import Sequence
from concurrent.futures import Executor, Future

from sqlalchemy import Engine

from services.clock import Clock
from services.notices.claims import Verdict, record

# A transaction for every mail would take longer than sending it.
_EVERY = 0.05  # seconds
_MOST = 32  # mails


class Recorder:
    """Gathers verdicts for a moment and has them recorded by the executor's one thread. One event loop only."""

    def __init__(self, engine: Engine, clock: Clock, thread: Executor) -> None:
        self._engine, self._clock, self._thread = engine, clock, thread
        self._waiting: list[Verdict] = []
        self._timer: asyncio.TimerHandle | None = None
        self._writing: list[Future[None]] = []

    def add(self, verdict: Verdict) -> None:
        """Have this recorded soon."""
        self._waiting.append(verdict)
        if len(self._waiting) >= _MOST:
            self._flush()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_EVERY, self._flush)

    async def settle(self) -> None:
        """Return when all that was added is recorded. Raises what recording raised."""
        self._flush()
        writing, self._writing = self._writing, []
        for each in writing:
            await asyncio.wrap_future(each)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._waiting:
            batch, self._waiting = self._waiting, []
            self._writing.append(self._thread.submit(self._record, batch))

    def _record(self, batch: Sequence[Verdict]) -> None:
        record(self._engine, batch, self._clock.now())
