"""The engine as the console and the command line see it: start, wake, ask, trigger.

Prefect is imported inside of the functions, so that importing this module is quick.
"""

import os
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from functools import cache
from pathlib import Path
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlmodel import Session

from config.settings import Settings
from models import Cycle
from services.access.actors import system_actor
from services.clock import SystemClock, clock_of
from services.cycle import cycles, lease
from services.errors import ServiceError
from services.record.database import engine_of, is_being_written, session_of

if TYPE_CHECKING:
    import httpx
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun

ANNUAL_CYCLE = "年度兑现/annual-cycle"  # what these end in where cities share a server: `deployed`
PART = "分头办理/part"
SCHEDULED = {
    "tick": "到期唤醒/tick",
    "watchdog": "运行看护/watchdog",
    "reminders": "催办提醒/reminders",
    "notices": "通知发送/notices",
    "anchor": "审计链留存/anchor",
}
NEVER_TAKEN = timedelta(minutes=2)  # a run that a worker took and did not start by then is gone
ENDLESS = timedelta(minutes=45)  # longer than any scheduled run, or a part of a stage, works
_SETTLE = 30.0  # seconds to wait for a run that has given up its lease and is about to suspend
_LEAVES = 5.0  # the same where it works for longer than a lease lasts
_RENEWS = 3.0  # the same until it has renewed a lease that it could not renew for long
_POLL = 0.5
_ANSWERS_WITHIN = 10.0  # seconds
_PROBED_WITHIN = 2.0  # seconds


class EngineError(ServiceError):
    """The Prefect server cannot be reached, or lacks the deployment."""


class EngineAwayError(EngineError):
    """The Prefect server cannot be reached."""


class RunState(StrEnum):
    """What has become of the run that carries a cycle."""

    NONE = "none"  # never started
    UNKNOWN = "unknown"  # the server does not know it
    WAITING = "waiting"  # scheduled, or taken by a worker and not yet begun
    RUNNING = "running"
    LOST = "lost"  # said to be running, but nobody renews its lease
    SUSPENDED = "suspended"
    COMPLETED = "completed"
    FAILED = "failed"
    CRASHED = "crashed"
    CANCELLED = "cancelled"


_ENDED = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CRASHED, RunState.CANCELLED})


def deployed(settings: Settings, name: str) -> str:
    """What a deployment of these flows is called on the server, which cities may share."""
    return f"{name}{settings.of_city}"


def shown(settings: Settings, name: str) -> str:
    """What a run or an artifact is called on the dashboard: where cities share it, whose it is."""
    return f"{settings.organisation} · {name}" if settings.city else name


def start(settings: Settings, policy_id: str, year: int) -> str:
    """Start a run of the annual cycle. Returns its id. Raises EngineError, NotFoundError for a year not opened."""
    with _record(settings) as session, _client(settings) as client:
        return _start(settings, session, client, cycles.find_cycle(session, policy_id, year))


def wake(settings: Settings, cycle_id: int) -> str:
    """Have the cycle looked at now: "resumed", "started" (its run was gone), or "running" (it is at it already).

    Waking decides nothing: the run reads the gate from the record. Raises EngineError, NotFoundError, and StateError
    for a cycle that has ended.
    """
    with _record(settings) as session:
        cycle = cycles.open_one(session, cycle_id)  # an ended cycle is refused without asking the engine
        with _client(settings) as client:
            return _wake(settings, session, client, cycle)


def _wake(settings: Settings, session: Session, client: "SyncPrefectClient", cycle: Cycle) -> str:
    run, state = _settled(settings, session, client, cycle.id or 0)
    if state in (RunState.RUNNING, RunState.WAITING):
        return "running"
    if run is not None and state is RunState.SUSPENDED and _resume(client, run):
        return "resumed"
    if run is not None and state is RunState.LOST:
        _mark_crashed(client, run)
    if run is not None and state in _ENDED:  # a killed run could not give its lease back
        lease.release(session, cycle_id=cycle.id or 0, holder=str(run.id))
    _start(settings, session, client, cycle)
    return "started"


def run_state(settings: Settings, cycle_id: int) -> str:
    """What has become of the cycle's run: a value of RunState. Raises EngineError, NotFoundError."""
    with _record(settings) as session, _client(settings) as client:
        return _look(settings, session, client, cycle_id)[1].value


