"""A ledger file into the record: corrected rows, numbers used twice, rows without an amount, the same file again."""

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from models import ImportFile, LedgerCorrection, LedgerEntry, LedgerLevel
from services.award import computation
from services.enterprise import enterprises
from services.errors import InputError
from services.grants import ledger
from services.law import policies
from services.tables import write_csv
from tests.desk import CODE, OTHER_CODE, POLICY, Desk

HEADER = "台账编号,企业名称,统一社会信用代码,项目名称,发票号码,金额（元）,年度"
NAME = "漳州示例云帆科技有限公司"
GOOD = f"L1,漳州示例云帆科技有限公司,{CODE},算力,25352000000000000017,100000,2024"


def bring(desk: Desk, folder: Path, *rows: str) -> ImportFile:
    path = folder / "台账.csv"
    path.write_text("\n".join([HEADER, *rows]) + "\n", encoding="utf-8")
    return ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.CITY)


def bring_award(desk: Desk, folder: Path, code: str, policy: str, measure: str, name: str = NAME) -> ImportFile:
    row = f"Z1,{name},{code},上年,,50000,2024,{policy},{measure}"
    path = folder / "市级.csv"
    path.write_text(f"{HEADER},政策编号,措施编号\n{row}\n", encoding="utf-8")
    return ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.CITY)


@pytest.mark.parametrize(
    ("code", "policy", "measure", "value", "cause", "remedy"),
    [
        ("", POLICY, "new-enterprise", "", "没有统一社会信用代码，按名称也找不到唯一的单位", "请补填或更正代码"),
        (CODE[:-1] + "Y", POLICY, "new-enterprise", CODE[:-1] + "Y", "校验码不符", "请补填或更正代码"),
        (CODE, "", "new-enterprise", "", "写了措施编号，没有写政策编号", f"已开立年度的政策：{POLICY}"),
        (CODE, "zhangzhou-ai-2042", "new-enterprise", "zhangzhou-ai-2042", f"是否想写“{POLICY}”", "请核对政策编号"),
        (CODE, POLICY, "new-entreprise", "new-entreprise", "是否想写“new-enterprise”", "compute-purchase（"),
        (CODE, POLICY, "", "", "没有写措施编号", "请填写下列措施编号之一"),
    ],
)
def test_what_keeps_a_citys_award_out_of_later_years_is_told_and_the_row_is_taken(
    desk: Desk, tmp_path: Path, code: str, policy: str, measure: str, value: str, cause: str, remedy: str
) -> None:
    record = bring_award(desk, tmp_path, code, policy, measure)
    told = record.problems[-1]
    assert (told["row"], told["value"]) == (2, value)
    assert cause in told["cause"] and remedy in told["remedy"]
    assert told["remedy"].endswith("以后年度不把它算作这个单位历年已获的奖补")
    assert entries(desk) == {"Z1": 5_000_000}


