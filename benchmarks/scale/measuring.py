"""What a stage costs: wall and CPU seconds, rows written, statements sent, and the greatest memory while it works."""

import json
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil
from sqlalchemy import Engine, event, text
from sqlmodel import SQLModel

_MIB = 1024


@dataclass
class Cost:
    """The cost of one stage. `server_cpu` is what a database server of its own took; memory is this process's alone."""

    wall: float = 0.0
    cpu: float = 0.0
    server_cpu: float = 0.0
    rows: int = 0
    statements: int = 0
    peak_mib: float = 0.0

    @property
    def both(self) -> float:
        """CPU seconds on both sides."""
        return self.cpu + self.server_cpu


@dataclass(frozen=True)
class Run:
    """One size on one database. `outcome` is digest and sum of the list, `load` the machine's when it began, and
    `record_mib` the size of SQLite's file in the end."""

    database: str
    size: int
    costs: dict[str, Cost]
    outcome: str
    load: float
    record_mib: float | None

    @property
    def total(self) -> Cost:
        """Everything together; the greatest memory."""
        each = list(self.costs.values())
        return Cost(
            wall=sum(cost.wall for cost in each),
            cpu=sum(cost.cpu for cost in each),
            server_cpu=sum(cost.server_cpu for cost in each),
            rows=sum(cost.rows for cost in each),
            statements=sum(cost.statements for cost in each),
            peak_mib=max(cost.peak_mib for cost in each),
        )


@dataclass(frozen=True)
class Pair:
    """What the plain loop took, and what the engine with so many workers took, started or woken so many times."""

    database: str
    size: int
    workers: int
    plain: Cost
    wall: float
    cpu: float  # of the servers, the workers, and the flow's processes
    starts: int
    load: float

    @property
    def overhead(self) -> float:
        """The share of wall time that the engine adds."""
        return self.wall / self.plain.wall - 1


class Meter:
    """Measures what is done on an engine; `server` is the process id of its PostgreSQL."""

    def __init__(self, engine: Engine, server: int | None) -> None:
        self._engine, self._server = engine, server
        self.costs: dict[str, Cost] = {}
        self._statements = 0
        event.listen(engine, "before_cursor_execute", self._count)

    def run(self, stage: str, work: Callable[[], Any]) -> None:
        """Do some of a stage's work, and add what it took."""
        cost = self.costs.setdefault(stage, Cost())
        rows, statements = self._rows(), self._statements
        _forget_peak()
        cpu, database_cpu, wall = _cpu(), server_cpu(self._server), time.perf_counter()
        work()
        cost.wall += time.perf_counter() - wall
        cost.cpu += _cpu() - cpu
        cost.server_cpu += server_cpu(self._server) - database_cpu
        cost.statements += self._statements - statements
        cost.peak_mib = max(cost.peak_mib, _peak())
        cost.rows += self._rows() - rows

    def _count(self, *_: Any) -> None:
        self._statements += 1

    def _rows(self) -> int:
        """All rows of the database, counted without being measured."""
        before = self._statements
        with self._engine.connect() as connection:
            found = sum(
                int(connection.execute(text(f'SELECT count(*) FROM "{name}"')).scalar_one())  # noqa: S608 - our tables
                for name in SQLModel.metadata.tables
            )
        self._statements = before
        return found


def server_cpu(server: int | None) -> float:
    """CPU seconds of a database server with this process id; none when there is none."""
    if server is None:
        return 0.0
    process = psutil.Process(server)
    times = [each.cpu_times() for each in (process, *process.children(recursive=True))]
    return float(sum(sum(each[:4]) for each in times))


def told(costs: Mapping[str, Cost]) -> str:
    """All costs as JSON."""
    return json.dumps({stage: asdict(cost) for stage, cost in costs.items()})


def read(text_: str) -> dict[str, Cost]:
    """The costs that `told` wrote."""
    return {stage: Cost(**cost) for stage, cost in json.loads(text_).items()}


def _cpu() -> float:
    """CPU seconds of this process, and of those that it started and that have ended (pandoc)."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _forget_peak() -> None:
    """Have Linux note the greatest resident memory from now on (proc(5), clear_refs)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _peak() -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / _MIB
