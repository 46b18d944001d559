"""What a run is called on the dashboard once it has begun: cities may share the dashboard."""

from collections.abc import Callable

from prefect import runtime

from flows.control import shown
from tasks.context import context


def called(name: str) -> Callable[[], str]:
    """For a flow's `flow_run_name`: the name with the flow's parameters put in, and the city where there are several.

    Prefect asks the function within the run, whose settings are the city's own.
    """

    def run_name() -> str:
        return shown(context().settings, name.format(**runtime.flow_run.parameters))

    return run_name
