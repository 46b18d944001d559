"""Whether the engine can do its work: its server, its deployments, the workers and what holds them back.

Asked over the server's API with a plain HTTP client: the engine's own takes seconds to load.
"""

from collections.abc import Iterator
from datetime import timedelta
from importlib.metadata import version
from typing import Any
from urllib.parse import quote

import httpx

from config.settings import Settings
from flows.control import ANNUAL_CYCLE, PART, SCHEDULED, EngineError, address, asking, deployed, is_planned
from services.clock import SystemClock
from services.doctor import Check, Told
from services.doctor.told import bad, good, look, one_line

_WITHIN = 5.0  # seconds
_LATE = timedelta(minutes=10)
_SERVE = "请运行 duixian serve；它在别处时，请用 PREFECT_API_URL 指明地址。"
_PLANS = (
    "请重新启动调度服务的后台任务（systemctl restart duixian-services；容器是 services；duixian serve 的重新启动它）；"
    "刚刚启动的，过一分钟再查。"
)


def checks(settings: Settings) -> list[Check]:
    """What the report has on the engine."""
    return [Check("engine", "调度服务", lambda: look_at(settings))]


def look_at(settings: Settings) -> Iterator[Told]:
    """The server first; what it knows of when it answers."""
    where = address(settings)
    try:
        with asking(settings, _WITHIN) as server:
            yield from _version(server, where)
            by_time = {deployed(settings, name) for name in SCHEDULED.values()}
            ours = (*(deployed(settings, name) for name in (ANNUAL_CYCLE, PART)), *sorted(by_time))
            found = {name: _deployment(server, name) for name in ours}
            yield from _deployments(server, found, by_time)
            for pool in sorted({each["work_pool_name"] for each in found.values() if each and each["work_pool_name"]}):
                yield from _pool(server, pool)
            yield from _late(server, [each["id"] for each in found.values() if each])
    except httpx.HTTPStatusError as error:
        yield _refused(where, error.response)
    except EngineError as error:
        seen, _, remedy = str(error).partition("；")
        yield bad(seen, remedy)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        yield bad(f"连不上调度服务 {where}：{one_line(error) or type(error).__name__}", _SERVE)


def _refused(where: str, answer: httpx.Response) -> Told:
    if answer.status_code == httpx.codes.UNAUTHORIZED:
        remedy = "请把 PREFECT_API_AUTH_STRING 设成启动它时用的口令。"
        return bad(f"调度服务 {where} 要求认证，口令没有给出或不对", remedy)
    seen = f"调度服务 {where} 答复 {answer.status_code}（{answer.request.url.path}）"
    return bad(seen, "请看数据目录 logs 里的 server.log；那里不是调度服务的，请核对 PREFECT_API_URL 和端口。")


def _version(server: httpx.Client, where: str) -> Iterator[Told]:
    server.get("/health").raise_for_status()
    there, here = server.get("/admin/version").raise_for_status().json(), version("prefect")
    if there != here:
        seen = f"调度服务 {where} 是 Prefect {there}，这里是 {here}"
        yield bad(seen, "请停下各部件，让两边用同一版程序，再启动。")
    else:
        yield good(f"{where}，Prefect {there}")


def _deployment(server: httpx.Client, name: str) -> dict[str, Any] | None:
    flow, _, deployment = name.partition("/")
    answer = server.get(f"/deployments/name/{quote(flow)}/{quote(deployment)}")
    return None if answer.status_code == httpx.codes.NOT_FOUND else dict(answer.raise_for_status().json())


def _deployments(server: httpx.Client, found: dict[str, dict[str, Any] | None], scheduled: set[str]) -> Iterator[Told]:
    missing = [name for name, each in found.items() if each is None]
    if missing:
        remedy = "请重新启动 duixian serve（或运行 duixian deploy）。"
        yield bad(f"调度服务里没有部署 {'、'.join(f'“{name}”' for name in missing)}", remedy)
    present = {name: each for name, each in found.items() if each is not None}
    stopped = [name for name, each in present.items() if each["paused"] or (name in scheduled and _idle(each))]
    if stopped:
        names = "、".join(f"“{name}”" for name in stopped)
        yield bad(f"部署 {names} 停用了，不会自动运行", "请在看板的 Deployments 里打开它的定时，或重新部署。")
    unplanned = [name for name in present if name in scheduled - set(stopped) and not is_planned(server, name)]
    if unplanned:
        names = "、".join(f"“{name}”" for name in unplanned)
        yield bad(f"{names} 没有排下一次运行，到点不会开始", _PLANS)
    for name, each in present.items():
        yield from _slot(server, name, each)
    if not missing and not stopped and not unplanned:
        yield good(f"{len(present)} 个部署都在")


def _idle(deployment: dict[str, Any]) -> bool:
    return not any(schedule["active"] for schedule in deployment["schedules"])


def _slot(server: httpx.Client, name: str, deployment: dict[str, Any]) -> Iterator[Told]:
    """A limit that is used up by runs that are no more lets no other run begin."""
    limit = deployment.get("global_concurrency_limit")
    if not limit or limit["active_slots"] < limit["limit"]:
        return
    begun = {"state": {"type": {"any_": ["PENDING", "RUNNING", "CANCELLING"]}}}
    query = {"deployments": {"id": {"any_": [deployment["id"]]}}, "flow_runs": begun}
    if server.post("/flow_runs/count", json=query).raise_for_status().json() == 0:
        seen = f"“{name}”的名额（{limit['limit']}）被已经不在的运行占着，新的运行都会取消"
        yield bad(seen, "请重新启动 duixian serve；仍然如此的，在看板的 Concurrency 里把它清零。")


def _pool(server: httpx.Client, name: str) -> Iterator[Told]:
    pool = server.get(f"/work_pools/{quote(name)}").raise_for_status().json()
    workers = server.post(f"/work_pools/{quote(name)}/workers/filter", json={}).raise_for_status().json()
    online = [each for each in workers if each["status"] == "ONLINE"]
    limit = pool["concurrency_limit"]
    if pool["is_paused"]:
        yield bad(f"工作池 {name} 已暂停，什么都不会运行", "请在看板的 Work Pools 里把它恢复。")
    if limit is not None and limit < 1:
        yield bad(f"工作池 {name} 的并发上限是 {limit}，什么都不会运行", "请在看板的 Work Pools 里改大，或去掉上限。")
    if not online:
        seen = max((str(each["last_heartbeat_time"]) for each in workers), default="")[:16].replace("T", " ")
        last = f"，上一次有动静是 {seen}（UTC）" if seen else ""
        yield bad(
            f"工作池 {name} 没有执行器{last}，流程不会推进", "请运行 duixian serve，或看数据目录 logs 里的 worker.log。"
        )
    else:
        yield good(f"工作池 {name}：执行器 {len(online)} 个，并发上限 {'不限' if limit is None else limit}")


def _late(server: httpx.Client, deployments: list[str]) -> Iterator[Told]:
    before = (SystemClock().now() - _LATE).isoformat()
    due = {"state": {"type": {"any_": ["SCHEDULED"]}}, "expected_start_time": {"before_": before}}
    query = {"deployments": {"id": {"any_": deployments}}, "flow_runs": due}
    count = server.post("/flow_runs/count", json=query).raise_for_status().json()
    if count:
        remedy = "请看执行器是否在运行、是否太忙；积压的会接着运行，不会重复办理。"
        yield look(f"{count} 次运行过了 10 分钟还没有开始", remedy)
