"""Mails a second from the outbox, every reply recorded, beside the raw limit: the same pool sending prepared mails.

Both go to the same local server in the same run, turn by turn, now one first and now the other, each mail to a mailbox
that has not got it yet. Then a deliverer is killed (SIGKILL) in the middle, another one goes on, and the mailbox is
looked through for each Message-ID.

Run: python -m benchmarks.notices [mails]
"""

import asyncio
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from email.parser import BytesHeaderParser
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, SQLModel, col, func, select

from config.settings import ROOT, Settings
from models import Cycle, DeliveryAttempt, Message, MessageStatus, PolicyVersion, Role, User
from services.clock import FixedClock
from services.notices.claims import CLAIM, transaction
from services.notices.composing import Composer
from services.notices.delivery import deliver_due
from services.notices.mailer import Batch, Outgoing, Pool
from services.notices.queueing import queue
from services.notices.samples import sample_context
from services.record.database import engine_of

MAILS, ROUNDS = 2000, 9
NOW = datetime(2026, 4, 9, 1, 30, tzinfo=UTC)  # a Thursday morning, in office hours
KINDS = ("receipt", "supplement_request")  # without and with a calendar entry
AIM = 0.8
KILLED_AFTER = 0.4  # of the mails


def main(mails: int) -> None:
    """Print both rates round by round, and what a killed deliverer left."""
    with tempfile.TemporaryDirectory() as folder, _mailbox(Path(folder) / "mails") as port:
        shares = [
            _round(Path(folder) / str(number), port, mails, own_first=number % 2 == 1) for number in range(ROUNDS)
        ]
    share = statistics.median(shares)
    print(f"median of {ROUNDS} rounds: {share:.0%} of the raw limit (aim {AIM:.0%})")
    with tempfile.TemporaryDirectory() as folder:
        _kill(Path(folder), mails)


def _round(folder: Path, port: int, mails: int, *, own_first: bool) -> float:
    settings = _settings(folder, port)
    engine = _prepared(settings, mails)
    prepared = _built(engine, settings)
    ways = {
        "raw": lambda: _checked(asyncio.run(_send(settings, prepared)), mails),
        "own": lambda: _deliver(engine, settings, NOW, mails),
    }
    turns = ("own", "raw") if own_first else ("raw", "own")
    rates = {name: mails / _seconds(ways[name]) for name in turns}
    raw, own = rates["raw"], rates["own"]
    _check_record(engine, mails)
    print(f"outbox {own:7.0f}/s   prepared mails over the same pool {raw:7.0f}/s   {own / raw:5.0%}")
    return own / raw


def _kill(folder: Path, mails: int) -> None:
    with _mailbox(folder / "mails") as port:
        settings = _settings(folder, port)
        engine = _prepared(settings, mails)
        command = [sys.executable, "-m", "benchmarks.notices", "deliver", str(folder), str(port)]
        with subprocess.Popen(command, cwd=ROOT) as process:
            while _count(folder / "mails") < KILLED_AFTER * mails:
                assert process.poll() is None, "it was done before it could be killed"
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        arrived, recorded = _count(folder / "mails"), _sent(engine)
        _deliver(engine, settings, NOW, None)
        waiting = mails - _count(folder / "mails")
        _deliver(engine, settings, NOW + CLAIM + timedelta(seconds=1), None)
        _check_record(engine, mails)
        copies = folder / "mails" / "copies.jsonl"
        again = len(copies.read_text(encoding="utf-8").splitlines()) if copies.exists() else 0
        ids = _message_ids(folder / "mails")
        assert len(ids) == len(set(ids)) == mails, (len(ids), len(set(ids)))
        assert set(ids) == _queued_ids(engine)
        print(
            f"killed when {arrived} of {mails} had arrived and {recorded} were recorded; the next one sent all but "
            f"{waiting}, which were in doubt, and those {CLAIM} later: each Message-ID is in the mailbox once; "
            f"{again} were sent again with the same Message-ID"
        )


