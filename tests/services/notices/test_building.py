"""A mail is well formed, the same each time, and nobody's text can become a header."""

from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import pytest

from config.settings import Settings
from services.notices.building import build
from services.notices.rendering import Letter

LETTER = Letter("请补正申报材料（2025-0042）", "正文\n.\n第二行\n", "<p>正文</p>")
AT = datetime(2026, 4, 30, 16, 5, tzinfo=UTC)
MESSAGE_ID = "<0123456789@duixian.invalid>"


def built(settings: Settings, letter: Letter = LETTER, name: str = "漳州示例智能有限公司") -> EmailMessage:
    content = build(letter, settings, recipient="a@example.invalid", recipient_name=name, message_id=MESSAGE_ID, at=AT)
    mail = message_from_bytes(content, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def test_the_headers_are_read_back_as_they_were_meant(settings: Settings) -> None:
    mail = built(settings)
    assert mail["Subject"] == LETTER.subject
    assert mail["From"].addresses[0].display_name == settings.organisation
    assert mail["From"].addresses[0].addr_spec == settings.mail_from
    assert mail["To"].addresses[0].display_name == "漳州示例智能有限公司"
    assert mail["Message-ID"] == MESSAGE_ID
    assert mail["Date"].datetime == AT and mail["Date"].endswith("+0800")
    assert not mail.defects and not [name for name in mail if name.startswith("List-")]


def test_text_and_html_are_alternatives_of_the_same_mail(settings: Settings) -> None:
    mail = built(settings)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None and html is not None
    assert text.get_content().replace("\r\n", "\n") == LETTER.text
    assert html.get_content().strip() == LETTER.html
    assert mail.as_bytes().isascii() and max(map(len, mail.as_bytes().split(b"\n"))) < 998


def test_the_same_notice_gives_the_same_bytes(settings: Settings) -> None:
    assert built(settings).as_bytes() == built(settings).as_bytes()


@pytest.mark.parametrize("ending", ["\r\n", "\n", "\r", "\u2028", "\x0b", "\x85"])
def test_a_line_break_in_a_name_or_subject_adds_no_header(settings: Settings, ending: str) -> None:
    attack = f"甲{ending}Bcc: victim@example.invalid{ending}{ending}<script>"
    mail = built(settings, Letter(attack, "正文", "<p>正文</p>"), name=attack)
    assert "Bcc" not in mail and mail["Bcc"] is None
    assert [address.addr_spec for address in mail["To"].addresses] == ["a@example.invalid"]
    assert {name.lower() for name in mail} == {
        "from", "to", "subject", "date", "message-id", "auto-submitted", "mime-version", "content-type",
    }  # fmt: skip


def test_an_unusable_address_is_an_error_here(settings: Settings) -> None:
    with pytest.raises(ValueError):
        build(LETTER, settings, recipient="a@b\r\nX: y", recipient_name="", message_id=MESSAGE_ID, at=AT)


@pytest.mark.parametrize(
    "name", ['"x" <victim@example.invalid>,', "a, b; c:", "=?utf-8?q?x?=", "甲" * 200, "", "\\", "(x)"]
)
def test_no_name_adds_a_recipient_or_breaks_the_header(settings: Settings, name: str) -> None:
    mail = built(settings, Letter(name, "正文", "<p>正文</p>"), name=name)
    (address,) = mail["To"].addresses
    assert address.addr_spec == "a@example.invalid" and not mail["To"].defects
    if "=?" not in name:
        # Python's parser keeps the blanks between encoded words of a long display name (RFC 2047, 6.2: drop them)
        assert mail["Subject"] == name and address.display_name.replace(" ", "") == name.replace(" ", "")
