"""What is outside is asked for real: mail servers that refuse, a mailbox, a scanner, a sign-in service, a console."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from services.clock import FixedClock
from services.doctor import Mark, outside
from tests.services.doctor.support import WALL, all_good, installed, only, told
from tests.services.notices.support import Script, scripted
from tests.services.notices.test_bounces import mail_server, with_mailbox
from tests.services.notices.test_mailer import tls_options


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> str:
    """A name for this machine that counts as another one."""
    monkeypatch.setattr("config.settings._LOCAL", set())
    return "127.0.0.1"


def test_a_mail_server_that_takes_us_gets_no_mail(tmp_path: Path, elsewhere: str) -> None:
    script = Script()
    with scripted(script) as port:
        assert all_good(outside.mail(installed(tmp_path, smtp_host=elsewhere, smtp_port=port)))
    assert script.connections == 1 and script.taken == []


def test_mail_that_stays_on_this_machine_is_told(tmp_path: Path) -> None:
    with scripted(Script()) as port:
        found = only(outside.mail(installed(tmp_path, smtp_host="127.0.0.1", smtp_port=port)), Mark.LOOK)
    assert "不会发到外面" in found.seen
    assert "自选" in only(outside.mail(installed(tmp_path, smtp_host="127.0.0.1", smtp_port=0)), Mark.LOOK).seen
    found = only(outside.mail(installed(tmp_path, smtp_host="127.0.0.1", smtp_port=port)), Mark.BAD)
    assert "duixian serve" in found.remedy


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_refused_login_is_told_with_what_to_do(tmp_path: Path, elsewhere: str) -> None:
    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    options = {"authenticator": refuse, "auth_required": True, "auth_require_tls": False}
    with scripted(Script(), **options) as port:
        given = {"smtp_host": elsewhere, "smtp_port": port}
        wrong = only(outside.mail(installed(tmp_path, smtp_username="u", smtp_password="geheim", **given)), Mark.BAD)
        none = only(outside.mail(installed(tmp_path, **given)), Mark.BAD)
    assert "535" in wrong.seen and "geheim" not in wrong.seen and "授权码" in wrong.remedy
    assert "530" in none.seen


def test_a_refused_sender_is_told(tmp_path: Path, elsewhere: str) -> None:
    class Strict(Script):
        async def handle_MAIL(self, *_: object) -> str:  # noqa: N802
            return "553 Mail from must equal authorized user"

    with scripted(Strict()) as port:
        found = only(outside.mail(installed(tmp_path, smtp_host=elsewhere, smtp_port=port)), Mark.BAD)
    assert "不接受发件人 award@zhangzhou.example：" in found.seen and "与登录的账号一致" in found.remedy


def test_certificates_and_ways_of_encryption_are_told(tmp_path: Path, elsewhere: str) -> None:
    given: dict[str, Any] = {"smtp_host": elsewhere, "smtp_starttls": True}
    with scripted(Script(), **tls_options(tmp_path, "smtp_starttls")) as port:
        trusted = installed(tmp_path, smtp_port=port, smtp_ca_file=tmp_path / "ca.pem", **given)
        assert all_good(outside.mail(trusted))
        strange = only(outside.mail(installed(tmp_path, smtp_port=port, **given)), Mark.BAD)
    assert "DUIXIAN_SMTP_CA_FILE" in strange.remedy
    with scripted(Script()) as port:
        plain = only(outside.mail(installed(tmp_path, smtp_port=port, **given)), Mark.BAD)
    assert "是否相配" in plain.remedy


def test_encryption_that_is_offered_and_not_used_is_told(tmp_path: Path, elsewhere: str) -> None:
    options = {**tls_options(tmp_path, "smtp_starttls"), "require_starttls": False}
    with scripted(Script(), **options) as port:
        found = only(outside.mail(installed(tmp_path, smtp_host=elsewhere, smtp_port=port)), Mark.LOOK)
    assert "DUIXIAN_SMTP_STARTTLS=true" in found.remedy


def test_a_mail_server_that_is_away_is_told(tmp_path: Path, elsewhere: str) -> None:
    found = only(outside.mail(installed(tmp_path, smtp_host=elsewhere, smtp_port=free_port())), Mark.BAD)
    assert "DUIXIAN_SMTP_HOST" in found.remedy and "放行" in found.remedy


def test_the_mailbox_of_bounces_is_counted_and_left_as_it_is(tmp_path: Path) -> None:
    assert all_good(outside.bounces(installed(tmp_path)))
    with mail_server([b"a", b"b"]) as (server, port):
        (found,) = outside.bounces(with_mailbox(installed(tmp_path), port))
    assert found.mark is Mark.GOOD and "未读 2 封" in found.seen and server.seen == set()
    away = only(outside.bounces(with_mailbox(installed(tmp_path), free_port())), Mark.BAD)
    assert "DUIXIAN_BOUNCE_IMAP_" in away.remedy


def test_bounces_that_nobody_understood_are_told(tmp_path: Path) -> None:
    (tmp_path / "bounces" / "unclear").mkdir(parents=True)
    (tmp_path / "bounces" / "unclear" / "a.eml").touch()
    assert "1 封退信" in only(outside.bounces(installed(tmp_path)), Mark.LOOK).seen


def test_a_scanner_that_works(tmp_path: Path, clamd: str) -> None:
    assert all_good(outside.scanner(installed(tmp_path, clamd=clamd), WALL))
    assert all_good(outside.scanner(installed(tmp_path), WALL))


@pytest.mark.parametrize("address", ["127.0.0.1:9", "/nowhere/clamd.ctl", "nonsense"])
def test_a_scanner_that_is_away_is_told(tmp_path: Path, address: str) -> None:
    found = only(outside.scanner(installed(tmp_path, clamd=address), WALL), Mark.BAD)
    assert "什么文件都收不了" in found.seen


def test_old_signatures_and_a_scanner_that_refuses_are_told(tmp_path: Path) -> None:
    wall = FixedClock(datetime(2026, 11, 27, tzinfo=UTC))
    for said, scan, mark in (
        (b"ClamAV 1.4.3/27000/Thu Nov 26 08:00:00 2026", b"stream: OK", Mark.GOOD),
        (b"ClamAV 1.4.3/27000/Mon Oct  5 08:00:00 2026", b"stream: OK", Mark.LOOK),
        (b"ClamAV 1.4.3", b"stream: Can't allocate memory ERROR", Mark.BAD),
    ):
        with scanner(said, scan) as address:
            found = {each.mark: each for each in told(outside.scanner(installed(tmp_path, clamd=address), wall))}
        assert mark in found and (mark is Mark.GOOD) == (len(found) == 1 and Mark.GOOD in found)
        assert mark is not Mark.LOOK or "52 天没有更新" in found[mark].seen


@contextmanager
def scanner(version: bytes, scanned: bytes) -> Iterator[str]:
    """A scanner that says this of itself, and of a file that."""

    def serve() -> None:
        for _ in range(2):
            link, _address = server.accept()
            with link:
                asked = link.recv(10)
                if asked == b"zINSTREAM\0":
                    while not link.recv(1 << 16).endswith(bytes(4)):
                        pass
                link.sendall((scanned if asked == b"zINSTREAM\0" else version) + b"\0")

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join(5)


def test_the_sign_in_service_answers_and_is_the_one_that_is_meant(tmp_path: Path) -> None:
    assert all_good(outside.directory(installed(tmp_path)))
    with web(lambda port: {"/.well-known/openid-configuration": {"issuer": f"http://127.0.0.1:{port}"}}) as port:
        here = f"http://127.0.0.1:{port}"
        assert all_good(outside.directory(installed(tmp_path, oidc_issuer=f"{here}/")))
        by_name = installed(tmp_path, oidc_issuer=f"http://localhost:{port}")
        assert f"自称是 {here}" in only(outside.directory(by_name), Mark.BAD).seen
        elsewhere = installed(tmp_path, oidc_issuer=f"{here}/other")
        assert "没有应答" in only(outside.directory(elsewhere), Mark.BAD).seen
    assert "没有应答" in only(outside.directory(installed(tmp_path, oidc_issuer=here)), Mark.BAD).seen


def test_the_console_is_asked_here_and_where_people_open_it(tmp_path: Path) -> None:
    with web(lambda _: {"/healthz": {}}) as port:
        here = {"console_port": port, "console_host": "0.0.0.0"}
        assert all_good(outside.console(installed(tmp_path, console_url=f"http://127.0.0.1:{port}", **here)))
        assert all_good(outside.console(installed(tmp_path, console_url=f"http://localhost:{port}/", **here)))
        closed = installed(tmp_path, console_url=f"http://127.0.0.1:{free_port()}", **here)
        assert "反向代理" in only(outside.console(closed), Mark.LOOK).remedy
    assert "duixian serve" in only(outside.console(installed(tmp_path, console_port=port)), Mark.BAD).remedy


@contextmanager
def web(pages: Callable[[int], dict[str, Any]]) -> Iterator[int]:
    """A server with these pages of JSON, on a port of its own."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found = pages(server.server_port).get(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(json.dumps(found).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
