"""Users in the console: who may add whom, and what becomes of what was chosen."""

from collections.abc import Callable

import pytest
from argon2 import Type, extract_parameters
from sqlmodel import select

from models import Role, User
from services.access import passwords
from services.access.permissions import ADDED_BY_OPERATORS
from tests.desk import CODE
from tests.web.conftest import House, send

Houses = Callable[[str | None], House]
NEW = {"login": "new-one", "name": "新人", "bureau": "fgw", "county": "xiangcheng", "email": ""}


@pytest.fixture
def house(house_at: Houses) -> House:
    return house_at("guide")


def added(house: House, login: str = "new-one") -> User | None:
    with house.session() as session:
        return session.exec(select(User).where(User.login == login)).one_or_none()


def test_an_operator_adds_those_who_work_and_sees_what_became_of_it(house: House) -> None:
    browser = house.as_role(Role.OPERATOR)
    form = browser.get("/users/new").text
    for role in Role:
        offered = role in ADDED_BY_OPERATORS - {Role.APPLICANT}
        assert (f'value="{role.value}"' in form) == offered, role
    refused = send(browser, "/users", **NEW, role="administrator")
    assert refused.status_code == 422 and added(house) is None
    answer = send(browser, "/users", **NEW, role="county_reviewer")
    assert answer.status_code == 303
    page = browser.get(answer.headers["location"])
    assert page.status_code == 200 and "请管理员发放初始密码" in page.text
    assert "/password" not in page.text


def test_an_administrator_adds_anybody(house: House) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    assert send(browser, "/users", **NEW, role="bureau_leader").status_code == 303
    leader = added(house)
    assert leader is not None and leader.role is Role.BUREAU_LEADER and leader.county is None


def test_a_credit_code_is_kept_as_it_is_compared_at_sign_in(house: House) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    assert send(browser, "/users", **NEW | {"login": CODE.lower()}, role="bureau_leader").status_code == 303
    assert added(house, CODE) is not None


def test_an_auditor_is_not_offered_the_form(house: House) -> None:
    browser = house.as_role(Role.AUDITOR)
    assert browser.get("/users").status_code == 200
    assert browser.get("/users/new").status_code == 403


@pytest.mark.parametrize("county", ["xiangcheng", ""])
def test_a_treasurer_is_one_countys_or_the_citys(house: House, county: str) -> None:
    browser = house.as_role(Role.ADMINISTRATOR)
    assert send(browser, "/users", **NEW | {"county": county}, role="finance").status_code == 303
    treasurer = added(house)
    assert treasurer is not None and treasurer.county == (county or None)


def test_a_password_that_was_issued_is_told_to_the_auditor_but_not_what_it_is(house: House) -> None:
    with house.session() as session:
        leader = session.exec(select(User).where(User.role == Role.BUREAU_LEADER)).one()
    shown = send(house.as_role(Role.ADMINISTRATOR), f"/users/{leader.id}/password").text
    password = shown.split('class="code secret">')[1].split("<")[0]
    auditor = house.as_role(Role.AUDITOR)
    assert "发放密码" in auditor.get("/audit").text
    entry = auditor.get("/audit?operation=password.issue").text.split('href="/audit/')[1:]
    number = next(each.split('"')[0] for each in entry if each[0].isdigit())
    page = auditor.get(f"/audit/{number}").text
    assert "登录凭据" in page and "（不记录）" in page and "argon2" not in page and password not in page


def test_a_password_is_hashed_as_rfc_9106_has_it_where_memory_is_short() -> None:
    asked = extract_parameters(passwords.hash_of("a long pass phrase"))
    assert (asked.type, asked.time_cost, asked.memory_cost, asked.parallelism) == (Type.ID, 3, 2**16, 4)
