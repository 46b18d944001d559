"""What deploy/ starts, started for real: two Prefect servers on PostgreSQL and Redis, two workers, console and proxy.

The commands are those of the units, the settings those of deploy/prefect.env; only addresses and folders are others.
"""

import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, create_engine, text

from cli.demo.acting import act
from cli.demo.run import prepare
from cli.processes import Child, Family
from config.settings import ROOT, Settings
from flows import control
from services.record import chain
from tests.deploy.postgres import LIMIT, wait
from tests.deploy.units import commands, settings_in
from tests.engine_parts import free_port

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(1200)]
NGINX = ROOT / "deploy" / "nginx"


@dataclass
class Place:
    """Everything that is up. `parts` are its processes by name."""

    family: Family
    parts: dict[str, Child]
    environ: dict[str, str]
    folder: Path
    door: int
    redis: int

    def start(self, name: str, command: list[str], **extra: str) -> Child:
        """Start a part."""
        self.parts[name] = self.family.start(name, name, command, {**self.environ, **extra})
        return self.parts[name]

    def until(self, name: str, url: str) -> None:
        """Wait until a part answers; what it said last is told when it does not."""
        until = time.monotonic() + LIMIT
        while not answers(url):
            self.family.check()
            assert time.monotonic() < until, f"{name} does not answer: {self.parts[name].tail()}"
            time.sleep(0.3)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=_trusting()) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    return context


@pytest.fixture
def place(tmp_path: Path, server: URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """The parts, up and healthy, in the order of the units."""
    from prefect.settings import PREFECT_API_AUTH_STRING, PREFECT_API_URL, temporary_settings

    engine_port, ports = free_port(), [free_port(), free_port()]
    redis_port, console_port, door = free_port(), free_port(), free_port()
    record, prefect = _databases(server)
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "DUIXIAN_"))},
        **settings_in(ROOT / "deploy" / "prefect.env"),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"]),
        "DUIXIAN_DATA_DIR": str(tmp_path / "data"),
        "DUIXIAN_CLOCK_FILE": str(tmp_path / "data" / "clock"),
        "DUIXIAN_DATABASE_URL": record,
        "DUIXIAN_CONSOLE_PORT": str(console_port),
        "DUIXIAN_LEASE_SECONDS": "8",
        "DUIXIAN_MAIL_HOURS": "",
        "PREFECT_HOME": str(tmp_path / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{engine_port}/api",
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect,
        "PREFECT_REDIS_MESSAGING_URL": f"redis://127.0.0.1:{redis_port}/0",
        "PREFECT_SERVER_DOCKET_URL": f"redis://127.0.0.1:{redis_port}/1",
        "PREFECT_SERVER_API_AUTH_STRING": "duixian:of the test",
        "PREFECT_API_AUTH_STRING": "duixian:of the test",
        "PREFECT_WORKER_QUERY_SECONDS": "0.5",
    }
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "data").mkdir()
    family = Family(tmp_path / "logs", environ)
    made = Place(family, {}, environ, tmp_path, door, redis_port)
    try:
        made.start("redis", ["redis-server", "--port", str(redis_port), "--save", "", "--dir", str(tmp_path)])
        made.start("nginx", _nginx(tmp_path, engine_port, ports, console_port, door))
        for unit in ("duixian-migrate.service", "duixian-migrate-engine.service"):
            (command,) = commands(unit)
            family.run(unit, unit, command)
        for port in ports:
            (command,) = commands("duixian-server@.service", str(port))
            made.start(f"server-{port}", command)
        for port in ports:
            made.until(f"server-{port}", f"http://127.0.0.1:{port}/api/health")
        (command,) = commands("duixian-services.service")
        made.start("services", command)
        (command,) = commands("duixian-deploy.service")
        family.run("deploy", "deploy", command)
        for number in "12":
            (command,) = commands("duixian-worker@.service", number)
            health = free_port()
            made.start(f"worker-{number}", command, PREFECT_WORKER_WEBSERVER_PORT=str(health))
            made.until(f"worker-{number}", f"http://127.0.0.1:{health}/health")
        (command,) = commands("duixian-console.service")
        made.start("console", command)
        made.until("console", f"https://127.0.0.1:{door}/healthz")
        secret = environ[
            "PREFECT_API_AUTH_STRING"
        ]  # Prefect read this process's environment when it was first imported
        with temporary_settings({PREFECT_API_URL: environ["PREFECT_API_URL"], PREFECT_API_AUTH_STRING: secret}):
            yield made
    finally:
        family.stop()


