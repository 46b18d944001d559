"""What goes with a mail besides its text: the calendar entry, the answer's address, the refusal, the signature."""

from datetime import UTC, date, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from config.settings import Settings
from models import Message
from services.errors import InputError, NotFoundError
from services.notices import opting_out
from services.notices.composing import Composer
from services.notices.deadline_entry import entry
from services.notices.kinds import KINDS
from services.notices.queueing import plain
from services.notices.samples import sample_context
from tests.services.notices.support import CYCLE_TIME, settings_for

DUE = [kind for kind in KINDS.values() if kind.deadline]


def composed(settings: Settings, kind: str = "supplement_request", **changes: Any) -> bytes:
    given = {"recipient": "a@example.invalid", "message_id": "<1@duixian.invalid>", **changes}
    message = Message(kind=kind, context=plain(sample_context(kind)), recipient_name="示例公司", **given)
    return Composer(settings).mail(message, CYCLE_TIME)


def parsed(mail: bytes) -> EmailMessage:
    found = message_from_bytes(mail, policy=default)
    assert isinstance(found, EmailMessage) and not found.defects
    return found


def lines_of(text: str) -> list[str]:
    return text.replace("\r\n ", "").split("\r\n")


def entry_of(settings: Settings, kind: str, at: datetime = CYCLE_TIME, **changes: object) -> list[str]:
    return lines_of(entry(KINDS[kind], plain(sample_context(kind) | changes), settings, at))


@pytest.mark.parametrize("kind", [kind.id for kind in DUE])
def test_every_kind_with_a_deadline_has_an_entry_with_that_day(settings: Settings, kind: str) -> None:
    context = sample_context(kind)
    due = context.get("due") or context["ends"]
    text = entry(KINDS[kind], plain(context), settings, CYCLE_TIME)
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n")) and text.endswith("END:VCALENDAR\r\n")
    lines = lines_of(text)
    if isinstance(due, datetime):
        assert "DTSTART;TZID=Asia/Shanghai:2026" in text and "BEGIN:VTIMEZONE" in lines
    else:
        assert isinstance(due, date) and f"DTSTART;VALUE=DATE:{due:%Y%m%d}" in lines
    assert any(line.startswith("SUMMARY:2025年度") for line in lines)


def test_what_falls_due_has_a_deadline_in_the_table() -> None:
    over = {"review_escalation"}  # it has passed
    assert {kind.id for kind in KINDS.values() if kind.own & {"due", "ends"}} - over == {kind.id for kind in DUE}


def test_an_instant_is_written_in_chinas_time(settings: Settings) -> None:
    lines = entry_of(settings, "supplement_request", due=datetime(2026, 5, 20, 16, 30, tzinfo=UTC))
    assert "DTSTART;TZID=Asia/Shanghai:20260521T003000" in lines and "DTSTAMP:20260409T013000Z" in lines


def test_a_reminder_moves_the_entry_of_its_request(settings: Settings) -> None:
    def uid(lines: list[str]) -> str:
        return next(line for line in lines if line.startswith("UID:"))

    def sequence(lines: list[str]) -> int:
        return int(next(line for line in lines if line.startswith("SEQUENCE:")).partition(":")[2])

    request = entry_of(settings, "supplement_request")
    later = entry_of(settings, "supplement_reminder", CYCLE_TIME.replace(day=20), due=date(2026, 6, 1))
    other = entry_of(settings, "supplement_request", number="2025-0043")
    assert uid(request) == uid(later) != uid(other)
    assert sequence(later) > sequence(request)


def test_text_in_an_entry_is_no_syntax(settings: Settings) -> None:
    lines = entry_of(settings, "supplement_request", number="1;2,3\\4\nATTENDEE:x", policy='甲"乙')
    assert "SUMMARY:2025年度补正截止（1\\;2\\,3\\\\4\\nATTENDEE:x）" in lines
    assert not [line for line in lines if line.startswith("ATTENDEE")]


def test_the_entry_is_attached_beside_the_two_texts(settings: Settings) -> None:
    mail = parsed(composed(settings))
    assert mail.get_content_type() == "multipart/mixed"
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and "补正截止" in text.get_content() and html is not None
    (attached,) = mail.iter_attachments()
    assert attached.get_content_type() == "text/calendar" and attached.get_param("method") == "PUBLISH"
    assert "BEGIN:VEVENT" in attached.get_content()
    assert parsed(composed(settings, "receipt")).get_content_type() == "multipart/alternative"


