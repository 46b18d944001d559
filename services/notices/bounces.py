"""Delivery reports (RFC 3464), and reports in words only, as some mail services in China send them.

Pure: from the bytes of a mail to which mail did not arrive, and why.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from email import message_from_bytes
from email.message import EmailMessage, Message
from email.policy import default
from typing import Any

from services.files.apart_worker import Blobs

_CODE = re.compile(r"\b[245]\.\d{1,3}\.\d{1,3}\b")  # RFC 3463
_OLD_CODE = re.compile(r"\b([45])\d\d\b")  # RFC 5321
_SENDERS = ("mailer-daemon", "postmaster")
_LONGEST_TEXT = 300


@dataclass(frozen=True)
class Report:
    """What a delivery report says. `message_ids`: of the mails that it may speak of, the likeliest first."""

    message_ids: tuple[str, ...]
    final: bool  # given up; else it is only late
    code: str
    text: str


def read_report(data: bytes, domain: str) -> Report | None:
    """The report in a mail, about one of our mails (`domain`: of their Message-IDs). None: it is no such report."""
    mail = message_from_bytes(data, policy=default)
    if not isinstance(mail, EmailMessage):
        return None
    ids = tuple(dict.fromkeys([*_returned_ids(mail), *_ids_in(data, domain)]))
    blocks = [block for part in mail.walk() for block in _recipients(part)]
    if blocks:
        return _standard(ids, blocks)
    sender = str(mail.get("From", "")).lower()
    if ids and any(name in sender for name in _SENDERS):
        return _free(ids, _text_of(mail))
    return None


def read_apart(data: bytes, *, domain: str) -> tuple[dict[str, Any] | None, Blobs]:
    """What `read_report` says, for a process of its own; nothing of a mail that cannot be read."""
    try:
        report = read_report(data, domain)
    except Exception:  # the parser of the standard library raises all sorts of errors at odd headers
        report = None
    return asdict(report) if report else None, []


def _standard(ids: tuple[str, ...], blocks: Iterable[Message]) -> Report | None:
    actions = {_field(block, "Action").lower(): block for block in blocks}
    for action, final in (("failed", True), ("delayed", False)):
        if action in actions:
            block = actions[action]
            text = _field(block, "Diagnostic-Code").partition(";")[2].strip() or _field(block, "Diagnostic-Code")
            return Report(ids, final, _first(_CODE, _field(block, "Status")), _one_line(text))
    return None  # delivered, relayed, expanded: nothing to tell


def _free(ids: tuple[str, ...], text: str) -> Report:
    code = _first(_CODE, text)
    old = _OLD_CODE.search(text)
    late = code.startswith("4") if code else old is not None and old[1] == "4"
    return Report(ids, not late, code, _one_line(text))


def _recipients(part: Message) -> Iterator[Message]:
    """The blocks of a delivery status that speak of a recipient."""
    blocks = part.get_payload()
    if part.get_content_type() == "message/delivery-status" and isinstance(blocks, list):
        yield from (block for block in blocks if isinstance(block, Message) and "Action" in block)


def _returned_ids(mail: EmailMessage) -> Iterator[str]:
    """Message-IDs of the mails, or only their headers, that came back inside."""
    for part in mail.walk():
        inside = part.get_payload()
        if part.get_content_type() == "message/rfc822" and isinstance(inside, list):
            returned = (each for each in inside if isinstance(each, Message))
            yield from (str(each["Message-ID"]).strip() for each in returned if each["Message-ID"])
        elif part.get_content_type() == "text/rfc822-headers":
            content = part.get_payload(decode=True)
            headers = message_from_bytes(content if isinstance(content, bytes) else b"", policy=default)
            if headers["Message-ID"]:
                yield str(headers["Message-ID"]).strip()


def _ids_in(data: bytes, domain: str) -> Iterator[str]:
    """Whatever looks like a Message-ID of ours, wherever it stands (In-Reply-To, the text)."""
    for found in re.findall(rb"<[0-9a-f]{40}@" + re.escape(domain.encode()) + rb">", data):
        yield found.decode()


def _text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain", "html"))
    if body is None:
        return ""
    try:
        return re.sub(r"<[^>]*>", " ", str(body.get_content()))
    except (LookupError, UnicodeError):  # an encoding that nobody knows
        return ""


def _field(block: Message, name: str) -> str:
    return str(block.get(name, "")).strip()


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


def _one_line(text: str) -> str:
    return " ".join(text.replace("\0", " ").split())[:_LONGEST_TEXT]
