"""Delivery reports are matched to the message that they mean, from a folder and from a mailbox, and told."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session, select

from config.settings import Settings
from models import Bounce, MessageStatus
from services.clock import FixedClock
from services.files import apart
from services.notices.bounce_intake import BounceReport, bounced, read_bounces, unclear
from services.notices.bounces import read_report
from services.notices.claims import Verdict, record
from tests.services.notices.support import CYCLE_TIME, DOMAIN, WALL_TIME, claimed, messages, queue_receipts

A, B = "a@example.invalid", "b@example.invalid"


def dsn(message_id: str, action: str = "failed", status: str = "5.1.1", headers_only: bool = False) -> bytes:
    """A report as Postfix writes it (RFC 3464)."""
    kind = "text/rfc822-headers" if headers_only else "message/rfc822"
    return f"""\
From: MAILER-DAEMON@mx.example.invalid (Mail Delivery System)
To: bounce@duixian.invalid
Subject: Undelivered Mail Returned to Sender
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered.

--b
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.invalid
Arrival-Date: Thu, 9 Apr 2026 09:30:00 +0800 (CST)

Final-Recipient: rfc822; a@example.invalid
Action: {action}
Status: {status}
Diagnostic-Code: smtp; 550 {status} <a@example.invalid>: Recipient address
    rejected: User unknown

--b
Content-Type: {kind}

From: x@duixian.invalid
Message-ID: {message_id}
Subject: x

