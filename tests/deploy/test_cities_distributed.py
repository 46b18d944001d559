"""A province for real: nine cities on one Prefect server, three of them at work, each with a database of its own.

The commands are those of the cities' units and the settings those of city.env; only addresses and folders are others.
The third city comes up by `duixian serve` instead, which uses the server that is there.
"""

import os
import re
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import URL, create_engine, text

from cli.demo.acting import World
from cli.demo.run import prepare
from cli.processes import Child, Family
from config.settings import ROOT, Settings
from flows import control
from flows.control import ANNUAL_CYCLE, SCHEDULED, deployed
from flows.engine_check import look_at
from services.doctor import Mark
from services.record import chain
from tests.deploy.postgres import wait
from tests.deploy.units import commands, filled, settings_of
from tests.engine_parts import free_port

pytestmark = [pytest.mark.distributed, pytest.mark.timeout(1800)]
NAMES = ("jia", "yi", "bing", "ding", "wu", "ji", "geng", "xin", "ren")
AT_WORK = NAMES[:3]
POLICY = "zhangzhou-ai-2024"
NGINX = ROOT / "deploy" / "nginx"


@dataclass
class City:
    """One city: its environment as its unit has it, and what was started of it."""

    name: str
    environ: dict[str, str]
    part: Child | None = None

    @property
    def settings(self) -> Settings:
        """The settings that its environment names."""
        values = {name.removeprefix("DUIXIAN_").lower(): value for name, value in self.environ.items()}
        known = {name: value for name, value in values.items() if name in Settings.model_fields}
        return Settings(_env_file=None, **known)  # type: ignore[arg-type]


@dataclass
class Province:
    """One Prefect server and the cities on it."""

    family: Family
    folder: Path
    server: URL
    cities: dict[str, City] = field(default_factory=dict)

    def run(self, unit: str, name: str) -> None:
        """Run a unit of a city to its end."""
        (command,) = commands(unit, name)
        self.family.run(unit, f"{unit}-{name}", command, self.cities[name].environ)

    def start(self, name: str, command: list[str]) -> None:
        """Start what keeps a city at work."""
        city = self.cities[name]
        city.part = self.family.start(name, f"worker-{name}", command, city.environ)


@pytest.fixture
def province(tmp_path: Path, server: URL, monkeypatch: pytest.MonkeyPatch) -> Iterator[Province]:
    """All nine deployed, three at work."""
    from prefect.settings import PREFECT_API_URL, PREFECT_HOME, temporary_settings

    for name in os.environ:
        if name.startswith(("PREFECT_", "DUIXIAN_")):
            monkeypatch.delenv(name)
    port = free_port()
    url, prefect = f"http://127.0.0.1:{port}/api", _database(server, "prefect-of-all", "postgresql+asyncpg")
    path = os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin", "/bin"])
    engine = {
        "PATH": path,
        "PREFECT_API_URL": url,
        "PREFECT_API_DATABASE_CONNECTION_URL": prefect,
        "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false",  # what runs is started here
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "0.5",
        "PREFECT_HOME": str(tmp_path / "prefect"),
    }
    made = Province(Family(tmp_path / "logs", {**os.environ, **engine}), tmp_path, server)
    monkeypatch.setenv("PREFECT_API_URL", url)
    with temporary_settings({PREFECT_API_URL: url, PREFECT_HOME: tmp_path / "prefect"}):
        try:
            start = ["server", "start", "--host", "127.0.0.1", "--port", str(port)]
            made.family.start("server", "server", [sys.executable, "-m", "prefect", *start])
            for name in NAMES:
                made.cities[name] = _city(made, name, url)
            settings = made.cities["jia"].settings
            wait(lambda: control.answers(settings), what="the server")
            with ThreadPoolExecutor(3) as pool:
                list(pool.map(lambda name: made.run("duixian-city-deploy@.service", name), NAMES))
            _put_to_work(made)
            yield made
        finally:
            made.family.stop()


def _put_to_work(province: Province) -> None:
    for name in AT_WORK:
        province.run("duixian-city-migrate@.service", name)
    for name in AT_WORK[:2]:
        (command,) = commands("duixian-city-worker@.service", name)
        province.start(name, command)
    province.start(AT_WORK[2], [str(Path(sys.executable).parent / "duixian"), "serve"])
    for name in AT_WORK:
        wait(lambda name=name: not _amiss(province.cities[name]), what=f"a worker of {name}")  # type: ignore[misc]


def _amiss(city: City) -> list[str]:
    """What the doctor finds wrong with the engine, as this city sees it; nothing is planned ahead in this test."""
    found = [told.seen for told in look_at(city.settings) if told.mark is not Mark.GOOD]
    return [seen for seen in found if "没有排下一次运行" not in seen]


