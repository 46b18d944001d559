"""The parts that run beside each other: mailbox, Prefect server with its deployments, worker, and console."""

import base64
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

from cli.processes import Child, Family, PartError
from config.settings import Settings
from flows.control import trusted

_SERVER_LIMIT = 180  # seconds; the first start creates the server's database (20-32 s on 2 cores)
_PART_LIMIT = 60
_READY = "收信服务已就绪"
_SERVER_KEY, _KEY = "PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING"  # "name:password"

Say = Callable[[str], None]
T = TypeVar("T")


@dataclass(frozen=True)
class Parts:
    """The parts, up and healthy. `settings` and `environ` carry the addresses that they really have."""

    settings: Settings
    environ: Mapping[str, str]
    family: Family
    worker: Child

    @property
    def dashboard(self) -> str:
        """Where the engine's dashboard is."""
        return self.environ["PREFECT_API_URL"].removesuffix("/api")

    @property
    def mailbox(self) -> Path:
        """Where the local mailbox keeps the mails."""
        return mailbox_folder(self.settings)

    @property
    def logs(self) -> Path:
        """Where the parts' logs are."""
        return self.settings.data_dir / "logs"

    def check(self) -> None:
        """Raise PartError when a part has ended by itself."""
        self.family.check()

    def mend(self, say: Say) -> None:
        """Start parts again that have ended by themselves. Raises PartError for one that does so again and again."""
        for told in self.family.revive():
            say(told)


def mailbox_folder(settings: Settings) -> Path:
    """Where the local mailbox keeps the mails."""
    return settings.data_dir / "mailbox"


@contextmanager
def running(
    settings: Settings, say: Say, *, port: int = 0, apart: bool = False, console: bool = False, shared: bool = False
) -> Iterator[Parts]:
    """Bring the parts up, and stop all that was started when the block is left, however it is left.

    `port` is the server's (0: a free one). `console` starts the console too, on the settings' port. `apart` keeps out
    every PREFECT_* setting of the caller's environment, starts no scheduled runs, and makes the worker look for runs
    twice a second: for the demo and the tests. `shared` uses the server that PREFECT_API_URL names instead of starting
    one, unless that is where it would start its own and nobody answers there yet. A mailbox is started unless the
    settings name a mail server elsewhere; with smtp_port 0 it takes a free port.
    Raises PartError.
    """
    environ = _environ(settings, port or _free_port(), apart)
    theirs = _shared_server(environ["PREFECT_API_URL"]) if shared else ""
    environ |= {"PREFECT_API_URL": theirs} if theirs else {}
    family = Family(settings.data_dir / "logs", environ)
    started = time.monotonic()
    try:
        say(f"使用调度服务 {theirs}。" if theirs else "正在启动调度服务（第一次约半分钟）……")
        server = None if theirs else _start_server(family, environ)
        settings = _start_mailbox(family, settings)
        environ = {**environ, "DUIXIAN_SMTP_PORT": str(settings.smtp_port)}
        if server is not None:
            _wait(family, server, f"{environ['PREFECT_API_URL']}/health", _SERVER_LIMIT)
        say("调度服务已就绪，正在启动执行器、部署流程……")
        _make_pool(environ, settings.work_pool)
        if not apart:
            _call_off_late(family, environ)
        worker = _start_worker(family, environ, settings.work_pool)
        _deploy(family, environ)
        if console:
            _start_console(family, environ, settings)
        say(f"各部件已就绪，用时 {time.monotonic() - started:.0f} 秒。")
        yield Parts(settings, environ, family, worker)
    finally:
        family.stop()


def deploy(settings: Settings, within: float) -> str:
    """Make the work pool and deploy the flows on the server that PREFECT_API_URL names, else the one on this machine.

    For parts that are started each by itself. Safe to repeat. Returns the server's address. Raises PartError when it
    does not answer within so many seconds, or does not take them.
    """
    environ = _environ(settings, settings.engine_port, apart=False)
    environ["PREFECT_API_URL"] = url = os.environ.get("PREFECT_API_URL") or environ["PREFECT_API_URL"]
    until = time.monotonic() + within
    while not _answers(f"{url}/health"):
        if time.monotonic() > until:
            raise PartError(f"调度服务 {url} 在 {within:.0f} 秒内没有答复；请确认它已启动，PREFECT_API_URL 没有写错。")
        time.sleep(0.5)
    _make_pool(environ, settings.work_pool)
    family = Family(settings.data_dir / "logs", environ)
    _deploy(family, environ)
    _call_off_late(family, environ)
    return url


