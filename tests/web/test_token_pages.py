"""Tokens in the console: issued once shown, listed with their use, ended."""

import re
from collections.abc import Callable

import pytest
from sqlmodel import select

from models import ApiToken, Role
from services.access.interface import Scope
from tests.web.conftest import House, send

Houses = Callable[[str | None], House]
WANTED = {"name": "省惠企平台", "login": "operator", "scope": [Scope.READ_APPLICATIONS], "days": "30"}


@pytest.fixture
def house(house_at: Houses) -> House:
    return house_at("guide")


def test_a_token_is_shown_once_works_and_ends(house: House) -> None:
    administrator = house.as_role(Role.ADMINISTRATOR)
    shown = send(administrator, "/tokens", **WANTED)
    token = re.search(r"dx_[\w-]{43}", shown.text)
    assert shown.status_code == 200 and token is not None
    page = administrator.get("/tokens").text
    assert token[0] not in page and "省惠企平台" in page and "还没有用过" in page
    platform = house.browser()
    platform.headers["Authorization"] = f"Bearer {token[0]}"
    assert platform.get("/api/v1/cycles").status_code == 200
    assert "还没有用过" not in administrator.get("/tokens").text
    assert send(administrator, "/tokens/1/end").status_code == 303
    assert "已停用" in administrator.get("/tokens").text
    assert platform.get("/api/v1/cycles").status_code == 401
    told = house.as_role(Role.AUDITOR).get("/audit").text
    assert "发放接口令牌" in told and "停用接口令牌" in told


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"days": "400"}, "有效天数应为 1 至 366，填的是 400"),
        ({"days": "很久"}, "“很久”不是整数"),
        ({"scope": []}, "没有选择"),
        ({"scope": ["everything"]}, "“everything”不存在"),
        ({"login": "system"}, "没有登录名为“system”的有效用户"),
        ({"name": " "}, "哪个平台"),
    ],
)
def test_a_token_that_cannot_be_issued_says_why(house: House, changes: dict[str, object], told: str) -> None:
    answer = send(house.as_role(Role.ADMINISTRATOR), "/tokens", **WANTED | changes)
    assert answer.status_code == 422 and told in answer.text
    with house.session() as session:
        assert session.exec(select(ApiToken)).all() == []


def test_the_auditor_sees_tokens_and_touches_none(house: House) -> None:
    auditor = house.as_role(Role.AUDITOR)
    page = auditor.get("/tokens")
    assert page.status_code == 200 and '<form method="post" action="/tokens' not in page.text
    assert send(auditor, "/tokens", **WANTED).status_code == 403
