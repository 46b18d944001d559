"""How a task is made: a Chinese name, no cached result, a time limit, and retries only of what a retry may mend."""

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from prefect import Task, runtime, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State, TaskRun
from prefect.tasks import exponential_backoff
from sqlalchemy.exc import OperationalError

from services.errors import TransientError
from services.watch import logs

P = ParamSpec("P")
R = TypeVar("R")

RETRIES = 5
FIRST_DELAY = 1.0  # seconds; doubled at every further retry
LONGEST = 1800.0  # seconds a task may take


def step(name: str) -> Callable[[Callable[P, R]], Task[P, R]]:
    """Make a function a task, whose log lines name its run.

    The database is the cache: see docs/decisions/0003-no-result-cache.md.
    """
    made: Callable[[Callable[P, R]], Task[P, R]] = task(
        name=name,
        task_run_name=name,
        cache_policy=NO_CACHE,
        persist_result=False,
        timeout_seconds=LONGEST,
        retries=RETRIES,
        retry_delay_seconds=exponential_backoff(FIRST_DELAY),
        retry_jitter_factor=0.5,
        retry_condition_fn=may_retry,
    )

    def decorate(function: Callable[P, R]) -> Task[P, R]:
        @wraps(function)
        def of_its_run(*args: P.args, **kwargs: P.kwargs) -> R:
            with logs.case(run=runtime.flow_run.id):
                return function(*args, **kwargs)

        return made(of_its_run)

    return decorate


def may_retry(_task: Task[..., Any], _run: TaskRun, state: State[Any]) -> bool:
    """Whether the failure is one that may pass by itself: the outside world, or a busy or vanished database."""
    try:
        state.result()
    except (TransientError, OperationalError):
        return True
    except BaseException:
        return False
    return False
