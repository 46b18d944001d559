"""Evidence: kept once by its digest, never under a name that somebody chose, and known when it was changed."""

import hashlib

import pytest
from sqlmodel import select

from models import Attachment
from services import attachments
from services.errors import InputError, NotFoundError
from tests.desk import Desk

DATA = "示例合同".encode()


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


@pytest.mark.parametrize("name", ["../../etc/passwd", "..\\..\\boot.ini", "/tmp/x"])
def test_a_name_never_leads_out_of_the_folder(desk: Desk, name: str) -> None:
    desk.open_intake()
    attachment = _add(desk, desk.submit(), name)
    assert "/" not in attachment.filename
    assert "\\" not in attachment.filename
    files = [each for each in desk.settings.attachments_dir.rglob("*") if each.is_file()]
    assert [each.name for each in files] == [attachment.sha256]


def test_an_empty_file_is_refused(desk: Desk) -> None:
    desk.open_intake()
    with pytest.raises(InputError, match="大小为 0 字节"):
        _add(desk, desk.submit(), data=b"")
    assert desk.session.exec(select(Attachment)).first() is None


def test_a_changed_file_is_noticed(desk: Desk) -> None:
    desk.open_intake()
    attachment = _add(desk, desk.submit())
    next(each for each in desk.settings.attachments_dir.rglob("*") if each.is_file()).write_bytes(b"x")
    with pytest.raises(NotFoundError, match="已被改动"):
        attachments.read(desk.settings, attachment)
