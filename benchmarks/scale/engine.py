"""The same year through Prefect, beside the same services in a plain loop in the same run; writes docs/scale.md.

One Prefect server on SQLite, and one worker or several that share each stage's work. What is measured of the engine is
from each start or wake until the run is suspended or has ended: taking it up, a process of its own, the flows and
tasks, the dashboard's pages, and the services. The people act in between, unmeasured, as in the plain loop. Run:
python -m benchmarks.scale.engine [SIZE …] [sqlite] [postgresql] [--workers=1,2,4] [--dry]
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.scale import page
from benchmarks.scale.__main__ import DATABASES, processed, throwaway
from benchmarks.scale.measuring import Cost, Pair, read, server_cpu
from benchmarks.scale.one import opened, outcome
from benchmarks.scale.stages import STAGES
from cli.parts import Parts, running
from flows import control
from flows.control import RunState
from services.clock import FileClock, SystemClock
from services.cycle import cycles, lease
from tests.desk import Desk
from tests.engine_parts import free_port

SIZES = (1_000, 10_000)
_THROUGH = "through"
_PEOPLE = {stage.id: stage.people for stage in STAGES}
_POLL = 0.1
_LIMIT = 7200  # seconds until the next gate must have been reached


def main(arguments: list[str]) -> None:
    """Measure, print, and write the page."""
    if arguments[:1] == [_THROUGH]:
        print(json.dumps(_through(Path(arguments[1]), int(arguments[2]))))
        return
    sizes = [int(each) for each in arguments if each.isdigit()] or SIZES
    databases = [each for each in arguments if each in DATABASES] or DATABASES
    (asked,) = [each.partition("=")[2] for each in arguments if each.startswith("--workers=")] or ["1,2,4"]
    pairs = []
    for size, database in product(sizes, databases):
        for pair in _pairs(size, database, [int(each) for each in asked.split(",")]):
            print(pair, f"overhead {pair.overhead:.1%}", flush=True)
            pairs.append(pair)
    if "--dry" not in arguments:
        page.write_engine(pairs)


def _pairs(size: int, database: str, workers: Sequence[int]) -> Iterator[Pair]:
    with TemporaryDirectory(prefix="duixian-scale-") as folder, throwaway(database) as (url, server):
        processed("fill", size, folder, url, server)
        costs, list_ = processed("run", size, folder, url, server).splitlines()
    each = read(costs).values()
    plain = Cost(wall=sum(cost.wall for cost in each), cpu=sum(cost.both for cost in each))
    for count in workers:
        with TemporaryDirectory(prefix="duixian-scale-") as folder, throwaway(database) as (url, server):
            processed("fill", size, folder, url, server)
            load, before = os.getloadavg()[0], server_cpu(server)
            wall, cpu, starts, through = json.loads(_apart(folder, count))
            cpu += server_cpu(server) - before
        assert through == list_, f"{count} workers froze {through}, the plain loop {list_}"
        yield Pair(database, size, count, plain, wall, cpu, starts, load)


def _apart(folder: str, workers: int) -> str:
    """What `_through` gives, of a process of its own: Prefect keeps the address of the first server that it is told."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale.engine", _THROUGH, folder, str(workers)]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _through(folder: Path, workers: int) -> tuple[float, float, int, str]:
    """Wall and CPU seconds, starts and wakes, and what came of it."""
    with _office(folder, workers) as (desk, parts):
        before, wall, starts = _cpu(), 0.0, 0
        while True:
            began = time.perf_counter()
            if starts == 0:
                control.start(parts.settings, desk.cycle.policy_id, desk.cycle.year)
            else:
                woken = control.wake(parts.settings, desk.cycle_id)
                assert woken == "resumed", woken
            starts += 1
            ended = _at_a_gate(desk, parts)
            wall += time.perf_counter() - began
            _say(f"{desk.cycle.stage}: {wall:.0f} s")
            if ended:
                return wall, _cpu() - before, starts, outcome(desk)
            _act(desk, parts)


@contextmanager
def _office(folder: Path, workers: int) -> Iterator[tuple[Desk, Parts]]:
    """The bureau that was filled, with the parts up. Its office is closed: mails are not what is measured."""
    desk = opened(folder)
    clock_file = folder / "clock"
    if clock_file.exists():  # a year that was stopped on its way goes on
        desk.clock.instant = FileClock(clock_file).now()
    FileClock(clock_file).set(desk.clock.instant)
    changes = {"clock_file": clock_file, "smtp_port": 0, "mail_hours": "00:00-00:01", "console_port": free_port()}
    changes["workers"] = workers
    with running(desk.settings.model_copy(update=changes), _say, apart=True) as parts:
        os.environ.update(parts.environ)
        for number in range(2, workers + 1):
            parts.family.start("执行器", f"worker-{number}", parts.worker.command, parts.worker.environ)
        yield desk, parts


def _say(told: str) -> None:
    print(told, file=sys.stderr, flush=True)


def _at_a_gate(desk: Desk, parts: Parts) -> bool:
    """Wait until the run is suspended (False) or the year has ended (True)."""
    until = time.monotonic() + _LIMIT
    while time.monotonic() < until:
        time.sleep(_POLL)
        desk.session.rollback()
        if lease.holder(desk.session, SystemClock(), desk.cycle_id) is not None:
            continue
        state = control.run_state(parts.settings, desk.cycle_id)
        if state == RunState.SUSPENDED:
            return False
        if state == RunState.COMPLETED:
            return cycles.position(desk.session, desk.plan, desk.cycle_id).finished
        # One that has worked for long looks lost between giving its lease back and being suspended.
        leaving = state == RunState.LOST and lease.is_free(desk.session, desk.cycle_id)
        assert leaving or state in (RunState.WAITING, RunState.RUNNING), f"{state}: {desk.cycle.failure}"
    raise AssertionError(f"stuck at {desk.cycle.stage}; the worker's log ends:\n{parts.worker.tail()}")


def _act(desk: Desk, parts: Parts) -> None:
    people = _PEOPLE[desk.cycle.stage]
    assert people is not None, f"nobody acts at {desk.cycle.stage}"
    people(desk)
    assert parts.settings.clock_file is not None
    FileClock(parts.settings.clock_file).set(desk.clock.instant)


def _cpu() -> float:
    """CPU seconds of what this process started, with all that these started and that have ended."""
    return sum(sum(each.cpu_times()[:4]) for each in psutil.Process().children(recursive=True))


if __name__ == "__main__":
    main(sys.argv[1:])
