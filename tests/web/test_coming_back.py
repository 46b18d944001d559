"""Signing in leads back to the page that was asked for, or that a form stood on, with what was asked of it."""

from collections.abc import Callable
from urllib.parse import parse_qs, unquote, urlsplit

from sqlmodel import select

from models import Role, User
from tests.web.conftest import PASSWORD, House, send

Houses = Callable[[str | None], House]


def signed_in_at(house: House, address: str) -> str:
    """Where the sign-in leads to which this address leads."""
    with house.session() as session:
        login = session.exec(select(User.login).where(User.role == Role.OPERATOR)).first()
    browser = house.browser()
    sent = browser.get(address).headers["location"]
    assert sent.startswith("/signin?next=")
    browser.get(sent)
    target = parse_qs(urlsplit(sent).query)["next"][0]
    return str(send(browser, "/signin", login=login, password=PASSWORD, next=target).headers["location"])


def test_the_query_is_kept(house_at: Houses) -> None:
    house = house_at("guide")
    for address in ("/board?cycle_id=1", "/applications?text=%E7%AE%97%E5%8A%9B%26&status=accepted"):
        assert signed_in_at(house, address) == address


def test_a_form_after_the_time_out_leads_back_to_its_page_and_says_that_nothing_was_saved(house_at: Houses) -> None:
    browser = house_at("guide").browser()
    browser.get("/")
    key = {"form_key": browser.cookies["duixian_form"], "reason": "写了很久的理由"}
    page = "http://testserver/board?cycle_id=1"
    answer = browser.post("/board/1/extend", data=key, headers={"referer": page})
    assert unquote(answer.headers["location"]) == "/signin?next=/board?cycle_id=1"
    assert "没有保存" in browser.get(answer.headers["location"]).text
    for other in ("http://elsewhere.invalid/x", "http://testserver//elsewhere.invalid", ""):
        answer = browser.post("/board/1/extend", data=key, headers={"referer": other})
        assert answer.headers["location"] == "/signin?next=/"
