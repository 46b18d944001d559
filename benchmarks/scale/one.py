"""One size on one database, in processes of their own: `fill` makes the cycle, `run` does its machine part.

Run: python -m benchmarks.scale.one fill|run SIZE FOLDER [DATABASE_URL] [SERVER_PID]
"""

import pickle
import sys
from dataclasses import replace
from datetime import datetime
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from sqlmodel import Session, func, select

from benchmarks.scale.filling import fill
from benchmarks.scale.measuring import Cost, Meter, told
from benchmarks.scale.stages import STAGES, Stage, finish, leave
from flows.worker import collect_seldom
from models import AwardList, AwardListEntry
from services.record import chain
from services.record.database import engine_of
from tests.desk import Desk, make_desk

LEFT = "desk.pickle"
_FORKS = get_context("fork")


def make(size: int, folder: Path, url: str) -> None:
    """Make the bureau and its cycle, and leave them for another process."""
    desk = make_desk(folder, url)
    fill(desk, size)
    desk.session.close()
    known: Any = replace(desk, engine=None, session=None)  # type: ignore[arg-type]
    (folder / LEFT).write_bytes(pickle.dumps(known))


def opened(folder: Path) -> Desk:
    """The bureau that was left."""
    known: Desk = pickle.loads((folder / LEFT).read_bytes())  # noqa: S301 - our own file
    engine = engine_of(known.settings)
    return replace(known, engine=engine, session=Session(engine, expire_on_commit=False))


def run(folder: Path, server: int | None) -> None:
    """Do the machine part and print its costs, then what came of it.

    Each stage is done by a fork of this process, as a run is that was woken: what one used is given back.
    """
    collect_seldom()  # as the process of a run
    costs: dict[str, Cost] = {}
    now: datetime | None = None
    for stage in STAGES:
        costs[stage.id], now = _apart(folder, stage, server, now)
        print(f"{stage.id} {costs[stage.id]}", file=sys.stderr, flush=True)
    print(told(costs))
    print(outcome(opened(folder)))


def _apart(folder: Path, stage: Stage, server: int | None, now: datetime | None) -> tuple[Cost, datetime]:
    """What a stage cost, and what time it is after it."""
    ours, theirs = _FORKS.Pipe(duplex=False)
    process = _FORKS.Process(target=_told, args=(theirs, folder, stage, server, now))
    process.start()
    theirs.close()
    done: tuple[Cost, datetime] = ours.recv()  # EOFError when it failed, which its own words explain
    process.join()
    return done


def _told(to: Connection, folder: Path, stage: Stage, server: int | None, now: datetime | None) -> None:
    desk = opened(folder)
    desk.clock.instant = now or desk.clock.instant
    meter = Meter(desk.engine, server)
    _stage(desk, meter, stage)
    to.send((meter.costs[stage.id], desk.clock.instant))


def _stage(desk: Desk, meter: Meter, stage: Stage) -> None:
    assert desk.cycle.stage == stage.id, (desk.cycle.stage, stage.id)
    work = stage.work or _nothing
    meter.run(stage.id, lambda: work(desk))
    meter.run(stage.id, lambda: finish(desk))
    if stage.people is not None:
        stage.people(desk)
    if stage.again:
        meter.run(stage.id, lambda: work(desk))
    meter.run(stage.id, lambda: leave(desk, stage))


def _nothing(_desk: Desk) -> None:
    """The stage waits for people only."""


def outcome(desk: Desk) -> str:
    """Digest, sum and length of the list, the same on every database. Fails when the audit chain is not whole."""
    with Session(desk.engine) as session:
        current = session.exec(select(AwardList)).one()
        entries = session.exec(select(func.count()).select_from(AwardListEntry)).one()
        problems = chain.verify(session)
        assert problems == [], problems
        return f"{current.digest} {current.total_fen} {entries}"


if __name__ == "__main__":
    what, size, place, *more = sys.argv[1:]
    if what == "fill":
        make(int(size), Path(place), more[0] if more else "")
    else:
        run(Path(place), int(more[1]) if len(more) > 1 and more[1] else None)
