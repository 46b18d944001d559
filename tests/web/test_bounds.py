"""Addresses and forms that nobody of ours sends: too large, negative, no number, unseen characters, nothing at all."""

import inspect
import re
from collections.abc import Callable, Iterator
from urllib.parse import quote

import pytest
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from fastapi.testclient import TestClient
from httpx import Response

from models import Role
from services.access.permissions import may
from tests.web.conftest import House, send
from tests.web.test_access import ROUTES, right_of

Houses = Callable[[str | None], House]
PEOPLE = (
    None,
    Role.OPERATOR,
    Role.ADMINISTRATOR,
    Role.AUDITOR,
    Role.APPLICANT,
    Role.SECTION_HEAD,
    Role.BUREAU_LEADER,
    Role.COUNTY_REVIEWER,
)
STRANGE = ("1" * 25, "3000000000", "-1", "abc")
HOSTILE = (
    "x' OR '1'='1\"; DROP TABLE users; -- %' ESCAPE '\\",
    "{{7*7}}${7*7}%{7*7}<script>alert(7)</script>../../etc/passwd",
    "9" * 4000,
    "é̂😀\ufffe",
)
DAYS = ("9999-12-31", "0001-01-01", "2026-02-30")
BY_HAND = re.compile(r'asked\.get(?:list)?\("(\w+)"')
FIELD = re.compile(r"[（“][a-z_]+[”）]")
ENDS_A_VISIT = ("/signout", "/account/password", "/users/{user_id}", "/users/{user_id}/password")


def every_route(house: House) -> Iterator[tuple[TestClient, APIRoute]]:
    """Every route with the browser of somebody who may use it; all are signed in before anything is asked."""
    browsers = {role: house.browser() if role is None else house.as_role(role) for role in PEOPLE}
    for browser in browsers.values():
        browser.get("/")
    for route in ROUTES:
        if route.path not in ENDS_A_VISIT:
            allowed = [each for each in PEOPLE if may(each, right_of(route))]
            assert allowed, f"nobody of PEOPLE may use {route.path}: nothing of it is asked"
            yield browsers[allowed[0]], route


def filled(route: APIRoute, text: str = "1") -> str:
    """The route's path with the text in all its places."""
    return re.sub(r"\{\w+\}", text, route.path)


def asked_of(route: APIRoute) -> dict[str, bool]:
    """What the route reads after the question mark, and whether it is a number; nothing else there reaches it."""

    def declared(part: Dependant) -> dict[str, bool]:
        found = {each.alias: "int" in str(each.field_info.annotation) for each in part.query_params}
        return found | {name: number for each in part.dependencies for name, number in declared(each).items()}

    takes_by_hand = "_view(visit" in inspect.getsource(route.endpoint)
    module = inspect.getsource(inspect.getmodule(route.endpoint)) if takes_by_hand else ""  # type: ignore[arg-type]
    return declared(route.dependant) | dict.fromkeys(BY_HAND.findall(module), False)


def addresses(route: APIRoute) -> Iterator[str]:
    """The route's path with strange texts in its places, and in its query: each alone, the others left out."""
    if "{" in route.path:
        yield from (filled(route, text) for text in STRANGE)
    for name, number in asked_of(route).items():
        for text in (*STRANGE, HOSTILE[0]) if number else (*DAYS, *HOSTILE):
            yield f"{filled(route)}?{name}={quote(text)}"


def ask(browser: TestClient, route: APIRoute, address: str) -> Response:
    """The answer."""
    return browser.get(address) if route.methods == {"GET"} else send(browser, address)


def test_no_address_breaks_a_page(house_at: Houses) -> None:
    asked = [
        (address, ask(browser, route, address).status_code)
        for browser, route in every_route(house_at("verification"))
        for address in addresses(route)
    ]
    assert [(address, status) for address, status in asked if status >= 500] == []
    assert len(asked) > 800


@pytest.mark.parametrize("number", ["1" * 25, "3000000000", "-1", "0"])
@pytest.mark.parametrize("page", ["/applications/{}", "/board?cycle_id={}", "/findings/{}", "/users/{}", "/audit/{}"])
def test_an_id_that_no_database_holds_is_not_found(house_at: Houses, page: str, number: str) -> None:
    house = house_at("verification")
    role = {"/users/{}": Role.ADMINISTRATOR, "/audit/{}": Role.AUDITOR}.get(page, Role.OPERATOR)
    answer = house.as_role(role).get(page.format(number))
    assert answer.status_code == 404
    assert "没有" in answer.text


def test_a_form_with_nothing_but_its_key_is_answered_in_chinese(house_at: Houses) -> None:
    for browser, route in every_route(house_at("verification")):
        if route.methods != {"GET"}:
            answer = send(browser, filled(route))
            assert answer.status_code < 500, route.path
            assert FIELD.findall(re.sub(r"<[^>]*>", "", answer.text)) == [], route.path


def test_control_characters_are_refused_with_a_sentence_everywhere(house_at: Houses) -> None:
    for browser, route in every_route(house_at("verification")):
        if route.methods == {"GET"}:
            answer = browser.get(f"{filled(route)}?words=a%00b")
        else:
            answer = send(browser, filled(route), words="a\0b")
        assert answer.status_code == 422 and "U+0000" in answer.text, (route.path, answer.status_code)


def test_postgresql_is_asked_nothing_that_it_cannot_hold(pg_house: House) -> None:
    browser = pg_house.browser()
    browser.get("/")
    assert send(browser, "/signin", login="a\0b", password="x").status_code == 422
    assert send(browser, "/objection", number="a\0b", contact="x").status_code == 422
    administrator = pg_house.as_role(Role.ADMINISTRATOR)
    assert administrator.get("/users?words=a%00b").status_code == 422
    for path in ("/users/3000000000", "/users/" + "1" * 25):
        assert administrator.get(path).status_code == 404
    long = send(administrator, "/users", login="long", name="长" * 300, role="auditor")
    assert long.status_code == 422
    assert "“姓名”最多 64 个字，现在是 300 个" in long.text
