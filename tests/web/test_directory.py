"""Signing in through the government's directory, with a real OpenID provider on a port of this machine."""

from collections.abc import Callable, Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import oidc_provider_mock
import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from models import Credential, SignIn, User
from tests.web.conftest import House, send
from web.app import create_app

Houses = Callable[[str | None], House]


@pytest.fixture
def provider() -> Iterator[str]:
    """The directory's address."""
    with oidc_provider_mock.run_server_in_thread() as server:
        yield f"http://127.0.0.1:{server.server_port}"


@pytest.fixture
def house(house_at: Houses, provider: str) -> House:
    """A house that trusts the directory; its claim for the login is `sub`."""
    made = house_at("guide")
    made.settings.oidc_issuer, made.settings.oidc_claim = provider, "sub"
    made.settings.oidc_client_id, made.settings.oidc_client_secret = "duixian", "a secret of the test"
    return House(made.settings, made.clock, create_app(made.settings))


def at_the_directory(browser: TestClient, subject: str, next_page: str = "/") -> str:
    """Go to the directory and sign in there; gives the address that it sends the browser back to."""
    browser.get("/signin")
    left = browser.get("/signin/directory", params={"next": next_page})
    assert left.status_code == 302
    asked = parse_qs(urlsplit(left.headers["location"]).query)
    assert asked["code_challenge_method"] == ["S256"] and asked["state"] and asked["nonce"]
    answered = httpx.post(left.headers["location"], data={"sub": subject}, follow_redirects=False)
    assert answered.status_code in (302, 303), answered.text
    return answered.headers["location"]


def test_who_is_in_the_directory_comes_in_without_a_password(house: House) -> None:
    browser = house.browser()
    back = at_the_directory(browser, "operator", "/applications")
    answer = browser.get(back)
    assert (answer.status_code, answer.headers["location"]) == (303, "/applications")
    assert browser.get("/board").status_code == 200
    assert browser.get(back).headers["location"] == "/signin"  # the way back works once


def test_a_password_to_be_changed_holds_up_nobody_who_came_in_without_it(house: House) -> None:
    with house.session() as session:
        user = session.exec(select(User).where(User.login == "operator")).one()
        session.get_one(Credential, user.id).must_change = True
        session.commit()
    assert house.signed_in("operator").get("/board").headers["location"] == "/account"
    browser = house.browser()
    browser.get(at_the_directory(browser, "operator"))
    assert browser.get("/board").status_code == 200
    assert "请先改成自己的密码" not in browser.get("/account").text


def test_without_a_password_of_ones_own_there_is_none_to_change(house: House) -> None:
    with house.session() as session:
        user = session.exec(select(User).where(User.login == "operator")).one()
        session.delete(session.get_one(Credential, user.id))
        session.commit()
    browser = house.browser()
    browser.get(at_the_directory(browser, "operator"))
    assert "您通过统一身份认证登录" in browser.get("/account").text
    assert send(browser, "/account/password", old="x", new="another secret", again="another secret").status_code == 422
    assert send(browser, "/account/totp", secret="JBSWY3DPEHPK3PXP", code="000000").status_code == 422


@pytest.mark.parametrize("login", ["nobody", "applicant", "system"])
def test_who_is_no_user_of_the_bureaus_is_not_let_in(login: str, house: House) -> None:
    browser = house.browser()
    answer = browser.get(at_the_directory(browser, login))
    assert answer.headers["location"] == "/signin"
    assert f"没有登录名为“{login}”的有效用户" in browser.get("/signin").text
    assert browser.get("/account").status_code == 303


def test_an_answer_that_this_browser_did_not_ask_for_is_refused(house: House) -> None:
    back = at_the_directory(house.browser(), "operator")
    other = house.browser()
    assert other.get(back).headers["location"] == "/signin"
    mine = at_the_directory(other, "operator")
    assert other.get(mine.replace("state=", "state=x")).headers["location"] == "/signin"
    for odd in ("", "?state=1&code=1", "?error=access_denied"):
        assert other.get(f"/signin/directory/back{odd}").headers["location"] == "/signin"
    with house.session() as session:
        assert session.exec(select(SignIn)).all() == []


def test_a_directory_that_is_away_does_not_keep_people_from_passwords(house: House) -> None:
    house.settings.oidc_issuer = "http://127.0.0.1:9"
    browser = house.browser()
    assert browser.get("/signin/directory").headers["location"] == "/signin"
    assert "现在连不上" in browser.get("/signin").text
    assert house.signed_in("operator").get("/board").status_code == 200


def test_without_the_setting_there_is_no_such_door(house_at: Houses) -> None:
    browser = house_at("guide").browser()
    assert "统一身份认证" not in browser.get("/signin").text
    assert browser.get("/signin/directory").status_code == 404
    assert browser.get("/signin/directory/back").status_code == 404
