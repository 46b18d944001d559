"""An objection on paper: recorded by the operator, while the notice runs or for a day on which it ran."""

from collections.abc import Callable

from sqlmodel import select

from models import Objection, PublicNotice, Role
from tests.web.conftest import House, back_to_the_notice, send

Open = Callable[[str | None], House]
GIVEN = {"raised_by": "某单位", "contact": "0596-0000000", "grounds": "该企业<b>营业收入不实"}
FORM = "/objections/new?cycle=1"


def test_an_objection_on_paper_is_recorded_with_its_day(house_at: Open) -> None:
    house = house_at("objections")
    browser = house.as_role(Role.OPERATOR)
    with house.session() as session:
        before = {each.id for each in session.exec(select(Objection))}
        notice = session.exec(select(PublicNotice)).one()
    assert FORM in browser.get("/objections").text
    nameless = send(browser, FORM, **GIVEN | {"raised_by": " "}, received=str(notice.ends_on))
    assert nameless.status_code == 422 and "没有填写异议人" in nameless.text
    assert "该企业&lt;b&gt;营业收入不实" in nameless.text
    for received, told in (("昨天", "看到的是“昨天”"), ("", "收到日期要写成"), ("2020-01-06", "不能再登记异议")):
        assert told in send(browser, FORM, **GIVEN, received=received).text
    assert "本年度没有受理编号为“9”" in send(browser, FORM, **GIVEN, number="9", received=str(notice.ends_on)).text
    saved = send(browser, FORM, **GIVEN, received=str(notice.ends_on))
    assert saved.status_code == 303
    with house.session() as session:
        (new,) = [each for each in session.exec(select(Objection)) if each.id not in before]
    page = browser.get(saved.headers["location"]).text
    assert new.number in page and str(notice.ends_on) in page


def test_today_is_the_day_when_nothing_else_is_said(house_at: Open) -> None:
    house = house_at("objections")
    back_to_the_notice(house)
    page = house.as_role(Role.OPERATOR).get(FORM).text
    with house.session() as session:
        assert f'value="{session.exec(select(PublicNotice)).one().starts_on}"' in page


def test_outside_of_the_notice_nothing_is_recorded(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    assert "/objections/new" not in browser.get("/objections").text
    assert "不在公示、异议处理或资金审批阶段" in browser.get(FORM).text
    assert send(browser, FORM, **GIVEN, received="2026-05-06").status_code == 422
    assert house.as_role(Role.AUDITOR).get(FORM).status_code == 403
