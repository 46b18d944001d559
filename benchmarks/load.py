"""Requests a second and the slow tail of a page: a small HTTP/1.1 client on asyncio streams, cheap beside a server."""

import asyncio
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode


@dataclass(frozen=True)
class Call:
    """One request; `form` makes it a POST."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)
    form: dict[str, str] | None = None

    def encoded(self) -> bytes:
        """The request as it goes over the wire."""
        body = urlencode(self.form).encode() if self.form is not None else b""
        lines = [f"{'GET' if self.form is None else 'POST'} {self.path} HTTP/1.1", "Host: 127.0.0.1"]
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.form is not None:
            lines += [f"Content-Length: {len(body)}", "Content-Type: application/x-www-form-urlencoded"]
        return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass(frozen=True)
class Measured:
    """What a series of requests came to; seconds."""

    statuses: dict[int, int]
    seconds: float
    times: Sequence[float]

    @property
    def a_second(self) -> float:
        """Requests a second."""
        return len(self.times) / self.seconds

    @property
    def p95(self) -> float:
        """The time that 95 of 100 requests stayed within."""
        return statistics.quantiles(self.times, n=20)[-1] if len(self.times) > 1 else self.times[0]

    def __str__(self) -> str:
        told = "、".join(f"{status}×{count}" for status, count in sorted(self.statuses.items()))
        return f"{self.a_second:8.1f}/s  p50 {statistics.median(self.times):7.3f} s  p95 {self.p95:7.3f} s  {told}"


def measure(port: int, calls: Sequence[Call], *, at_once: int) -> Measured:
    """Make all the calls, `at_once` of them at a time, each visitor on a connection of its own."""
    return asyncio.run(_measure(port, calls, at_once))


async def _measure(port: int, calls: Sequence[Call], at_once: int) -> Measured:
    waiting = list(reversed(calls))
    times: list[float] = []
    statuses: dict[int, int] = {}

    async def visitor() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            call, started = waiting.pop(), time.perf_counter()
            writer.write(call.encoded())
            status = await _answer(reader)
            times.append(time.perf_counter() - started)
            statuses[status] = statuses.get(status, 0) + 1
        writer.close()

    started = time.perf_counter()
    await asyncio.gather(*(visitor() for _ in range(at_once)))
    return Measured(statuses, time.perf_counter() - started, times)


async def _answer(reader: asyncio.StreamReader) -> int:
    """The status of an answer, read to its end."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            await reader.readexactly(size + 2)
        await reader.readline()
    else:
        length = next(line for line in head.split("\r\n") if line.startswith("content-length:"))
        await reader.readexactly(int(length.partition(":")[2]))
    return int(head.split(" ", 2)[1])
