"""Runs the demo: the parts come up, the cycle runs by itself, and at every gate its people act and wake it."""

import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path

from sqlmodel import Session

from cli.demo.acting import World, act, deadline
from cli.demo.compare import differences
from cli.demo.people import invite
from cli.demo.place import emptied, settings_in
from cli.demo.show import Show
from cli.demo.story import Story
from cli.parts import Parts, running
from cli.serve import stop_on_sigterm
from config.sample import write_sample
from config.settings import Settings
from flows import control
from flows.control import RunState
from services.clock import CHINA, FileClock, SystemClock
from services.cycle import cycles, gates, lease
from services.cycle.stages import load_plan
from services.errors import StateError
from services.law import policies
from services.record.database import engine_of
from services.record.schema import migrate

_LIMIT = 120  # seconds until the run must have come to its next gate
_ENDED = {RunState.COMPLETED, RunState.FAILED, RunState.CRASHED, RunState.CANCELLED, RunState.UNKNOWN}


def run(folder: Path | None) -> bool:
    """Play the sample's year. True when every outcome is the one that was worked out by hand."""
    stop_on_sigterm()
    show = Show()
    with emptied(folder) as place, ThreadPoolExecutor(1) as aside:
        settings = settings_in(place)
        FileClock(place / "clock").set(datetime.now(CHINA))
        preparing = aside.submit(prepare, settings)
        with running(settings, show.say, apart=True) as parts:
            os.environ.update(parts.environ)
            world = preparing.result()
            show.opened(world, parts.dashboard)
            _play(world, parts, show)
            found = differences(world)
            show.closing(world, parts, found)
    return not found


def prepare(settings: Settings) -> World:
    """A new record with its people and the opened cycle, and the files that a bureau would receive."""
    story, plan, clock = Story(), load_plan(settings.cycle_file), FileClock(settings.data_dir / "clock")
    clock.set(datetime.combine(story.cycle["guide_on"], datetime.min.time().replace(hour=9), CHINA))
    write_sample(settings.data_dir / "received")
    engine = engine_of(settings)
    migrate(engine)
    session = Session(engine, expire_on_commit=False)
    people = invite(session, clock, policies.load(settings, story.cycle["policy"]))
    cycle = cycles.open_cycle(
        session,
        clock,
        people.operator,
        settings=settings,
        plan=plan,
        policy_id=story.cycle["policy"],
        year=story.cycle["year"],
        overrides=story.cycle["overrides"],
        cost_sharing=story.cost_sharing,
    )
    return World(settings, session, clock, plan, story, people, settings.data_dir / "received", cycle.id or 0)


def _play(world: World, parts: Parts, show: Show) -> None:
    """Start the run through its deployment, then act and wake it at each gate until the cycle has ended."""
    control.start(world.settings, world.cycle.policy_id, world.cycle.year)
    while _at_a_gate(world, parts, show):
        show.gate(world, gates.read_gate(world.session, world.clock, world.plan, world.cycle))
        show.did(act(world))
        moment = deadline(world)
        if moment is not None:
            world.clock.set(moment)
            show.passed(moment)
            _tick(world, parts)
        elif gates.read_gate(world.session, world.clock, world.plan, world.cycle).open:
            control.wake(world.settings, world.cycle_id)
        else:
            raise StateError(f"演示停在“{world.plan.stage(world.cycle.stage).title}”：没有人能继续办理。")


def _tick(world: World, parts: Parts) -> None:
    """Have the scheduled flow look for deadlines that have passed, as it does every few minutes in daily use."""
    control.trigger(world.settings, "tick")
    _wait(parts, lambda: control.run_state(world.settings, world.cycle_id) != RunState.SUSPENDED)


def _at_a_gate(world: World, parts: Parts, show: Show) -> bool:
    """Wait until the run is suspended (True) or the cycle has ended (False), showing the stages that it leaves."""

    def settled() -> bool:
        show.progress(world)
        if lease.holder(world.session, SystemClock(), world.cycle_id) is not None:
            return False  # at work: no need to ask the engine
        state = control.run_state(world.settings, world.cycle_id)
        if state in _ENDED and not _finished(world):
            raise StateError(f"年度流程的运行已中断（{state}）：{world.cycle.failure or '原因见执行器日志'}")
        return state in _ENDED or state == RunState.SUSPENDED

    _wait(parts, settled)
    show.progress(world)
    return not _finished(world)


def _finished(world: World) -> bool:
    return cycles.position(world.session, world.plan, world.cycle_id).finished


def _wait(parts: Parts, condition: Callable[[], bool]) -> None:
    until = time.monotonic() + _LIMIT
    while not condition():
        parts.check()
        if time.monotonic() > until:
            raise StateError(f"等待超过 {_LIMIT} 秒；执行器日志的最后几行：\n{parts.worker.tail()}")
        time.sleep(0.5)
