"""Every page in a real browser at desktop and phone width: nothing sticks out, nothing fails, axe-core is content."""

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from fastapi.routing import APIRoute
from playwright.sync_api import Page
from sqlmodel import col, select

from models import Application, AwardList, Finding, Objection, Role, User, VerificationRequest
from services.permissions import may
from tests.browser.conftest import SIZES, Site, keep_picture, sign_in
from tests.web.conftest import back_to_the_notice
from tests.web.test_access import PEOPLE, ROUTES, right_of

SERIOUS = ("serious", "critical")
# Downloads, and letters shown in a sandboxed frame, where no script runs, not even axe-core.
NOT_PAGES = (".xlsx", ".csv", ".docx", "/files/", ".{form}", "/confirm/", "/letter", "/sample")


def pages() -> list[APIRoute]:
    """The routes that answer with a page."""
    return [r for r in ROUTES if r.methods == {"GET"} and not any(mark in r.path for mark in NOT_PAGES)]


@pytest.mark.parametrize("size", SIZES)
def test_every_page_is_whole_and_accessible(
    size: str, site_at: Callable[[str | None], Site], open_page: Callable[..., Page]
) -> None:
    site = site_at("objections")
    back_to_the_notice(site.house)
    wrong = []
    for role in [None, *PEOPLE]:
        routes = [route for route in pages() if _shown_to(route) == role]
        if not routes:
            continue
        page = open_page(size)
        if role is not None:
            sign_in(page, site, _login(site, role))
        for route in routes:
            troubles = _look(page, site, _address(site, route, role), f"{size}-{right_of(route)}-{route.name}")
            wrong += [f"{route.path} ({role}): {each}" for each in troubles]
    assert not wrong, "\n".join(wrong)


def _look(page: Page, site: Site, path: str, name: str) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    answer = page.goto(site.address + path)
    assert answer is not None
    keep_picture(page, name)
    troubles = [] if answer.status == 200 else [f"{path} answered {answer.status}"]
    troubles += [] if answer.status != 200 else said
    if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
        troubles.append("sticks out to the side")
    for violation in Axe().run(page).response["violations"]:
        if violation["impact"] in SERIOUS:
            troubles.append(f"{violation['id']}: {violation['nodes'][0]['html'][:150]}")
    return troubles


def _shown_to(route: APIRoute) -> Role | None:
    """The first role that may open it; nobody for public pages."""
    right = right_of(route)
    return None if may(None, right) else next(role for role in PEOPLE if may(role, right))


def _login(site: Site, role: Role) -> str:
    with site.house.session() as session:
        login = session.exec(select(User.login).where(User.role == role).order_by(col(User.id))).first()
    assert login is not None
    return login


def _address(site: Site, route: APIRoute, role: Role | None) -> str:
    """The route's path with real ids."""
    with site.house.session() as session:
        user = session.exec(select(User).where(User.role == role).order_by(col(User.id))).first() if role else None
        own = select(Application.id).order_by(col(Application.id))
        asked = select(VerificationRequest.id).order_by(col(VerificationRequest.id))
        if user is not None and user.enterprise_id is not None:
            own = own.where(Application.enterprise_id == user.enterprise_id)
        if user is not None and (user.county or user.bureau):
            asked = asked.where(VerificationRequest.reviewer == (user.county or user.bureau))
        ids = {
            "application_id": session.exec(own).first(),
            "request_id": session.exec(asked).first(),
            "finding_id": session.exec(select(Finding.id)).first(),
            "list_id": session.exec(select(AwardList.id)).first(),
            "objection_id": session.exec(select(Objection.id)).first(),
            "measure": session.exec(select(Application.measure)).first(),
            "policy_id": "zhangzhou-ai-2024",
        }
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", str(ids.get(name) or 1))
    return path
