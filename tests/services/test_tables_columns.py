"""Headings: two rows in CSV, unclear headers, other writings, renamed, missing and doubled columns; and writing."""

from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest

from services.tables import (
    ColumnMatch,
    RowProblem,
    TableError,
    Workbook,
    match_columns,
    read_workbook,
    safe_for_people,
    write_csv,
    write_problems,
    write_table,
)

EXPECTED = {
    "enterprise": ["企业名称", "单位名称"],
    "amount_yuan": ["金额（元）"],
    "invoices": ["发票号码"],
}


def read(folder: Path, text: str, known: Sequence[str] = ()) -> Workbook:
    path = folder / "表.csv"
    path.write_text(text, encoding="utf-8")
    return read_workbook(path, known)


def matched(folder: Path, header: str, optional: frozenset[str] = frozenset()) -> ColumnMatch:
    sheet = read(folder, f"{header}\n{','.join('1' * (header.count(',') + 1))}\n").table()
    return match_columns(sheet, EXPECTED, optional)


def test_a_two_row_header_without_merges_is_joined(tmp_path: Path) -> None:
    text = "汇总表,,,,\n单位：元,,,,\n序号,企业信息,,金额,备注\n,名称,代码,,\n1,甲,91,5,\n"
    sheet = read(tmp_path, text).table()
    assert sheet.columns == ["序号", "企业信息-名称", "企业信息-代码", "金额", "备注"]
    assert sheet.frame.rows() == [("1", "甲", "91", "5", "", 5)]


@pytest.mark.parametrize(
    "text",
    [
        "企业,,金额,\n名称,代码,申报,核定\n甲,乙,3,3\n",  # all groups: could be a row of data under unnamed columns
        "序号,企业,,金额\n,,代码,\n1,甲,乙,3\n",  # 代码 belongs to 企业, but 企业's own column has no second heading
    ],
)
def test_an_unclear_two_row_header_is_refused_with_a_sentence(tmp_path: Path, text: str) -> None:
    workbook = read(tmp_path, text)
    assert workbook.sheets == []
    (problem,) = workbook.problems
    assert "像两行表头" in problem.sentence() and "请把表头改成一行" in problem.sentence()
    with pytest.raises(TableError, match="没有可用的工作表（像两行表头"):
        workbook.table()


def test_known_headings_settle_where_the_header_is(tmp_path: Path) -> None:
    text = "说明,内容,日期\n请勿改动,表头,今天\n企业名称,金额（元）,发票号码\n甲,5,1\n"
    assert read(tmp_path, text).table().header_row == 1
    assert read(tmp_path, text, ["企业名称", "金额（元）", "发票号码"]).table().header_row == 3


def test_no_header_at_all_is_a_sentence(tmp_path: Path) -> None:
    (problem,) = read(tmp_path, "1,2,3\n4,5,6\n").problems
    assert "找不到表头" in problem.cause


@pytest.mark.parametrize(
    "header", ["企业名称,金额（元）,发票号码", "单位 名称＊,金额(元),发票号 码", "enterprise,amount_yuan,Invoices"]
)
def test_headings_in_other_writings_are_the_same_columns(tmp_path: Path, header: str) -> None:
    found = matched(tmp_path, header)
    assert found.problems == []
    assert list(found.columns) == ["enterprise", "amount_yuan", "invoices"]


def test_the_last_part_of_a_two_row_heading_suffices_where_it_is_unique(tmp_path: Path) -> None:
    sheet = read(tmp_path, "序号,申报信息,,备注\n,企业名称,发票号码,\n1,甲,5,\n").table()
    found = match_columns(sheet, {"enterprise": ["企业名称"], "invoices": ["发票号码"]})
    assert found.columns == {"enterprise": "申报信息-企业名称", "invoices": "申报信息-发票号码"}


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    (problem,) = matched(tmp_path, "企业名称,金额（元）").problems
    assert problem.sentence() == "「表.csv」第 1 行「发票号码」列：缺少“发票号码”列；请补上“发票号码”列。"


def test_a_missing_column_has_its_name_where_the_others_are_called_by_theirs(tmp_path: Path) -> None:
    (problem,) = matched(tmp_path, "enterprise,amount_yuan").problems
    assert problem.cause == "缺少“发票号码”（invoices）列"


