"""Files are shown to a virus scanner before they are kept: a real clamd, and odd answers in its protocol."""

import io
import socket
import time
import zipfile

import pytest

from config.settings import Settings
from services.application import file_kinds
from services.cycle import calendar_changes
from services.errors import InputError
from services.files import incoming, scanning
from services.law import policy_upload
from tests.clamd import EICAR, MARK, MOST_MEGABYTES, answering
from tests.desk import Desk


def scanned_by(address: str) -> Settings:
    return Settings(_env_file=None, clamd=address)


def test_a_clean_file_passes_and_a_found_one_is_named(clamd: str) -> None:
    scanning.scan(scanned_by(clamd), "合同.pdf", b"%PDF-1.7 hello")
    with pytest.raises(InputError, match=r"“合同\.pdf”没有收下：杀毒检查发现“Eicar-Test-Signature"):
        scanning.scan(scanned_by(clamd), "合同.pdf", EICAR)


def test_what_is_packed_is_found_too(clamd: str) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"<a>" + MARK + b"</a>")
    with pytest.raises(InputError, match=r"发现“Duixian\.Test"):
        file_kinds.check_file(scanned_by(clamd), "说明.docx", packed.getvalue())


def test_what_the_scanner_does_not_take_is_refused_and_not_taken_for_clean(clamd: str) -> None:
    with pytest.raises(InputError, match="它大于杀毒服务的上限"):
        scanning.scan(scanned_by(clamd), "大.pdf", b"%PDF-" + bytes((MOST_MEGABYTES + 8) << 20))


@pytest.mark.parametrize("over", [1, 1 << 16, 2 << 16], ids=["byte", "chunk", "two-chunks"])
def test_what_is_just_over_what_the_scanner_takes_is_told_as_too_large(clamd: str, over: int) -> None:
    """It hangs up while the last bytes are on their way, or the end."""
    for _ in range(5):
        with pytest.raises(InputError, match="它大于杀毒服务的上限"):
            scanning.scan(scanned_by(clamd), "大.pdf", b"%PDF-" + bytes((MOST_MEGABYTES << 20) + over - 5))


def test_every_door_asks_the_scanner(clamd: str, desk: Desk) -> None:
    """What is kept for a preview, evidence, a policy, a calendar; see also tests/web."""
    settings = desk.settings.model_copy(update={"clamd": clamd})
    with pytest.raises(InputError, match="杀毒检查发现"):
        incoming.keep(settings, desk.operator, "台账.csv", MARK)
    assert not list((settings.data_dir / "incoming").glob("**/*.csv"))
    with pytest.raises(InputError, match="杀毒检查发现"):
        file_kinds.check_file(settings, "照片.png", b"\x89PNG\r\n\x1a\n" + MARK)
    with pytest.raises(InputError, match="杀毒检查发现"):
        policy_upload.read(settings, [("policy.yaml", b"id: a\n# " + MARK)])
    with pytest.raises(InputError, match=r"“2027\.yaml”没有收下：杀毒检查发现"):
        calendar_changes.text_of(settings, "2027.yaml", b"# " + MARK)


@pytest.mark.parametrize("reply", [None, b"", b"stream: Can't allocate memory ERROR\0", b"UNKNOWN COMMAND\0"])
def test_a_scanner_that_does_not_do_its_work_keeps_files_out(reply: bytes | None) -> None:
    with answering(reply) as address, pytest.raises(InputError, match=r"“a\.pdf”没有收下：杀毒服务没有"):
        scanning.scan(scanned_by(address), "a.pdf", b"%PDF-")


@pytest.mark.parametrize("address", ["127.0.0.1:9", "127.0.0.1", "/nowhere/clamd.sock", "nobody.invalid:3310"])
def test_a_scanner_that_is_away_keeps_files_out(address: str) -> None:
    with pytest.raises(InputError, match="杀毒服务没有答复；请过一会儿再上传，一直不行请告诉系统管理员"):
        scanning.scan(scanned_by(address), "a.pdf", b"%PDF-")


def test_a_scanner_that_says_nothing_is_not_waited_for_endlessly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scanning, "_ANSWER_SECONDS", 0.3)
    with socket.create_server(("127.0.0.1", 0)) as server:
        start = time.monotonic()
        with pytest.raises(InputError, match="杀毒服务没有答复"):
            scanning.scan(scanned_by(f"127.0.0.1:{server.getsockname()[1]}"), "a.pdf", b"%PDF-")
    assert time.monotonic() - start < 5


def test_what_passed_is_not_asked_about_again_but_what_did_not_is() -> None:
    data = b"%PDF-1.7 only once"
    with answering(b"stream: Something FOUND\0") as address:
        settings = scanned_by(address)
        with pytest.raises(InputError, match="发现“Something”"):
            file_kinds.check_file(settings, "a.pdf", data)
    with pytest.raises(InputError, match="没有答复"):
        file_kinds.check_file(settings, "a.pdf", data)
    with answering(b"stream: OK\0") as address:
        settings = scanned_by(address)
        file_kinds.check_file(settings, "a.pdf", data)
    file_kinds.check_file(settings, "a.pdf", data)


def test_what_passed_is_asked_about_again_after_ten_minutes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The scanner may have learnt of it."""
    data = b"%PDF-1.7 learnt later"
    monkeypatch.setattr(file_kinds, "monotonic", lambda: 1200.0)
    with answering(b"stream: OK\0") as address:
        settings = scanned_by(address)
        file_kinds.check_file(settings, "a.pdf", data)
    monkeypatch.setattr(file_kinds, "monotonic", lambda: 1799.0)
    file_kinds.check_file(settings, "a.pdf", data)
    monkeypatch.setattr(file_kinds, "monotonic", lambda: 1800.0)
    with pytest.raises(InputError, match="没有答复"):
        file_kinds.check_file(settings, "a.pdf", data)


def test_without_a_scanner_nothing_is_asked() -> None:
    scanning.scan(scanned_by(""), "a.pdf", EICAR)
