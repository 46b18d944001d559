"""What the doctor says of the engine: of a real server with each thing amiss, and of none."""

import os
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from json import JSONDecodeError
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli import parts as parts_of_serve
from cli.parts import Parts
from flows import control, engine_check
from flows.control import SCHEDULED
from flows.engine_check import look_at
from services.doctor import Mark
from tests.certificates import own_certificate
from tests.engine_parts import free_port, wait_until
from tests.services.doctor.support import all_good, installed, only

POOL = "duixian"


@pytest.fixture
def api(parts: Parts) -> Iterator[httpx.Client]:
    """The server's API, once a worker has told that it is there; what is scheduled has a run planned, as elsewhere."""
    with httpx.Client(base_url=os.environ["PREFECT_API_URL"], timeout=10) as client:
        wait_until(parts, lambda: post(client, f"/work_pools/{POOL}/workers/filter"))
        planned = [planned_run(client, name) for name in SCHEDULED]
        yield client
        for run in planned:
            client.delete(f"/flow_runs/{run}")


def planned_run(client: httpx.Client, name: str) -> str:
    """A run of a scheduled deployment tomorrow: the server of the tests plans none by itself."""
    at = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
    return str(post(client, f"/deployments/{deployment(client, name)['id']}/create_flow_run", state=state)["id"])


def post(client: httpx.Client, path: str, **body: Any) -> Any:
    answer = client.post(path, json=body).raise_for_status()
    return answer.json() if answer.content else None


def deployment(client: httpx.Client, name: str) -> dict[str, Any]:
    return dict(client.get(f"/deployments/name/{SCHEDULED[name]}").raise_for_status().json())


@contextmanager
def pool(client: httpx.Client, **changes: Any) -> Iterator[None]:
    """The pool changed for a while."""
    before = {"is_paused": False, "concurrency_limit": None}
    client.patch(f"/work_pools/{POOL}", json=changes).raise_for_status()
    try:
        yield
    finally:
        client.patch(f"/work_pools/{POOL}", json=before).raise_for_status()


@pytest.mark.engine
def test_a_server_with_all_that_belongs_to_it(parts: Parts, api: httpx.Client) -> None:
    assert all_good(look_at(parts.settings))


