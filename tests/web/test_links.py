"""The pages that mails lead to exist, for those who get the mails."""

from collections.abc import Callable

import pytest

from models import Role
from services.notices.contexts import PAGES
from tests.web.conftest import House, back_to_the_notice
from tests.web.test_decisions import ready

READERS = {
    "home": None,
    "own": Role.APPLICANT,
    "guide": None,
    "list": None,
    "objections": None,
    "reviews": Role.COUNTY_REVIEWER,
    "gate": Role.SECTION_HEAD,
    "chain": Role.SECTION_HEAD,
    "status": Role.OPERATOR,
    "payments": Role.FINANCE,
    "duties": Role.BUREAU_VERIFIER,
}


@pytest.mark.parametrize("page", PAGES)
def test_a_link_in_a_mail_leads_to_a_page(page: str, house_at: Callable[[str | None], House]) -> None:
    stage = {"list": "objections", "gate": "approval"}.get(page, "verification")
    house = house_at(stage)
    if page == "gate":
        ready(house)
    if page == "list":  # the year stops after the notice: back to a day on which it runs
        back_to_the_notice(house)
    reader = READERS[page]
    browser = house.browser() if reader is None else house.as_role(reader)
    assert browser.get(PAGES[page].format(id=1)).status_code == 200