--b--
""".replace("\n", "\r\n").encode()


def free_form(message_id: str, text: str) -> bytes:
    """A report in words only, as QQ 邮箱 writes it."""
    head = (
        "From: PostMaster@qq.example.invalid\r\nSubject: =?utf-8?b?57O757uf6YCA5L+h?=\r\n"
        f"In-Reply-To: {message_id}\r\nContent-Type: text/plain; charset=gb18030\r\n"
        "Content-Transfer-Encoding: 8bit\r\n\r\n"
    )
    return head.encode() + text.encode("gb18030")


@pytest.fixture
def sent(engine: Engine) -> Engine:
    """Two receipts that the server took."""
    queue_receipts(engine, [A, B])
    record(
        engine,
        [Verdict(row, MessageStatus.SENT, "250 OK", WALL_TIME) for row in claimed(engine, WALL_TIME, 9)],
        CYCLE_TIME,
    )
    return engine


def put(settings: Settings, *reports: bytes) -> None:
    settings.bounces_dir.mkdir(parents=True, exist_ok=True)
    for number, report in enumerate(reports):
        (settings.bounces_dir / f"{number}.eml").write_bytes(report)


def read(engine: Engine, settings: Settings) -> BounceReport:
    return read_bounces(engine, settings, FixedClock(CYCLE_TIME))


def ids(engine: Engine) -> list[str]:
    return [row.message_id for row in messages(engine)]


@pytest.mark.parametrize("headers_only", [False, True])
def test_a_returned_mail_has_failed_with_the_other_servers_words(
    sent: Engine, settings: Settings, headers_only: bool
) -> None:
    put(settings, dsn(ids(sent)[0], headers_only=headers_only))
    assert read(sent, settings) == BounceReport(failed=1)
    first, second = messages(sent)
    assert (first.status, second.status) == (MessageStatus.FAILED, MessageStatus.SENT)
    assert first.last_reply.startswith("退信：5.1.1 550 5.1.1 <a@example.invalid>: Recipient address rejected")
    with Session(sent) as session:
        assert list(bounced(session)) == [A] and bounced(session, [B]) == {}
    assert [path.parent.name for path in settings.bounces_dir.rglob("*.eml")] == ["read"]


def test_a_report_is_read_once_however_often_it_comes(sent: Engine, settings: Settings) -> None:
    put(settings, dsn(ids(sent)[0]), dsn(ids(sent)[0]))
    assert read(sent, settings) == BounceReport(failed=1)
    put(settings, dsn(ids(sent)[0]))
    assert read(sent, settings) == BounceReport() == read(sent, settings)
    with Session(sent) as session:
        assert len(session.exec(select(Bounce)).all()) == 1


def test_a_late_mail_is_noted_and_has_not_failed(sent: Engine, settings: Settings) -> None:
    put(settings, dsn(ids(sent)[0], action="delayed", status="4.4.1"))
    assert read(sent, settings) == BounceReport(late=1)
    assert messages(sent)[0].status is MessageStatus.SENT
    with Session(sent) as session:
        assert bounced(session) == {}


def test_an_address_that_was_reached_later_is_good_again(sent: Engine, settings: Settings) -> None:
    put(settings, dsn(ids(sent)[0]))
    read(sent, settings)
    with Session(sent) as session:
        row = messages(sent)[0]
        row.status, row.sent_at = MessageStatus.SENT, CYCLE_TIME.replace(day=20)
        session.merge(row)
        session.commit()
        assert bounced(session) == {}


def test_words_only_are_understood_when_they_name_the_mail(sent: Engine, settings: Settings) -> None:
    put(settings, free_form(ids(sent)[0], "很抱歉，您的邮件被退回。原因：收件人邮箱不存在。550 Mailbox not found"))
    assert read(sent, settings) == BounceReport(failed=1)
    assert messages(sent)[0].last_reply.startswith("退信：很抱歉，您的邮件被退回。原因：收件人邮箱不存在。")


def test_what_means_none_of_our_mails_is_kept_for_somebody_to_look_at(sent: Engine, settings: Settings) -> None:
    strangers = dsn("<1@elsewhere.invalid>"), b"From: lin@example.invalid\r\n\r\nhello", b"", b"\xff\x00"
    put(settings, *strangers, dsn(ids(sent)[1], action="delivered", status="2.0.0"))
    assert read(sent, settings) == BounceReport(unclear=5)
    assert unclear(settings) == 5 and {row.status for row in messages(sent)} == {MessageStatus.SENT}


@contextmanager
def no_room(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """All places of small readers are taken by others."""
    monkeypatch.setattr(apart, "_PATIENCE_SECONDS", 0.1)
    places = apart.Size.SMALL.value
    held = 0
    while places.acquire(blocking=False):
        held += 1
    try:
        yield
    finally:
        places.release(held)


def test_a_report_that_there_is_no_room_to_read_waits_in_the_folder(
    sent: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(settings, dsn(ids(sent)[0]), dsn(ids(sent)[1]))
    with no_room(monkeypatch):
        report = read(sent, settings)
    assert report == BounceReport(
        trouble="有退信没有读，留在原处：暂时读不了，服务器正在读取别的文件；请过一会儿再试。"
    )
    assert sorted(path.name for path in settings.bounces_dir.glob("*.eml")) == ["0.eml", "1.eml"]
    assert read(sent, settings) == BounceReport(failed=2)


def test_a_report_whose_reader_was_killed_is_left_and_keeps_no_other_from_being_read(
    sent: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(apart.READERS, "bounce", apart.Reader("tests.hostile.readers:killed_by_lin", 512, 20))
    put(settings, b"From: lin@example.invalid\r\n\r\n1", b"From: lin@example.invalid\r\n\r\n2", dsn(ids(sent)[0]))
    report = read(sent, settings)
    assert (report.failed, report.unclear) == (1, 0)
    assert report.trouble is not None and report.trouble.count("有退信没有读，留在原处：读到一半被系统终止") == 1
    assert sorted(path.name for path in settings.bounces_dir.glob("*.eml")) == ["0.eml", "1.eml"]


@pytest.mark.parametrize(
    "data",
    [
        b"Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n",
        b"Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n",
        b"From: postmaster@x\r\nContent-Type: text/plain; charset=none\r\n\r\n<" + b"a" * 40 + b"@duixian.invalid>",
    ],
)
def test_a_crippled_report_raises_nothing(data: bytes) -> None:
    read_report(data, DOMAIN)


class MailServer:
    """Enough of an IMAP server (RFC 3501) to read unread mails and mark them."""

    def __init__(self, mails: list[bytes]) -> None:
        self.mails = {str(number): mail for number, mail in enumerate(mails, 7)}
        self.seen: set[str] = set()
        self.said: list[str] = []

    def serve(self, server: socket.socket) -> None:
        connection, _ = server.accept()
        with connection, connection.makefile("rb") as lines:
            connection.sendall(b"* OK [CAPABILITY IMAP4rev1 ID] ready\r\n")
            for line in lines:
                tag, _, command = line.decode().strip().partition(" ")
                self.said.append(command)
                connection.sendall(self._answer(command) + f"{tag} OK done\r\n".encode())

    def _answer(self, command: str) -> bytes:
        if command.startswith("CAPABILITY"):
            return b"* CAPABILITY IMAP4rev1 ID\r\n"
        if command.startswith("UID SEARCH"):
            return f"* SEARCH {' '.join(each for each in self.mails if each not in self.seen)}\r\n".encode()
        if command.startswith("UID FETCH"):
            number = command.split()[2]
            mail = self.mails[number]
            return f"* 1 FETCH (UID {number} BODY[] {{{len(mail)}}}\r\n".encode() + mail + b")\r\n"
        if command.startswith("UID STORE"):
            self.seen.add(command.split()[2])
        return b"* 1 EXISTS\r\n" if command.startswith("SELECT") else b""


@contextmanager
def mail_server(mails: list[bytes]) -> Iterator[tuple[MailServer, int]]:
    made = MailServer(mails)
    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=made.serve, args=(server,), daemon=True)
        thread.start()
        yield made, server.getsockname()[1]
        thread.join(timeout=5)


def with_mailbox(settings: Settings, port: int) -> Settings:
    changes: dict[str, object] = {"bounce_imap_host": "127.0.0.1", "bounce_imap_port": port, "bounce_imap_tls": False}
    changes |= {"bounce_imap_folder": '退"信&x'}
    login = {"bounce_imap_username": "u", "bounce_imap_password": "p"}
    return settings.model_copy(update=changes | login)


def test_unread_mails_of_a_mailbox_are_read_and_marked(sent: Engine, settings: Settings) -> None:
    with mail_server([dsn(ids(sent)[0]), b"From: lin@example.invalid\r\n\r\nhello"]) as (server, port):
        assert read(sent, with_mailbox(settings, port)) == BounceReport(failed=1, unclear=1)
    assert server.seen == {"7", "8"} and unclear(settings) == 1
    assert 'ID ("name" "duixian")' in server.said and 'SELECT "&kAA-\\"&T+E-&-x"' in server.said
    assert messages(sent)[0].status is MessageStatus.FAILED


def test_a_mail_that_there_is_no_room_to_read_stays_unread(
    sent: Engine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with no_room(monkeypatch), mail_server([dsn(ids(sent)[0])]) as (server, port):
        report = read(sent, with_mailbox(settings, port))
    assert report.trouble is not None and report.trouble.startswith("有退信没有读") and not report.unclear
    assert server.seen == set() and unclear(settings) == 0
    assert messages(sent)[0].status is MessageStatus.SENT


def test_a_mailbox_that_cannot_be_read_does_not_keep_the_folder_waiting(
    sent: Engine, settings: Settings, tmp_path: Path
) -> None:
    put(settings, dsn(ids(sent)[0]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    report = read(sent, with_mailbox(settings, port))
    assert report.failed == 1 and report.trouble is not None and "DUIXIAN_BOUNCE_IMAP_" in report.trouble
