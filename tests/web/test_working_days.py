"""A year's working days on the settings page: looked at first, put in place by the administrator alone."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from config.settings import ROOT
from models import Role
from tests.clamd import answering
from tests.services.cycle.test_calendar_changes import BROUGHT, NEXT
from tests.web.conftest import House, send

Open = Callable[[str | None], House]


@pytest.fixture
def house(house_at: Open, tmp_path: Path) -> House:
    """A house with a calendar folder of its own."""
    opened = house_at("verification")
    opened.settings.calendar_dir = Path(shutil.copytree(ROOT / "config" / "calendar", tmp_path / "own-calendar"))
    return opened


def test_a_year_is_looked_at_and_then_put_in_place(house: House) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    before = (house.settings.calendar_dir / "2027.yaml").read_text(encoding="utf-8")
    assert "/settings/calendar?year=2027" in browser.get("/settings").text
    assert "provisional: true" in browser.get("/settings/calendar?year=2027").text
    shown = send(browser, "/settings/calendar", text=NEXT)
    assert shown.status_code == 200
    for words in ("还没有保存", "2027-02-20", "春节调休", "保存后不再是暂定"):
        assert words in shown.text
    assert (house.settings.calendar_dir / "2027.yaml").read_text(encoding="utf-8") == before
    assert send(browser, "/settings/calendar/save", text=NEXT).status_code == 303
    assert (house.settings.calendar_dir / "2027.yaml").read_text(encoding="utf-8") == NEXT
    page = browser.get("/settings").text
    assert "国办发明电〔2026〕9号" in page and "更改 2027 年" in page


def test_a_file_goes_before_the_text_and_faults_are_told_with_what_was_typed(house: House) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    key = browser.cookies.get("duixian_form", "")
    answer = browser.post(
        "/settings/calendar", data={"form_key": key, "text": "x"}, files={"file": ("2027.yaml", NEXT.encode())}
    )
    assert answer.status_code == 200 and "春节调休" in answer.text
    wrong = send(browser, "/settings/calendar", text=NEXT.replace("元旦", "<b>元旦").replace("year: 2027", "year: x"))
    assert wrong.status_code == 422 and "year 是“x”" in wrong.text and "&lt;b&gt;元旦" in wrong.text
    assert "程序已经自带" in send(browser, "/settings/calendar/save", text=BROUGHT).text
    assert "没有选择文件" in send(browser, "/settings/calendar").text


def test_a_calendar_file_is_shown_to_the_virus_scanner(house: House) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    key = browser.cookies.get("duixian_form", "")
    with answering(b"stream: Something FOUND\0") as house.settings.clamd:
        answer = browser.post(
            "/settings/calendar", data={"form_key": key}, files={"file": ("2027.yaml", NEXT.encode())}
        )
    assert answer.status_code == 422 and "“2027.yaml”没有收下：杀毒检查发现“Something”" in answer.text


def test_the_auditor_sees_the_years_and_changes_none(house: House) -> None:
    browser = house.as_role(Role.AUDITOR)
    assert "/settings/calendar" not in browser.get("/settings").text
    assert browser.get("/settings/calendar").status_code == 403
    assert send(browser, "/settings/calendar/save", text=NEXT).status_code == 403
