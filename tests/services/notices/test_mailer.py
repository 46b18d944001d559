"""The pool reuses its connections, keeps every reply, and gives up on a server that is out of reach."""

import asyncio
import socket
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import AuthResult

from services.notices.mailer import Batch, Outgoing, Pool, Reply
from tests.certificates import own_certificate
from tests.services.notices.support import Script, scripted, settings_for

CONTENT = b"Subject: x\r\nMessage-ID: <x@example.invalid>\r\n\r\n.\r\n..\r\nx\r\n"


def mails(recipients: Iterable[str]) -> list[Outgoing]:
    return [Outgoing(key, "from@example.invalid", to, CONTENT) for key, to in enumerate(recipients)]


def send(port: int, *chunks: list[Outgoing], **more: Any) -> list[Batch]:
    async def run() -> list[Batch]:
        pool = Pool(settings_for(Path("/nonexistent"), port, **more), timeout=2)
        try:
            return [await pool.send(chunk) for chunk in chunks]
        finally:
            await pool.close()

    return asyncio.run(run())


def many(count: int) -> list[Outgoing]:
    return mails(f"u{number}@example.invalid" for number in range(count))


def test_connections_are_reused_over_mails_and_chunks() -> None:
    script = Script()
    with scripted(script) as port:
        batches = send(port, many(40), many(40), smtp_connections=3)
    assert [len(batch.replies) for batch in batches] == [40, 40]
    assert script.connections == 3 and len(script.taken) == 80


def test_each_mail_has_its_own_reply() -> None:
    first, second, third = "a@example.invalid", "b@example.invalid", "c@example.invalid"
    script = Script(rcpt={first: ["550 5.1.1 no such user"]}, data={second: ["452 disk full"]})
    with scripted(script) as port:
        (batch,) = send(port, mails([first, second, third]), smtp_connections=1)
    assert batch.replies == {0: Reply(550, "5.1.1 no such user"), 1: Reply(452, "disk full"), 2: Reply(250, "OK")}
    assert script.connections == 1, "a refusal does not cost the connection"


def test_the_content_arrives_unchanged() -> None:
    script = Script()
    with scripted(script) as port:
        send(port, many(1))
    assert script.taken == [CONTENT]


def test_a_server_that_closes_with_421_is_dialled_again() -> None:
    first = "u0@example.invalid"
    script = Script(rcpt={first: ["421 4.7.0 too many mails"]})
    with scripted(script) as port:
        (batch,) = send(port, many(3), smtp_connections=1)
    assert [batch.replies[key].code for key in range(3)] == [421, 250, 250]
    assert script.connections == 2


def test_a_server_that_takes_too_long_is_left_and_the_others_mails_go_on() -> None:
    slow = "u0@example.invalid"
    script = Script(rcpt={slow: ["slow"]})
    with scripted(script) as port:
        (batch,) = send(port, many(3), smtp_connections=1)
    assert batch.replies[0] == Reply(None, "2 秒内没有发完")
    assert [batch.replies[key].code for key in (1, 2)] == [250, 250] and script.connections == 2


@pytest.mark.parametrize(
    "reply",
    ["451 4.7.1 Greylisted, please try again later", "452 4.2.2 mailbox full", "552 5.2.2 mailbox full", "421 busy"],
)
def test_what_a_server_says_at_rcpt_or_after_the_content_is_kept_word_for_word(reply: str) -> None:
    first, second = "u0@example.invalid", "u1@example.invalid"
    with scripted(Script(rcpt={first: [reply]}, data={second: [reply]})) as port:
        (batch,) = send(port, many(2), smtp_connections=2)
    code, _, text = reply.partition(" ")
    assert batch.replies == {0: Reply(int(code), text), 1: Reply(int(code), text)}


def test_nothing_is_tried_when_nobody_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    (batch,) = send(port, many(5))
    assert batch.replies == {} and batch.trouble is not None
    assert batch.trouble.startswith(f"发信服务器 127.0.0.1:{port} 无法使用：")


