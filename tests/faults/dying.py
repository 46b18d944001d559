"""A year by the services whose process kills itself (SIGKILL) at a commit, and what the record then says.

Each stage runs in a forked child, so that nothing of a killed process lives on but its files. The parent opens no
database and computes nothing: a child inherits no connection and no thread.
"""

import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, Table, event
from sqlmodel import SQLModel, select

from cli.demo import compare
from config.settings import Settings
from models import AuditEntry
from services.clock import FileClock
from services.cycle import cycles
from services.record.database import engine_of
from tests.year import make_world, open_world, run_year

NEVER = 0
_FAILED = 70  # exit status of a child that came to an error
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?")
_DIGEST = re.compile(r"\b[0-9a-f]{64}\b")
_AUDIT, _STEP = "auditentry", "cycle.step"

Record = dict[str, list[str]]


@dataclass(frozen=True)
class Leg:
    """A stage of the undisturbed year: the folder as it was when the stage was entered, and how it ended."""

    name: str
    before: Path
    after: Path
    commits: int


def undisturbed(folder: Path) -> list[Leg]:
    """Play the whole year, keeping a copy of its folder at each change of stage."""
    place, legs = folder / "year", []
    place.mkdir(parents=True)
    in_a_child(lambda: _open_year(place))
    _keep(place, folder / "000")
    while not in_a_child(lambda: _finished(place)):
        number = len(legs) + 1
        commits, stage = _counted(place, folder / "count")
        _keep(place, folder / f"{number:03}")
        legs.append(Leg(f"{number:02}-{stage}", folder / f"{number - 1:03}", folder / f"{number:03}", commits))
    return legs


def killed_and_continued(leg: Leg, place: Path, at: int) -> Record:
    """The record after a stage whose process was killed at its commit number `at`, and which another one went on with.

    A commit is killed before it is made; the one past the last is not reached, and dies on leaving the stage instead.
    """
    _keep(leg.before, place)
    status = _fork(lambda: _stage(place, at) or 0)
    assert status == -signal.SIGKILL or at > leg.commits, f"{leg.name} was not killed at {at}: {status}"
    if status == -signal.SIGKILL:
        in_a_child(lambda: _stage(place, NEVER))
    return record_of(place)


def continued_to_the_end(place: Path) -> list[str]:
    """Play the rest of the year in a folder: what is not as it was worked out by hand, as Chinese sentences."""
    note = place / "differences"

    def play() -> None:
        world = open_world(place)
        run_year(world)
        found = [each for each in compare.differences(world) if "封通知没有发出" not in each]  # nobody sends them here
        note.write_text("\n".join(found), encoding="utf-8")

    in_a_child(play)
    return note.read_text(encoding="utf-8").splitlines()


def record_of(place: Path) -> Record:
    """Every row of every table, without instants and digests: what is done after a death is done later.

    Of the audit chain it is what was done, by whom: work that is done again closes its stage again, and the numbers
    move on.
    """
    engine = engine_of(Settings(_env_file=None, data_dir=place))
    with closing(engine.connect()) as connection:
        found = {
            table.name: _done(connection) if table.name == _AUDIT else _rows(connection, table)
            for table in SQLModel.metadata.sorted_tables
        }
    engine.dispose()
    return found


def differences(one: Record, other: Record) -> list[str]:
    """The rows that only one of them has."""
    found = []
    for table in one:
        mine, theirs = set(one[table]), set(other[table])
        found += [f"{table} lost {row[:300]}" for row in sorted(mine - theirs)]
        found += [f"{table} has more {row[:300]}" for row in sorted(theirs - mine)]
        if len(one[table]) != len(other[table]):
            found.append(f"{table}: {len(one[table])} rows, then {len(other[table])}")
    return found


def _rows(connection: Connection, table: Table) -> list[str]:
    return sorted(_plain(list(row)) for row in connection.execute(select(table)))


def _done(connection: Connection) -> list[str]:
    entries = connection.execute(select(AuditEntry.actor, AuditEntry.operation, AuditEntry.changes))
    found = {_plain([who, what, one]) for who, what, changes in entries if what != _STEP for one in changes}
    return sorted(found)


def _plain(row: list[Any]) -> str:
    return _DIGEST.sub("#", _INSTANT.sub("T", json.dumps(row, ensure_ascii=False, default=str)))


def _open_year(place: Path) -> None:
    world = make_world(place)
    clock = FileClock(place / "clock")
    clock.set(world.clock.now())


def _finished(place: Path) -> bool:
    world = open_world(place)
    return cycles.position(world.session, world.plan, world.cycle_id).finished


def _counted(place: Path, note: Path) -> tuple[int, str]:
    """Run a stage undisturbed: its commits and its name."""

    def count() -> None:
        commits = [0]
        stage = _stage(place, NEVER, commits)
        note.write_text(f"{commits[0]} {stage}", encoding="utf-8")

    in_a_child(count)
    commits, stage = note.read_text(encoding="utf-8").split()
    return int(commits), stage


def _stage(place: Path, at: int, commits: list[int] | None = None) -> str:
    """Run the present stage to its end, or to a SIGKILL at a commit. Its name."""
    counted = [0] if commits is None else commits

    def die(_connection: Connection) -> None:
        counted[0] += 1
        if counted[0] == at:
            os.kill(os.getpid(), signal.SIGKILL)

    event.listen(Engine, "commit", die)
    world = open_world(place)
    stage = cycles.position(world.session, world.plan, world.cycle_id).stage
    run_year(world, past=stage)
    world.session.close()
    return stage


def in_a_child(work: Callable[[], object]) -> bool:
    """Do it in a child; whether it gave something true."""
    status = _fork(lambda: 1 if work() else 0)
    assert status in (0, 1), status
    return bool(status)


def _fork(work: Callable[[], object]) -> int:
    """The exit status of a child that does it, negative when a signal ended it."""
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = _FAILED
        try:
            status = int(bool(work()))
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _keep(one: Path, other: Path) -> None:
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(one, other)
