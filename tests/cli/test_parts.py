"""`duixian serve` and what stands behind it."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import psutil
import pytest

from cli.parts import Parts, _environ, _shared_server
from cli.processes import Family, PartError, still_runs
from config.settings import Settings
from flows import control
from tests.engine_parts import wait_for_run

SECRET = "duixian:of the test"
SLEEPER = """
import subprocess, sys, time
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("up", flush=True)
time.sleep(600)
"""


def started(family: Family, program: str) -> Any:
    child = family.start("部件", "part", [sys.executable, "-c", program])
    while "up" not in child.log.read_text():
        time.sleep(0.05)
    return child


def test_stopping_takes_grandchildren_in_sessions_of_their_own(tmp_path: Path) -> None:
    family = Family(tmp_path, os.environ)
    child = started(family, SLEEPER)
    processes = [psutil.Process(child.process.pid), *psutil.Process(child.process.pid).children(recursive=True)]
    assert len(processes) == 2
    family.stop()
    assert not any(still_runs(process) for process in processes)


def test_stopping_finds_orphans_and_leaves_strangers(tmp_path: Path) -> None:
    family, stranger = Family(tmp_path / "a", os.environ), Family(tmp_path / "b", os.environ)
    child, other = started(family, SLEEPER), started(stranger, SLEEPER)
    orphan = psutil.Process(child.process.pid).children()[0]
    child.process.kill()
    child.process.wait()
    assert orphan.is_running()
    family.stop()
    orphan.wait(5)
    assert other.process.poll() is None
    stranger.stop()


def test_a_part_that_ends_by_itself_is_named_with_the_end_of_its_log(tmp_path: Path) -> None:
    family = Family(tmp_path, os.environ)
    child = family.start("收信服务", "part", [sys.executable, "-c", "print('磁盘已满'); raise SystemExit(3)"])
    child.process.wait()
    with pytest.raises(PartError, match=r"收信服务意外停止（退出码 3）.*\n磁盘已满"):
        family.check()
    family.stop()


def test_a_part_that_ends_is_started_again_but_not_for_ever(tmp_path: Path) -> None:
    family = Family(tmp_path, os.environ)
    child = started(family, "import time; print('up', flush=True); time.sleep(600)")
    for _ in range(5):
        child.process.kill()
        child.process.wait()
        assert family.revive() == [f"部件意外停止（退出码 -9），已重新启动，日志 {child.log}"]
        assert child.process.poll() is None and family.revive() == []
    child.process.kill()
    child.process.wait()
    with pytest.raises(PartError, match="部件意外停止（退出码 -9）"):
        family.revive()
    family.stop()


def test_a_part_has_the_settings_of_the_command_that_started_it_wherever_it_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two cities on one machine: the program's folder, where parts start, has the .env of the first."""
    own, program = tmp_path / "own", tmp_path / "program"
    own.mkdir(), program.mkdir()
    (own / ".env").write_text("DUIXIAN_DATA_DIR=data\nDUIXIAN_MAIL_HOURS=\n")
    (program / ".env").write_text(f"DUIXIAN_DKIM_KEY_FILE={tmp_path}/of.the.other\nDUIXIAN_MAIL_HOURS=09:00-10:00\n")
    monkeypatch.chdir(own)
    settings = Settings()
    assert (settings.data_dir, settings.dkim_key_file) == (own / "data", None)
    for name, value in _environ(settings, 4200, apart=True).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(program)
    assert Settings() == settings