def _city(province: Province, name: str, url: str) -> City:
    folder = province.folder / name
    shutil.copytree(ROOT / "config" / "policies", folder / "policies")
    shutil.copytree(ROOT / "config" / "calendar", folder / "calendar")
    for file in ("cycle.yaml", "self_assessment.yaml"):
        shutil.copy(ROOT / "config" / file, folder)
    kept = {key: value.replace(f"/srv/duixian-{name}", str(folder)) for key, value in settings_of(name).items()}
    own = {
        "DUIXIAN_DATABASE_URL": _database(province.server, f"duixian-{name}", "postgresql+psycopg"),
        "DUIXIAN_CLOCK_FILE": str(folder / "clock"),
        "DUIXIAN_ORGANISATION": f"示例{name}市工业和信息化局",
        "DUIXIAN_SMTP_HOST": "127.0.0.1",
        "DUIXIAN_SMTP_PORT": str(free_port()),
        "DUIXIAN_CONSOLE_PORT": str(free_port()),
        "DUIXIAN_ENGINE_PORT": str(free_port()),
        "DUIXIAN_MAIL_HOURS": "",
        "DUIXIAN_LEASE_SECONDS": "8",
        "PREFECT_API_URL": url,
        "PREFECT_WORKER_WEBSERVER_PORT": str(free_port()),
    }
    return City(name, {**kept, **own})


def _database(server: URL, name: str, driver: str) -> str:
    """A database that its own account alone may open, as docs/deployment.md makes one."""
    engine = create_engine(server, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f'CREATE ROLE "{name}" LOGIN'))
        connection.execute(text(f'CREATE DATABASE "{name}" OWNER "{name}" TEMPLATE template0'))
        connection.execute(text(f'REVOKE CONNECT ON DATABASE "{name}" FROM PUBLIC'))
    engine.dispose()
    return str(server.set(drivername=driver, username=name, database=name))


def test_each_city_is_worked_on_by_its_own_workers_alone(province: Province) -> None:
    cities = [province.cities[name] for name in AT_WORK]
    worlds = [prepare(city.settings) for city in cities]
    _one_alone_then_all(cities, worlds)
    _names_tell_whose_it_is(cities, worlds)
    _what_is_gone_is_cleared_away_by_its_own(cities, worlds)
    _no_second_server_and_no_way_into_anothers_database(province)
    assert all("没有执行器" in _amiss(province.cities[name])[0] for name in NAMES[3:])
    for world in worlds:
        world.session.close()


def test_each_name_leads_to_its_own_city_and_a_strange_one_to_none(tmp_path: Path) -> None:
    ports, door = {name: free_port() for name in AT_WORK[:2]}, free_port()
    for name, port in ports.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "index.html").write_text(f"the console of {name}")
        (folder / "metrics").write_text("figures")
        serve = partial(SimpleHTTPRequestHandler, directory=str(folder))
        Thread(target=ThreadingHTTPServer(("127.0.0.1", port), serve).serve_forever, daemon=True).start()
    nginx = subprocess.Popen(_nginx(tmp_path, ports, door))
    try:
        wait(lambda: answered(door, "jia.duixian.example.invalid"), 30, "nginx")
        for name in ports:
            assert answered(door, f"{name}.duixian.example.invalid").endswith(f"the console of {name}")
            assert " 404 " in answered(door, f"{name}.duixian.example.invalid", "/metrics").splitlines()[0]
        assert answered(door, "bing.duixian.example.invalid") == ""
    finally:
        nginx.terminate()
        nginx.wait()


