"""The lease of a run: renewed while it works, lost to another, given back at the end; and when to wake a cycle."""

import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from services.clock import FileClock, SystemClock
from services.cycle import lease
from services.record.database import session_of
from tasks import waking
from tasks.context import context
from tasks.lease import LeaseLostError, held
from tests.desk import AFTER_INTAKE, OPENED, Desk, make_desk


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A bureau on whose record the tasks work, with a lease of one second."""
    made = make_desk(tmp_path)
    FileClock(tmp_path / "clock").set(OPENED)
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", made.settings.database_url)
    monkeypatch.setenv("DUIXIAN_CLOCK_FILE", str(tmp_path / "clock"))
    context.cache_clear()
    monkeypatch.setattr(context().settings, "lease_seconds", 1)
    yield made
    context().engine.dispose()
    context.cache_clear()
    made.session.close()
    made.engine.dispose()


def _holder(desk: Desk) -> str | None:
    with session_of(desk.engine) as session:
        return lease.holder(session, SystemClock(), desk.cycle_id)


def test_the_lease_is_renewed_as_long_as_the_run_works(desk: Desk) -> None:
    with held(desk.cycle_id, "run-1") as heartbeat:
        assert heartbeat is not None
        time.sleep(1.6)
        assert _holder(desk) == "run-1"
        heartbeat.check()
    assert _holder(desk) is None


def test_a_renewal_that_failed_is_tried_again_at_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """As after an operation that had the record to itself for longer than one waits."""
    monkeypatch.setattr(context().settings, "lease_seconds", 6)  # renewed every two seconds
    acquire, tried = lease.acquire, list[float]()

    def fails_once(*given: Any, **named: Any) -> bool:
        tried.append(time.monotonic())
        if len(tried) == 2:
            raise OperationalError("BEGIN IMMEDIATE", None, Exception("database is locked"))
        return acquire(*given, **named)

    monkeypatch.setattr(lease, "acquire", fails_once)
    with held(desk.cycle_id, "run-1"):
        time.sleep(5.5)
    taken, failed, again, renewed = tried[:4]
    assert again - failed < 1.8 < failed - taken, "not only when it is due"
    assert renewed - again > 1.8, "and then as before"


def test_a_second_run_does_not_get_the_lease(desk: Desk) -> None:
    with held(desk.cycle_id, "run-1"):
        with held(desk.cycle_id, "run-2") as second:
            assert second is None
        assert _holder(desk) == "run-1"


def test_the_lease_is_given_back_when_the_work_fails(desk: Desk) -> None:
    with pytest.raises(ValueError, match="broken"), held(desk.cycle_id, "run-1"):
        raise ValueError("broken")
    assert _holder(desk) is None


def test_a_run_that_was_taken_over_learns_it_and_leaves_the_others_lease_alone(desk: Desk) -> None:
    with held(desk.cycle_id, "run-1") as heartbeat, session_of(desk.engine) as session:
        assert heartbeat is not None
        lease.release(session, cycle_id=desk.cycle_id, holder="run-1")
        assert lease.acquire(session, SystemClock(), cycle_id=desk.cycle_id, holder="run-2", seconds=60)
        with pytest.raises(LeaseLostError):
            heartbeat.check()
    assert _holder(desk) == "run-2"


def test_a_cycle_is_woken_when_its_gate_is_open_or_there_is_new_work(desk: Desk, tmp_path: Path) -> None:
    look, clock = waking.reason_to_wake.fn, FileClock(tmp_path / "clock")
    assert look(desk.cycle_id) == "本阶段待办理"
    desk.approve()
    assert look(desk.cycle_id) is None, "an approval is waited for"
    desk.approve(desk.section_head)
    assert look(desk.cycle_id) is None, "one of two has approved"
    desk.approve(desk.leader)
    assert look(desk.cycle_id) == "关口已开"
    desk.pass_gate()
    desk.pass_gate()
    desk.submit(pledged=False)
    desk.pass_gate()
    assert look(desk.cycle_id) is None, "the window is open"
    desk.clock.instant = AFTER_INTAKE
    clock.set(AFTER_INTAKE)
    assert look(desk.cycle_id) == "关口已开"
    desk.pass_gate()
    desk.pass_gate()
    assert look(desk.cycle_id) == "有新的待办", "an application is to be examined"
    desk.examine()
    assert look(desk.cycle_id) is None, "the applicant has five working days"
    desk.clock.instant = AFTER_INTAKE + timedelta(days=30)
    clock.set(desk.clock.instant)
    assert look(desk.cycle_id) == "期限已过", "the stage's own"
    desk.pass_gate()
    assert look(desk.cycle_id) == "有新的待办", "the time to supply has run out"
