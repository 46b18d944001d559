"""The documents of a year in the console: writing them, opening them, samples, and the register of numbers."""

import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlmodel import select

from models import Application, Document, DocumentNumber, Role
from tests.web.conftest import House, send


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    return house_at(None)


def links(page: str) -> list[str]:
    return re.findall(r'href="(/documents/files/\d+)"', page)


def test_a_letter_is_written_with_its_number_and_opened(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    before = len(links(operator.get("/documents").text))
    answer = send(operator, "/documents/1", kind="review_letter", about="gxj")
    assert answer.status_code == 303 and answer.headers["location"].endswith("#review_letter")
    page = operator.get("/documents").text
    assert len(links(page)) == before + 3
    assert "漳工信函〔" in page and "关于请核验" in page
    with house.session() as session:
        rows = session.exec(select(Document).where(Document.kind == "review_letter")).all()
    for row in rows:
        found = operator.get(f"/documents/files/{row.id}")
        assert found.status_code == 200 and found.content
        assert ("attachment" in found.headers["content-disposition"]) is (row.format == "docx")
    assert house.as_role(Role.AUDITOR).get(f"/documents/files/{rows[0].id}").status_code == 200
    assert house.signed_in("bureau-fgw").get(f"/documents/files/{rows[0].id}").status_code == 403


def test_what_cannot_be_written_says_why(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    for fields, told in (
        ({"kind": "review_letter", "about": "nobody"}, "没有“nobody”这个对象"),
        ({"kind": "nosuch"}, "没有“nosuch”这种文件"),
    ):
        refused = send(operator, "/documents/1", **fields)
        assert refused.status_code == 422 and told in refused.text
    assert send(house.as_role(Role.AUDITOR), "/documents/1", kind="guide").status_code == 403
    assert operator.get("/documents/files/999999").status_code == 404


def test_where_there_are_many_objects_the_number_is_typed_in(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    page = operator.get("/documents").text
    dossier = page[page.index('id="dossier"') : page.index('id="yearly_report"')]
    assert dossier.count("<option") == 0 and 'name="about" maxlength="64" placeholder="如 ' in dossier
    with house.session() as session:
        number = session.exec(select(Application.number)).first()
    assert send(operator, "/documents/1", kind="dossier", about=f" {number} ").status_code == 303
    assert f"{number}：" in operator.get("/documents").text
    refused = send(operator, "/documents/1", kind="dossier", about="SL-0")
    assert refused.status_code == 422 and "申报案卷没有“SL-0”这个对象；现在可以写的有：" in refused.text


def test_a_number_is_voided_with_its_reason(house: House) -> None:
    house.clock.set(house.clock.now() + timedelta(days=30))
    operator = house.as_role(Role.OPERATOR)
    send(operator, "/documents/1", kind="funds_request")
    with house.session() as session:
        number = session.exec(select(DocumentNumber)).one()
    path = f"/documents/numbers/{number.id}/void"
    assert "必须写明理由" in send(operator, path, reason=" ").text
    assert send(operator, path, reason="改用联合发文").status_code == 303
    assert "改用联合发文" in operator.get("/documents").text
    refused = send(operator, path, reason="再次")
    assert refused.status_code == 422 and "已经作废" in refused.text


def test_a_sample_opens_in_the_browser(house: House) -> None:
    auditor = house.as_role(Role.AUDITOR)
    sample = auditor.get("/documents/sample/supplement_notice.html")
    assert (
        sample.status_code == 200
        and "补正通知书" in sample.text
        and "sandbox" in sample.headers["content-security-policy"]
    )
    assert auditor.get("/documents/sample/supplement_notice.xlsx").status_code in (404, 422)
    assert auditor.get("/documents/sample/nosuch.pdf").status_code == 404
