"""What the tests of notices share: a database with a cycle, real SMTP servers, and deliverers as processes."""

import asyncio
import subprocess
import sys
from asyncio import Transport
from asyncio.base_events import Server
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from time import monotonic
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope
from aiosmtpd.smtp import Session as SmtpSession
from sqlalchemy import Engine
from sqlmodel import Session, select

from config.settings import ROOT, Settings
from models import Channel, Cycle, Message, PolicyVersion, Role, User
from services.clock import FixedClock
from services.notices.claims import Claimed, claim, transaction
from services.notices.queueing import queue
from services.notices.samples import sample_context
from services.record.database import engine_of
from tests.new_database import new_database

CYCLE_TIME = datetime(2026, 4, 9, 1, 30, tzinfo=UTC)
WALL_TIME = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
DOMAIN = "duixian.invalid"


def settings_for(folder: Path, port: int = 1, **more: Any) -> Settings:
    """Settings of a throw-away installation, whatever the environment says."""
    return Settings(_env_file=None, data_dir=folder, database_url=more.pop("url", ""), smtp_port=port, **more)


def prepared_engine(settings: Settings) -> Engine:
    """An empty record with one open cycle (number 1) and its operator."""
    engine = engine_of(settings)
    new_database(engine)
    with transaction(engine) as session:
        operator = User(login="jingban", name="经办甲", role=Role.OPERATOR)
        version = PolicyVersion(policy_id="p", sha256="0" * 64, text="", stored_at=CYCLE_TIME)
        session.add_all([operator, version])
        session.flush()
        assert operator.id is not None and version.id is not None
        cycle = Cycle(
            policy_id="p",
            year=2025,
            policy_version_id=version.id,
            stage="intake",
            opened_by=operator.id,
            opened_at=CYCLE_TIME,
        )
        session.add(cycle)
    return engine


def queue_receipts(engine: Engine, recipients: list[str]) -> None:
    """One receipt to each."""
    with transaction(engine) as session:
        for number, recipient in enumerate(recipients):
            context = {**sample_context("receipt"), "number": f"2025-{number:04}"}
            about = f"application {number}"
            assert queue_one(session, recipient=recipient, about=about, context=context)


def queue_one(session: Session, **changes: Any) -> bool:
    """Queue a receipt, with changes."""
    given: dict[str, Any] = {
        "cycle_id": 1,
        "kind": "receipt",
        "recipient": "a@example.invalid",
        "recipient_name": "示例公司",
        "about": "application 1",
        "domain": DOMAIN,
        **changes,
    }
    given["context"] = given.get("context") or sample_context(given["kind"])
    return queue(session, FixedClock(CYCLE_TIME), **given)


def messages(engine: Engine) -> list[Message]:
    """All that is in the outbox."""
    with Session(engine) as session:
        return list(session.exec(select(Message).order_by(Message.id)))  # type: ignore[arg-type]


def claimed(engine: Engine, wall: datetime, limit: int) -> list[Claimed]:
    """Claim mails in office hours."""
    return claim(engine, wall, limit, channel=Channel.MAIL, now=CYCLE_TIME, in_hours=True)


def addresses(count: int) -> list[str]:
    """So many different recipients."""
    return [f"unit{number:04}@example.invalid" for number in range(count)]


@contextmanager
def mailbox(folder: Path) -> Iterator[int]:
    """The product's mailbox as a process; yields its port."""
    command = [sys.executable, "-m", "cli.mailbox", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()
            assert process.wait(timeout=20) == 0


def kept_mails(folder: Path) -> list[EmailMessage]:
    """What the mailbox kept."""
    return [message_from_bytes(path.read_bytes(), policy=default) for path in sorted(folder.glob("*.eml"))]


def copies(folder: Path) -> int:
    """How many copies the mailbox dropped."""
    log = folder / "copies.jsonl"
    return len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0


class Script:
    """A server's behaviour by recipient: lists of replies, used up one by one, then everything is taken.

    `drop` as a reply to RCPT or DATA breaks the connection there; at DATA the mail has been taken before. `slow` as a
    reply to RCPT takes longer than anybody waits.
    """

    def __init__(self, rcpt: dict[str, list[str]] | None = None, data: dict[str, list[str]] | None = None) -> None:
        self.rcpt, self.data = rcpt or {}, data or {}
        self.taken: list[bytes] = []
        self.times: list[float] = []  # of DATA, monotonic
        self.connections = 0

    async def handle_EHLO(  # noqa: N802
        self, server: SMTP, session: SmtpSession, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self.connections += 1
        session.host_name = hostname
        return responses

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: SmtpSession, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        reply = self._next(self.rcpt, address, server)
        if reply == "slow":
            await asyncio.sleep(60)
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, server: SMTP, session: SmtpSession, envelope: Envelope) -> str:  # noqa: N802
        self.times.append(monotonic())
        address = envelope.rcpt_tos[0]
        behaviour = self.data.get(address, [])
        if not behaviour or behaviour[0] == "drop":
            assert isinstance(envelope.content, bytes)
            self.taken.append(envelope.content)
        return self._next(self.data, address, server)

    def _next(self, behaviour: dict[str, list[str]], address: str, server: SMTP) -> str:
        replies = behaviour.get(address, [])
        reply = replies.pop(0) if replies else "250 OK"
        if reply == "drop":
            assert isinstance(server.transport, Transport)
            server.transport.abort()
        return reply

    @property
    def message_ids(self) -> list[str]:
        """Message-IDs of what was taken, copies included."""
        return [str(message_from_bytes(content, policy=default)["Message-ID"]) for content in self.taken]


class _Controller(Controller):
    """A controller on a free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]


@contextmanager
def scripted(script: Script, **options: Any) -> Iterator[int]:
    """A real SMTP server in this process that behaves as scripted; yields its port."""
    controller = _Controller(script, hostname="127.0.0.1", port=0, server_hostname="test.invalid", **options)
    controller.start()
    try:
        yield controller.port
    finally:
        controller.stop()


def deliverer(settings: Settings, wall: datetime, *, die: str = "never") -> subprocess.Popen[str]:
    """A process that delivers what is due at this wall time."""
    program = [sys.executable, "-m", "tests.services.notices.deliverer"]
    arguments = [settings.database_url, str(settings.smtp_port), wall.isoformat(), die]
    return subprocess.Popen([*program, *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True)
