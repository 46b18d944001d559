"""Runs that fail or vanish, on a real server: the cycle stays where it was, says why, and goes on later."""

import time
from datetime import UTC, datetime, timedelta
from threading import Event, Thread, Timer
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlmodel import select

from flows import control
from flows.annual_cycle import annual_cycle
from flows.control import EngineAwayError, RunState
from flows.engine_check import look_at
from flows.stages.stage import Summary, stage_flow
from flows.stages.table import STAGES, Stage
from models import CycleLease, Message
from services.clock import SystemClock
from services.cycle import lease
from services.record.database import WRITE
from tasks.context import context
from tests.flows.office import POLICY, YEAR, Office

pytestmark = pytest.mark.engine


def test_a_failed_stage_says_why_and_waits_for_the_operator(office: Office) -> None:
    office.settings.output_dir.write_text("a file where the folder should be")
    started = office.start()
    assert office.wake() == "running", "a run that waits for a worker is not doubled"
    run = office.ended(started)
    assert run.state.is_failed()
    cycle = office.cycle()
    assert cycle.stage == "guide" and (cycle.failure or "").startswith("指南编制：程序错误")
    with office.session() as session:
        told = session.exec(select(Message).where(Message.kind == "cycle_failed")).all()
        assert [message.recipient for message in told] == ["operator@example.invalid"]
        assert session.get(CycleLease, office.cycle_id) is None
    _run_watchdog(office)
    assert office.cycle().flow_run_id == str(run.id), "the watchdog leaves a failed run to the operator"
    office.settings.output_dir.unlink()
    assert office.wake() == "started"
    office.until(RunState.SUSPENDED, "guide")
    assert office.cycle().failure is None


def test_the_watchdog_starts_a_cycle_whose_run_the_server_does_not_know(office: Office) -> None:
    office.note_run(str(uuid4()))
    assert office.state() == RunState.UNKNOWN
    _run_watchdog(office)
    office.until(RunState.SUSPENDED, "guide")


def test_the_watchdog_starts_a_cycle_whose_run_failed_without_saying_why(office: Office) -> None:
    from prefect.states import Failed

    failed = _run_without_a_process(Failed(message="the database was away"))
    office.note_run(failed)
    _run_watchdog(office)
    office.until(RunState.SUSPENDED, "guide")


@pytest.mark.parametrize("error", [httpx.ConnectError("All connection attempts failed"), EngineAwayError("连不上")])
def test_a_run_to_which_the_server_was_lost_is_no_failure_for_a_person(
    office: Office, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    @stage_flow("指南编制")
    def alone(cycle_id: int, year: int) -> Summary:
        raise error

    monkeypatch.setitem(STAGES, "guide", Stage(alone))
    context.cache_clear()
    try:
        with pytest.raises(type(error)):
            annual_cycle(POLICY, YEAR)
    finally:
        context.cache_clear()
    assert office.state() == RunState.FAILED and office.cycle().failure is None
    _run_watchdog(office)
    office.until(RunState.SUSPENDED, "guide")


def test_the_watchdog_starts_a_cycle_whose_run_lost_its_process(office: Office) -> None:
    zombie = _run_without_a_process()
    office.note_run(zombie)
    assert office.state() == RunState.RUNNING
    time.sleep(office.settings.lease_seconds)
    assert office.state() == RunState.LOST
    _run_watchdog(office)
    office.until(RunState.SUSPENDED, "guide")
    assert office.ended(zombie).state.is_crashed()


def test_a_run_that_cannot_renew_its_lease_for_its_own_long_operation_is_left_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An operation has a SQLite record to itself: at a million applications the computation took three minutes."""
    monkeypatch.setattr(control, "_SETTLE", 1.0)
    monkeypatch.setattr(control, "_RENEWS", 60.0)  # longer than a busy machine takes to renew
    working = _run_without_a_process()
    office.note_run(working)

    def renew(seconds: int) -> None:
        with office.session() as session:
            assert lease.acquire(session, SystemClock(), cycle_id=office.cycle_id, holder=working, seconds=seconds)

    renew(1)
    time.sleep(office.settings.lease_seconds)
    with office.session() as operation:
        operation.connection(execution_options=WRITE)
        assert office.state() == RunState.RUNNING
        assert office.wake() == "running"
    assert office.state() == RunState.LOST
    renewing = Timer(1.0, renew, [60])
    renewing.start()
    assert office.wake() == "running", "it renews as soon as it can"
    renewing.join()
    assert office.state() == RunState.RUNNING


def test_a_wake_ends_also_where_others_write_all_the_time(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    """The run looks lost whenever nobody writes, and at work whenever somebody does."""
    monkeypatch.setattr(control, "_SETTLE", 3.0)
    monkeypatch.setattr(control, "_RENEWS", 60.0)
    lost = _run_without_a_process()
    office.note_run(lost)
    with office.session() as session:
        assert lease.acquire(session, SystemClock(), cycle_id=office.cycle_id, holder=lost, seconds=1)
    time.sleep(office.settings.lease_seconds)
    enough = Event()

    def write() -> None:
        while not enough.wait(0.6):
            with office.session() as session:
                session.connection(execution_options=WRITE)
                enough.wait(0.6)
                session.rollback()

    writing, at_last = Thread(target=write), Timer(40, enough.set)
    for each in (writing, at_last):
        each.start()
    done = office.wake()
    ended_first = not enough.is_set()
    enough.set()
    at_last.cancel()
    writing.join()
    assert ended_first
    if done == "running":
        monkeypatch.setattr(control, "_RENEWS", 0.0)
        assert office.wake() == "started"
    office.until(RunState.SUSPENDED, "guide")


def test_a_run_that_worked_for_long_and_is_about_to_end_is_left_alone(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has given its lease back already, and the server does not know yet that it has ended."""
    from prefect.client.orchestration import get_client
    from prefect.states import Completed

    monkeypatch.setattr(control, "_LEAVES", 60.0)  # longer than a busy machine takes to tell the server
    leaving = _run_without_a_process()
    office.note_run(leaving)
    time.sleep(office.settings.lease_seconds)
    assert office.state() == RunState.LOST, "for a moment"
    seen: list[bool] = []

    def end() -> None:
        time.sleep(1)
        with get_client(sync_client=True) as client:
            seen.append(client.read_flow_run(UUID(leaving)).state.is_running())  # type: ignore[union-attr]
            client.set_flow_run_state(UUID(leaving), Completed(), force=True)

    ending = Thread(target=end)
    ending.start()
    control.wake(office.settings, office.cycle_id)
    ending.join()
    assert seen == [True], "nobody called it crashed"
    office.until(RunState.SUSPENDED, "guide")


def test_a_scheduled_run_that_nobody_carries_gives_its_slot_back(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Pending, Scheduled

    far = datetime.now(UTC) + timedelta(hours=1)  # so that no worker takes it
    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(control.SCHEDULED["notices"])
        taken = client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=far))
        client.set_flow_run_state(taken.id, Pending())
        later = control.trigger(office.settings, "notices")
        assert office.ended(later).state.is_cancelled(), "the slot is taken"
        assert control.clear_away(office.settings) == [], "it may still begin"
        monkeypatch.setattr(control, "NEVER_TAKEN", timedelta(0))
        assert control.clear_away(office.settings) == [taken.name]
        assert client.read_flow_run(taken.id).state.is_crashed()  # type: ignore[union-attr]
    assert office.ended(control.trigger(office.settings, "notices")).state.is_completed()


