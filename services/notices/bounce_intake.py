"""Reading delivery reports from a folder and from a mailbox (IMAP), and recording them at the messages that they mean.

A report is read once, by its SHA-256. What is no report, or of no message of ours, is kept in a folder for somebody to
look at. What the server was not able to read now stays where it is, unread, for the next reading. A mail that a server
had taken and that came back has failed, as if it had been refused.
"""

import base64
import hashlib
import imaplib
import re
import ssl
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config.settings import Settings
from models import Bounce, Message, MessageStatus
from services.clock import Clock
from services.errors import TransientError
from services.files.apart import ApartError, BusyError, PassingError, read_apart
from services.notices.bounces import Report
from services.notices.claims import transaction
from services.record.parts import in_parts

_AT_ONCE = 500  # mails of a mailbox in one reading
_TIMEOUT_SECONDS = 30.0
_SHIFTED = re.compile(r"[^\x20-\x7e]+|&")
_READ, _UNCLEAR = "read", "unclear"


@dataclass(frozen=True)
class BounceReport:
    """What one reading found. `trouble` is why not everything could be read (Chinese)."""

    failed: int = 0
    late: int = 0
    unclear: int = 0
    trouble: str | None = None


def read_bounces(engine: Engine, settings: Settings, clock: Clock) -> BounceReport:
    """Read what lies in the folder and what is unread in the mailbox, if there is one."""
    intake = _Intake(engine, settings, clock)
    with suppress(BusyError):  # nor would the others find room
        intake.take_folder()
        if settings.bounce_imap_host:
            intake.take_mailbox()
    return intake.report


def unread(settings: Settings) -> int:
    """How many mails wait in the mailbox, which are left as they are. Raises TransientError when it cannot be read."""
    try:
        with _mailbox(settings) as mailbox:
            return len(_unread(mailbox))
    except (imaplib.IMAP4.error, OSError) as error:
        raise TransientError(_trouble(settings, error)) from error


def unclear(settings: Settings) -> int:
    """How many mails lie there that nobody could make sense of."""
    return sum(1 for _ in (settings.bounces_dir / _UNCLEAR).glob("*.eml"))


def bounced(session: Session, addresses: Iterable[str] | None = None) -> dict[str, Bounce]:
    """By address, the newest final report, unless something arrived there afterwards; of these addresses or of all."""
    later = select(Message.id).where(
        Message.recipient == Bounce.recipient,
        Message.status == MessageStatus.SENT,
        col(Message.sent_at) > col(Bounce.read_at),
    )
    query = select(Bounce).where(col(Bounce.final), ~later.exists()).order_by(col(Bounce.id))
    if addresses is None:
        return {bounce.recipient: bounce for bounce in session.exec(query)}
    parts = [query.where(col(Bounce.recipient).in_(some)) for some in in_parts(sorted(set(addresses)))]
    return {bounce.recipient: bounce for part in parts for bounce in session.exec(part)}


def newest_bounce(session: Session, address: str) -> Bounce | None:
    """Why mail to this address comes back; None when it does not."""
    return bounced(session, [address]).get(address) if address else None


def bounces_of(session: Session, message_id: int) -> list[Bounce]:
    """What came back for a message, in order."""
    return list(session.exec(select(Bounce).where(Bounce.message_id == message_id).order_by(col(Bounce.id))))


class _Intake:
    def __init__(self, engine: Engine, settings: Settings, clock: Clock) -> None:
        self._engine, self._settings, self._clock = engine, settings, clock
        self.report = BounceReport()

    def take_folder(self) -> None:
        """Read the files of the folder, and put each where it belongs. Raises BusyError."""
        folder = self._settings.bounces_dir
        for path in sorted(folder.glob("*.eml")):
            with self._leaving():
                known = self._take(path.read_bytes())
                _put(path, folder / (_READ if known else _UNCLEAR))

    def take_mailbox(self) -> None:
        """Read the unread mails of the mailbox, and mark them as read once they are recorded. Raises BusyError."""
        try:
            with _mailbox(self._settings) as mailbox:
                for number in _unread(mailbox)[:_AT_ONCE]:
                    with self._leaving():
                        self._take_mail(mailbox, number)
        except (imaplib.IMAP4.error, OSError) as error:
            self._tell(_trouble(self._settings, error))

    @contextmanager
    def _leaving(self) -> Iterator[None]:
        """Leave a mail where it is when it is not its own fault that it is not read. Raises BusyError."""
        try:
            yield
        except PassingError as error:
            self._tell(f"有退信没有读，留在原处：{error}")
            if isinstance(error, BusyError):
                raise

    def _tell(self, trouble: str) -> None:
        told = self.report.trouble or ""
        if trouble not in told:
            self.report = replace(self.report, trouble=told + trouble)

    def _take_mail(self, mailbox: imaplib.IMAP4, number: str) -> None:
        data = _content(mailbox, number)
        if not self._take(data):
            _keep(data, self._settings.bounces_dir / _UNCLEAR)
        mailbox.uid("STORE", number, "+FLAGS", r"(\Seen)")

    def _take(self, data: bytes) -> bool:
        """Record one report; False when it is none, or means no message of ours. Raises PassingError."""
        report = _report(data, self._settings.message_domain)
        with transaction(self._engine) as session:
            message = _message_of(session, report) if report else None
            if report is None or message is None:
                self.report = replace(self.report, unclear=self.report.unclear + 1)
                return False
            sha256 = hashlib.sha256(data).hexdigest()
            if session.exec(select(Bounce.id).where(Bounce.sha256 == sha256)).first() is None:
                self._record(session, message, report, sha256)
        return True

    def _record(self, session: Session, message: Message, report: Report, sha256: str) -> None:
        assert message.id is not None
        session.add(
            Bounce(
                message_id=message.id,
                sha256=sha256,
                recipient=message.recipient,
                final=report.final,
                code=report.code,
                text=report.text,
                read_at=self._clock.now(),
            )
        )
        if not report.final:
            self.report = replace(self.report, late=self.report.late + 1)
            return
        self.report = replace(self.report, failed=self.report.failed + 1)
        if message.status is MessageStatus.SENT:
            message.status = MessageStatus.FAILED
            message.last_reply = "退信：" + f"{report.code} {report.text}".strip()
            session.add(message)


