"""A county's treasury sees its own county's applications and lists, the city's treasury all of them."""

from collections.abc import Callable

from sqlmodel import select

from models import Application, AwardListEntry, Enterprise, Role
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
