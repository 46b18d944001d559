"""Secrets of the settings: nowhere in what is printed, logged, answered or raised, whether the thing works or fails."""

import asyncio
import logging
import socketserver
import threading
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import oidc_provider_mock
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from cli.main import run
from config.settings import Settings
from models import Role
from services.clock import FixedClock, SystemClock
from services.notices.bounce_intake import read_bounces
from services.notices.channels import GroupWebhook, Note
from services.notices.mailer import Outgoing, Pool
from services.record.database import engine_of, session_of
from tests.engine_parts import free_port
from tests.services.notices.support import prepared_engine
from tests.web.conftest import House
from web.app import create_app

CANARY = "kanarienvogel"
SECRETS = {
    "database_url": f"postgresql+psycopg://duixian:{CANARY}-db@127.0.0.1:9/duixian?connect_timeout=2",
    "oidc_client_secret": f"{CANARY}-oidc",
    "smtp_password": f"{CANARY}-smtp",
    "bounce_imap_password": f"{CANARY}-imap",
    "group_webhook": f"http://127.0.0.1:9/robot?access_token={CANARY}-token",
    "group_secret": f"{CANARY}-group",
    "metrics_token": f"{CANARY}-metrics",
}
NAMED_LIKE_ONE = ("password", "secret", "webhook", "token", "database_url", "auth")