def _deliver(engine: Engine, settings: Settings, wall: datetime, expected: int | None) -> None:
    report = deliver_due(engine, settings, FixedClock(NOW), FixedClock(wall))
    assert report.trouble is None and report.failed == 0 and expected in (None, report.sent), report


def _settings(folder: Path, port: int) -> Settings:
    return Settings(_env_file=None, data_dir=folder, database_url="", smtp_port=port)


def _prepared(settings: Settings, mails: int) -> Engine:
    """A record with so many mails queued, each to an enterprise of its own."""
    engine = engine_of(settings)
    SQLModel.metadata.create_all(engine)
    with transaction(engine) as session:
        user = User(login="operator", name="经办", role=Role.OPERATOR)
        version = PolicyVersion(policy_id="p", sha256="0" * 64, text="", stored_at=NOW)
        session.add_all([user, version])
        session.flush()
        cycle = Cycle(
            policy_id="p",
            year=2025,
            policy_version_id=version.id or 0,
            stage="intake",
            opened_by=user.id or 0,
            opened_at=NOW,
        )
        session.add(cycle)
        session.flush()
        domain = f"{os.urandom(4).hex()}.{settings.mail_domain}"  # other Message-IDs in every round
        for number in range(mails):
            kind = KINDS[number % len(KINDS)]
            context = sample_context(kind) | {"number": f"2025-{number:05}"}
            to = f"unit{number:05}@example.invalid", f"示例单位{number:05}有限公司"
            queue(session, FixedClock(NOW), cycle.id or 0, kind, *to, f"application {number}", context, domain=domain)
    return engine


def _built(engine: Engine, settings: Settings) -> list[Outgoing]:
    """The same mails, built beforehand, under Message-IDs of their own so that the mailbox keeps both."""
    composer, at = Composer(settings), NOW
    with Session(engine) as session:
        rows = session.exec(select(Message).order_by(col(Message.id))).all()
        return [
            Outgoing(
                row.id or 0,
                settings.mail_from,
                row.recipient,
                composer.mail(row, at).replace(b"Message-ID: <", b"Message-ID: <raw."),
            )
            for row in rows
        ]


async def _send(settings: Settings, mails: list[Outgoing]) -> Batch:
    pool = Pool(settings)
    try:
        return await pool.send(mails)
    finally:
        await pool.close()


def _checked(batch: Batch, mails: int) -> None:
    assert batch.trouble is None and [reply.code for reply in batch.replies.values()] == [250] * mails


def _check_record(engine: Engine, mails: int) -> None:
    """Every mail is recorded as sent with the server's reply."""
    assert _sent(engine) == mails
    with Session(engine) as session:
        attempts = session.exec(select(func.count()).where(DeliveryAttempt.code == 250)).one()
    assert attempts == mails, attempts


def _sent(engine: Engine) -> int:
    with Session(engine) as session:
        return session.exec(select(func.count()).where(Message.status == MessageStatus.SENT)).one()


def _queued_ids(engine: Engine) -> set[str]:
    with Session(engine) as session:
        return set(session.exec(select(Message.message_id)))


def _count(folder: Path) -> int:
    return sum(1 for entry in os.scandir(folder) if entry.name.endswith(".eml"))


def _message_ids(folder: Path) -> list[str]:
    parser = BytesHeaderParser()
    return [str(parser.parsebytes(path.read_bytes())["Message-ID"]) for path in folder.glob("*.eml")]


def _seconds(work: Callable[[], None]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


@contextmanager
def _mailbox(folder: Path) -> Iterator[int]:
    """The product's mailbox as a process; yields its port."""
    command = [sys.executable, "-m", "cli.mailbox", "--port", "0", "--folder", str(folder)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield int(process.stdout.readline().rpartition(":")[2])
        finally:
            process.terminate()


if __name__ == "__main__":
    if sys.argv[1:2] == ["deliver"]:
        own = _settings(Path(sys.argv[2]), int(sys.argv[3]))
        _deliver(engine_of(own), own, NOW, None)
    else:
        main(int(sys.argv[1]) if sys.argv[1:] else MAILS)
