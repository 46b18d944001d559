"""Every route with every role and with nobody, compared with the one table of rights."""

import re
from collections.abc import Callable

import pytest
from fastapi.routing import APIRoute

from models import Role
from services.access.permissions import ALLOWED, VIEWS, may
from tests.web.conftest import House, send
from web.access import Doorkeeper, FormDoorkeeper
from web.app import ROUTERS

PEOPLE = [role for role in Role if role is not Role.SYSTEM]
ROUTES = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
ENDS_THE_VISIT = {"/signout", "/account/password"}


def right_of(route: APIRoute) -> str:
    """The right that the route asks for. A form's route has a doorkeeper that checks the form's key."""
    keepers = [each.call for each in route.dependant.dependencies if isinstance(each.call, Doorkeeper)]
    assert len(keepers) == 1, f"{route.path} must name one right"
    assert isinstance(keepers[0], FormDoorkeeper) == (route.methods != {"GET"}), route.path
    return keepers[0].right


def address_of(route: APIRoute) -> str:
    """The route's path with something in each place."""
    return re.sub(r"\{\w+\}", "1", route.path)


@pytest.fixture(scope="module")
def names() -> list[str]:
    """What a failure shows."""
    return [f"{sorted(route.methods)} {route.path}" for route in ROUTES]


def test_every_route_names_one_right() -> None:
    for route in ROUTES:
        assert right_of(route) in VIEWS or right_of(route) in ALLOWED


def test_every_route_with_every_role_answers_as_the_table_says(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    wrong = [
        f"{role or 'nobody'} {route.path}: {status}"
        for role in [None, *PEOPLE]
        for route, status in _walk(house, role)
        if not _right(role, route, status)
    ]
    assert not wrong, "\n".join(wrong)


def _walk(house: House, role: Role | None) -> list[tuple[APIRoute, int]]:
    browser = house.browser() if role is None else house.as_role(role)
    browser.get("/")
    answers = []
    for route in sorted(ROUTES, key=lambda each: each.path in ENDS_THE_VISIT):
        if role is not None and route.path in ENDS_THE_VISIT:
            browser = house.as_role(role)
        answer = browser.get(address_of(route)) if route.methods == {"GET"} else send(browser, address_of(route))
        sent_to_sign_in = answer.status_code == 303 and answer.headers["location"].startswith("/signin?")
        answers.append((route, 401 if sent_to_sign_in else answer.status_code))
    return answers


def _right(role: Role | None, route: APIRoute, status: int) -> bool:
    if may(role, right_of(route)):
        return status not in (401, 403) and status < 500
    return status == (401 if role is None else 403)


def test_a_form_without_the_browsers_own_key_is_refused(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    for role in (None, Role.OPERATOR):
        browser = house.browser() if role is None else house.as_role(role)
        browser.get("/")
        for route in ROUTES:
            if route.methods != {"GET"}:
                assert browser.post(address_of(route), data={"form_key": "another"}).status_code == 403, route.path
                assert browser.post(address_of(route)).status_code == 403, route.path


def test_every_answer_keeps_browsers_in_bounds(house_at: Callable[[str | None], House]) -> None:
    browser = house_at("verification").browser()
    for path in ("/", "/signin", "/nothing-here", "/static/console.css"):
        headers = browser.get(path).headers
        assert "script-src 'self'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"


def test_no_template_holds_inline_script_or_style() -> None:
    from config.settings import ROOT

    for template in (ROOT / "templates" / "web").rglob("*.html"):
        text = template.read_text(encoding="utf-8")
        assert not re.search(r"<style|style=|\son\w+=|<script(?![^>]*src=)|javascript:", text), template
        forms = re.findall(r'<form[^>]*method="post".*?</form>', text, re.DOTALL)
        assert all("form_key(" in form for form in forms), template
