"""A county's treasury sees its own county's applications and lists, the city's treasury all of them."""

from collections.abc import Callable

from sqlmodel import select

from models import Application, AwardListEntry, Certainty, Enterprise, Finding, FindingKind, FindingVerdict, Role
from tests.web.conftest import House
from tests.web.test_payment_pages import of_county

Houses = Callable[[str | None], House]


def test_a_countys_treasury_sees_no_application_of_another_county(house_at: Houses) -> None:
    house = house_at("payment")
    with house.session() as session:
        rows = session.exec(select(Application, Enterprise).join(Enterprise)).all()
    own = [row for row, enterprise in rows if enterprise.county == "longhai"]
    others = [row for row, enterprise in rows if enterprise.county != "longhai"]
    assert own and others
    browser, city = of_county(house, "longhai"), house.as_role(Role.FINANCE)
    listing = browser.get("/applications").text
    assert f"共 {len(own)} 条" in listing
    assert not any(each.number in listing for each in others)
    for each in others:
        assert browser.get(f"/applications/{each.id}").status_code == 404
        assert city.get(f"/applications/{each.id}").status_code == 200
    assert own[0].bank_account in browser.get(f"/applications/{own[0].id}").text


def test_a_treasury_is_not_told_what_was_found_equal_elsewhere(house_at: Houses) -> None:
    house = house_at("payment")
    with house.session() as session:
        rows = session.exec(select(Application)).all()
        own = next(row for row in rows if row.county == "longhai")
        other = next(row for row in rows if row.county != "longhai" and row.enterprise_id != own.enterprise_id)
        pair = {"cycle_id": 1, "application_id": own.id, "other_application_id": other.id}
        found = {"kind": FindingKind.SAME_ITEM, "certainty": Certainty.LIKELY, "score": 0.8, "evidence": "同一发票示例"}
        session.add(Finding(**pair, **found, verdict=FindingVerdict.OPEN, found_at=house.clock.now()))
        session.commit()
    browser, head = of_county(house, "longhai"), house.as_role(Role.SECTION_HEAD)
    page = browser.get(f"/applications/{own.id}").text
    assert own.number in page and other.number not in page and "同一发票示例" not in page
    told = head.get(f"/applications/{own.id}").text
    assert other.number in told and "同一发票示例" in told, "those who approve the list are told"


def test_a_countys_treasury_sees_its_part_of_a_list(house_at: Houses) -> None:
    house = house_at("payment")
    with house.session() as session:
        entries = session.exec(select(AwardListEntry)).all()
        last = max(each.list_id for each in entries)
    own = [each for each in entries if each.list_id == last and each.county == "longhai"]
    others = [each for each in entries if each.list_id == last and each.county != "longhai"]
    browser, city = of_county(house, "longhai"), house.as_role(Role.FINANCE)
    page = browser.get(f"/lists/{last}").text
    assert f"共 {len(own)} 件" in page and "龙海区" in page
    assert not any(each.number in page for each in others)
    assert f"共 {len(own) + len(others)} 件" in city.get(f"/lists/{last}").text
    assert len(browser.get(f"/lists/{last}/table.xlsx").content) < len(city.get(f"/lists/{last}/table.xlsx").content)
    changes = browser.get(f"/lists/{last}/changes").text
    assert not any(each.number in changes for each in others)