class _Healthy(BaseHTTPRequestHandler):
    """A Prefect server as far as asking whether it is there goes."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/api/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def test_a_server_that_is_there_is_used_and_none_is_started_in_the_place_of_one_that_is_away(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    assert _shared_server("http://127.0.0.1:4200/api") == "", "alone"
    with HTTPServer(("127.0.0.1", 0), _Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}/api"
        monkeypatch.setenv("PREFECT_API_URL", url)
        assert _shared_server("http://127.0.0.1:4200/api") == _shared_server(url) == url
        server.shutdown()
    with pytest.raises(PartError, match=f"{url} 没有答复"):
        _shared_server("http://127.0.0.1:4200/api")
    assert _shared_server(url) == "", "it is for us to start it"
    monkeypatch.setenv("PREFECT_API_URL", url.replace("127.0.0.1", "localhost"))
    assert _shared_server(url) == ""


@pytest.mark.engine
def test_the_worker_runs_a_deployment(parts: Parts) -> None:
    run = wait_for_run(parts, control.trigger(parts.settings, "tick"))
    assert run.state.is_completed(), run.state.message


@pytest.mark.engine
def test_serve_comes_up_behind_a_password_schedules_and_stops_with_ctrl_c(tmp_path: Path) -> None:
    from prefect.settings import PREFECT_API_URL, temporary_settings

    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "DUIXIAN_"))}
    environ |= {"DUIXIAN_DATA_DIR": str(tmp_path / "data"), "DUIXIAN_SMTP_PORT": "0", "PYTHONUNBUFFERED": "1"}
    port, console = _free_port(), _free_port()
    environ["DUIXIAN_CONSOLE_PORT"] = str(console)
    environ["PREFECT_SERVER_API_AUTH_STRING"] = SECRET
    command = [sys.executable, "-m", "cli.main", "serve", "--port", str(port)]
    with (tmp_path / "out").open("wb") as output:
        serve = subprocess.Popen(command, env=environ, stdout=output, stderr=subprocess.STDOUT)
    try:
        _until(lambda: "按 Ctrl-C 停止" in (tmp_path / "out").read_text(), serve, 180)
        family = psutil.Process(serve.pid).children(recursive=True)
        with urllib.request.urlopen(f"http://127.0.0.1:{console}/", timeout=10) as answer:
            assert "惠企政策年度奖补" in answer.read().decode()
        listening = [
            each.laddr.ip for process in family for each in process.net_connections() if each.status == "LISTEN"
        ]
        assert len(listening) >= 3 and set(listening) == {"127.0.0.1"}
        with pytest.raises(urllib.error.HTTPError, match="401"):
            _post(f"http://127.0.0.1:{port}/api/flow_runs/filter", {}, secret="duixian:wrong")
        nowhere = temporary_settings(restore_defaults={PREFECT_API_URL})
        with nowhere, pytest.raises(control.EngineError, match="要求认证"):
            control.trigger(Settings(_env_file=None, data_dir=tmp_path / "data", engine_port=port), "tick")
        assert _doctor(environ, port, "duixian:wrong")["engine"] == {"problem"}
        found = _until(lambda: (told := _doctor(environ, port, SECRET))["engine"] == {"ok"} and told, serve, 60)
        assert {name for name, marks in found.items() if "problem" in marks} == set() and found["console"] == {"ok"}
        _until(lambda: _scheduled(port) == {"tick", "watchdog", "reminders", "notices", "anchor"}, serve, 60)
    finally:
        serve.send_signal(signal.SIGINT)
        code = serve.wait(60)
    assert code == 0, (tmp_path / "out").read_text()
    assert "已停止" in (tmp_path / "out").read_text()
    assert len(family) >= 4
    assert not any(still_runs(process) for process in family)


def _doctor(environ: dict[str, str], port: int, secret: str) -> dict[str, set[str]]:
    """What the doctor says beside it: of each check the marks."""
    beside = {"DUIXIAN_ENGINE_PORT": str(port), "DUIXIAN_FREE_MEGABYTES": "0", "PREFECT_API_AUTH_STRING": secret}
    command = [sys.executable, "-m", "cli.main", "doctor", "--json"]
    told = json.loads(subprocess.run(command, env={**environ, **beside}, capture_output=True).stdout)
    found: dict[str, set[str]] = {}
    for each in told["checks"]:
        found.setdefault(each["id"], set()).add(each["mark"])
    return found


def _scheduled(port: int) -> set[str]:
    api = f"http://127.0.0.1:{port}/api"
    runs = _post(f"{api}/flow_runs/filter", {"flow_runs": {"state": {"type": {"any_": ["SCHEDULED"]}}}})
    deployments = {each["id"]: each["name"] for each in _post(f"{api}/deployments/filter", {})}
    return {deployments[run["deployment_id"]] for run in runs}


def _post(url: str, body: Any, secret: str = SECRET) -> Any:
    headers = {"Content-Type": "application/json", "Authorization": f"Basic {b64encode(secret.encode()).decode()}"}
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def _until(condition: Any, serve: subprocess.Popen[bytes], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert serve.poll() is None, "serve ended"
        assert time.monotonic() < deadline, "not in time"
        time.sleep(0.5)
    return found


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
