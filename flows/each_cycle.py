"""Doing the same for each open cycle: what fails for one does not keep the others waiting."""

from collections.abc import Callable
from typing import TypeVar

from prefect import get_run_logger

from services.watch import logs
from tasks import waking

R = TypeVar("R")


def each_open_cycle(work: Callable[[int], R | None]) -> dict[int, R]:
    """What came of each cycle for which something was done. The first failure is raised once all had their turn."""
    done: dict[int, R] = {}
    failures: list[Exception] = []
    for cycle_id in waking.open_cycles():
        try:
            with logs.case(cycle=cycle_id):
                result = work(cycle_id)
        except Exception as error:
            get_run_logger().exception("第 %s 号年度流程没有办成，其余年度照常", cycle_id)
            failures.append(error)
        else:
            if result is not None:
                done[cycle_id] = result
    if failures:
        raise failures[0]
    return done