def answers(settings: Settings) -> bool:
    """Whether the server is there, asked without the engine's own client, which takes seconds to load."""
    import httpx

    try:
        with asking(settings, _PROBED_WITHIN) as server:
            return server.get("/health").status_code == 200
    except httpx.HTTPError:
        return False


def keeps_time(settings: Settings) -> bool:
    """Whether the server plans what begins by itself: its planning can stand still while it answers all else.

    Raises httpx.HTTPError when it does not answer.
    """
    with asking(settings, _PROBED_WITHIN) as server:
        return is_planned(server, deployed(settings, SCHEDULED["tick"]))


def is_planned(server: "httpx.Client", deployment: str) -> bool:
    """Whether a run of a scheduled deployment lies ahead; Prefect plans them an hour and more ahead.

    Raises httpx.HTTPError.
    """
    now = SystemClock().now().isoformat()
    ahead = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"after_": now}}
    query = {"deployments": {"name": {"any_": [deployment.rpartition("/")[2]]}}, "flow_runs": ahead}
    return bool(server.post("/flow_runs/count", json=query).raise_for_status().json())


@contextmanager
def asking(settings: Settings, within: float) -> Iterator["httpx.Client"]:
    """A plain client of the server's API, which shows the password and waits so many seconds for an answer."""
    import httpx

    user, _, password = os.environ.get("PREFECT_API_AUTH_STRING", "").partition(":")
    auth = httpx.BasicAuth(user, password) if user else None
    with httpx.Client(base_url=address(settings), auth=auth, timeout=within, verify=trusted()) as client:
        yield client


def trusted() -> ssl.SSLContext:
    """Whom to believe to be the server: by PREFECT_API_SSL_CERT_FILE, else by SSL_CERT_FILE, else the public roots."""
    import certifi

    named = (os.environ.get(name) for name in ("PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE"))
    return _trusted(Path(next(filter(None, named), certifi.where())))


def address(settings: Settings) -> str:
    """Where the server's API is: where PREFECT_API_URL says, else on this machine."""
    return os.environ.get("PREFECT_API_URL") or f"http://127.0.0.1:{settings.engine_port}/api"


def trigger(settings: Settings, name: str) -> str:
    """Run one of the scheduled deployments (tick, watchdog, reminders, notices, anchor) once. Returns the run's id."""
    with _client(settings) as client:
        name = SCHEDULED[name]
        return _run_deployment(settings, client, name, {}, name.partition("/")[0])


def hand_out(settings: Settings, title: str, parameters: dict[str, Any]) -> str:
    """Have a part of a stage done by another worker. Returns the run's id. Raises EngineError."""
    with _client(settings) as client:
        return _run_deployment(settings, client, PART, parameters, title)


def handed_back(settings: Settings, run_id: str) -> dict[str, int] | None:
    """Wait for a part that was handed out: what it came to, counted; None when it was not done, nor will be."""
    from prefect.states import Cancelled

    with _client(settings) as client:
        while not (run := client.read_flow_run(UUID(run_id))).state or not run.state.is_final():
            if _is_gone(run):
                client.set_flow_run_state(
                    run.id, Cancelled(message="没有执行器办理，改由分派它的运行办理。"), force=True
                )
                return None
            sleep(_POLL)
        if not run.state.is_completed():
            return None
        return {name: count for name, count in run.labels.items() if isinstance(count, int)}


def clear_away(settings: Settings) -> list[str]:
    """Mark as crashed the scheduled runs and parts of this city that nobody carries any more. Returns their names.

    A worker that was killed, or a power cut, leaves them pending or running for ever, and the scheduled ones would keep
    the slot of their deployment, so that every later run is called off.
    """
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
    from prefect.client.schemas.objects import StateType

    begun = [StateType.PENDING, StateType.RUNNING, StateType.CANCELLING]
    with _client(settings) as client:
        names = [deployed(settings, name).rpartition("/")[2] for name in (PART, *SCHEDULED.values())]
        runs = client.read_flow_runs(
            deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=names)),
            flow_run_filter=FlowRunFilter(state=FlowRunFilterState(type=OfType(any_=begun))),
        )
        gone = [run for run in runs if _is_gone(run)]
        for run in gone:
            _mark_crashed(client, run)
    return [run.name for run in gone]