def test_answers_go_to_the_office_in_charge_when_it_is_set(tmp_path: Path) -> None:
    without, office = settings_for(tmp_path), settings_for(tmp_path, mail_reply_to="ai@gxj.example.invalid")
    assert parsed(composed(without))["Reply-To"] is None
    mail = parsed(composed(office))
    assert mail["Reply-To"].addresses[0].addr_spec == "ai@gxj.example.invalid"
    texts = [part.get_content() for part in (mail.get_body(("plain",)), mail.get_body(("html",))) if part]
    assert all("请勿直接回复" not in text and "回复本邮件" in text for text in texts)
    with pytest.raises(InputError, match="DUIXIAN_MAIL_REPLY_TO"):
        Composer(settings_for(tmp_path, mail_reply_to="ai")).check(["receipt"])


def test_only_optional_mail_can_be_refused(tmp_path: Path) -> None:
    own = settings_for(tmp_path, console_url="https://duixian.example.invalid/")
    assert [kind.id for kind in KINDS.values() if kind.optional] == [
        "guide_published",
        "intake_reminder",
        "invitation",
    ]
    mail = parsed(composed(own, "guide_published", optional=True))
    link = mail["List-Unsubscribe"].strip("<>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text = mail.get_body(("plain",))
    assert text is not None and f"请打开 {link} 退订" in text.get_content()
    assert opting_out.address_of(own, link.rpartition("/")[2]) == "a@example.invalid"
    assert "List-Unsubscribe" not in parsed(composed(own, "supplement_request"))
    plain_http = settings_for(tmp_path, console_url="http://10.0.0.1")
    assert "List-Unsubscribe-Post" not in parsed(composed(plain_http, "guide_published", optional=True))


def test_a_link_of_another_address_or_installation_is_refused(tmp_path: Path) -> None:
    own, other = settings_for(tmp_path / "a"), settings_for(tmp_path / "b")
    token = opting_out.link(own, "A@example.invalid").rpartition("/")[2]
    assert opting_out.address_of(own, token) == "a@example.invalid"
    for broken in (token[:-2] + "AA", token[:20], "", "é", "====", "a" * 500):
        with pytest.raises(NotFoundError):
            opting_out.address_of(own, broken)
    with pytest.raises(NotFoundError):
        opting_out.address_of(other, token)


def key_file(folder: Path, key: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> Path:
    path = folder / "dkim.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return path


def test_the_signature_is_taken_by_a_library_of_others(tmp_path: Path) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    record = b"v=DKIM1; k=rsa; p=" + dkim.base64.b64encode(public)
    own = settings_for(
        tmp_path,
        dkim_key_file=key_file(tmp_path, key),
        mail_from="noreply@gxj.example.invalid",
        mail_reply_to="ai@gxj.example.invalid",
        console_url="https://duixian.example.invalid",
    )
    names: list[bytes] = []

    def look_up(name: bytes, timeout: int = 5) -> bytes:
        names.append(name)
        return record

    for kind, optional in (("guide_published", True), ("supplement_request", False), ("receipt", False)):
        mail = composed(own, kind, optional=optional)
        assert dkim.verify(mail, dnsfunc=look_up), kind
        assert not dkim.verify(mail.replace(b"\r\nDate: Thu", b"\r\nDate: Fri"), dnsfunc=look_up)
        assert not dkim.verify(b"From: other@example.invalid\r\n" + mail, dnsfunc=look_up), "a second From"
        assert all(len(line) < 998 for line in mail.split(b"\r\n"))
    assert set(names) == {b"duixian._domainkey.gxj.example.invalid."}
    signed = parsed(composed(own, "guide_published", optional=True))["DKIM-Signature"]
    assert "list-unsubscribe:list-unsubscribe-post" in signed, "RFC 8058 wants both signed"
    assert "h=from:from:" in signed, "named once more than it stands, nobody can add another (RFC 6376, 8.15)"


def test_a_key_that_cannot_be_used_is_told_before_anything_is_sent(tmp_path: Path) -> None:
    wrong = [tmp_path / "none.pem", key_file(tmp_path, ed25519.Ed25519PrivateKey.generate())]
    for path in wrong:
        with pytest.raises(InputError, match="DUIXIAN_DKIM_KEY_FILE"):
            Composer(settings_for(tmp_path, dkim_key_file=path)).check(["receipt"])
