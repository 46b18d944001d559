"""The worker as the parts run it: each run in a fork of a process that has loaded the flows already.

Takes the arguments of `prefect worker start`. See docs/decisions/0030-a-run-is-a-fork.md for what this saves.
"""

import gc
import os
import runpy
import signal
import ssl
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from config.settings import ROOT

_ENGINE = ["-m", "prefect.engine"]  # what prefect.yaml has a run started with
_ENGINE_PARTS = ("prefect.flow_engine", "prefect.task_engine", "prefect.runner", "prefect.deployments.steps.core")
_LATE = ("fastapi.encoders", "prefect.utilities.visualization", "cn2an")  # what Prefect and we load on the way
_SELDOM = 10_000  # objects more than before; Python's own is a few hundred or thousand, by its version
_NAME = 8  # characters of a run's id in the name of its process, which the kernel cuts off at 15
_FORKS = get_context("forkserver")


def main() -> None:
    """Take runs until told to stop; look for them every two seconds unless told otherwise (Prefect: every ten)."""
    os.environ.setdefault("PREFECT_WORKER_QUERY_SECONDS", "2")
    _FORKS.set_forkserver_preload([*_ENGINE_PARTS, *_LATE, *_flow_modules()])
    ensure_running()  # it loads them while we load Prefect's worker
    from prefect.cli import app
    from prefect.runner import _starter_engine

    starter: Any = _starter_engine  # which says that this is the name to replace
    starter.run_process = _forking(starter.run_process)
    warm = _FORKS.Process(target=_nothing)
    warm.start()  # the first one waits for the loading; nothing else waits for it yet
    warm.join()
    sys.argv = ["prefect", "worker", "start", *sys.argv[1:]]
    app()


def _flow_modules() -> list[str]:
    """The modules of the flows that are deployed."""
    deployments = YAML(typ="safe").load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    return [deployment["entrypoint"].rpartition(".")[0] for deployment in deployments]


def _forking(otherwise: Callable[..., Any]) -> Callable[..., Any]:
    """Prefect's `run_process`, with a fork where it would start its engine; any other command is left to it."""
    import anyio

    async def run_process(command: Sequence[str], **options: Any) -> None:
        if list(command[1:]) != _ENGINE:
            await otherwise(command, **options)
            return
        process = _FORKS.Process(target=run, args=(options["env"], str(options["cwd"])))
        process.start()
        try:
            options["task_status"].started(options["task_status_handler"](process))
            await anyio.wait_readable(process.sentinel)
        finally:
            _end(process)

    return run_process


def _end(process: ForkServerProcess) -> None:
    """Nothing to do for a run that has ended; one that is given up is told to, as Prefect does."""
    if process.exitcode is None:
        with suppress(ProcessLookupError):
            os.kill(process.pid or 0, signal.SIGTERM)


def run(environ: Mapping[str, str], folder: str) -> None:
    """Be `python -m prefect.engine` in this folder with this environment, in a process that was just forked."""
    collect_seldom()
    ssl.create_default_context = read_once(ssl.create_default_context)
    os.environ.clear()
    os.environ.update(environ)
    os.chdir(folder)
    _call_this(process_name(environ["PREFECT__FLOW_RUN_ID"]))
    sys.argv = ["prefect.engine"]
    runpy.run_module("prefect.engine", run_name="__main__", alter_sys=True)


def collect_seldom() -> None:
    """Have the collector leave alone what was loaded before, which stays, and look for garbage a tenth as often.

    Hundreds of thousands of rows pass through a run, hardly any of them in a circle: looking took a sixth of the time.
    """
    gc.freeze()
    gc.set_threshold(_SELDOM)


def read_once(make: Callable[..., ssl.SSLContext]) -> Callable[..., ssl.SSLContext]:
    """`ssl.create_default_context`, giving the same for the same file: each of Prefect's ten clients in a run reads all
    authorities, half a second in all. What names no file is made anew, for callers change it: they add authorities of
    their own, or stop verifying."""
    kept = cache(make)

    def context(*purpose: Any, **options: Any) -> ssl.SSLContext:
        return kept(**options) if options.keys() == {"cafile"} and not purpose else make(*purpose, **options)

    return context


def process_name(run_id: str) -> str:
    """What `ps -e` and `top` show of the process of a run."""
    return f"run-{run_id[:_NAME]}"


def _call_this(name: str) -> None:
    """Name this process, where the system lets it."""
    with suppress(OSError):
        Path("/proc/self/comm").write_text(name, encoding="ascii")


def _nothing() -> None:
    pass


if __name__ == "__main__":
    main()
