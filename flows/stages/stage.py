"""How a stage's flow is made, and the fan-out over chunks that stages share."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import Any, ParamSpec, TypeVar

from prefect import Flow, Task, flow

from flows.naming import called
from tasks.context import context

P = ParamSpec("P")
R = TypeVar("R")
Summary = dict[str, Any]  # what the stage came to: counts, amounts in fen


def stage_flow(title: str) -> Callable[[Callable[P, Summary]], Flow[P, Summary]]:
    """Make a function `(cycle_id, year)` the flow of a stage.

    Its result is never persisted: a resumed run must run the stage again, and the record says what is already done.
    """
    return flow(name=title, flow_run_name=called(f"{{year}}年度 · {title}"), persist_result=False, retries=0)


def in_chunks(work: Task[..., R], ids: Sequence[int], **parameters: Any) -> list[R]:
    """Run a task over chunks of ids, side by side. The first failure is raised once all have ended."""
    size = context().settings.chunk_size
    futures = [work.submit(application_ids=chunk, **parameters) for chunk in _chunks(ids, size)]
    for future in futures:
        future.wait()
    return [future.result() for future in futures]


def _chunks(ids: Sequence[int], size: int) -> list[list[int]]:
    remaining = iter(ids)
    return list(iter(lambda: list(islice(remaining, size)), []))
