"""The same year through Prefect, beside the same services in a plain loop in the same run; writes docs/scale.md.

One server, one worker, SQLite. What is measured of the engine is from each start or wake until the run is suspended or
has ended: taking it up, a process of its own, the flows and tasks, the dashboard's pages, and the services. The people
act in between, unmeasured, as in the plain loop. Run:
python -m benchmarks.scale.engine [SIZE …] [--dry]
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import psutil

from benchmarks.scale import page
from benchmarks.scale.__main__ import processed
from benchmarks.scale.measuring import Cost, Pair, read
from benchmarks.scale.one import opened, outcome
from benchmarks.scale.stages import STAGES
from cli.parts import Parts, running
from flows import control
from flows.control import RunState
from services import cycles, lease
from services.clock import FileClock, SystemClock
from tests.desk import Desk
from tests.engine_parts import free_port

SIZES = (1_000, 10_000)
_THROUGH = "through"
_PEOPLE = {stage.id: stage.people for stage in STAGES}
_POLL = 0.1
_LIMIT = 1800  # seconds until the next gate must have been reached


def main(arguments: list[str]) -> None:
    """Measure, print, and write the page."""
    if arguments[:1] == [_THROUGH]:
        print(json.dumps(_through(Path(arguments[1]))))
        return
    pairs = []
    for size in [int(each) for each in arguments if each.isdigit()] or SIZES:
        pairs.append(_pair(size))
        print(pairs[-1], f"overhead {pairs[-1].overhead:.1%}", flush=True)
    if "--dry" not in arguments:
        page.write_engine(pairs)


def _pair(size: int) -> Pair:
    with TemporaryDirectory(prefix="duixian-scale-") as folder:
        processed("fill", size, folder)
        load = os.getloadavg()[0]
        costs, list_ = processed("run", size, folder).splitlines()
    with TemporaryDirectory(prefix="duixian-scale-") as folder:
        processed("fill", size, folder)
        wall, cpu, starts, through = json.loads(_apart(folder))
    assert through == list_, f"the engine froze {through}, the plain loop {list_}"
    each = read(costs).values()
    plain = Cost(wall=sum(cost.wall for cost in each), cpu=sum(cost.cpu for cost in each))
    return Pair(size, plain, wall, cpu, starts, load)


def _apart(folder: str) -> str:
    """What `_through` gives, of a process of its own: Prefect keeps the address of the first server that it is told."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale.engine", _THROUGH, folder]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def _through(folder: Path) -> tuple[float, float, int, str]:
    """Wall and CPU seconds, runs of the flow's process, and what came of it."""
    with _office(folder) as (desk, parts):
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
            if ended:
                return wall, _cpu() - before, starts, outcome(desk)
            _act(desk, parts)


@contextmanager
def _office(folder: Path) -> Iterator[tuple[Desk, Parts]]:
    """The bureau that was filled, with the parts up. Its office is closed: mails are not what is measured."""
    desk = opened(folder)
    clock_file = folder / "clock"
    FileClock(clock_file).set(desk.clock.instant)
    changes = {"clock_file": clock_file, "smtp_port": 0, "mail_hours": "00:00-00:01", "console_port": free_port()}
    with running(desk.settings.model_copy(update=changes), _say, apart=True) as parts:
        os.environ.update(parts.environ)
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
        assert state in (RunState.WAITING, RunState.RUNNING), f"{state}: {desk.cycle.failure}"
    raise AssertionError(f"stuck at {desk.cycle.stage}; the worker's log ends:\n{parts.worker.tail()}")


def _act(desk: Desk, parts: Parts) -> None:
    people = _PEOPLE[desk.cycle.stage]
    assert people is not None, f"nobody acts at {desk.cycle.stage}"
    people(desk)
    assert parts.settings.clock_file is not None
    FileClock(parts.settings.clock_file).set(desk.clock.instant)


def _cpu() -> float:
    """CPU seconds of what this process started, with all that these started and that have ended."""
    return sum(sum(each.cpu_times()[:4]) for each in psutil.Process().children())


if __name__ == "__main__":
    main(sys.argv[1:])