def _environ(settings: Settings, port: int, apart: bool) -> dict[str, str]:
    """The caller's environment, the settings in full, and the engine's own settings.

    In full, also what is not set: the children start elsewhere, and a .env that lies there is none of theirs.
    """
    inherited = {key: value for key, value in os.environ.items() if not (apart and key.startswith("PREFECT_"))}
    ours = {f"DUIXIAN_{name.upper()}": "" if value is None else str(value) for name, value in settings}
    engine = {
        "DUIXIAN_OF_CITY": settings.of_city,  # prefect.yaml puts it behind its names
        "PREFECT_HOME": str(settings.data_dir / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        "PREFECT_SERVER_API_PORT": str(port),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        # Else half a million runs a year stay for ever. What waits is never old; its stages go when their year goes.
        "PREFECT_SERVER_SERVICES_DB_VACUUM_ENABLED": "events,flow_runs",
        "PREFECT_SERVER_SERVICES_DB_VACUUM_RETENTION_PERIOD": "31536000",  # seconds after a run's end: a year
        # In memory, the default, a server that was killed forgets who holds its slots, and never gives them out again.
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect.server.concurrency.lease_storage.filesystem",
        "DO_NOT_TRACK": "1",
        "PREFECT_CLI_PROMPT": "false",
        "PREFECT_CLI_COLORS": "false",
        "PYTHONUTF8": "1",
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), inherited.get("PATH", os.defpath)]),
    }
    secret = "" if apart else inherited.get(_SERVER_KEY) or inherited.get(_KEY)
    if secret:  # what the server asks for is what the parts must say
        engine |= {_SERVER_KEY: secret, _KEY: secret}
    if apart:
        engine |= {"PREFECT_WORKER_QUERY_SECONDS": "0.5", "PREFECT_SERVER_SERVICES_SCHEDULER_ENABLED": "false"}
    return {**inherited, **ours, **engine}


def _shared_server(own: str) -> str:
    """The address of the server that PREFECT_API_URL names; empty when it is for us to start it, at `own`.

    Raises PartError when it does not answer: one of our own in its stead would not be where the others look.
    """
    url = os.environ.get("PREFECT_API_URL", "")
    if not url or _answers(f"{url}/health"):
        return url
    if url.replace("//localhost:", "//127.0.0.1:") == own:
        return ""
    raise PartError(
        f"PREFECT_API_URL 指的调度服务 {url} 没有答复；请先启动它。不与别的市共用调度服务的，请去掉 PREFECT_API_URL。"
    )


def _start_server(family: Family, environ: Mapping[str, str]) -> Child:
    port = int(environ["PREFECT_SERVER_API_PORT"])
    _require_free(port, "调度服务")
    command = [sys.executable, "-m", "flows.server", "--host", "127.0.0.1", "--port", str(port)]
    return family.start("调度服务", "server", command)


def _require_free(port: int, name: str) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PartError(f"端口 {port} 已被占用，{name}不能启动；请停止占用它的程序，或换一个端口。") from error


def _start_mailbox(family: Family, settings: Settings) -> Settings:
    """Start the mailbox if mails are to go to this machine; the settings with the port that it has."""
    if not settings.mail_stays_here:
        return settings
    port = settings.smtp_port or _free_port()  # the same one when it is started again
    command = [sys.executable, "-u", "-m", "cli.mailbox", "--host", settings.smtp_host]
    command += ["--port", str(port), "--folder", str(mailbox_folder(settings))]
    child = family.start("收信服务", "mailbox", command)
    _until(family, child, _PART_LIMIT, lambda: _READY in child.log.read_text(encoding="utf-8") or None)
    return settings.model_copy(update={"smtp_port": port})


def _make_pool(environ: Mapping[str, str], pool: str) -> None:
    """Make the work pool, so that deploying need not wait for the worker, which fills in the pool's template."""
    url, headers = f"{environ['PREFECT_API_URL']}/work_pools/", {"Content-Type": "application/json"}
    if secret := environ.get(_KEY):
        headers["Authorization"] = f"Basic {base64.b64encode(secret.encode()).decode()}"
    body = json.dumps({"name": pool, "type": "process"}).encode()
    request = urllib.request.Request(url, body, headers, method="POST")  # noqa: S310 - an address of our own
    try:
        urllib.request.urlopen(request, timeout=_PART_LIMIT, context=trusted()).close()  # noqa: S310
    except urllib.error.HTTPError as error:
        if error.code == HTTPStatus.UNAUTHORIZED:
            raise PartError("调度服务要求认证，口令没有给出或不对；请核对 PREFECT_API_AUTH_STRING。") from error
        if error.code != HTTPStatus.CONFLICT:  # it is there already
            raise


def _start_console(family: Family, environ: Mapping[str, str], settings: Settings) -> None:
    _require_free(settings.console_port, "工作台")
    child = family.start("工作台", "console", [sys.executable, "-m", "web"], environ)
    host = "127.0.0.1" if settings.console_host == "0.0.0.0" else settings.console_host  # noqa: S104 - compared only
    _wait(family, child, f"http://{host}:{settings.console_port}/", _PART_LIMIT)


def _start_worker(family: Family, environ: Mapping[str, str], pool: str) -> Child:
    command = [sys.executable, "-m", "flows.worker", "--pool", pool, "--type", "process", "--install-policy", "never"]
    return family.start("执行器", "worker", command, environ)


def _deploy(family: Family, environ: Mapping[str, str]) -> None:
    family.run("部署流程", "deploy", [*_prefect("--no-prompt", "deploy"), "--all"], environ)


def _call_off_late(family: Family, environ: Mapping[str, str]) -> None:
    family.run("取消停机期间到期的运行", "late", [sys.executable, "-m", "flows.late"], environ)


def _prefect(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "prefect", *arguments]


def _wait(family: Family, child: Child, url: str, limit: float) -> None:
    _until(family, child, limit, lambda: _answers(url) or None)


def _until(family: Family, child: Child, limit: float, look: Callable[[], T | None]) -> T:
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        found = look()
        if found is not None:
            return found
        family.check()
        time.sleep(0.2)
    raise PartError(f"{child.name}在 {limit:.0f} 秒内没有就绪，日志 {child.log}：\n{child.tail()}")


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5, context=trusted()) as answer:  # noqa: S310 - an address of our own
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