@pytest.fixture(autouse=True)
def all_logged(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Everything that anybody logs, down to the last detail, is looked through in the end."""
    caplog.set_level(logging.DEBUG)
    yield
    logged = [f"{record.name}: {record.getMessage()}{record.exc_text or ''}" for record in caplog.get_records("call")]
    assert [each for each in logged if CANARY in each] == []


def settings_with(folder: Path, **changes: object) -> Settings:
    """An installation all of whose secrets are canaries, on a database of its own unless told otherwise."""
    given = {**SECRETS, "database_url": "", "data_dir": folder, **changes}
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]


def test_every_secret_setting_has_a_canary_and_no_representation(tmp_path: Path) -> None:
    fields = Settings.model_fields
    assert {name for name in fields if any(part in name for part in NAMED_LIKE_ONE)} == set(SECRETS)
    settings = Settings(_env_file=None, data_dir=tmp_path, **SECRETS)  # type: ignore[arg-type]
    assert CANARY not in f"{settings!r}{settings}"
    with pytest.raises(ValueError) as wrong:
        Settings(_env_file=None, **SECRETS, smtp_port="x", lease_seconds=0)  # type: ignore[arg-type]
    assert CANARY not in str(wrong.value)


def test_a_database_that_refuses_tells_neither_its_password_nor_the_values(tmp_path: Path) -> None:
    away = engine_of(settings_with(tmp_path, database_url=SECRETS["database_url"]))
    here = engine_of(settings_with(tmp_path))
    for engine in (away, here):
        with session_of(engine) as session, pytest.raises(SQLAlchemyError) as refused:
            session.execute(text("INSERT INTO nowhere VALUES (:account)"), {"account": f"{CANARY}-account"})
        assert CANARY not in "".join(traceback.format_exception(refused.value))
        assert CANARY not in repr(engine)


def test_commands_that_work_and_that_fail_tell_no_secret(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    prepared_engine(settings_with(tmp_path)).dispose()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    for name, value in SECRETS.items():
        monkeypatch.setenv(f"DUIXIAN_{name.upper()}", value)
    said = []
    for url in (f"sqlite:///{tmp_path / 'duixian.db'}", SECRETS["database_url"], f"nonsense:{CANARY}"):
        monkeypatch.setenv("DUIXIAN_DATABASE_URL", url)
        for command in (["audit", "verify"], ["notice", "list"], ["cycle", "status"], ["user", "list"]):
            try:
                said.append(str(run(command)))
            except Exception as error:  # a defect: what the terminal would show of it
                said.append("".join(traceback.format_exception(error)))
    told = capfd.readouterr()
    assert CANARY not in told.out + told.err + "".join(said)
    assert "0" in said


class _Gate:
    """Lets in whoever has the password."""

    def __init__(self, password: str) -> None:
        self.password = password

    def __call__(self, server: object, session: object, envelope: object, mechanism: str, data: object) -> AuthResult:
        return AuthResult(success=getattr(data, "password", b"") == self.password.encode(), handled=False)


@pytest.mark.parametrize("right", [True, False])
def test_a_mail_server_that_lets_us_in_or_not_is_told_of_without_the_password(tmp_path: Path, right: bool) -> None:
    gate = _Gate(SECRETS["smtp_password"] if right else "another")
    server = Controller(_Sink(), hostname="127.0.0.1", port=free_port(), authenticator=gate, auth_require_tls=False)
    server.start()
    try:
        settings = settings_with(tmp_path, smtp_port=server.port, smtp_username="duixian")
        batch = asyncio.run(_send(settings))
    finally:
        server.stop()
    assert bool(batch.replies) == right
    assert CANARY not in repr(batch)


class _Sink:
    """Takes every mail."""

    async def handle_DATA(self, _server: object, _session: object, _envelope: object) -> str:  # noqa: N802
        return "250 OK"


async def _send(settings: Settings):  # type: ignore[no-untyped-def]
    pool = Pool(settings)
    try:
        return await pool.send([Outgoing(1, "a@example.invalid", "b@example.invalid", b"Subject: x\r\n\r\nx\r\n")])
    finally:
        await pool.close()


class _Imap(socketserver.StreamRequestHandler):
    """A mailbox that lets nobody in."""

    def handle(self) -> None:
        self.wfile.write(b"* OK ready\r\n")
        for line in self.rfile:
            tag = line.split()[0]
            verb = line.split()[1].upper()
            self.wfile.write(b"* CAPABILITY IMAP4rev1\r\n" if verb == b"CAPABILITY" else b"")
            self.wfile.write(tag + (b" NO not you\r\n" if verb == b"LOGIN" else b" OK done\r\n"))


def test_a_mailbox_that_lets_us_not_in_is_told_of_without_the_password(tmp_path: Path) -> None:
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), _Imap) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        settings = settings_with(
            tmp_path,
            bounce_imap_host="127.0.0.1",
            bounce_imap_port=server.server_address[1],
            bounce_imap_tls=False,
            bounce_imap_username="bounces",
        )
        engine = prepared_engine(settings)
        report = read_bounces(engine, settings, SystemClock())
        server.shutdown()
    assert report.trouble and CANARY not in repr(report)


@pytest.mark.parametrize("there", [True, False])
def test_the_groups_robot_is_told_of_without_its_address(tmp_path: Path, there: bool) -> None:
    class Robot(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.request.recv(65536)
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 27\r\n\r\n" + b'{"errcode":0,"errmsg":"ok"}')

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Robot) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_address[1] if there else 9
        settings = settings_with(tmp_path, group_webhook=SECRETS["group_webhook"].replace(":9/", f":{port}/"))
        channel = GroupWebhook(settings, FixedClock(SystemClock().now()))
        reply = channel.send(Note("题", "文", "http://127.0.0.1/"))
        server.shutdown()
    assert (reply.code == 250) == there
    assert CANARY not in repr(reply)


@pytest.mark.parametrize("there", [True, False])
def test_the_directory_is_told_of_without_its_secret(house_at: Callable[[str | None], House], there: bool) -> None:
    house = house_at("guide")
    with oidc_provider_mock.run_server_in_thread() as server:
        port = server.server_port if there else 9
        settings = house.settings.model_copy(
            update={**SECRETS, "database_url": house.settings.database_url}
            | {"oidc_issuer": f"http://127.0.0.1:{port}", "oidc_client_id": "duixian"}
        )
        browser = House(settings, house.clock, create_app(settings)).browser()
        left = browser.get("/signin/directory")
        back = browser.get("/signin/directory/back?code=forged&state=forged")
        page = browser.get("/signin").text
    assert left.status_code == (302 if there else 303) and back.status_code == 303
    assert CANARY not in left.text + str(left.headers) + str(back.headers) + page


def test_the_administrators_page_of_settings_shows_no_secret(house_at: Callable[[str | None], House]) -> None:
    house = house_at("guide")
    settings = house.settings.model_copy(update={**SECRETS, "database_url": house.settings.database_url})
    browser = House(settings, house.clock, create_app(settings)).as_role(Role.ADMINISTRATOR)
    page = browser.get("/settings")
    assert page.status_code == 200 and CANARY not in page.text
