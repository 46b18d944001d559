"""The commands that lead a year: users, cycle, gate, list, audit, and the work of each stage."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlmodel import select

from cli.main import run
from cli.users import ROLES
from models import Application, ReviewerKind, Role
from services.access.permissions import ROLE_NAMES
from services.award import computation
from services.clock import CHINA
from services.cycle import cycles
from services.documents.registry import PAGE_FORMATS
from services.grants import overlaps
from services.tables import write_table
from tests.cli.conftest import Office

ENGINELESS = ("cycle", "open", "--policy", "zhangzhou-ai-2024", "--year", "2026", "--as", "operator", "--no-run")
LEDGER = ("ledger_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year", "level")
GRANT = [
    "L1",
    "漳州示例云帆科技有限公司",
    "91350699MA7XW0001X",
    "示例算力",
    "25352000000000000017",
    "80000",
    "2025",
    "province",
]


def digest_of(office: Office) -> str:
    return str(office.json("gate", "show")["digest"])


def finish_work(office: Office) -> None:
    desk = office.desk
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})


def frozen(office: Office) -> Office:
    """One award, computed and frozen by command."""
    desk = office.desk
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    office.told("list", "freeze", "--as", "operator")
    return office


def test_the_first_administrator_and_operator_are_added_by_the_system_and_others_by_whoever_may(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path / "new"))
    assert run(["user", "add", "jing", "--name", "甲", "--role", "经办人"]) == 0
    for role in ("operator", "finance"):
        assert run(["user", "add", "wai", "--name", "乙", "--role", role]) == 1
        assert "--as" in capsys.readouterr().err
    assert run(["user", "add", "yi", "--name", "乙", "--role", "finance", "--as", "jing"]) == 0
    assert run(["user", "add", "ling", "--name", "丙", "--role", "bureau_leader", "--as", "jing"]) == 1
    assert "请由管理员添加" in capsys.readouterr().err
    assert run(["user", "add", "guan", "--name", "丁", "--role", "administrator"]) == 0
    assert run(["user", "add", "ling", "--name", "丙", "--role", "bureau_leader", "--as", "guan"]) == 0


def test_the_help_of_user_add_names_every_role() -> None:
    named = {tuple(part.split()) for part in ROLES.split("、")}
    assert named == {(role.value, ROLE_NAMES[role]) for role in Role if role is not Role.SYSTEM}


def test_a_county_reviewer_needs_a_county(office: Office) -> None:
    told = office.told("user", "add", "x", "--name", "丙", "--role", "county_reviewer", "--as", "operator", code=1)
    assert "县区" in told


def test_an_address_that_no_mail_reaches_is_not_taken(office: Office) -> None:
    add = ("user", "add", "cai", "--name", "丙", "--role", "finance", "--as", "operator", "--email")
    for wrong in ("cai.example.invalid", "cai@财政局", "cai@example.invalid，zeng@example.invalid"):
        assert "邮箱不能使用" in office.told(*add, wrong, code=1)
    office.told(*add, " cai@example.invalid ")
    assert {"cai@example.invalid"} == {user["email"] for user in office.json("user", "list") if user["login"] == "cai"}


def test_an_empty_table_is_written_and_never_over_another_file(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "汇总表.xlsx"
    assert "已写到" in office.told("application", "blank", str(path))
    filled = path.read_bytes() + b"filled in meanwhile"
    path.write_bytes(filled)
    for refused in (path, tmp_path / "没有的文件夹" / "表.xlsx", tmp_path / "表.csv"):
        assert run(["application", "blank", str(refused)]) == 2
    assert path.read_bytes() == filled


def test_a_bureau_or_county_that_no_policy_knows_is_told_with_those_that_are_known(office: Office) -> None:
    add = ("user", "add", "--name", "丙", "--as", "operator", "--role")
    told = office.told(*add, "bureau_verifier", "bing", "--bureau", "fgv")
    assert "没有编号为“fgv”的部门" in told and "fgw（市发改委）" in told
    told = office.told(*add, "county_reviewer", "ding", "--county", "芗城区")
    assert "没有编号为“芗城区”的县区" in told and "xiangcheng（芗城区）" in told
    assert "注意" not in office.told(*add, "bureau_verifier", "wu", "--bureau", "fgw")


def test_users_are_listed_with_their_role(office: Office) -> None:
    users = {user["login"]: user for user in office.json("user", "list")}
    assert users["head"]["role_name"] == "科室负责人"
    assert users["county-xiangcheng"]["place"] == "xiangcheng"


def test_open_makes_the_year_and_status_tells_where_it_stands(office: Office) -> None:
    opened = office.json(*ENGINELESS)
    assert (opened["stage"], opened["run"]) == ("guide", None)
    standing = office.json("cycle", "status", "--cycle", str(opened["cycle"]))[0]
    assert (standing["year"], standing["title"], standing["status"]) == (2026, "指南编制", "open")
    assert [visit["stage"] for visit in standing["visits"]] == ["guide"]


def test_the_same_year_is_not_opened_twice(office: Office) -> None:
    office.told(*ENGINELESS)
    assert "已经开立" in office.told(*ENGINELESS, code=1)


def test_yearly_settings_are_checked_against_the_law(office: Office) -> None:
    assert "dataset-trad" in office.told(*ENGINELESS, "--set", "dataset-trad.rate=25%", code=1)


def test_with_two_years_under_way_the_command_asks_which(office: Office) -> None:
    office.told(*ENGINELESS)
    assert "--cycle" in office.told("gate", "show", code=1)


def test_without_the_engine_the_year_is_opened_and_the_way_on_is_told(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    told = office.told(*[word for word in ENGINELESS if word != "--no-run"], code=1)
    assert "年度已开立" in told
    assert "duixian cycle advance" in told


def test_the_chain_approves_by_the_digest_that_gate_show_names(office: Office) -> None:
    finish_work(office)
    digest = digest_of(office)
    office.told("gate", "approve", "--digest", digest[:8], "--as", "head", "--opinion", "同意印发")
    chain = office.json("gate", "show")["chain"]
    assert [(step["approved_by"], step["opinion"]) for step in chain] == [("head", "同意印发"), (None, None)]
    office.told("gate", "approve", "--digest", digest, "--as", "leader")
    shown = office.json("gate", "show")
    assert (shown["open"], shown["waits"]) == (True, [])


def test_another_digest_approves_nothing(office: Office) -> None:
    finish_work(office)
    assert "已经变化" in office.told("gate", "approve", "--digest", "0" * 12, "--as", "head", code=1)
    assert all(step["approved_by"] is None for step in office.json("gate", "show")["chain"])


def test_who_is_not_on_turn_cannot_approve(office: Office) -> None:
    finish_work(office)
    told = office.told("gate", "approve", "--digest", digest_of(office), "--as", "leader", code=1)
    assert "科室负责人" in told


def test_a_return_leads_back_with_its_reason(office: Office) -> None:
    finish_work(office)
    office.told("gate", "return", "--digest", digest_of(office), "--as", "head", "--reason", "补写联系方式")
    office.desk.pass_gate()
    visits = office.json("cycle", "status")[0]["visits"]
    assert [(visit["stage"], visit["number"], visit["result"]) for visit in visits] == [
        ("guide", 1, "returned"),
        ("guide", 2, None),
    ]


def test_before_its_work_is_done_a_stage_waits_for_the_system(office: Office) -> None:
    shown = office.json("gate", "show")
    assert (shown["open"], shown["waits"][0]["who"]) == (False, "系统")


def test_extend_puts_off_the_due_day(office: Office) -> None:
    office.desk.open_intake()
    before = office.json("cycle", "status")[0]["visits"][-1]["due"]
    extended = office.json("cycle", "extend", "--days", "3", "--reason", "系统升级", "--as", "operator")
    assert extended["due"] > before
    assert office.json("cycle", "status")[0]["visits"][-1]["due"] == extended["due"]


def test_only_the_intake_is_closed_early(office: Office) -> None:
    told = office.told("cycle", "close-window", "--on", "2026-03-09", "--reason", "x", "--as", "operator", code=1)
    assert "只有申报受理可以提前截止" in told
    assert "看到的是“明天”" in office.told(
        "cycle", "close-window", "--on", "明天", "--reason", "x", "--as", "operator", code=1
    )


def test_only_an_operator_extends(office: Office) -> None:
    office.desk.open_intake()
    assert "无权" in office.told("cycle", "extend", "--days", "3", "--reason", "x", "--as", "leader", code=1)


def test_a_closed_year_takes_nothing_more(office: Office) -> None:
    office.told("cycle", "close", "--reason", "政策废止", "--as", "operator")
    cycle = str(office.desk.cycle_id)
    assert office.json("cycle", "status")[0]["status"] == "cancelled"
    assert "已经结束" in office.told("cycle", "advance", "--cycle", cycle, code=1)


def test_an_approval_cannot_be_overridden(office: Office) -> None:
    finish_work(office)
    assert "不能由经办人放行" in office.told("gate", "override", "--as", "operator", "--reason", "赶时间", code=1)


def test_counties_reply_by_command_and_the_silent_are_overridden(office: Office) -> None:
    desk = office.desk
    desk.open_intake()
    desk.submit()
    office.desk.clock.instant = datetime(2026, 5, 1, 9, tzinfo=CHINA)
    desk.pass_gate()
    desk.examine()
    desk.pass_gate()
    desk.request(ReviewerKind.COUNTY)
    asked = office.json("review", "list", "--as", "county-xiangcheng")
    assert [row["reviewer"] for row in asked] == ["xiangcheng"]
    assert office.json("review", "list", "--as", "county-longhai") == []
    office.told("review", "reply", asked[0]["request"], "--as", "county-xiangcheng")
    desk.pass_gate()
    desk.request(ReviewerKind.BUREAU)
    waiting = office.json("review", "list")
    labels = {row["labels"] for row in waiting if "service_fee" in row["facts"]}
    assert labels == {"事项发生日期、当年实际支付的算力服务费、省级未予补助"}
    asked = (waiting[0]["request"], "--as", f"bureau-{waiting[0]['reviewer']}")
    assert office.json("review", "hand-on", *asked, "--to", asked[2]) == {"handed_on": 1, "to": asked[2]}
    assert "只能交给本单位" in office.told("review", "hand-on", *asked, "--to", "county-longhai", code=1)
    refused = ["review", "reply", waiting[0]["request"], "--refuse", "--as", f"bureau-{waiting[0]['reviewer']}"]
    assert "理由" in office.told(*refused, code=1)
    office.told("review", "override", waiting[0]["request"], "--as", "operator", "--reason", "两次催办未回复")
    finish_work(office)
    office.told("gate", "override", "--as", "operator", "--reason", "其余同样未回复")
    assert office.json("review", "list") == []
    assert office.json("gate", "show")["open"] is True


def test_a_frozen_list_is_shown_and_compared(office: Office) -> None:
    frozen(office)
    shown = office.json("list", "show")
    assert shown["version"] == 1
    assert [(line["outcome"], line["amount_yuan"]) for line in shown["entries"]] == [("award", "100000.00")]
    assert office.json("list", "diff", "1", "1") == []
    assert "没有第 2 版" in office.told("list", "show", "--version", "2", code=1)


def test_freezing_the_same_again_makes_no_new_version(office: Office) -> None:
    frozen(office)
    assert office.json("list", "freeze", "--as", "operator")["version"] == 1


def test_a_ledger_is_imported_once_and_bad_rows_are_listed(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "ledger.csv"
    write_table(file, LEDGER, [GRANT, ["L2", *GRANT[1:5], "八万", *GRANT[6:]]])
    command = ("ledger", "import", str(file), "--level", "province", "--as", "operator")
    first = office.json(*command, code=1)
    assert (first["added"], len(first["problems"])) == (1, 1)
    assert "八万" in first["problems"][0]["sentence"]
    again = office.json(*command, code=1)
    assert (again["added"], again["known_file"]) == (0, True)
    assert "以前导入过" in office.told(*command, code=1)


def test_findings_wait_for_a_decision_with_a_reason(office: Office, tmp_path: Path) -> None:
    desk = office.desk
    desk.open_intake()
    desk.submit()
    file = tmp_path / "ledger.csv"
    write_table(file, LEDGER, [["L1", GRANT[1], "", GRANT[3], "", *GRANT[5:]]])
    office.told("ledger", "import", str(file), "--level", "province", "--as", "operator")
    desk.to_matching()
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    open_ones = office.json("finding", "list")
    assert [row["counterpart"] for row in open_ones] == ["省级台账 L1（2025）"]
    decide = ("finding", "decide", open_ones[0]["finding"], "--distinct", "--as", "operator")
    assert "--reason" in office.told(*decide, code=2)
    assert office.json(*decide, "--reason", "合同不同")["verdict"] == "distinct"
    assert office.json("finding", "list") == []


def test_a_supplement_is_asked_for_and_answered_by_number(office: Office) -> None:
    desk = office.desk
    desk.open_intake()
    desk.submit()
    office.desk.clock.instant = desk.clock.instant + timedelta(days=60)
    desk.pass_gate()
    number = office.json("application", "list")[0]["number"]
    office.told("application", "supplement", number, "--remarks", "请补发票", "--as", "operator")
    assert office.json("application", "list")[0]["status"] == "supplement"
    answer = ("application", "answer", number, "--answer", "已补", "--as", "operator")
    assert "不是有效的邮箱" in office.told(*answer, "--contact", "联系邮箱=无", code=1)
    office.told(*answer, "--contact", "联系邮箱=new@example.invalid", "--contact", "bank_name=新银行", "--papers")
    application = desk.session.exec(select(Application).execution_options(populate_existing=True)).one()
    assert (application.contact_email, application.bank_name) == ("new@example.invalid", "新银行")
    assert office.json("application", "list")[0]["status"] == "submitted"
    assert "没有受理编号" in office.told("application", "withdraw", "无", "--reason", "x", "--as", "operator", code=1)


def test_an_account_is_corrected_by_number(office: Office) -> None:
    office.desk.open_intake()
    office.desk.submit()
    number = office.json("application", "list")[0]["number"]
    given = ("--bank-name", "新银行", "--bank-account", "6200000000000000009", "--as", "operator")
    assert "收款账户已更正" in office.told("application", "account", number, *given)
    application = office.desk.session.exec(select(Application).execution_options(populate_existing=True)).one()
    assert (application.bank_name, application.bank_account) == ("新银行", "6200000000000000009")


def test_the_guide_is_written_by_command(office: Office) -> None:
    written = office.json("document", "write", "guide", "--as", "operator")
    assert [row["format"] for row in written] == ["html", "docx", "pdf"]
    assert all(Path(row["path"]).is_file() for row in written)
    assert "payment_list" in office.told("document", "write", "nothing", "--as", "operator", code=1)


def test_a_letter_is_numbered_by_command_and_its_number_voided(office: Office, tmp_path: Path) -> None:
    desk = office.desk
    desk.open_intake()
    desk.submit()
    desk.clock.instant += timedelta(days=60)
    desk.pass_gate()
    number = office.json("application", "list")[0]["number"]
    office.told("application", "supplement", number, "--remarks", "请补发票", "--as", "operator")
    written = office.json("document", "write", "supplement_notice", "--about", "all", "--as", "operator")
    assert [Path(row["path"]).name for row in written] == [f"补正通知书-{number}.{form}" for form in PAGE_FORMATS]
    (registered,) = office.json("document", "numbers")
    assert (registered["number"][:5], registered["about"]) == ("漳工信补〔", number)
    office.told("document", "void", str(registered["id"]), "--reason", "不发", "--as", "operator")
    assert office.json("document", "numbers")[0]["void_reason"] == "不发"
    office.told("document", "preview", "supplement_notice", "--out", str(tmp_path / "样张"))
    assert len(list((tmp_path / "样张").iterdir())) == 3


def test_the_audit_chain_is_verified_and_a_change_is_found(office: Office) -> None:
    whole = office.json("audit", "verify")
    assert (whole["problems"], whole["entries"] > 0) == ([], True)
    with office.desk.engine.begin() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            connection.exec_driver_sql(f'DROP TRIGGER "{name}"')
        connection.exec_driver_sql("UPDATE auditentry SET actor = 'somebody' WHERE seq = 2")
    assert "第 2 号" in office.told("audit", "verify", code=1)