@pytest.mark.engine
def test_deployments_that_are_missing_or_stopped_are_told(
    parts: Parts, api: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setitem(SCHEDULED, "other", "另一件/other")
        assert "“另一件/other”" in only(look_at(parts.settings), Mark.BAD).seen
    tick = deployment(api, "tick")
    post(api, f"/deployments/{tick['id']}/pause_deployment")
    assert "“到期唤醒/tick” 停用了" in only(look_at(parts.settings), Mark.BAD).seen
    post(api, f"/deployments/{tick['id']}/resume_deployment")
    schedule = f"/deployments/{tick['id']}/schedules/{tick['schedules'][0]['id']}"
    api.patch(schedule, json={"active": False}).raise_for_status()
    assert "“到期唤醒/tick” 停用了" in only(look_at(parts.settings), Mark.BAD).seen
    api.patch(schedule, json={"active": True}).raise_for_status()
    assert all_good(look_at(parts.settings))


@pytest.mark.engine
def test_a_schedule_for_which_nobody_plans_runs_is_told(parts: Parts, api: httpx.Client) -> None:
    assert control.keeps_time(parts.settings)
    tick = deployment(api, "tick")
    ahead = {"deployments": {"id": {"any_": [tick["id"]]}}, "flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}}
    for run in post(api, "/flow_runs/filter", **ahead):
        api.delete(f"/flow_runs/{run['id']}").raise_for_status()
    amiss = only(look_at(parts.settings), Mark.BAD)
    assert "“到期唤醒/tick” 没有排下一次运行" in amiss.seen and "duixian-services" in amiss.remedy
    assert not control.keeps_time(parts.settings)
    again = planned_run(api, "tick")
    assert all_good(look_at(parts.settings)) and control.keeps_time(parts.settings)
    api.delete(f"/flow_runs/{again}").raise_for_status()


@pytest.mark.engine
def test_a_pool_in_which_nothing_can_run_is_told(parts: Parts, api: httpx.Client) -> None:
    with pool(api, is_paused=True):
        assert "已暂停" in only(look_at(parts.settings), Mark.BAD).seen
    with pool(api, concurrency_limit=0):
        assert "并发上限是 0" in only(look_at(parts.settings), Mark.BAD).seen
    with pool(api, concurrency_limit=4):
        assert all_good(look_at(parts.settings))


@pytest.mark.engine
def test_a_pool_without_a_worker_is_told(parts: Parts, api: httpx.Client) -> None:
    post(api, "/work_pools/", name="empty", type="process")
    assert "没有执行器" in only(engine_check._pool(api, "empty"), Mark.BAD).seen
    api.delete("/work_pools/empty").raise_for_status()


@pytest.mark.engine
def test_runs_that_wait_too_long_are_told(parts: Parts, api: httpx.Client) -> None:
    at = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    tick = deployment(api, "tick")
    with pool(api, is_paused=True):
        state = {"type": "SCHEDULED", "state_details": {"scheduled_time": at}}
        run = post(api, f"/deployments/{tick['id']}/create_flow_run", state=state)
        assert "1 次运行" in only(look_at(parts.settings), Mark.LOOK).seen
        api.delete(f"/flow_runs/{run['id']}").raise_for_status()


@pytest.mark.engine
def test_a_slot_that_nobody_gives_back_is_told(parts: Parts, api: httpx.Client) -> None:
    notices = deployment(api, "notices")
    names = [notices["global_concurrency_limit"]["name"]]
    post(api, "/v2/concurrency_limits/increment", names=names, slots=1)
    assert "“通知发送/notices”的名额" in only(look_at(parts.settings), Mark.BAD).seen
    post(api, "/v2/concurrency_limits/decrement", names=names, slots=1)
    assert all_good(look_at(parts.settings))


@pytest.mark.engine
def test_a_server_of_another_version_is_told(parts: Parts, api: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_check, "version", lambda _: "3.0.0")
    assert "这里是 3.0.0" in only(look_at(parts.settings), Mark.BAD).seen


def test_a_server_that_is_away_and_one_that_is_another_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    away = only(look_at(installed(tmp_path, engine_port=free_port())), Mark.BAD)
    assert "连不上" in away.seen and "duixian serve" in away.remedy

    for code, told in ((404, "答复 404（/api/health）"), (401, "要求认证，口令没有给出或不对")):
        with _server(code) as port:
            monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{port}/api")
            assert told in only(look_at(installed(tmp_path)), Mark.BAD).seen
    monkeypatch.setenv("PREFECT_API_URL", "nonsense")
    assert "连不上" in only(look_at(installed(tmp_path)), Mark.BAD).seen


@pytest.mark.parametrize("setting", ["PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE"])
def test_a_server_with_a_certificate_of_ones_own_authority_is_believed_when_that_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    settings = installed(tmp_path)
    for name in ("PREFECT_API_SSL_CERT_FILE", "SSL_CERT_FILE"):
        monkeypatch.delenv(name, raising=False)
    with _server(200, own_certificate(tmp_path)) as port:
        monkeypatch.setenv("PREFECT_API_URL", f"https://127.0.0.1:{port}/api")
        assert not control.answers(settings) and not parts_of_serve._answers(f"https://127.0.0.1:{port}/api/health")
        assert "CERTIFICATE_VERIFY_FAILED" in only(look_at(settings), Mark.BAD).seen
        monkeypatch.setenv(setting, str(tmp_path / "ca.pem"))
        assert control.answers(settings) and parts_of_serve._answers(f"https://127.0.0.1:{port}/api/health")
        with pytest.raises(JSONDecodeError):  # believed, and asked for its version
            list(look_at(settings))
    monkeypatch.setenv(setting, str(tmp_path / "gone.pem"))
    amiss = only(look_at(settings), Mark.BAD)
    assert f"读不了根证书 {tmp_path / 'gone.pem'}" in amiss.seen and setting in amiss.remedy


@contextmanager
def _server(code: int, context: ssl.SSLContext | None = None) -> Iterator[int]:
    """A server that answers everything with this code; yields its port."""

    class Always(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_error(code)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Always) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()
