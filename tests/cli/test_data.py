"""How long personal data is kept, and its erasure, by command."""

from sqlalchemy import text

from models import Role
from services.access import people
from tests.cli.conftest import Office


def test_a_year_is_listed_and_erased_once_its_time_is_over(office: Office) -> None:
    desk = office.desk
    people.add_user(*desk.at, desk.system, login="admin", name="管理员示例", role=Role.ADMINISTRATOR)
    assert "还没有结束的年度" in office.told("data", "due")
    desk.session.execute(text("UPDATE message SET status = 'sent'"))
    desk.session.execute(text("UPDATE cycle SET status = 'closed', closed_at = '2026-03-02 01:00:00'"))
    desk.session.commit()
    (told,) = office.json("data", "due")
    assert (told["due"], told["erased"], told["obstacles"]) == ("2031-03-02", None, ["保存期限到 2031-03-02 届满"])
    erase = ("data", "erase", "1", "--reason", "保存期限届满", "--yes", "--as")
    assert "现在不能清除" in office.told(*erase, "admin", code=1)
    desk.clock.instant = desk.clock.instant.replace(year=2031)
    assert "可以清除" in office.told("data", "due")
    assert "管理员" in office.told(*erase, "operator", code=1)
    told = office.told(*erase, "admin")
    assert "0 份材料不再保存" in told and "请按备份的保存期限销毁" in told
    assert "审计链完整" in office.told("audit", "verify")
    assert office.json("data", "due")[0]["erased"] == "2031-03-02"
