"""免申即享 in the console: a list is told before it is saved, and its enterprise finds an application filled in."""

from collections.abc import Callable

from fastapi.testclient import TestClient
from httpx import Response
from sqlmodel import func, select

from models import Application, Draft, Invitation, Message, Role
from tests.desk import CODE
from tests.web.conftest import House, send
from tests.web.test_ledger_pages import sha256_in

Open = Callable[[str | None], House]
MEASURE = "revenue-milestone"
HEAD = "企业名称,统一社会信用代码,邮箱,本年度营业收入,前一年度营业收入,以往各年度最高营业收入,行业平均增速"
INVITED = f"漳州示例云帆科技有限公司,{CODE},yunfan@example.invalid,60000000,20000000,20000000,5"
SHORT = "漳州示例启明数据有限公司,91350699MA7XW00021,,20000000,10000000,10000000,5"
UNREADABLE = "<b>漳州示例错行有限公司,91350699MA7XW0003T,,约六千万,1,1,5"


def look_at(browser: TestClient, *rows: str, given_by: str = "市统计局") -> Response:
    """Post a list."""
    data = "\n".join([HEAD, *rows]).encode()
    fields = {"form_key": browser.cookies.get("duixian_form", ""), "measure": MEASURE, "given_by": given_by}
    return browser.post("/invitations/1", data=fields, files={"file": ("统计局名单.csv", data)})


def invite(browser: TestClient, *rows: str) -> Response:
    """Post a list and confirm it."""
    sha256 = sha256_in(look_at(browser, *rows).text)
    return send(browser, "/invitations/1/save", measure=MEASURE, given_by="市统计局", sha256=sha256)


def count(house: House, model: type) -> int:
    """How many rows there are."""
    with house.session() as session:
        return session.exec(select(func.count()).select_from(model)).one()


def test_a_list_is_told_row_by_row_and_nobody_is_written_to_before_it_is_confirmed(house_at: Open) -> None:
    house = house_at("intake")
    browser, before = house.as_role(Role.OPERATOR), count(house, Message)
    report = look_at(browser, INVITED, SHORT, UNREADABLE)
    assert report.status_code == 200, report.text
    for words in ("还没有保存，也没有发送", "确认邀请 1 家", "不符合条件：", "约六千万", CODE):
        assert words in report.text
    assert "<b>漳州" not in report.text
    assert (count(house, Invitation), count(house, Message)) == (0, before)
    saved = invite(browser, INVITED, SHORT, UNREADABLE)
    assert saved.status_code == 303
    page = browser.get(saved.headers["location"]).text
    assert "漳州示例云帆科技有限公司" in page and "未填写" in page and "统计局名单.csv" in page
    assert (count(house, Invitation), count(house, Message)) == (1, before + 1)
    assert "约六千万" in browser.get("/invitations/lists/1").text
    assert "导入过" not in look_at(browser, INVITED, SHORT).text


def test_the_enterprise_finds_its_application_filled_in(house_at: Open) -> None:
    house = house_at("intake")
    invite(house.as_role(Role.OPERATOR), INVITED)
    browser, had = house.signed_in("applicant"), count(house, Draft)
    page = browser.get("/my").text
    assert "免申即享：" in page and "市统计局" in page and "60000000.00 元" in page
    answer = send(browser, "/my/invitations/1")
    assert answer.status_code == 303 and answer.headers["location"].startswith("/my/drafts/")
    draft = browser.get(answer.headers["location"]).text
    assert "60000000.00" in draft and "请逐项核对" in draft
    assert count(house, Draft) == had + 1
    again = browser.get(send(browser, "/my/invitations/1").headers["location"]).text
    assert "这项措施已有草稿，请核对；这次没有写入部门提供的数据。" in again and "已按部门提供的数据填好" not in again
    assert count(house, Draft) == had + 1
    assert send(browser, "/my/invitations/999").status_code == 404


def test_who_only_looks_sees_and_sends_nothing(house_at: Open) -> None:
    house = house_at("intake")
    auditor = house.as_role(Role.AUDITOR)
    page = auditor.get("/invitations").text
    assert "免申即享" in page and "上传并检查" not in page
    assert look_at(auditor, INVITED).status_code == 403
    assert house.signed_in("applicant").get("/invitations").status_code == 403


def test_once_the_intake_is_over_no_list_is_taken(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    assert "上传并检查" not in browser.get("/invitations/1").text
    late = look_at(browser, INVITED)
    assert late.status_code == 422 and "申报受理已经结束" in late.text
    assert count(house, Application) > 0


def test_an_empty_table_is_handed_out_for_each_measure(house_at: Open) -> None:
    browser = house_at("intake").as_role(Role.OPERATOR)
    answer = browser.get(f"/invitations/1/{MEASURE}.xlsx")
    assert answer.status_code == 200 and answer.content.startswith(b"PK")
    assert browser.get("/invitations/1/nothing.xlsx").status_code == 404