def test_of_what_fell_due_while_nothing_ran_only_the_newest_of_each_flow_is_run(office: Office) -> None:
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolUpdate
    from prefect.states import Scheduled

    with get_client(sync_client=True) as client:
        client.update_work_pool(office.settings.work_pool, WorkPoolUpdate(is_paused=True))
        try:
            missed = {
                name: [_due(client, name, Scheduled(scheduled_time=_ago(minutes))) for minutes in (30, 20, 10)]
                for name in ("notices", "anchor")
            }
            to_come = _due(client, "notices", Scheduled(scheduled_time=_ago(-60)))
            cycle = office.start()
            assert len(control.call_off_late(office.settings)) == 4
            states = {name: [client.read_flow_run(run).state for run in runs] for name, runs in missed.items()}
            for runs in states.values():
                assert [state is not None and state.is_cancelled() for state in runs] == [True, True, False]
            assert client.read_flow_run(to_come).state.is_scheduled()  # type: ignore[union-attr]
            assert client.read_flow_run(UUID(cycle)).state.is_scheduled()  # type: ignore[union-attr]
        finally:
            client.update_work_pool(office.settings.work_pool, WorkPoolUpdate(is_paused=False))
        for runs in missed.values():
            assert office.ended(str(runs[-1])).state.is_completed()
        client.delete_flow_run(to_come)


def _ago(minutes: int) -> datetime:
    return datetime.now(UTC) - timedelta(minutes=minutes)


def _due(client: Any, name: str, state: Any) -> UUID:
    deployment = client.read_deployment_by_name(control.SCHEDULED[name])
    return UUID(str(client.create_flow_run_from_deployment(deployment.id, state=state).id))


def test_runs_of_another_city_on_the_same_server_are_neither_cleared_away_nor_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Pending, Scheduled

    ours, theirs = office.settings, office.settings.model_copy(update={"city": "yi", "organisation": "示例乙市局"})
    monkeypatch.setattr(control, "NEVER_TAKEN", timedelta(0))
    with get_client(sync_client=True) as client:
        with pytest.raises(control.EngineError, match="没有部署“通知发送/notices-yi”"):
            control.trigger(theirs, "notices")
        flow_id = client.read_deployment_by_name(control.SCHEDULED["notices"]).flow_id
        made = client.create_deployment(flow_id=flow_id, name="notices-yi")  # without a pool: nobody takes its runs
        try:
            run = client.read_flow_run(UUID(control.trigger(theirs, "notices")))
            assert (run.deployment_id, run.name) == (made, "示例乙市局 · 通知发送")
            client.set_flow_run_state(run.id, Pending())
            assert control.clear_away(ours) == []
            assert client.read_flow_run(run.id).state.is_pending()  # type: ignore[union-attr]
            assert control.clear_away(theirs) == [run.name]
            long_ago = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(hours=1))
            client.create_flow_run_from_deployment(made, state=long_ago)
            assert not [told for told in look_at(ours) if "还没有开始" in told.seen]
            assert [told for told in look_at(theirs) if "1 次运行过了 10 分钟还没有开始" in told.seen]
        finally:
            client.delete_deployment(made)


def _run_watchdog(office: Office) -> None:
    assert office.ended(control.trigger(office.settings, "watchdog")).state.is_completed()


def _run_without_a_process(state: Any = None) -> str:
    """A run that the server holds for running, as after a power cut, or for something else."""
    from prefect.client.orchestration import get_client
    from prefect.states import Running

    with get_client(sync_client=True) as client:
        deployment = client.read_deployment_by_name(control.ANNUAL_CYCLE)
        parameters = {"policy_id": POLICY, "year": YEAR}
        run = client.create_flow_run_from_deployment(deployment.id, parameters=parameters)
        client.set_flow_run_state(run.id, state or Running(), force=True)
        return str(run.id)
