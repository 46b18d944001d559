"""The worker whose runs are forks of a warm process: what becomes of the next run when that process dies."""

import psutil
import pytest

from cli.parts import Parts
from flows import control
from tests.engine_parts import wait_for_run

pytestmark = pytest.mark.engine


def test_a_run_after_the_warm_process_was_killed_is_forked_from_a_new_one(parts: Parts) -> None:
    old = _warm(parts)
    assert wait_for_run(parts, control.trigger(parts.settings, "tick")).state.is_completed()
    assert _warm(parts) == old
    old.kill()
    assert wait_for_run(parts, control.trigger(parts.settings, "tick")).state.is_completed()
    assert _warm(parts) != old


def _warm(parts: Parts) -> psutil.Process:
    """The process that runs are forked from: the worker's child that does not carry a run."""
    (found,) = [
        child
        for child in psutil.Process(parts.worker.process.pid).children()
        if "multiprocessing.forkserver" in " ".join(child.cmdline())
    ]
    return found
