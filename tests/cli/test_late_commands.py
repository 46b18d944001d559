"""The commands of the later stages: the panel, approvals of a list, objections, and the results of payment."""

from datetime import datetime
from pathlib import Path

from models import Cycle
from services.award import computation, lists, public_notices
from services.clock import CHINA
from services.cycle import cycles
from services.grants import overlaps
from services.payment import payments
from services.tables import write_table
from tests.cli.conftest import Office
from tests.desk import OTHER_CODE

RESULTS = ("拨付编号", "拨付结果", "拨付日期", "凭证号", "失败原因")
OBJECT = ("--by", "漳州示例公司", "--contact", "duixian@example.invalid", "--grounds", "金额有误", "--as", "operator")


def stage_of(office: Office) -> str:
    return office.desk.session.get_one(Cycle, office.desk.cycle_id, populate_existing=True).stage


def finish_work(office: Office) -> None:
    cycles.finish_work(*office.desk.at, office.desk.system, cycle_id=office.desk.cycle_id, summary={})


def approve_by_command(office: Office, *logins: str) -> None:
    finish_work(office)
    digest = str(office.json("gate", "show")["digest"])[:10]
    for login in logins:
        office.told("gate", "approve", "--digest", digest, "--as", login)
    office.desk.pass_gate()


def to_panel(office: Office) -> None:
    desk = office.desk
    desk.open_intake()
    desk.submit()
    desk.submit(
        uscc=OTHER_CODE,
        enterprise="漳州示例大模型有限公司",
        measure="compute-voucher",
        project="示例大模型训练",
        invoices="25352000000000000018",
        declared={"large_model": "是"},
    )
    desk.to_matching()
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.pass_gate()
    assert stage_of(office) == "panel"


def to_notice(office: Office) -> None:
    """To the public notice of a list with two awards."""
    desk = office.desk
    to_panel(office)
    number = office.json("panel", "list")[0]["application"]
    office.told("panel", "decide", number, "--amount", "25万", "--reason", "专家组意见", "--as", "operator")
    desk.pass_gate()
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.pass_gate()
    lists.freeze(*desk.at, desk.operator, cycle_id=desk.cycle_id)
    desk.pass_gate()


def test_the_panel_decides_by_number_and_reads_wan(office: Office) -> None:
    to_panel(office)
    waiting = office.json("panel", "list")
    assert [row["enterprise"] for row in waiting] == ["漳州示例大模型有限公司"]
    decide = ("panel", "decide", waiting[0]["application"], "--reason", "专家组意见", "--as", "operator")
    assert "不是数字" in office.told(*decide, "--amount", "若干", code=2)
    assert office.json(*decide, "--amount", "25万")["amount_yuan"] == "250000.00"


def test_who_prepared_a_list_does_not_approve_it_and_the_chain_does(office: Office) -> None:
    to_notice(office)
    finish_work(office)
    shown = office.json("gate", "show")
    assert (shown["version"], shown["awards"], shown["total_yuan"]) == (1, 2, "350000.00")
    refused = office.told("gate", "approve", "--digest", shown["digest"], "--as", "operator", code=1)
    assert "无权" in refused
    approve_by_command(office, "head", "leader", "meeting")
    assert stage_of(office) == "public_notice"


def test_a_returned_list_is_verified_again_and_put_right_by_commands(office: Office) -> None:
    to_notice(office)
    finish_work(office)
    digest = office.json("gate", "show")["digest"]
    office.told("gate", "return", "--digest", digest, "--reason", "服务费没有扣退款", "--as", "head")
    office.desk.pass_gate()
    assert "退回意见：服务费没有扣退款" in office.told("gate", "show")
    number = office.json("application", "list")[0]["number"]
    assert office.json("review", "again", number, "--reason", "扣退款", "--as", "operator")["again"] is True
    again = office.told("review", "again", number, "--reason", "扣退款", "--as", "operator", code=1)
    assert "不能办理“重新核验”" in again
    assert office.json("gate", "corrected", "--reason", "已请重新核定", "--as", "operator")["kind"] == "corrected"
    assert "returned_for" not in office.json("gate", "show")


