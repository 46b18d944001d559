"""One real Prefect server, worker and mailbox for all engine tests, on a record of their own with a clock to move."""

import os
import shutil
import socket
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import AbstractContextManager, ExitStack
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from cli.parts import Parts, running
from config.settings import Settings
from services.clock import CHINA, FileClock
from services.record.database import engine_of
from tests.new_database import new_database

OPENING = datetime(2026, 3, 2, 9, tzinfo=CHINA)
LEASE_SECONDS = 8
_OPEN = pytest.StashKey[tuple[ExitStack, Parts]]()


@pytest.hookimpl(tryfirst=True)  # before xdist reads the groups
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests with an engine on one xdist worker: one server is enough, and two would only starve each other."""
    for item in items:
        if item.get_closest_marker("engine") or "parts" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("engine"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> Generator[None]:
    """Stop the parts after the last test with an engine: idle, the server takes a sixteenth of a core.

    Of a process that runs the tests alone only at its end, since there they are not one after the other.
    """
    try:
        yield
    finally:
        if nextitem is None or ("PYTEST_XDIST_WORKER" in os.environ and not _with_engine(nextitem)):
            _stop(item.session)


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Stop the parts of a session that was broken off before its last test."""
    _stop(session)


def _stop(session: pytest.Session) -> None:
    if _OPEN in session.stash:
        session.stash[_OPEN][0].close()
        del session.stash[_OPEN]


def _with_engine(item: pytest.Item) -> bool:
    return any(mark.args == ("engine",) for mark in item.iter_markers("xdist_group"))


@pytest.fixture
def _shared_parts(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Parts:
    """The parts, up from the first test that asks for them."""
    stash = request.session.stash
    if _OPEN not in stash:
        stack = ExitStack()
        stash[_OPEN] = stack, stack.enter_context(_parts_in(tmp_path_factory.mktemp("engine")))
    return stash[_OPEN][1]


def _parts_in(folder: Path) -> AbstractContextManager[Parts]:
    settings = Settings(
        data_dir=folder,
        clock_file=folder / "clock",
        smtp_port=0,
        mail_hours="",
        console_port=free_port(),
        lease_seconds=LEASE_SECONDS,
        chunk_size=20,
    )
    clock_of_parts(settings).set(OPENING)
    new_database(engine_of(settings))
    return running(settings, print, apart=True)


@pytest.fixture
def parts(_shared_parts: Parts, monkeypatch: pytest.MonkeyPatch) -> Iterator[Parts]:
    """The parts with an empty record, an empty mailbox and the clock at OPENING. Mark such tests `engine`.

    Only for the test's time does this process talk to the same server and record: what stays in the environment
    would be read by the next test's settings.
    """
    settings = _shared_parts.settings
    for name in ("duixian.db", "duixian.db-wal", "duixian.db-shm"):
        (settings.data_dir / name).unlink(missing_ok=True)
    shutil.rmtree(settings.output_dir, ignore_errors=True)
    for mail in _shared_parts.mailbox.glob("*.eml"):
        mail.unlink()
    clock_of_parts(settings).set(OPENING)
    new_database(engine_of(settings))
    environ = _shared_parts.environ
    for name, value in environ.items():
        if os.environ.get(name) != value:
            monkeypatch.setenv(name, value)
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    addresses = {PREFECT_API_URL: environ["PREFECT_API_URL"], PREFECT_HOME: environ["PREFECT_HOME"]}
    with temporary_settings(addresses):
        yield _shared_parts


def free_port() -> int:
    """A port of this machine that nobody has now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def clock_of_parts(settings: Settings) -> FileClock:
    """The clock that the test moves."""
    assert settings.clock_file is not None
    return FileClock(settings.clock_file)


def wait_until(parts: Parts, condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Wait until the condition gives something, and return it. Fails when a part has died or time is up."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        parts.check()
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s; the worker's log ends:\n{parts.worker.tail()}")


def wait_for_run(parts: Parts, run_id: str, *states: str, seconds: float = 60) -> Any:
    """Wait until a flow run is in one of the state types (such as "completed", "paused"), and return the run."""
    from prefect.client.orchestration import get_client

    wanted = set(states or ("completed", "failed", "crashed", "cancelled"))
    with get_client(sync_client=True) as client:

        def reached() -> Any:
            run = client.read_flow_run(UUID(run_id))
            return run if run.state is not None and run.state.type.value.lower() in wanted else None

        return wait_until(parts, reached, seconds)