def _databases(server: URL) -> tuple[str, str]:
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for name in ("duixian", "prefect"):  # as deploy/postgres/databases.sh
            connection.execute(text(f"CREATE ROLE {name} LOGIN"))
            connection.execute(text(f"CREATE DATABASE {name} OWNER {name} TEMPLATE template0"))
    engine.dispose()
    prefect = server.set(drivername="postgresql+asyncpg", username="prefect", database="prefect")
    return str(server.set(username="duixian", database="duixian")), str(prefect)


def _nginx(folder: Path, engine: int, servers: list[int], console: int, door: int) -> list[str]:
    """nginx with our files, at ports of the test, with a certificate of its own."""
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    subprocess.run(
        shlex.split(f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN=x -keyout {key} -out {certificate}"),
        check=True,
        capture_output=True,
    )
    ours = (NGINX / "upstream-systemd.conf").read_text("utf-8") + (NGINX / "console.conf").read_text("utf-8")
    for was, becomes in (
        ("127.0.0.1:4200", f"127.0.0.1:{engine}"),
        ("127.0.0.1:4201", f"127.0.0.1:{servers[0]}"),
        ("127.0.0.1:4202", f"127.0.0.1:{servers[1]}"),
        ("127.0.0.1:8000", f"127.0.0.1:{console}"),
        ("listen 80;", f"listen 127.0.0.1:{free_port()};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{door} ssl;"),
        ("/etc/duixian/tls", str(folder)),
    ):
        assert was in ours
        ours = ours.replace(was, becomes)
    ours = re.sub(r"^ *listen \[::\].*\n", "", ours, flags=re.MULTILINE)
    shutil.copy(NGINX / "duixian-door.conf", folder)
    whole = f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    whole += (
        f"http {{\naccess_log off;\nclient_body_temp_path {folder}/body;\nproxy_temp_path {folder}/proxy;\n{ours}}}\n"
    )
    (folder / "nginx.conf").write_text(whole, encoding="utf-8")
    program = shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx"
    command = [program, "-c", str(folder / "nginx.conf")]
    tried = subprocess.run([*command, "-t"], capture_output=True, text=True)
    assert tried.returncode == 0, tried.stderr
    return command


def test_a_cycle_goes_on_when_a_server_and_a_worker_are_killed(place: Place) -> None:
    data = place.folder / "data"
    settings = Settings(_env_file=None, data_dir=data, clock_file=data / "clock", lease_seconds=8, mail_hours="")
    world = prepare(settings)
    started = control.start(settings, world.cycle.policy_id, world.cycle.year)
    _suspended_at(world, settings, "guide", place.parts["worker-2"])
    place.parts[next(name for name in place.parts if name.startswith("server-"))].process.kill()
    place.parts["worker-1"].process.kill()
    assert act(world)
    assert control.wake(settings, world.cycle_id) == "resumed"
    _suspended_at(world, settings, "intake", place.parts["worker-2"])
    assert world.cycle.flow_run_id == started
    assert chain.verify(world.session) == []
    _the_schedule_is_kept(place)
    _nothing_but_the_console_is_behind_the_door(place)
    world.session.close()


def _suspended_at(world: Any, settings: Settings, stage: str, worker: Child) -> None:
    """Wait until the cycle has come to a stage's gate."""
    until = time.monotonic() + LIMIT
    while True:
        world.session.rollback()
        world.session.refresh(world.cycle)
        state = control.run_state(settings, world.cycle_id)
        if world.cycle.stage == stage and state == "suspended":
            return
        said = f"{state} at {world.cycle.stage}, {world.cycle.failure}; the worker: {worker.tail()}"
        assert time.monotonic() < until, said
        time.sleep(0.5)


def _the_schedule_is_kept(place: Place) -> None:
    """The background services, which are a process of their own, have planned runs, and a worker has done some."""
    from prefect.client.orchestration import get_client

    with get_client(sync_client=True) as client:
        runs = wait(lambda: [run for run in client.read_flow_runs() if run.auto_scheduled], what="scheduled runs")
        wait(
            lambda: any(
                run.state.is_completed() for run in client.read_flow_runs() if run.auto_scheduled and run.state
            ),
            seconds=420,
            what="a scheduled run that ended",
        )
    assert runs
    asked = subprocess.run(
        ["redis-cli", "-p", str(place.redis), "--scan", "--pattern", "*"], capture_output=True, text=True
    )
    assert "events" in asked.stdout


def _nothing_but_the_console_is_behind_the_door(place: Place) -> None:
    base = f"https://127.0.0.1:{place.door}"
    assert answers(f"{base}/healthz")
    for path in ("/api/health", "/api/flows/filter", "/metrics", "/dashboard"):
        assert not answers(f"{base}{path}"), path
    with socket.create_connection(("127.0.0.1", place.door), 5) as plain:
        plain.sendall(b"GET / HTTP/1.0\r\n\r\n")
        assert b"400" in plain.recv(100)