def _report(data: bytes, domain: str) -> Report | None:
    """The report in a mail, read in a process of its own; None also for one that cannot be. Raises PassingError."""
    try:
        told, _ = read_apart("bounce", data, domain=domain)
    except PassingError:
        raise
    except ApartError:
        return None
    return Report(**{**told, "message_ids": tuple(told["message_ids"])}) if told else None


def _message_of(session: Session, report: Report) -> Message | None:
    found = session.exec(select(Message).where(col(Message.message_id).in_(report.message_ids))).all()
    by_id = {message.message_id: message for message in found}
    return next((by_id[each] for each in report.message_ids if each in by_id), None)


@contextmanager
def _mailbox(settings: Settings) -> Iterator[imaplib.IMAP4]:
    where = settings.bounce_imap_host, settings.bounce_imap_port
    client = (
        imaplib.IMAP4_SSL(*where, ssl_context=ssl.create_default_context(), timeout=_TIMEOUT_SECONDS)
        if settings.bounce_imap_tls
        else imaplib.IMAP4(*where, timeout=_TIMEOUT_SECONDS)
    )
    try:
        client.login(settings.bounce_imap_username, settings.bounce_imap_password)
        if "ID" in client.capabilities:  # RFC 2971; 163.com lets nobody in that does not say who it is
            client.xatom("ID", '("name" "duixian")')
        _checked(client.select(_quoted(settings.bounce_imap_folder)))
        yield client
    finally:
        with suppress(imaplib.IMAP4.error, OSError):
            client.logout()


def _quoted(folder: str) -> str:
    """The name of a folder in modified UTF-7, as servers want it (RFC 3501, 5.1.3)."""
    quoted = folder.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{_SHIFTED.sub(_shift, quoted)}"'


def _shift(found: re.Match[str]) -> str:
    if found[0] == "&":
        return "&-"
    return f"&{base64.b64encode(found[0].encode('utf-16-be')).decode().rstrip('=').replace('/', ',')}-"


def _trouble(settings: Settings, error: Exception) -> str:
    where = f"{settings.bounce_imap_host}:{settings.bounce_imap_port}"
    return f"收退信的邮箱 {where} 读不了：{_words(error)}；请检查 DUIXIAN_BOUNCE_IMAP_*。"


def _words(error: Exception) -> str:
    """What the server said; imaplib hands its octets on."""
    said = error.args[0] if error.args else ""
    return said.decode("utf-8", "replace") if isinstance(said, bytes) else str(error)


def _unread(mailbox: imaplib.IMAP4) -> list[str]:
    found = _checked(mailbox.uid("SEARCH", "UNSEEN"))
    return found[0].decode("ascii").split() if found and found[0] else []


def _content(mailbox: imaplib.IMAP4, number: str) -> bytes:
    """A mail, without marking it as read."""
    for part in _checked(mailbox.uid("FETCH", number, "(BODY.PEEK[])")):
        if isinstance(part, tuple):
            return bytes(part[1])
    raise imaplib.IMAP4.error(f"mail {number} came without its content")


def _checked(answer: tuple[str, list]) -> list:  # type: ignore[type-arg]
    kind, data = answer
    if kind != "OK":
        raise imaplib.IMAP4.error(str(data))
    return data


def _keep(data: bytes, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{hashlib.sha256(data).hexdigest()[:40]}.eml").write_bytes(data)


def _put(path: Path, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    path.replace(folder / path.name)
