"""Tokens by command: issued by the administrator, listed, ended."""

import pytest

from models import Role
from services.access import people
from tests.cli.conftest import Office

ISSUE = ("token", "issue", "省惠企平台", "--login", "operator", "--scope", "applications:read", "--days", "30")


@pytest.fixture
def office(office: Office) -> Office:
    desk = office.desk
    people.add_user(*desk.at, desk.system, login="admin", name="管理员示例", role=Role.ADMINISTRATOR)
    return office


def test_a_token_is_issued_listed_and_ended(office: Office) -> None:
    issued = office.json(*ISSUE, "--as", "admin")
    assert issued["token"].startswith("dx_")
    assert issued["token"] not in office.told("token", "list")
    listed = office.json("token", "list")
    assert [(each["id"], each["name"], each["login"], each["state"]) for each in listed] == [
        (1, "省惠企平台", "operator", "有效")
    ]
    assert "已停用" in office.told("token", "end", "1", "--as", "admin")
    assert office.json("token", "list")[0]["state"] == "已停用"


def test_only_the_administrator_issues(office: Office) -> None:
    assert "管理员" in office.told(*ISSUE, "--as", "operator", code=1)
    assert "everything" in office.told(*ISSUE, "--scope", "everything", "--as", "admin", code=1)
    assert "99" in office.told("token", "end", "99", "--as", "admin", code=1)
