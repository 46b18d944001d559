"""What is handed in with an objection: taken within limits, seen by who handles objections, and by nobody else."""

from collections.abc import Callable

import pytest
from httpx import Response
from sqlmodel import col, select

from models import Objection, ObjectionFile, Role
from tests.web.conftest import House, back_to_the_notice
from tests.web.test_public import GIVEN

Houses = Callable[[str | None], House]
PDF = b"%PDF-1.7 " + "示例凭证".encode()


@pytest.fixture
def house(house_at: Houses) -> House:
    """The console on a day on which a notice runs."""
    made = house_at("objections")
    back_to_the_notice(made)
    return made


def object_to(house: House, *files: tuple[str, bytes], **changes: str) -> Response:
    """Raise an objection without an account."""
    browser = house.browser()
    browser.get("/")
    return browser.post(
        "/cycles/1/objections",
        data={"form_key": browser.cookies["duixian_form"], **GIVEN, **changes},
        files=[("files", each) for each in files],
    )


def last_files(house: House) -> list[ObjectionFile]:
    """The files of the last objection."""
    with house.session() as session:
        raised = session.exec(select(Objection).order_by(col(Objection.id).desc())).first()
        assert raised is not None
        return list(session.exec(select(ObjectionFile).where(ObjectionFile.objection_id == raised.id)))


def test_files_go_with_an_objection_and_only_the_office_opens_them(house: House) -> None:
    assert (
        object_to(house, ("凭证.pdf", PDF), ("又一份.pdf", PDF), ("图.png", b"\x89PNG\r\n\x1a\n.")).status_code == 200
    )
    kept = last_files(house)
    assert [each.filename for each in kept] == ["又一份.pdf", "图.png"]  # the same content is kept once
    address = f"/objections/{kept[0].objection_id}"
    operator = house.as_role(Role.OPERATOR)
    assert f"{address}/files/{kept[0].id}" in operator.get(address).text
    got = operator.get(f"{address}/files/{kept[0].id}")
    assert got.content == PDF
    assert "default-src 'none'" in got.headers["content-security-policy"]
    assert got.headers["x-content-type-options"] == "nosniff"
    assert operator.get(f"/objections/1/files/{kept[-1].id}9").status_code == 404
    for role in (Role.APPLICANT, Role.COUNTY_REVIEWER, Role.BUREAU_VERIFIER, Role.FINANCE, Role.ADMINISTRATOR):
        assert house.as_role(role).get(f"{address}/files/{kept[0].id}").status_code == 403
    assert house.browser().get(f"{address}/files/{kept[0].id}").status_code == 303


def test_an_objection_needs_no_file(house: House) -> None:
    assert object_to(house).status_code == 200
    assert last_files(house) == []
    browser = house.browser()
    browser.get("/")
    fields = {"form_key": browser.cookies["duixian_form"], **GIVEN}
    parts = [f'form-data; name="{name}"\r\n\r\n{text}' for name, text in fields.items()]
    parts.append('form-data; name="files"; filename=""\r\nContent-Type: application/octet-stream\r\n\r\n')
    body = "".join(f"--x\r\nContent-Disposition: {part}\r\n" for part in parts) + "--x--\r\n"
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert browser.post("/cycles/1/objections", content=body.encode(), headers=headers).status_code == 200
    assert last_files(house) == []


@pytest.mark.parametrize(
    ("files", "told"),
    [
        ([("安装.exe", b"MZ")], "不是可以上传的文件"),
        ([("骗人.pdf", b"<html>")], "内容与后缀不符"),
        ([(f"{place}.pdf", PDF + bytes([place])) for place in range(6)], "最多上传 5 个文件"),
        ([(f"{place}.pdf", PDF + bytes(7 * 1024 * 1024) + bytes([place])) for place in range(3)], "合计最多 20 兆字节"),
    ],
    ids=["kind", "content", "number", "size"],
)
def test_refused_files_leave_no_objection_and_what_was_typed(
    house: House, files: list[tuple[str, bytes]], told: str
) -> None:
    with house.session() as session:
        before = len(session.exec(select(Objection)).all())
    answer = object_to(house, *files)
    assert answer.status_code == 422
    assert told in answer.text and GIVEN["grounds"] in answer.text and "文件请重新选择" in answer.text
    with house.session() as session:
        assert len(session.exec(select(Objection)).all()) == before


def test_grounds_have_a_length(house: House) -> None:
    answer = object_to(house, grounds="长" * 100_000)
    assert answer.status_code == 422
    assert "异议理由最多 4000 个字，现在是 100000 个" in answer.text


def test_an_enterprise_hands_files_in_with_its_own_objection(house: House) -> None:
    browser = house.as_role(Role.APPLICANT)
    with house.session() as session:
        raised = session.exec(select(Objection)).all()
    page = browser.get("/my").text
    key = {"form_key": browser.cookies["duixian_form"], "grounds": "金额有误"}
    own = next(number for number in range(1, 200) if f'href="/my/{number}"' in page)
    answer = browser.post(f"/my/{own}/objection", data=key, files=[("files", ("凭证.pdf", PDF))])
    assert answer.status_code == 303, answer.text
    assert [each.filename for each in last_files(house)] == ["凭证.pdf"]
    with house.session() as session:
        assert len(session.exec(select(Objection)).all()) == len(raised) + 1
