"""Evidence: kept once by its digest, never under a name that somebody chose, and known when it was changed."""

import hashlib

import pytest
from sqlmodel import select

from models import Attachment
from services.application import attachments
from services.errors import InputError, NotFoundError
from tests.desk import Desk

DATA = b"%PDF-1.7 " + "示例合同".encode()


def _add(desk: Desk, application_id: int, filename: str = "合同.pdf", data: bytes = DATA) -> Attachment:
    return attachments.add(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        application_id=application_id,
        evidence="服务合同",
        filename=filename,
        data=data,
    )


def test_a_file_is_kept_once_and_read_back(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit()
    first, second = _add(desk, application_id), _add(desk, application_id, "另名.pdf")
    assert first.id == second.id
    assert first.sha256 == hashlib.sha256(DATA).hexdigest()
    assert attachments.read(desk.settings, first) == DATA
    assert len([each for each in desk.settings.attachments_dir.rglob("*") if each.is_file()]) == 1


@pytest.mark.parametrize("name", ["../../etc/passwd.pdf", "..\\..\\boot.pdf", "/tmp/x.pdf"])
def test_a_name_never_leads_out_of_the_folder(desk: Desk, name: str) -> None:
    desk.open_intake()
    attachment = _add(desk, desk.submit(), name)
    assert "/" not in attachment.filename
    assert "\\" not in attachment.filename
    files = [each for each in desk.settings.attachments_dir.rglob("*") if each.is_file()]
    assert [each.name for each in files] == [attachment.sha256]


def test_a_changed_file_is_noticed(desk: Desk) -> None:
    desk.open_intake()
    attachment = _add(desk, desk.submit())
    next(each for each in desk.settings.attachments_dir.rglob("*") if each.is_file()).write_bytes(b"x")
    with pytest.raises(NotFoundError, match="已被改动"):
        attachments.read(desk.settings, attachment)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("安装.exe", b"MZ"),
        ("图.svg", b"<svg onload='alert(1)'/>"),
        ("宏.xlsm", b"PK"),
        ("骗人.pdf", b"<html>"),
        ("空.pdf", b""),
    ],
)
def test_what_is_no_evidence_is_refused_from_everybody(desk: Desk, name: str, data: bytes) -> None:
    desk.open_intake()
    application_id = desk.submit()
    with pytest.raises(InputError, match=name):
        _add(desk, application_id, name, data)
    assert desk.session.exec(select(Attachment)).first() is None


def test_an_application_takes_thirty_files(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit()
    for place in range(30):
        _add(desk, application_id, f"{place}.pdf", DATA + bytes([place]))
    with pytest.raises(InputError, match="最多上传 30 个文件"):
        _add(desk, application_id, "又一份.pdf", DATA + b"more")
    _add(desk, application_id, "0.pdf", DATA + bytes([0]))  # known: nothing new


def test_an_application_takes_200_megabytes(desk: Desk) -> None:
    desk.open_intake()
    application_id = desk.submit()
    attachment = _add(desk, application_id)
    attachment.size = 200 * 1024 * 1024 - 10
    desk.session.add(attachment)
    desk.session.commit()
    with pytest.raises(InputError, match="合计最多 200 兆字节"):
        _add(desk, application_id, "又一份.pdf", DATA + b"more")
