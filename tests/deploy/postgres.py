"""What the long tests of deploy/ stand on: a PostgreSQL server with all its extensions, and waiting."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import URL, create_engine, make_url
from sqlalchemy.exc import OperationalError

from tests.engine_parts import free_port

LIMIT = 180


def wait(condition: Callable[[], Any], seconds: float = LIMIT, what: str = "") -> Any:
    """Wait until the condition gives something."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if found := condition():
            return found
        time.sleep(0.3)
    raise AssertionError(f"not within {seconds} s: {what}")


@contextmanager
def postgres() -> Iterator[URL]:
    """Debian's PostgreSQL: Prefect needs its extension pg_trgm, which the wheel of the other tests has not."""
    (programs,) = sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:]
    folder, port = Path(tempfile.mkdtemp(prefix="duixian-pg-")), free_port()
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    if user:
        shutil.chown(folder, "postgres")
    data = [*user, str(programs / "initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "-E", "UTF8"]
    subprocess.run(data, check=True, capture_output=True, cwd="/")
    options = ["-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
    process = subprocess.Popen([*user, str(programs / "postgres"), "-D", str(folder / "data"), *options], cwd="/")
    url = make_url(f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres")
    wait(lambda: _connects(url), what="PostgreSQL")
    try:
        yield url
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder)


def _connects(url: URL) -> bool:
    engine = create_engine(url)
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()
