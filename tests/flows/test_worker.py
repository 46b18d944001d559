"""The worker whose runs are forks of a warm process: when that process dies, and what runs share."""

import ssl

import certifi
import psutil
import pytest

from cli.parts import Parts
from flows import control
from flows.worker import read_once
from tests.engine_parts import wait_for_run

pytestmark = pytest.mark.engine


def test_a_run_after_the_warm_process_was_killed_is_forked_from_a_new_one(parts: Parts) -> None:
    old = _warm(parts)
    assert wait_for_run(parts, control.trigger(parts.settings, "tick")).state.is_completed()
    assert _warm(parts) == old
    old.kill()
    assert wait_for_run(parts, control.trigger(parts.settings, "tick")).state.is_completed()
    assert _warm(parts) != old


def test_what_a_run_trusts_is_read_once_and_not_shared_with_who_changes_it() -> None:
    context = read_once(ssl.create_default_context)
    assert context(cafile=certifi.where()) is context(cafile=certifi.where())
    careless = context()
    careless.check_hostname, careless.verify_mode = False, ssl.CERT_NONE  # as Prefect does where it is told to
    for other in (context(), context(ssl.Purpose.SERVER_AUTH), context(cafile=certifi.where())):
        assert other.check_hostname and other.verify_mode is ssl.CERT_REQUIRED
    assert context(ssl.Purpose.SERVER_AUTH) is not context(ssl.Purpose.SERVER_AUTH)


def _warm(parts: Parts) -> psutil.Process:
    """The process that runs are forked from: the worker's child that does not carry a run."""
    (found,) = [
        child
        for child in psutil.Process(parts.worker.process.pid).children()
        if "multiprocessing.forkserver" in " ".join(child.cmdline())
    ]
    return found