def answered(door: int, name: str, path: str = "/") -> str:
    """What a browser gets that asks for this name; nothing where it is shown no certificate."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    try:
        with (
            socket.create_connection(("127.0.0.1", door), 5) as plain,
            context.wrap_socket(plain, server_hostname=name) as line,
        ):
            line.sendall(f"GET {path} HTTP/1.0\r\nHost: {name}\r\n\r\n".encode())
            return b"".join(iter(lambda: line.recv(4096), b"")).decode()
    except OSError:
        return ""


def _nginx(folder: Path, ports: dict[str, int], door: int) -> list[str]:
    """nginx with the files of a province, filled in as docs/deployment.md says, at ports of the test."""
    ours = (NGINX / "cities.conf").read_text("utf-8")
    for name, port in ports.items():
        pair = f"-keyout {folder}/{name}.key -out {folder}/{name}.pem"
        made = f"openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj /CN={name} {pair}"
        subprocess.run(made.split(), check=True, capture_output=True)
        ours += filled(NGINX / "city.conf", name).replace("8001", str(port))
    ours = re.sub(r"^ *listen \[::\].*\n", "", ours, flags=re.MULTILINE)
    ours = ours.replace("listen 80 ", f"listen 127.0.0.1:{free_port()} ").replace("/etc/duixian/tls", str(folder))
    ours = ours.replace("listen 443 ", f"listen 127.0.0.1:{door} ")
    shutil.copy(NGINX / "duixian-door.conf", folder)
    paths = "".join(f"{part}_temp_path {folder}/{part};\n" for part in ("client_body", "proxy"))
    whole = f"daemon off;\npid {folder}/nginx.pid;\nerror_log stderr;\nevents {{}}\n"
    (folder / "nginx.conf").write_text(f"{whole}http {{\naccess_log off;\n{paths}{ours}}}\n", "utf-8")
    return [shutil.which("nginx", path="/usr/sbin:/usr/bin") or "nginx", "-c", str(folder / "nginx.conf")]


def _one_alone_then_all(cities: list[City], worlds: list[World]) -> None:
    before = [_at(world) for world in worlds]
    started = [control.start(cities[0].settings, POLICY, 2025)]
    _until_guide(cities[0], worlds[0])
    assert [_at(world) for world in worlds[1:]] == before[1:], "the others' records have not moved"
    started += [control.start(city.settings, POLICY, 2025) for city in cities[1:]]
    for city, world, run in zip(cities, worlds, started, strict=True):
        _until_guide(city, world)
        assert world.cycle.flow_run_id == run
        assert chain.verify(world.session) == []


def _at(world: World) -> Any:
    """Where a record stands."""
    world.session.rollback()
    world.session.refresh(world.cycle)
    return world.cycle.stage, world.cycle.flow_run_id, chain.head(world.session)


def _until_guide(city: City, world: World) -> None:
    def there() -> bool:
        _at(world)
        return world.cycle.stage == "guide" and control.run_state(city.settings, world.cycle_id) == "suspended"

    wait(there, what=f"{city.name} at the guide: {city.part.tail() if city.part else ''}")


def _client() -> Any:
    from prefect.client.orchestration import get_client

    return get_client(sync_client=True)


def _names_tell_whose_it_is(cities: list[City], worlds: list[World]) -> None:
    with _client() as client:
        for city, world in zip(cities, worlds, strict=True):
            run = client.read_flow_run(UUID(world.cycle.flow_run_id or ""))
            deployment = client.read_deployment_by_name(deployed(city.settings, ANNUAL_CYCLE))
            assert (run.deployment_id, run.work_pool_name) == (deployment.id, f"duixian-{city.name}")
            assert run.name == f"{city.settings.organisation} · 2025年度 · 兑现"
            assert run.tags == [f"年度流程-{city.name}"]
        artifacts = {each.key: each.description for each in client.read_artifacts()}
    for city in cities:
        assert artifacts[f"cycle-{city.name}-1-guide"] == f"{city.settings.organisation} · 2025年度 · 指南编制"


def _what_is_gone_is_cleared_away_by_its_own(cities: list[City], worlds: list[World]) -> None:
    from prefect.states import Pending, Running, Scheduled

    first, second = cities[0].settings, cities[1].settings
    far = datetime.now(UTC) + timedelta(hours=1)  # so that no worker takes it
    with _client() as client:
        deployment = client.read_deployment_by_name(deployed(second, SCHEDULED["notices"]))
        taken = client.create_flow_run_from_deployment(deployment.id, state=Scheduled(scheduled_time=far))
        client.set_flow_run_state(taken.id, Pending())
        carried = UUID(worlds[1].cycle.flow_run_id or "")
        client.set_flow_run_state(carried, Running(), force=True)  # as after a power cut
        wait(lambda: control.run_state(second, worlds[1].cycle_id) == "lost", 60, "lost")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(control, "NEVER_TAKEN", timedelta(0))
            assert control.clear_away(first) == []
            assert client.read_flow_run(taken.id).state.is_pending()
            assert control.clear_away(second) == [taken.name]
        before = _at(worlds[1])
        _ended(client, control.trigger(first, "watchdog"), first)
        assert client.read_flow_run(carried).state.is_running() and _at(worlds[1]) == before
        _ended(client, control.trigger(second, "watchdog"), second)
        assert client.read_flow_run(carried).state.is_crashed()
    _until_guide(cities[1], worlds[1])
    assert worlds[1].cycle.flow_run_id != str(carried), "its own watchdog has started another run"


def _ended(client: Any, run_id: str, settings: Settings) -> None:
    run = wait(lambda: (found := client.read_flow_run(UUID(run_id))).state.is_final() and found, what="the watchdog")
    assert run.state.is_completed() and run.name == f"{settings.organisation} · 运行看护", run.state


def _no_second_server_and_no_way_into_anothers_database(province: Province) -> None:
    served, other = (province.cities[name] for name in (AT_WORK[2], AT_WORK[0]))
    assert served.part is not None and f"使用调度服务 {served.environ['PREFECT_API_URL']}" in served.part.tail()
    assert not (served.settings.data_dir / "logs" / "server.log").exists()
    own, theirs = (str(each.settings.database_url).rpartition("/") for each in (served, other))
    environ = {**os.environ, **served.environ, "DUIXIAN_DATABASE_URL": f"{own[0]}/{theirs[2]}"}
    strayed = subprocess.run(
        commands("duixian-city-migrate@.service", served.name)[0], env=environ, capture_output=True
    )
    assert strayed.returncode and b"permission denied for database" in strayed.stderr
