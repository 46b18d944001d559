"""Policies are read and computed by several threads at once: for visitors of the console, for measures of a law."""

import gc
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from policy.expressions import Analyst
from policy.functions import TABLE


def _let_others_run(*_: object) -> None:
    time.sleep(0)


@pytest.fixture
def busy() -> Iterator[None]:
    """Threads change at every garbage collection, and there are many."""
    interval, threshold = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(1e-6)
    gc.callbacks.append(_let_others_run)
    gc.set_threshold(5)
    yield
    gc.set_threshold(*threshold)
    gc.callbacks.remove(_let_others_run)
    sys.setswitchinterval(interval)


class Nothing:
    """A scope in which no name is known."""

    def known(self) -> set[str]:
        return set()

    def resolve(self, name: str) -> None:
        return None


@pytest.mark.usefixtures("busy")
def test_expressions_are_read_by_several_threads_at_once() -> None:
    text = "min(1 + 2 * 3, 4) if 5 > 6 and (7 < 8 or 9 == 10) else max(11, 12) - (13 + 14 * (15 - 16))"
    with ThreadPoolExecutor(8) as pool:
        read = list(pool.map(lambda _: Analyst(text, Nothing(), TABLE).analyse(), range(1500)))
    assert all(each == read[0] for each in read)
