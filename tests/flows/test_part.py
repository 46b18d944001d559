"""A stage's work spread over several workers, on a real server: what is handed out, and what does not come back."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect import flow
from sqlmodel import col, func, select

from cli.demo.acting import World
from cli.demo.run import prepare
from cli.parts import Parts
from flows import control
from flows.part import Counts
from flows.stages.stage import chunks, spread
from models import Application, ApplicationStatus
from services.clock import SystemClock
from services.cycle import lease
from tasks import intake
from tasks.context import context
from tests.engine_parts import wait_for_run
from tests.kept_years import leave
from tests.year import run_year

pytestmark = pytest.mark.engine


@pytest.fixture
def world(parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    """The sample's year at its examination, held by this process, which knows of three workers."""
    monkeypatch.setenv("DUIXIAN_WORKERS", "3")
    context.cache_clear()
    world = prepare(parts.settings)
    run_year(world, until="completeness")
    assert lease.acquire(world.session, SystemClock(), cycle_id=world.cycle_id, holder=str(uuid4()), seconds=600)
    yield world
    leave(world)
    context().engine.dispose()
    context.cache_clear()


@flow(name="形式审查")
def examination(cycle_id: int, year: int) -> Counts:
    """As the stage does it."""
    return spread(cycle_id, "examine", chunks(intake.to_examine(cycle_id)))


@flow(name="形式审查")
def examination_of_nothing(cycle_id: int, year: int, pieces: int) -> Counts:
    """Of so many pieces with ids that are nobody's, 24 kB each."""
    return spread(cycle_id, "examine", [[10**9] * 2000] * pieces)


def test_what_is_handed_out_is_done_by_the_worker_and_counted_here(world: World) -> None:
    waiting = _waiting(world)
    assert len(chunks(list(range(waiting)))) > 3, "more pieces than workers"
    counts = examination(world.cycle_id, 2025)
    assert counts["accepted"] > 0 and counts.total() == waiting and _waiting(world) == counts["asked"]
    parts = _handed_out(world)
    assert [part.state.is_completed() for part in parts] == [True, True]
    assert all(part.name.endswith("年度 · 形式审查 · 分头办理") for part in parts)
    theirs = sum(sum(count for count in part.labels.values() if isinstance(count, int)) for part in parts)
    assert 0 < theirs < waiting, "each did a share"


def test_more_than_a_run_takes_in_its_parameters_is_handed_out_in_rounds(world: World) -> None:
    waiting = _waiting(world)
    counts = examination_of_nothing(world.cycle_id, 2025, pieces=69)  # 23 for each worker, of which 16 go into a run
    assert counts.total() == 0 and _waiting(world) == waiting
    parts = _handed_out(world)
    assert [part.state.is_completed() for part in parts] == [True] * 4
    assert sum(len(part.parameters["pieces"]) for part in parts) == 46


def test_what_nobody_takes_is_done_here_and_by_nobody_later(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "NEVER_TAKEN", timedelta(seconds=1))
    waiting = _waiting(world)
    with _nobody_working(world):
        counts = examination(world.cycle_id, 2025)
    assert counts.total() == waiting and _waiting(world) == counts["asked"]
    assert [part.state.is_cancelled() for part in _handed_out(world)] == [True, True]


def test_what_died_on_the_way_is_done_here(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from prefect.client.orchestration import get_client
    from prefect.states import Crashed

    hand_out = control.hand_out

    def to_one_that_dies(*given: Any) -> str:
        run_id = hand_out(*given)
        with get_client(sync_client=True) as client:
            client.set_flow_run_state(UUID(run_id), Crashed(), force=True)  # as a worker says of a process that died
        return run_id

    monkeypatch.setattr(control, "hand_out", to_one_that_dies)
    waiting = _waiting(world)
    with _nobody_working(world):
        counts = examination(world.cycle_id, 2025)
    assert counts.total() == waiting and _waiting(world) == counts["asked"]
    assert [part.state.is_crashed() for part in _handed_out(world)] == [True, True]


def test_a_part_of_a_run_that_is_gone_is_not_done_nor_counted_as_done(world: World, parts: Parts) -> None:
    waiting = _waiting(world)
    pieces = chunks(intake.to_examine.fn(world.cycle_id))
    parameters = {"cycle_id": world.cycle_id, "holder": "another", "work": "examine", "pieces": pieces, "title": "旧的"}
    run_id = control.hand_out(world.settings, "旧的", parameters)
    run = wait_for_run(parts, run_id)
    assert control.handed_back(world.settings, run_id) is None
    assert run.state.is_cancelled() and "已经不在" in run.state.message
    assert _waiting(world) == waiting


@contextmanager
def _nobody_working(world: World) -> Iterator[None]:
    """No worker takes anything meanwhile."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolUpdate

    with get_client(sync_client=True) as client:
        client.update_work_pool(world.settings.work_pool, WorkPoolUpdate(is_paused=True))
        try:
            yield
        finally:
            client.update_work_pool(world.settings.work_pool, WorkPoolUpdate(is_paused=False))


def _waiting(world: World) -> int:
    world.session.rollback()
    pending = col(Application.status).in_([ApplicationStatus.SUBMITTED, ApplicationStatus.SUPPLEMENT])
    return world.session.exec(select(func.count()).where(pending, Application.cycle_id == world.cycle_id)).one()


def _handed_out(world: World) -> list[Any]:
    """The runs of what this test's year handed out."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        return [run for run in client.read_flow_runs() if run.parameters.get("holder") == _holder(world)]


def _holder(world: World) -> str | None:
    return lease.holder(world.session, SystemClock(), world.cycle_id)