def test_after_three_broken_connections_in_a_row_the_rest_is_left_untried() -> None:
    script = Script(rcpt={f"u{number}@example.invalid": ["drop"] for number in range(9)})
    with scripted(script) as port:
        (batch,) = send(port, many(9), smtp_connections=1)
    assert [batch.replies[key].code for key in batch.replies] == [None] * 3
    assert batch.trouble is not None and "连续 3 次中断连接" in batch.trouble


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")
def test_a_refused_login_is_the_servers_trouble_and_no_mails() -> None:
    def refuse(*_: object) -> AuthResult:
        return AuthResult(success=False, handled=False)

    options = {"authenticator": refuse, "auth_required": True, "auth_require_tls": False}
    with scripted(Script(), **options) as port:
        (wrong,) = send(port, many(2), smtp_username="u", smtp_password="wrong")
        (none,) = send(port, many(2), smtp_connections=1)
    assert wrong.replies == {} and wrong.trouble is not None and "535" in wrong.trouble
    assert none.replies == {} and none.trouble is not None and "拒绝登录：530" in none.trouble


@pytest.mark.parametrize("way", ["smtp_tls", "smtp_starttls"])
def test_mail_goes_encrypted_and_only_to_a_server_with_a_trusted_certificate(tmp_path: Path, way: str) -> None:
    inside, options = Script(), tls_options(tmp_path, way)
    with scripted(inside, **options) as port:
        (trusted,) = send(port, many(3), smtp_ca_file=tmp_path / "ca.pem", **{way: True})
        (unknown,) = send(port, many(3), **{way: True})
        (plain,) = send(port, many(3))
    assert [trusted.replies[key].code for key in range(3)] == [250] * 3
    assert unknown.replies == {} and unknown.trouble is not None and "CERTIFICATE_VERIFY_FAILED" in unknown.trouble
    assert 250 not in {reply.code for reply in plain.replies.values()} and plain.trouble is not None
    assert len(inside.taken) == 3


def test_mail_never_goes_in_the_clear_to_a_server_without_starttls() -> None:
    script = Script()
    with scripted(script) as port:
        (batch,) = send(port, many(3), smtp_starttls=True)
    assert batch.replies == {} and batch.trouble is not None and script.taken == []


def test_a_connection_that_the_server_closed_meanwhile_is_replaced() -> None:
    script = Script()

    async def run(port: int) -> list[Batch]:
        pool = Pool(settings_for(Path("/nonexistent"), port, smtp_connections=1), timeout=2)
        first = await pool.send(many(1))
        await asyncio.sleep(0.7)
        second = await pool.send(many(1))
        await pool.close()
        return [first, second]

    with scripted(script, timeout=0.3) as port:
        batches = asyncio.run(run(port))
    assert [batch.replies for batch in batches] == [{0: Reply(250, "OK")}] * 2
    assert script.connections == 2


def tls_options(folder: Path, way: str) -> dict[str, Any]:
    """What a server needs to speak TLS, from the start or after STARTTLS; `ca.pem` in the folder is whom to believe."""
    context = own_certificate(folder)
    return {"ssl_context": context} if way == "smtp_tls" else {"tls_context": context, "require_starttls": True}


@contextmanager
def line_server(rcpt_reply: bytes) -> Iterator[int]:
    """A server that says to RCPT exactly these bytes."""
    replies = {b"EHLO": b"250 x", b"MAIL": b"250 ok", b"RCPT": rcpt_reply, b"RSET": b"250 ok", b"QUIT": b"221 bye"}
    server = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"220 x\r\n")
            for line in lines:
                connection.sendall(replies[line[:4].upper()] + b"\r\n")

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    with server:
        yield server.getsockname()[1]
        thread.join(timeout=5)


@pytest.mark.parametrize(
    ("octets", "text"),
    [
        ("550 用户不存在".encode("gb18030"), "用户不存在"),
        ("550 用户不存在".encode(), "用户不存在"),
        (b"550 a\0b\xff\xff", "a b\ufffd\ufffd"),
    ],
)
def test_a_reply_in_any_encoding_becomes_text_that_a_database_takes(octets: bytes, text: str) -> None:
    with line_server(octets) as port:
        (batch,) = send(port, many(1))
    assert batch.replies == {0: Reply(550, text)}
