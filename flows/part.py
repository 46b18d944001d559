"""A part of a stage's work: the flow that does it for the run that handed it out, on whichever worker takes it."""

from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from prefect import State, Task, flow, runtime
from prefect.client.orchestration import get_client
from prefect.states import Cancelled, Completed

from flows.naming import called
from models import ReviewerKind
from tasks import documents, intake, lease, reviews

Piece = list[int] | str  # ids of applications, or a kind of document
Counts = Counter[str]
R = TypeVar("R")


@flow(name="分头办理", flow_run_name=called("{title}"), persist_result=False, retries=0)
def part(cycle_id: int, holder: str, work: str, pieces: list[Piece], title: str) -> State[None]:
    """办理某个年度某个阶段的一部分：由办理该年度的运行分派，不单独启动。分派它的运行已经不在的，什么也不做。

    Args:
        cycle_id: 年度的编号
        holder: 分派它的运行
        work: 办什么
        pieces: 办哪些：申报的编号，或者文件的种类
        title: 看板上的名称
    """
    if lease.holder(cycle_id) != holder:
        # Not done: should it be there after all, and its lease have lapsed only, it does the part itself.
        return Cancelled(message="分派它的运行已经不在，本次不办理。")
    counts = do(work, cycle_id, pieces)
    with get_client(sync_client=True) as client:
        client.update_flow_run_labels(runtime.flow_run.id, dict(counts))
    return Completed(message="已办理。")


def do(work: str, cycle_id: int, pieces: Sequence[Piece]) -> Counts:
    """Do the pieces of a work here. Returns what it came to, counted."""
    return _WORKS[work](cycle_id, pieces)


def _examine(cycle_id: int, pieces: Sequence[Piece]) -> Counts:
    each = [{"cycle_id": cycle_id, "application_ids": ids} for ids in pieces]
    return sum(_each(intake.examine, each), Counter())


def _request(kind: ReviewerKind) -> Callable[[int, Sequence[Piece]], Counts]:
    def ask(cycle_id: int, pieces: Sequence[Piece]) -> Counts:
        each = [{"cycle_id": cycle_id, "kind": kind, "application_ids": ids} for ids in pieces]
        return Counter(requests_made=sum(_each(reviews.request, each)))

    return ask


def _write(cycle_id: int, pieces: Sequence[Piece]) -> Counts:
    return Counter(documents=sum(documents.write(cycle_id, str(kind)) for kind in pieces))


def _each(task: Task[..., R], each: Sequence[dict[str, Any]]) -> list[R]:
    """Run a task with each of the parameters, one after the other. The first failure is raised once all have ended."""
    states: list[State[R]] = [task(**parameters, return_state=True) for parameters in each]
    return [state.result() for state in states]


_WORKS: dict[str, Callable[[int, Sequence[Piece]], Counts]] = {
    "examine": _examine,
    **{kind.value: _request(kind) for kind in ReviewerKind},
    "write": _write,
}
