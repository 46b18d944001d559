"""The sample's year with its flow process killed in some of its stages, beside the year undisturbed."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from sqlmodel import Session, col, func, select

from cli.demo.acting import World, act, deadline
from cli.demo.compare import differences
from cli.demo.run import prepare
from cli.parts import Parts
from flows import control
from flows.control import RunState
from flows.worker import process_name
from models import AwardListEntry, Message, MessageStatus, Payment, ReviewerKind, VerificationRequest
from services.clock import SystemClock
from services.cycle import cycles, lease
from tests.engine_parts import wait_for_run, wait_until
from tests.kept_years import KeptYears, leave
from tests.year import run_year

pytestmark = [pytest.mark.engine, pytest.mark.timeout(1200)]

LIMIT = 180
BY_CLOCK = (
    *("intake_reminder", "supplement_reminder", "review_reminder", "review_escalation", "approval_waiting"),
    *("operator_alert", "chain_digest"),
)


def _asked(session: Session) -> int:
    return session.exec(select(func.count()).where(VerificationRequest.kind == ReviewerKind.BUREAU)).one()


def _listed(session: Session) -> int:
    return session.exec(select(func.count()).select_from(AwardListEntry)).one()


def _ordered(session: Session) -> int:
    return session.exec(select(func.count()).select_from(Payment)).one()


# stage → what it has begun to put into the record when its process is killed, and who starts the cycle again
KILLS = {"verification": (_asked, "watchdog"), "freeze": (_listed, "wake"), "payment": (_ordered, "watchdog")}
# from which stage to the gate of which the engine works; between them the services do, while the run is suspended
Stretches = tuple[tuple[str, str | None], ...]
STRETCHES: Stretches = (("verification", "matching"), ("panel", "approval"), ("funds", None))


@pytest.fixture
def undisturbed(kept_years: KeptYears, tmp_path: Path) -> Iterator[World]:
    """The same year by the same people, without an engine."""
    world = kept_years.copy(None, tmp_path / "year")
    yield world
    leave(world)


@pytest.mark.parametrize(
    "stretches", [STRETCHES[-1:], pytest.param(STRETCHES, marks=pytest.mark.long)], ids=["one", "three"]
)
def test_a_cycle_killed_in_its_stages_ends_as_if_nothing_had_happened(
    parts: Parts, undisturbed: World, stretches: Stretches
) -> None:
    world = prepare(parts.settings)
    killed: list[str] = []
    for start, end in stretches:
        run_year(world, until=start)
        _play(world, parts, killed, end)
    assert killed == list(KILLS)[-len(stretches) :]
    assert differences(world) == []
    for look in (_awards, _payments, _messages):
        assert look(world) == look(undisturbed)
    wait_until(parts, lambda: _unsent(world) == 0, LIMIT)
    assert _mailbox(parts) == sorted(world.session.exec(select(Message.message_id)))


def _play(world: World, parts: Parts, killed: list[str], end: str | None) -> None:
    """Run to the gate of `end` through the deployment; the people act at each gate before. Adds the stages killed."""
    if killed:
        assert control.wake(world.settings, world.cycle_id) == "resumed"
    else:
        control.start(world.settings, world.cycle.policy_id, world.cycle.year)
    while _at_a_gate(world, parts, killed) and world.cycle.stage != end:
        told, moment = act(world), deadline(world)
        assert told or moment is not None, f"nobody acts at {world.cycle.stage}"
        if moment is not None:
            world.clock.set(moment)
        assert control.wake(world.settings, world.cycle_id) == "resumed"


def _at_a_gate(world: World, parts: Parts, killed: list[str]) -> bool:
    """Wait for the next gate, killing on the way what is to be killed. False once the cycle has ended."""
    until = time.monotonic() + LIMIT
    while not cycles.position(world.session, world.plan, world.cycle_id).finished:
        assert time.monotonic() < until, f"stuck at {world.cycle.stage}; the worker's log ends:\n{parts.worker.tail()}"
        parts.check()
        if world.cycle.stage in KILLS.keys() - killed and _held(world):
            killed.append(world.cycle.stage)
            _kill(world, parts)
            until = time.monotonic() + LIMIT
        if not _held(world) and control.run_state(world.settings, world.cycle_id) == RunState.SUSPENDED:
            return True
        time.sleep(0.03)
    return False


def _kill(world: World, parts: Parts) -> None:
    """kill -9 the process of the cycle's run as soon as the stage begins to write, and start the cycle again."""
    count, starter = KILLS[world.cycle.stage]
    run_id = str(wait_until(parts, lambda: _noted(world), LIMIT))
    process = _process_of(parts, run_id)
    _until_written(world, count)
    process.kill()
    assert cycles.current_visit(world.session, world.cycle).work_done_at is None, "killed too late: the work was done"
    wait_for_run(parts, run_id, "crashed", seconds=LIMIT)
    if starter == "wake":
        assert control.wake(world.settings, world.cycle_id) == "started"
    else:
        control.trigger(world.settings, "watchdog")
    wait_until(parts, lambda: world.cycle.flow_run_id != run_id, LIMIT)


def _noted(world: World) -> str | None:
    """The run that carries the cycle; a run takes the lease before it notes itself."""
    world.session.rollback()
    return world.cycle.flow_run_id


def _until_written(world: World, count: Callable[[Session], int]) -> None:
    deadline = time.monotonic() + LIMIT
    while count(world.session) == 0:
        assert time.monotonic() < deadline, f"nothing was written at {world.cycle.stage}"
        world.session.rollback()
        time.sleep(0.01)


def _process_of(parts: Parts, run_id: str) -> psutil.Process:
    for process in psutil.Process(parts.worker.process.pid).children(recursive=True):
        if process.name() == process_name(run_id):
            return process
    raise AssertionError(f"no process of run {run_id}")


def _held(world: World) -> bool:
    world.session.rollback()
    return lease.holder(world.session, SystemClock(), world.cycle_id) is not None


def _awards(world: World) -> list[Any]:
    lines = world.session.exec(select(AwardListEntry).order_by(col(AwardListEntry.list_id), col(AwardListEntry.number)))
    return [(line.list_id, line.number, line.uscc, line.outcome, line.amount_fen) for line in lines]


def _payments(world: World) -> list[Any]:
    rows = world.session.exec(select(Payment).order_by(col(Payment.number)))
    return [(row.number, row.bearer, row.amount_fen, row.status) for row in rows]


def _messages(world: World) -> list[Any]:
    """Every notice; of those of requests only whom: they are about the newest one, whose id a killed chunk moves."""
    rows = world.session.exec(select(Message).where(col(Message.kind).not_in(BY_CLOCK)))
    told = {(row.kind, row.recipient, "" if row.kind == "review_request" else row.about_digest) for row in rows}
    return sorted(told)


def _unsent(world: World) -> int:
    world.session.rollback()
    waiting = col(Message.status).in_([MessageStatus.PENDING, MessageStatus.SENDING])
    return world.session.exec(select(func.count()).where(waiting)).one()


def _mailbox(parts: Parts) -> list[str]:
    """The Message-IDs of the mails that arrived; a copy of one that arrived before counts once."""
    from email import message_from_bytes

    return sorted({message_from_bytes(mail.read_bytes())["Message-ID"] for mail in parts.mailbox.glob("*.eml")})
