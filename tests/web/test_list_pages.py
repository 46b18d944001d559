"""The lists of a year and the panel's cases, some lines on a page however many there are."""

import re
from collections.abc import Callable

import pytest
from sqlmodel import select

from models import AwardListEntry, Outcome, PanelDecision
from services.award import caseload
from services.money import yuan
from tests.web.conftest import House, send

Houses = Callable[[str | None], House]
NUMBER = re.compile(r"<td class=\"nowrap\"><a href=\"/applications/\d+\">([^<]+)</a>")


def test_a_list_is_leafed_through_and_no_line_is_lost(house_at: Houses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caseload, "_LINES", 4)
    house = house_at(None)
    with house.session() as session:
        entries = session.exec(select(AwardListEntry)).all()
    last = max(each.list_id for each in entries)
    entries = [each for each in entries if each.list_id == last]
    browser = house.signed_in("operator")
    for outcome in (None, Outcome.AWARD, Outcome.REJECTION):
        wanted = [each for each in entries if outcome in (None, each.outcome)]
        address: str | None = f"/lists/{last}?outcome={outcome.value if outcome else ''}"
        seen: list[str] = []
        while address is not None:
            page = browser.get(address).text
            assert f"共 {len(wanted)} 件，金额 {yuan(sum(each.amount_fen for each in wanted))} 元" in page
            seen += NUMBER.findall(page)
            further = re.search(r'href="([^"]+)" rel="next"', page)
            address = further[1].replace("&amp;", "&") if further else None
        assert seen == sorted(each.number for each in wanted) and len(seen) > 4


def test_of_the_panels_cases_those_without_a_figure_come_first(
    house_at: Houses, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(caseload, "_CASES", 1)
    house = house_at("panel")
    browser = house.signed_in("operator")
    first = browser.get("/panel").text
    pages = int(re.search(r"第 1 / (\d+) 页", first)[1])  # type: ignore[index]
    shown = int(re.search(r'id="case-(\d+)"', first)[1])  # type: ignore[index]
    assert pages > 2 and "待核定" in first
    refused = send(browser, f"/panel/{shown}", amount="一大笔", reason="按评审意见")
    assert refused.status_code == 422 and "一大笔" in refused.text and f'id="case-{shown}"' in refused.text
    mark = re.search(r'name="shown" value="(\w+)"', refused.text)[1]  # type: ignore[index]
    assert send(browser, f"/panel/{shown}", amount="25万", reason="按评审意见", shown=mark).status_code == 303
    with house.session() as session:
        assert session.exec(select(PanelDecision.amount_fen)).all() == [25_000_000]
    again = send(browser, f"/panel/{shown}", amount="30万", reason="另一次会议", shown=mark)
    assert again.status_code == 422 and "刚刚由别人登记过" in again.text and "250,000.00 元" in again.text
    on_page = [f'id="case-{shown}"' in browser.get(f"/panel?page={page}").text for page in range(1, pages + 1)]
    assert on_page == [False] * (pages - 1) + [True]