def call_off_late(settings: Settings) -> list[str]:
    """Call off what fell due while nobody took it: of each scheduled deployment of this city, all but the newest.

    After an outage of an hour a worker would start all of some fifty at once, and each would do the same. The newest
    stays: it does the work of all, also of what is scheduled once a day. Returns the names of those called off.
    """
    with _client(settings) as client:
        names = [deployed(settings, name) for name in SCHEDULED.values()]
        late = [run for name in names for run in _late(client, name)[1:]]
        for run in late:
            _call_off(client, run)
    return [run.name for run in late]


def _late(client: "SyncPrefectClient", deployment: str) -> "list[FlowRun]":
    """The deployment's runs that should have begun by now, the newest first; the server schedules at most 100 ahead."""
    from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName, FlowRunFilter, FlowRunFilterState
    from prefect.client.schemas.filters import FlowRunFilterExpectedStartTime as Begins
    from prefect.client.schemas.filters import FlowRunFilterStateType as OfType
    from prefect.client.schemas.objects import StateType
    from prefect.client.schemas.sorting import FlowRunSort

    scheduled = FlowRunFilterState(type=OfType(any_=[StateType.SCHEDULED]))
    return client.read_flow_runs(
        deployment_filter=DeploymentFilter(name=DeploymentFilterName(any_=[deployment.rpartition("/")[2]])),
        flow_run_filter=FlowRunFilter(state=scheduled, expected_start_time=Begins(before_=SystemClock().now())),
        sort=FlowRunSort.EXPECTED_START_TIME_DESC,
    )


def _is_gone(run: "FlowRun") -> bool:
    from prefect.client.schemas.objects import StateType

    if run.state is None:
        return False
    age = SystemClock().now() - run.state.timestamp
    return age > (NEVER_TAKEN if run.state.type in (StateType.PENDING, StateType.SCHEDULED) else ENDLESS)


@contextmanager
def _record(settings: Settings) -> Iterator[Session]:
    engine = engine_of(settings)
    try:
        with session_of(engine) as session:
            yield session
    finally:
        engine.dispose()


@contextmanager
def _client(settings: Settings) -> Iterator["SyncPrefectClient"]:
    """A client of the server that PREFECT_API_URL names, else of the one on this machine; never one of its own."""
    import httpx
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_KEY, PREFECT_API_SSL_CERT_FILE, PREFECT_API_URL

    url = PREFECT_API_URL.value() or f"http://127.0.0.1:{settings.engine_port}/api"
    own = PREFECT_API_SSL_CERT_FILE.value()
    believed = _trusted(Path(own)) if own else trusted()
    try:
        # The client itself would retry for a minute.
        httpx.get(f"{url}/health", timeout=_ANSWERS_WITHIN, verify=believed)
        with SyncPrefectClient(
            url,
            auth_string=PREFECT_API_AUTH_STRING.value(),
            api_key=PREFECT_API_KEY.value(),
            httpx_settings={"verify": believed},
        ) as client:
            yield client
    except httpx.HTTPStatusError as error:
        if error.response.status_code != httpx.codes.UNAUTHORIZED:
            raise
        raise EngineError(
            f"调度服务 {url} 要求认证，口令没有给出或不对；请把 PREFECT_API_AUTH_STRING 设成启动它时用的口令。"
        ) from error
    except httpx.TransportError as error:
        raise EngineAwayError(
            f"连不上调度服务 {url}；请确认 duixian serve 正在运行。它在别处时，请用 PREFECT_API_URL 指明地址。"
        ) from error


def _trusted(authorities: Path) -> ssl.SSLContext:
    """Read anew when the file has changed: reading it takes longer than asking. Raises EngineError without the file."""
    try:
        return _read(authorities, authorities.stat().st_mtime_ns)
    except (OSError, ssl.SSLError) as error:
        cause, names = error.strerror or error, "PREFECT_API_SSL_CERT_FILE、SSL_CERT_FILE"
        raise EngineError(f"读不了根证书 {authorities}：{cause}；请核对 {names} 所写的文件。") from error


@cache
def _read(authorities: Path, _changed: int) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=authorities)


def _start(settings: Settings, session: Session, client: "SyncPrefectClient", cycle: Cycle) -> str:
    """Start a run and note it with the cycle, so that nobody starts another while it waits for a worker."""
    parameters = {"policy_id": cycle.policy_id, "year": cycle.year}
    run_id = _run_deployment(settings, client, ANNUAL_CYCLE, parameters, f"{cycle.year}年度 · 兑现")
    system, cycle_id = system_actor(session), cycle.id or 0
    if lease.holder(session, SystemClock(), cycle_id) is None:  # else this run will find another at work, and end
        cycles.note_run(session, clock_of(settings), system, cycle_id=cycle_id, flow_run_id=run_id)
    return run_id


