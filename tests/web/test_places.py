"""Bureaus, counties and roles: who can answer, and the table of rights."""

import re
from collections.abc import Callable

from sqlmodel import select

from models import Credential, Role, User
from services.access import roles
from services.access.permissions import ALLOWED, ROLE_NAMES, VIEWS
from tests.web.conftest import House, ask

Open = Callable[[str | None], House]


def row_of(page: str, name: str) -> str:
    """The row of a place."""
    found = re.search(rf'<tr><th scope="row" class="nowrap">{name}<br>.*?</tr>', page, re.DOTALL)
    assert found, name
    return found[0]


def test_a_place_shows_its_users_and_whether_anybody_can_answer(house_at: Open) -> None:
    house = house_at("verification")
    ask(house)
    with house.session() as session:
        for login, change in (("bureau-gxj", "active"), ("county-longwen", "password"), ("bureau-fgw", "place")):
            user = session.exec(select(User).where(User.login == login)).one()
            if change == "active":
                user.active = False
            elif change == "place":
                user.bureau = "gone"
            else:
                session.delete(session.exec(select(Credential).where(Credential.user_id == user.id)).one())
        session.commit()
    page = house.as_role(Role.ADMINISTRATOR).get("/places").text
    assert "都不能登录" in row_of(page, "市工信局") and "已停用" in row_of(page, "市工信局")
    assert "没有密码" in row_of(page, "龙文区")
    assert "没有用户" in row_of(page, "市发改委")
    assert ">可以<" in row_of(page, "芗城区")
    assert "3 个单位没有人能回复" in page
    assert "（gone）" in page
    assert re.search(r'<td class="num">\d+</td>', row_of(page, "市工信局"))


def test_the_table_of_rights_is_the_one_that_is_enforced(house_at: Open) -> None:
    assert set(roles.VIEW_NAMES) == set(VIEWS)
    assert len(roles.operations()) == len(ALLOWED)
    page = house_at("verification").as_role(Role.AUDITOR).get("/places").text
    for role, name in ROLE_NAMES.items():
        assert (f'<th scope="col">{name}</th>' in page) == (role is not Role.SYSTEM)
    line = re.search(r'<tr><th scope="row">录入工作日历</th>.*?</tr>', page)
    assert line and line[0].count("✓") == 1
    assert re.search(r'<th scope="row">流程推进</th><td colspan="11" class="soft">由系统自动办理', page)


def test_others_do_not_see_it(house_at: Open) -> None:
    house = house_at("verification")
    assert house.as_role(Role.OPERATOR).get("/places").status_code == 403
    assert "/places" not in house.as_role(Role.OPERATOR).get("/users").text
