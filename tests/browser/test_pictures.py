"""Pictures of the console for the documentation site: one look at each role's page, kept under build/pictures."""

import shutil
from collections.abc import Callable

import pytest
from playwright.sync_api import Page
from sqlmodel import col, select

from config.settings import ROOT
from models import ReviewerKind, Role, User, VerificationRequest
from tests.browser.conftest import Site, sign_in
from tests.browser.people import Enterprise
from tests.browser.test_whole_year import FACTS, MEASURE
from tests.web.conftest import ask
from tests.web.test_after_payment_pages import paid
from tests.web.test_decisions import ready

FOLDER = ROOT / "build" / "pictures"
SIZE = {"width": 1200, "height": 800}

# One worker: it has the year's scenes from test_every_page, and in tests/docs it builds the site of the pictures.
pytestmark = pytest.mark.xdist_group("pictures")


@pytest.fixture(scope="module", autouse=True)
def folder() -> None:
    """No picture of an earlier day is left."""
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)


@pytest.fixture
def visit(open_page: Callable[..., Page]) -> Callable[[Site, Role | str], Page]:
    """A function that opens the console as the first user of a role, or as a login."""

    def opened(site: Site, who: Role | str) -> Page:
        page = open_page()
        page.set_viewport_size(SIZE)  # type: ignore[arg-type]
        sign_in(page, site, who if not isinstance(who, Role) else _login(site, who))
        return page

    return opened


Visit = Callable[[Site, Role | str], Page]
SiteAt = Callable[[str | None], Site]


def take(page: Page, path: str, name: str) -> None:
    """Open a page, unless the one that is open is meant, and keep what is seen of it."""
    if path:
        answer = page.goto(path)
        assert answer is not None and answer.status == 200, path
    page.screenshot(path=FOLDER / f"{name}.png")


def test_pictures_of_the_intake(site_at: SiteAt, visit: Visit) -> None:
    site = site_at("intake")
    take(
        visit(site, Role.OPERATOR),
        f"{site.address}/board/new?policy_id=zhangzhou-ai-2024&year=2026",
        "operator-new-year",
    )
    page = visit(site, Role.APPLICANT)
    Enterprise(page, site.address).estimate(MEASURE, FACTS)
    take(page, "", "applicant-estimate")
    page.goto(f"{site.address}/my/apply/{MEASURE}")
    Enterprise(page, site.address).press("开始填报")
    take(page, "", "applicant-form")


def test_pictures_of_the_counties(site_at: SiteAt, visit: Visit) -> None:
    site = site_at("county_review")
    ask(site.house, ReviewerKind.COUNTY)
    with site.house.session() as session:
        reviewer = session.exec(select(VerificationRequest.reviewer)).first()
        login = session.exec(select(User.login).where(User.county == reviewer)).first()
    assert login is not None
    take(visit(site, login), f"{site.address}/requests", "county-requests")


def test_pictures_of_the_bureaus(site_at: SiteAt, visit: Visit) -> None:
    site = site_at("verification")
    ask(site.house)
    operator = visit(site, Role.OPERATOR)
    take(operator, f"{site.address}/board", "operator-board")
    take(operator, f"{site.address}/reviews", "operator-reviews")
    page = visit(site, "bureau-gxj")
    page.goto(f"{site.address}/requests")
    page.get_by_role("link", name="办理").first.click()
    page.wait_for_load_state()
    take(page, "", "bureau-request")


def test_pictures_of_the_approval(site_at: SiteAt, visit: Visit) -> None:
    site = site_at("approval")
    ready(site.house)
    take(visit(site, Role.SECTION_HEAD), f"{site.address}/decisions/1", "approver-decision")


def test_pictures_of_the_end(site_at: SiteAt, visit: Visit, open_page: Callable[..., Page]) -> None:
    site = site_at(None)
    application, _ = paid(site.house)
    take(visit(site, Role.FINANCE), f"{site.address}/payments/1", "finance-payments")
    take(visit(site, Role.APPLICANT), f"{site.address}/my/{application.id}", "applicant-result")
    take(visit(site, Role.OPERATOR), f"{site.address}/applications/{application.id}", "operator-application")
    take(visit(site, Role.AUDITOR), f"{site.address}/audit", "auditor-audit")
    administrator = visit(site, Role.ADMINISTRATOR)
    take(administrator, f"{site.address}/users", "administrator-users")


def _login(site: Site, role: Role) -> str:
    with site.house.session() as session:
        login = session.exec(select(User.login).where(User.role == role).order_by(col(User.id))).first()
    assert login is not None, role
    return login