def _run_deployment(
    settings: Settings, client: "SyncPrefectClient", flow: str, parameters: dict[str, Any], run_name: str
) -> str:
    from prefect.exceptions import ObjectNotFound

    name, run_name = deployed(settings, flow), shown(settings, run_name)
    try:
        deployment = client.read_deployment_by_name(name)
    except ObjectNotFound as error:
        raise EngineError(f"调度服务里没有部署“{name}”；请先运行 duixian serve（或 duixian deploy）。") from error
    return str(client.create_flow_run_from_deployment(deployment.id, parameters=parameters, name=run_name).id)


def _settled(
    settings: Settings, session: Session, client: "SyncPrefectClient", cycle_id: int
) -> tuple["FlowRun | None", RunState]:
    """The run and its state; one that works without a lease is about to suspend or to end, and is waited for.

    So is, for a moment, one that looks lost: it gave its lease back, which a killed run could not, or renews it only
    now, after an operation that took long. Where others write all the time it looks now so, now so, which ends too.
    """
    seen, since, first = RunState.NONE, 0.0, dict[RunState, float]()
    while True:
        run, state = _look(settings, session, client, cycle_id)
        now = monotonic()
        if state is not seen:
            seen, since = state, now
        first.setdefault(state, now)
        held = lease.holder(session, SystemClock(), cycle_id) is not None
        given_back = lease.is_free(session, cycle_id)
        session.rollback()
        patience = {RunState.RUNNING: 0.0 if held else _SETTLE, RunState.LOST: _LEAVES if given_back else _RENEWS}
        if now - since >= patience.get(state, 0.0) or now - first[state] >= _SETTLE:
            return run, state
        sleep(_POLL)


def _look(
    settings: Settings, session: Session, client: "SyncPrefectClient", cycle_id: int
) -> tuple["FlowRun | None", RunState]:
    from prefect.exceptions import ObjectNotFound

    noted = cycles.get_cycle(session, cycle_id).flow_run_id
    if noted is None:
        return None, RunState.NONE
    try:
        run = client.read_flow_run(UUID(noted))
    except ObjectNotFound:
        return None, RunState.UNKNOWN
    alive = lease.holder(session, SystemClock(), cycle_id) is not None
    if not alive and not lease.is_free(session, cycle_id):
        alive = is_being_written(session)  # by itself, it may be: nobody renews a lease meanwhile
    session.rollback()
    return run, _state(run, alive, settings.lease_seconds)


def _state(run: "FlowRun", alive: bool, lease_seconds: int) -> RunState:
    """`alive`: somebody holds the cycle's lease."""
    from prefect.client.schemas.objects import StateType

    if run.state is None:
        return RunState.UNKNOWN
    age = SystemClock().now() - run.state.timestamp
    match run.state.type:
        case StateType.RUNNING | StateType.CANCELLING:
            return RunState.RUNNING if alive or age < timedelta(seconds=lease_seconds) else RunState.LOST
        case StateType.PENDING:
            return RunState.WAITING if alive or age < NEVER_TAKEN else RunState.LOST
        case StateType.SCHEDULED:
            return RunState.WAITING
        case StateType.PAUSED:
            return RunState.SUSPENDED
        case other:
            return RunState(other.value.lower())


def _resume(client: "SyncPrefectClient", run: "FlowRun") -> bool:
    """Resume a suspended run. False when the server no longer lets it go on."""
    from prefect.client.schemas.responses import SetStateStatus

    return client.resume_flow_run(run.id).status is SetStateStatus.ACCEPT


def _mark_crashed(client: "SyncPrefectClient", run: "FlowRun") -> None:
    """Tell the dashboard that the run's process is gone."""
    from prefect.states import Crashed

    client.set_flow_run_state(run.id, Crashed(message="运行进程已经失联，由新的运行接手。"), force=True)


def _call_off(client: "SyncPrefectClient", run: "FlowRun") -> None:
    from prefect.states import Cancelled

    client.set_flow_run_state(run.id, Cancelled(message="到期时各部件没有运行；由同一流程较晚的一次一并办理。"))
