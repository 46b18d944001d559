"""Many at the same moment: all are served, though there are fewer threads and connections than visitors."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import uvicorn

from benchmarks.load import Call, measure
from models import Role
from tests.engine_parts import free_port
from tests.web.conftest import House

VISITORS = 150


@contextmanager
def served(app: object) -> Iterator[int]:
    """The application on a port."""
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="critical"))  # type: ignore[arg-type]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    yield port
    server.should_exit = True
    thread.join(10)


def test_nobody_is_turned_away_in_a_rush(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    cookies = house.as_role(Role.OPERATOR).cookies
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())}
    with served(house.app) as port:
        found = measure(port, [Call("/applications", headers)] * VISITORS, at_once=VISITORS)
    assert found.statuses == {200: VISITORS}
