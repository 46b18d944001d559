"""A user's own views of the list of applications: kept under a name, called up, replaced, forgotten; nobody else's."""

import pytest

from models import Role
from services.access.actors import find_actor
from services.application import saved_views
from services.errors import InputError
from tests.web.conftest import send

QUERY = "cycle_id=1&status=county_passed&sort=enterprise&order=desc&column=number&column=project&page=3"
KEPT = "status=county_passed&amp;sort=enterprise&amp;order=desc&amp;column=number&amp;column=project"


@pytest.fixture
def house(house_at):
    """A year at its reviews."""
    return house_at("verification")


def test_a_view_is_kept_without_its_year_and_page(house) -> None:
    browser = house.as_role(Role.OPERATOR)
    answer = send(browser, "/applications/views", name="  待核  清单 ", query=QUERY)
    assert answer.status_code == 303 and answer.headers["location"].startswith("/applications?cycle_id=1&status=")
    page = browser.get("/applications").text
    assert f'<a href="/applications?cycle_id=1&amp;{KEPT}">待核 清单</a>' in page
    shown = browser.get(f"/applications?cycle_id=1&{KEPT.replace('&amp;', '&')}").text
    assert "<th" in shown and "申报单位</a>" not in shown and "项目</th>" in shown


def test_the_same_name_replaces_the_view(house) -> None:
    browser = house.as_role(Role.OPERATOR)
    send(browser, "/applications/views", name="常看", query="status=accepted")
    send(browser, "/applications/views", name="常看", query="text=%E7%AE%97%E5%8A%9B")
    page = browser.get("/applications").text
    assert page.count(">常看</a>") == 1 and "text=%E7%AE%97%E5%8A%9B" in page


def test_a_view_is_its_owners_alone(house) -> None:
    send(house.as_role(Role.OPERATOR), "/applications/views", name="我的", query="status=accepted")
    other = house.as_role(Role.SECTION_HEAD)
    assert "我的</a>" not in other.get("/applications").text
    assert send(other, "/applications/views/1/remove").status_code == 404
    own = house.as_role(Role.OPERATOR)
    assert send(own, "/applications/views/1/remove").status_code == 303
    assert "我的</a>" not in own.get("/applications").text


@pytest.mark.parametrize(
    ("name", "query", "said"),
    [
        ("", "status=accepted", "请给视图起名"),
        ("长" * 41, "status=accepted", "看到的有 41 个字"),
        ("空", "cycle_id=1&page=2", "请先设好查询条件"),
        ("空", "", "请先设好查询条件"),
    ],
)
def test_what_cannot_be_kept_is_said(house, name: str, query: str, said: str) -> None:
    browser = house.as_role(Role.OPERATOR)
    send(browser, "/applications/views", name=name, query=query)
    assert said in browser.get("/applications").text


def test_a_user_has_a_limited_number_of_views(house) -> None:
    with house.session() as session:
        actor = find_actor(session, "operator")
        for number in range(saved_views.MOST):
            saved_views.save(session, actor, name=f"{number}", query="status=accepted")
        saved_views.save(session, actor, name="3", query="status=verified")
        with pytest.raises(InputError, match="最多保存 30 个"):
            saved_views.save(session, actor, name="再一个", query="status=accepted")