@pytest.mark.parametrize("name", [NAME, "漳州旧名示例有限公司"])
def test_an_award_without_a_code_is_that_of_the_one_enterprise_of_the_name(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    desk.open_intake()
    desk.submit()
    if name != NAME:
        enterprises.add_former_name(*desk.at, desk.operator, uscc=CODE, name=name)
    record = bring_award(desk, tmp_path, "", POLICY, "new-enterprise", name)
    assert record.problems == []
    assert f"没有填写信用代码，按名称“{name}”认作 {CODE}" in [note["cause"] for note in record.notes]
    (past,) = computation.history(desk.session, desk.cycle, policies.policy_of(desk.session, desk.cycle))
    assert (past["uscc"], past["measure"], past["amount_fen"]) == (CODE, "new-enterprise", 5_000_000)


def test_a_name_that_two_enterprises_have_is_nobodys(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    desk.submit()
    desk.submit(uscc=OTHER_CODE, enterprise=NAME, invoices="")
    record = bring_award(desk, tmp_path, "", POLICY, "new-enterprise")
    assert "找不到唯一的单位" in record.problems[-1]["cause"]


def test_a_grant_that_names_neither_a_measure_nor_a_policy_needs_none_of_it(desk: Desk, tmp_path: Path) -> None:
    assert bring(desk, tmp_path, GOOD.replace(CODE, "")).problems == []


def entries(desk: Desk) -> dict[str, int]:
    return {entry.ledger_id: entry.amount_fen for entry in desk.session.exec(select(LedgerEntry))}


def test_a_corrected_row_is_told_kept_and_used(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, GOOD)
    record = bring(desk, tmp_path, GOOD.replace("100000", "120000"), GOOD.replace("L1", "L2"))
    assert (record.rows_added, record.rows_changed, record.rows_known) == (1, 1, 0)
    (note,) = record.notes
    assert (note["row"], note["value"]) == (2, "L1")
    assert "金额（元）原为“100000.00”，现为“120000.00”" in note["cause"]
    assert entries(desk) == {"L1": 12_000_000, "L2": 10_000_000}
    kept = desk.session.exec(select(LedgerCorrection)).one()
    assert (kept.before, kept.after) == ({"amount_fen": 10_000_000}, {"amount_fen": 12_000_000})


AWARD = f"{POLICY},compute-purchase,HT-2024-001,2024-01-01"
FULL = f"{HEADER},政策编号,措施编号,合同编号,period_from"


def bring_city(desk: Desk, folder: Path, header: str, row: str) -> ImportFile:
    path = folder / "市级.csv"
    path.write_text(f"{header}\n{row}\n", encoding="utf-8")
    return ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.CITY)


@pytest.mark.parametrize("code", [CODE, ""])
def test_what_a_later_sheet_has_no_column_for_stays_as_it_was(desk: Desk, tmp_path: Path, code: str) -> None:
    bring_city(desk, tmp_path, FULL, f"{GOOD},{AWARD}")
    record = bring_city(desk, tmp_path, HEADER, GOOD.replace(CODE, code))
    assert (record.rows_added, record.rows_changed, record.rows_known) == (0, 0, 1)
    record = bring_city(desk, tmp_path, HEADER, GOOD.replace("100000", "120000"))
    assert record.rows_changed == 1
    entry = desk.session.exec(select(LedgerEntry)).one()
    assert (entry.policy_id, entry.measure, entry.contracts) == (POLICY, "compute-purchase", "HT-2024-001")
    assert (entry.uscc, entry.amount_fen, entry.facts) == (CODE, 12_000_000, {"period_from": "2024-01-01"})


def test_an_empty_cell_of_a_column_that_is_there_empties_it(desk: Desk, tmp_path: Path) -> None:
    bring_city(desk, tmp_path, FULL, f"{GOOD},{AWARD}")
    assert bring_city(desk, tmp_path, FULL, f"{GOOD},{POLICY},compute-purchase,,").rows_changed == 1
    entry = desk.session.exec(select(LedgerEntry)).one()
    assert (entry.contracts, entry.facts, entry.measure) == ("", {}, "compute-purchase")


def test_the_earlier_file_again_takes_a_wrong_correction_back(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, GOOD)
    bring(desk, tmp_path, GOOD.replace("100000", "120000"))
    assert bring(desk, tmp_path, GOOD).rows_changed == 1
    assert entries(desk) == {"L1": 10_000_000}
    again = bring(desk, tmp_path, GOOD)
    assert (again.attempt, again.rows_changed) == (2, 1)  # nothing came after it: the import of before is shown


PERIODS = f"{HEADER},政策编号,措施编号,period_from,period_to"
OPERATION = f"{POLICY},annotation-operation"


def test_a_fact_that_later_years_cannot_read_is_listed_and_left_out_and_the_row_is_taken(
    desk: Desk, tmp_path: Path
) -> None:
    record = bring_city(desk, tmp_path, PERIODS, f"{GOOD},{OPERATION},2024年上半年,2024-06-30")
    (told,) = record.problems
    assert (told["row"], told["column"], told["value"]) == (2, "period_from", "2024年上半年")
    assert told["cause"].startswith("业务额统计起日不是日期") and "这一格没有采用" in told["remedy"]
    assert desk.session.exec(select(LedgerEntry)).one().facts == {"period_to": "2024-06-30"}
    (past,) = computation.history(desk.session, desk.cycle, policies.policy_of(desk.session, desk.cycle))
    assert past["period_to"] == date(2024, 6, 30)


def test_a_fact_that_cannot_be_read_does_not_take_the_place_of_one_that_could(desk: Desk, tmp_path: Path) -> None:
    bring_city(desk, tmp_path, PERIODS, f"{GOOD},{OPERATION},2024-01-01,2024-06-30")
    record = bring_city(desk, tmp_path, PERIODS, f"{GOOD},{OPERATION},45000,2024-12-31")
    assert (len(record.problems), record.rows_changed) == (1, 1)
    facts = desk.session.exec(select(LedgerEntry)).one().facts
    assert facts == {"period_from": "2024-01-01", "period_to": "2024-12-31"}


def test_entries_of_before_that_cannot_be_read_are_all_named_and_emptying_them_helps(
    desk: Desk, tmp_path: Path
) -> None:
    bring_city(desk, tmp_path, PERIODS, f"{GOOD},{OPERATION},2024-01-01,2024-06-30")
    entry = desk.session.exec(select(LedgerEntry)).one()
    entry.facts = {"period_from": "2024年上半年", "period_to": "45000"}
    desk.session.commit()
    law = policies.policy_of(desk.session, desk.cycle)
    with pytest.raises(InputError, match="有 2 格读不出") as refusal:
        computation.history(desk.session, desk.cycle, law)
    assert f"L1（{NAME}）的 period_from 列业务额统计起日“2024年上半年”不是日期" in str(refusal.value)
    bring_city(desk, tmp_path, PERIODS, f"{GOOD},{OPERATION},,")
    (past,) = computation.history(desk.session, desk.cycle, law)
    assert "period_from" not in past


def test_what_was_kept_of_a_correction_cannot_be_changed(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, GOOD)
    bring(desk, tmp_path, GOOD.replace("100000", "120000"))
    desk.session.exec(select(LedgerCorrection)).one().before = {}
    with pytest.raises(DatabaseError, match="append-only"):
        desk.session.commit()
    desk.session.rollback()


def test_a_number_of_another_enterprise_is_a_problem_and_overwrites_nothing(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, GOOD)
    record = bring(desk, tmp_path, f"L1,漳州别家科技有限公司,{OTHER_CODE},别的,,700,2024")
    (told,) = record.problems
    assert "已是另一单位的：漳州示例云帆科技有限公司" in told["cause"] and "100000.00 元，2024 年" in told["cause"]
    assert told["remedy"].endswith("该行没有导入")
    assert entries(desk) == {"L1": 10_000_000}


def test_the_same_rows_in_another_file_are_known(desk: Desk, tmp_path: Path) -> None:
    bring(desk, tmp_path, GOOD)
    record = bring(desk, tmp_path, GOOD, GOOD.replace("L1", "L2"))
    assert (record.rows_added, record.rows_changed, record.rows_known) == (1, 0, 1)


@pytest.mark.parametrize("amount", ["-5", "约十万"])
def test_a_row_without_a_readable_amount_says_that_it_was_not_taken(desk: Desk, tmp_path: Path, amount: str) -> None:
    record = bring(desk, tmp_path, GOOD.replace("100000", amount))
    (told,) = record.problems
    assert told["value"] == amount and told["remedy"].endswith("该行没有导入")
    assert entries(desk) == {}


def test_a_code_in_another_spelling_is_noted_and_kept_in_its_own(desk: Desk, tmp_path: Path) -> None:
    record = bring(desk, tmp_path, GOOD.replace(CODE, CODE.lower()))
    assert [note["cause"] for note in record.notes] == [f"“{CODE.lower()}”读作 {CODE}"]
    assert desk.session.exec(select(LedgerEntry)).one().uscc == CODE


def test_a_grant_that_has_another_number_already_is_told(desk: Desk, tmp_path: Path) -> None:
    """A file that numbers its rows anew: an invoice makes both certain, and both would be deducted."""
    headings = ["台账编号", "企业名称", "统一社会信用代码", "项目名称", "发票号码", "金额（元）", "年度"]
    row = ["漳州示例云帆科技有限公司", CODE, "示例算力", "25352000000000000017", "40000", "2025"]

    def bring(*rows: list[str]) -> ImportFile:
        path = tmp_path / f"{rows[0][0]}.csv"
        write_csv(path, headings, rows)
        return ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.PROVINCE)

    assert bring(["P1", *row], ["P2", *row[:4], "50000", "2025"], ["P3", *row[:4], "40000", "2024"]).notes == []
    again = bring(["Q1", *row], ["Q2", *row], ["Q3", *row[:3], "", *row[4:]])
    assert (again.rows_added, again.problems) == (3, [])
    assert [(note["row"], note["cause"]) for note in again.notes] == [
        (2, "与编号“P1”的单位、年度、发票号码、金额都相同"),
        (3, "与编号“P1”的单位、年度、发票号码、金额都相同"),
    ]
    assert bring(["Q1", *row[:4], "0", "2025"]).rows_changed == 1