def test_an_objection_is_raised_listed_and_answered_by_its_number(office: Office) -> None:
    desk = office.desk
    to_notice(office)
    assert "还没有公示" in office.told("objection", "add", *OBJECT, code=1)
    approve_by_command(office, "head", "leader", "meeting")
    public_notices.publish(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id)
    number = office.json("objection", "add", *OBJECT)["objection"]
    assert [row["status"] for row in office.json("objection", "list")] == ["open"]
    answer = ("objection", "answer", number, "--as", "operator", "--answer", "经核查无误")
    assert office.json(*answer, "--dismissed")["status"] == "dismissed"
    assert "已经答复" in office.told(*answer, "--upheld", code=1)


def test_results_of_payment_are_imported_and_a_failed_one_can_be_paid_later(office: Office, tmp_path: Path) -> None:
    desk = office.desk
    to_notice(office)
    approve_by_command(office, "head", "leader", "meeting")
    public_notices.publish(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id)
    office.desk.clock.instant = datetime(2026, 6, 30, 9, tzinfo=CHINA)
    desk.pass_gate()
    desk.pass_gate()
    approve_by_command(office, "government")
    payments.order(*desk.at, desk.system, cycle_id=desk.cycle_id)
    due = [row["payment"] for row in office.json("payment", "list")]
    assert len(due) == 2
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    paid, failed = [due[0], "已拨付", "2026-07-01", "P1", ""], [due[1], "拨付失败", "", "", "账号有误"]
    write_table(first, RESULTS, [paid, failed, ["没有", "已拨付", "2026-07-01", "P2", ""]])
    write_table(second, RESULTS, [[due[1], "已拨付", "2026-07-02", "P3", ""]])
    office.desk.clock.instant = datetime(2026, 7, 3, 9, tzinfo=CHINA)
    told = office.told("payment", "import", str(first), "--as", "operator", code=1)
    assert "没有" in told
    assert [row["status"] for row in office.json("payment", "list")] == ["paid", "failed"]
    office.told("payment", "import", str(second), "--as", "operator")
    assert [row["status"] for row in office.json("payment", "list")] == ["paid", "paid"]
    returned = ("payment", "returned", due[1], "--reason", "账户已销户", "--as", "operator")
    assert "要写成" in office.told(*returned, "--on", "昨天", code=1)
    assert "待重新拨付" in office.told(*returned, "--on", "2026-07-03")
    assert [row["status"] for row in office.json("payment", "list")] == ["paid", "failed"]
    assert "没有拨付编号" in office.told("payment", "returned", "BF-9", *returned[3:], code=1)
    taken_back = ("payment", "take-back", due[1], "--as", "operator")
    assert "已拨付，2026-07-02，凭证号 P3" in office.told(*taken_back)
    assert [row["status"] for row in office.json("payment", "list")] == ["paid", "paid"]
    assert "不能恢复" in office.told(*taken_back, code=1)


def test_applications_come_in_from_the_workbook_of_the_sample(office: Office, tmp_path: Path) -> None:
    from config.sample.generator import write_sample

    desk = office.desk
    desk.open_intake()
    write_sample(tmp_path / "sample")
    brought = office.json(
        "application", "import", str(tmp_path / "sample" / "applications.xlsx"), "--as", "operator", code=1
    )
    assert brought["added"] == len(office.json("application", "list")) >= 60
    assert all(problem["sentence"].endswith("。") for problem in brought["problems"])


def test_a_number_that_no_database_holds_is_none_of_ours(office: Office) -> None:
    for words in (("list", "show", "--version"), ("payment", "list", "--cycle")):
        assert "写的编号太大，没有这样的记录" in office.told(*words, "9" * 20, code=1)
