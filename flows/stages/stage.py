"""How a stage's flow is made, and how its work is spread over chunks and workers."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, ParamSpec

from prefect import Flow, flow, runtime

from flows import control
from flows.naming import called
from flows.part import Counts, Piece, do
from tasks import lease
from tasks.context import context

P = ParamSpec("P")
Summary = dict[str, Any]  # what the stage came to: counts, amounts in fen
_MOST = 400_000  # bytes of pieces handed out in one run: Prefect takes 524,288 of parameters


def stage_flow(title: str) -> Callable[[Callable[P, Summary]], Flow[P, Summary]]:
    """Make a function `(cycle_id, year)` the flow of a stage.

    Its result is never persisted: a resumed run must run the stage again, and the record says what is already done.
    """
    return flow(name=title, flow_run_name=called(f"{{year}}年度 · {title}"), persist_result=False, retries=0)


def spread(cycle_id: int, work: str, pieces: Sequence[Piece]) -> Counts:
    """Do the pieces of a work (see `flows.part`), where there are several workers by all of them.

    What was handed out and did not come back, for whatever reason, is done here.
    """
    settings, counts = context().settings, Counter[str]()
    if settings.workers == 1:
        return do(work, cycle_id, pieces)
    title = f"{runtime.flow_run.parameters['year']}年度 · {runtime.flow_run.flow_name} · 分头办理"
    parameters = {"cycle_id": cycle_id, "holder": lease.holder(cycle_id), "work": work, "title": title}
    for own, *others in _rounds(pieces, settings.workers):
        handed = [
            (share, control.hand_out(settings, title, parameters | {"pieces": share})) for share in others if share
        ]
        counts += do(work, cycle_id, own)
        for share, run_id in handed:
            done = control.handed_back(settings, run_id)
            counts += do(work, cycle_id, share) if done is None else Counter(done)
    return counts


def _rounds(pieces: Sequence[Piece], workers: int) -> Iterator[list[Sequence[Piece]]]:
    """The pieces dealt to the workers, as many at a time as a run's parameters hold."""
    longest = max((len(json.dumps(piece)) for piece in pieces), default=1)
    at_once = max(_MOST // longest, 1) * workers
    for start in range(0, len(pieces), at_once):
        now = pieces[start : start + at_once]
        yield [now[worker::workers] for worker in range(workers)]


def chunks(ids: Sequence[int]) -> list[list[int]]:
    """The ids in pieces of the size that the settings say."""
    size = context().settings.chunk_size
    return [list(ids[start : start + size]) for start in range(0, len(ids), size)]