def test_a_renamed_column_is_offered_but_not_taken(tmp_path: Path) -> None:
    found = matched(tmp_path, "企业名称,金额（万元）,发票号码")
    assert "amount_yuan" not in found.columns
    assert "最接近的表头是“金额（万元）”" in found.problems[0].cause
    assert "单位是否一致" in found.problems[0].remedy


def test_an_optional_column_may_be_missing_but_not_misspelt(tmp_path: Path) -> None:
    optional = frozenset({"invoices"})
    assert matched(tmp_path, "企业名称,金额（元）,备注", optional).problems == []
    assert "最接近" in matched(tmp_path, "企业名称,金额（元）,发票编号", optional).problems[0].cause


@pytest.mark.parametrize(
    ("header", "cause"),
    [
        ("企业名称,企业名称,金额（元）,发票号码", "A、B 列都叫“企业名称”"),
        ("企业名称,单位名称,金额（元）,发票号码", "“企业名称”、“单位名称”是同一个意思"),
    ],
)
def test_a_doubled_column_is_refused(tmp_path: Path, header: str, cause: str) -> None:
    found = matched(tmp_path, header)
    assert "enterprise" not in found.columns
    assert [problem.cause.split("，")[0] for problem in found.problems] == [cause]


def test_a_doubled_column_that_nobody_needs_is_no_problem(tmp_path: Path) -> None:
    assert matched(tmp_path, "企业名称,金额（元）,发票号码,备注,备注").problems == []


def test_written_csv_opens_in_excel_and_reads_back(tmp_path: Path) -> None:
    path = tmp_path / "结果.csv"
    rows = [["漳州甲,公司", Decimal("100000.00"), None], ['引"号', -5, "第一行\n第二行"]]
    write_csv(path, ["企业", "金额", "备注"], rows)
    assert path.read_bytes().startswith("\ufeff企业,金额,备注\r\n".encode())
    assert [row[:-1] for row in read_workbook(path).table().frame.rows()] == [
        ("漳州甲,公司", "100000.00", ""),
        ('引"号', "-5", "第一行\n第二行"),
    ]


def test_written_xlsx_keeps_codes_as_text_and_amounts_as_numbers(tmp_path: Path) -> None:
    path = tmp_path / "结果.xlsx"
    rows = [["=1+1", 24352000000012345678, Decimal("1234.50"), "0012"]]
    write_table(path, ["企业", "发票", "金额", "编号"], rows)
    workbook = read_workbook(path)
    assert workbook.problems == []
    assert workbook.table().frame.rows() == [("=1+1", "24352000000012345678", "1234.5", "0012", 2)]


@pytest.mark.parametrize("text", ["=cmd|' /C calc'!A0", "+86 596", "-甲", "@SUM(A1)", "\t=1"])
def test_others_formulas_are_not_run_in_files_for_people(tmp_path: Path, text: str) -> None:
    assert safe_for_people(text) == "'" + text
    path = tmp_path / "问题.csv"
    write_problems(path, [RowProblem("a.csv", "", 2, "企业", text, "原因", "办法")])
    assert f"'{text}" in path.read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("text", ["-5", "+1,234.50", "-12.5%", "甲=乙", ""])
def test_numbers_and_plain_text_stay_as_they_are(text: str) -> None:
    assert safe_for_people(text) == text


def test_problem_files_have_the_contracts_columns(tmp_path: Path) -> None:
    path = tmp_path / "out.csv.errors.csv"
    write_problems(path, [RowProblem("申报.xlsx", "表一", 3, "金额", "abc", "不是数字", "请改正")])
    header, row = path.read_text(encoding="utf-8-sig").splitlines()
    assert header == "row,column,value,cause,remedy,file,sheet"
    assert row == "3,金额,abc,不是数字,请改正,申报.xlsx,表一"


def test_a_problem_is_one_sentence() -> None:
    problem = RowProblem("申报.xlsx", "表一", 3, "金额", "abc", "不是数字", "请改正")
    assert problem.sentence() == "「申报.xlsx」工作表「表一」第 3 行「金额」列的值“abc”：不是数字；请改正。"
