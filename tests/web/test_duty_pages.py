"""Non-cash duties in the console: each bureau writes its own line, everybody of the office reads them all."""

from collections.abc import Callable

import pytest
from sqlmodel import col, select

from models import DutyReport, Message, Role
from tests.web.conftest import House, send

DUTY = {"duty": "open-data", "bureau": "fgw"}
LINE = "已建成标准测试数据集 2 个。"


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    return house_at("verification")


def lines(house: House) -> list[tuple[str, str, str]]:
    with house.session() as session:
        query = select(DutyReport).order_by(col(DutyReport.id))
        return [(each.duty, each.bureau, each.progress) for each in session.exec(query)]


def test_a_bureau_tells_of_its_own_part_and_sees_no_form_for_others(house: House) -> None:
    bureau = house.signed_in("bureau-fgw")
    page = bureau.get("/duties").text
    assert "open-data-fgw-progress" in page and "open-data-gxj-progress" not in page
    assert send(bureau, "/duties/1", **DUTY, progress=f" {LINE} ").status_code == 303
    assert send(bureau, "/duties/1", **DUTY, progress="已建成 3 个。").status_code == 303
    assert lines(house) == [("open-data", "fgw", LINE), ("open-data", "fgw", "已建成 3 个。")]
    page = house.as_role(Role.AUDITOR).get("/duties").text
    assert "已建成 3 个。" in page and LINE in page and '<form method="post" action="/duties' not in page


def test_what_is_refused_keeps_what_was_typed(house: House) -> None:
    bureau = house.signed_in("bureau-fgw")
    for fields, told in (
        (DUTY | {"progress": " "}, "进展情况没有填写"),
        (DUTY | {"progress": "长" * 1001}, "最多 1000 字，填写了 1001 字"),
        (DUTY | {"bureau": "kjj", "progress": LINE}, "不承担职责"),
    ):
        refused = send(bureau, "/duties/1", **fields)
        assert refused.status_code == 422 and told in refused.text
    assert "长" * 1001 in send(bureau, "/duties/1", **DUTY, progress="长" * 1001).text
    assert send(bureau, "/duties/1", duty="open-data", bureau="gxj", progress=LINE).status_code == 403
    assert send(bureau, "/duties/1", duty="none", bureau="fgw", progress=LINE).status_code == 404
    assert lines(house) == []


def test_the_operator_writes_for_any_bureau_and_a_closed_year_is_read_only(house_at: Callable[..., House]) -> None:
    house = house_at("verification")
    operator = house.as_role(Role.OPERATOR)
    assert send(operator, "/duties/1", **DUTY, progress=LINE).status_code == 303
    assert LINE in operator.get("/duties").text
    ended = house_at(None).as_role(Role.OPERATOR)
    assert "填报进展" not in ended.get("/duties").text
    assert send(ended, "/duties/1", **DUTY, progress=LINE).status_code == 422


def test_the_page_is_by_clause_or_bureau_and_bureaus_are_reminded(house: House) -> None:
    operator = house.as_role(Role.OPERATOR)
    assert send(operator, "/duties/1", **DUTY, progress=LINE, by="bureau", show="done").headers["location"] == (
        "/duties?cycle_id=1&by=bureau&show=done#open-data-fgw"
    )
    page = operator.get("/duties?by=bureau&show=done").text
    assert "<h2>市发改委 " in page and "open-data-fgw" in page and "open-data-gxj" not in page
    page = operator.get("/duties?by=clause&show=silent").text
    assert "<h2>二（三） " in page and "open-data-fgw" not in page and "open-data-gxj" in page
    assert send(operator, "/duties/1/remind").status_code == 303
    with house.session() as session:
        told = session.exec(select(Message).where(Message.kind == "duty_reminder")).all()
    assert len({each.recipient for each in told}) > 1
    assert "今天已经催报过" in operator.get(send(operator, "/duties/1/remind").headers["location"]).text
