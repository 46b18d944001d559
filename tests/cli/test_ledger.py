"""`duixian ledger match`: the contract of its files, its JSON, its exit codes, and its quick start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter
from typer.testing import CliRunner, Result

from cli.ledger import app
from config.settings import ROOT
from services.tables import read_workbook, write_table

CODE, OTHER = "91350600MA0000001H", "91350600MA0000002L"
APPLICATION = ["application_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year"]
LEDGER = ["ledger_id", *APPLICATION[1:], "level"]
ITEM = ["漳州示例科技有限公司", CODE, "视觉质检", "24352000000012345678;3500211130-01234567", "120000", "2025"]
EARLIER = ["漳州示例科技有限公司", CODE, "算力采购", "24352000000099999999", "50000", "2024", "city"]
STRANGER = ["福建别家智能有限公司", OTHER, "乙", "350021113001234567", "7", "2025", "province"]


def run(folder: Path, *options: str, suffix: str = ".csv") -> Result:
    arguments = ["match", "--applications", str(folder / f"a{suffix}"), "--ledger", str(folder / f"l{suffix}")]
    return CliRunner().invoke(app, [*arguments, "--out", str(folder / f"out{suffix}"), *options])


def write(folder: Path, *applications: list[str], suffix: str = ".csv") -> None:
    write_table(folder / f"a{suffix}", APPLICATION, applications)
    write_table(folder / f"l{suffix}", LEDGER, [["L1", *ITEM, "city"], ["L2", *EARLIER], ["L3", *STRANGER]])


def rows(path: Path) -> list[dict[str, object]]:
    return read_workbook(path).table().frame.to_dicts()


@pytest.mark.parametrize("suffix", [".csv", ".xlsx"])
def test_findings_follow_the_contract(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, ["A1", *ITEM], suffix=suffix)
    result = run(tmp_path, suffix=suffix)
    assert result.exit_code == 0, result.output
    findings = rows(tmp_path / f"out{suffix}")
    columns = ["application_id", "ledger_id", "kind", "score", "certainty", "evidence"]
    assert read_workbook(tmp_path / f"out{suffix}").table().columns == columns
    assert [(row["ledger_id"], row["kind"], row["certainty"]) for row in findings] == [
        ("L1", "same_item", "certain"),
        ("L2", "same_enterprise", "certain"),
        ("L3", "same_item", "review"),
    ]
    assert all(0 <= float(str(row["score"])) <= 1 for row in findings)
    assert "3500211130-01234567" in str(findings[2]["evidence"])
    assert not (tmp_path / f"out{suffix}.errors.csv").exists()


def test_a_sheet_a_year_of_the_ledger_is_matched_whole(tmp_path: Path) -> None:
    write_table(tmp_path / "a.xlsx", APPLICATION, [["A1", *ITEM]])
    with xlsxwriter.Workbook(str(tmp_path / "l.xlsx")) as book:
        for name, row, more in (("2024", ["L1", *ITEM, "city"], []), ("2025", ["L2", *EARLIER], ["合同编号"])):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, [*LEDGER, *more])
            sheet.write_row(1, 0, row)
    assert json.loads(run(tmp_path, "--json", suffix=".xlsx").output)["ledger"] == 2
    assert {row["ledger_id"] for row in rows(tmp_path / "out.xlsx")} == {"L1", "L2"}


def test_counties_in_names_are_known_by_the_policy(tmp_path: Path) -> None:
    write(tmp_path, ["A1", "芗城宏图智能有限公司", "", "视觉质检平台", "", "123456.78", "2025"])
    theirs = ["L1", "宏图智能有限公司", "", "视觉质检平台", "", "123456.78", "2025", "city"]
    write_table(tmp_path / "l.csv", LEDGER, [theirs])
    told = "企业名称除地区和组织形式外相同"
    for options, known in (((), False), (("--policy", "zhangzhou-ai-2024"), True)):
        assert run(tmp_path, *options).exit_code == 0
        (finding,) = rows(tmp_path / "out.csv")
        assert (told in str(finding["evidence"])) is known


def test_json_counts_what_was_found(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM])
    summary = json.loads(run(tmp_path, "--json").stdout)
    expected = {"applications": 1, "ledger": 3, "same_item": 2, "certain": 1, "review": 1, "same_enterprise": 1}
    assert {key: summary[key] for key in expected} == expected
    assert summary["problems"] == 0 and summary["errors"] is None


def test_bad_rows_are_listed_and_good_rows_go_on(tmp_path: Path) -> None:
    bad = ["A2", "漳州示例科技有限公司", CODE[:-1] + "K", "视觉质检", "", "abc", "2025"]
    write(tmp_path, ["A1", *ITEM], bad, ["", *ITEM])
    result = run(tmp_path)
    assert result.exit_code == 1
    assert {row["application_id"] for row in rows(tmp_path / "out.csv")} == {"A1", "A2"}
    errors = rows(tmp_path / "out.csv.errors.csv")
    assert [(row["row"], row["column"], row["value"]) for row in errors] == [
        ("3", "uscc", CODE[:-1] + "K"),
        ("3", "amount_yuan", "abc"),
        ("4", "application_id", ""),
    ]
    assert list(errors[0])[:4] == ["row", "column", "value", "cause"]
    assert "共 3 个问题" in result.stdout


def test_a_list_of_errors_of_an_earlier_run_does_not_stay(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM], ["", *ITEM])
    assert run(tmp_path).exit_code == 1
    write(tmp_path, ["A1", *ITEM])
    assert run(tmp_path).exit_code == 0
    assert not (tmp_path / "out.csv.errors.csv").exists()


def test_odd_writings_are_read_and_listed_as_notices(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM[:4], "12万", "2025"])
    result = run(tmp_path)
    assert result.exit_code == 0
    (notice,) = rows(tmp_path / "out.csv.notices.csv")
    assert (notice["value"], notice["cause"]) == ("12万", "“12万”读作 120000.00 元")
    assert "金额相同（120000.00 元，" in str(rows(tmp_path / "out.csv")[0]["evidence"])


def test_a_missing_column_is_named_and_nothing_is_written(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM])
    (tmp_path / "a.csv").write_text("application_id,enterprise\nA1,甲\n", encoding="utf-8")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "缺少“项目名称”（project）列" in result.stdout and "没有比对" in result.stdout
    assert not (tmp_path / "out.csv").exists()


def test_what_is_no_table_is_a_sentence_and_exit_1(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM])
    (tmp_path / "a.csv").write_bytes(b"%PDF-1.7")
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "「a.csv」是 PDF 文件" in result.stderr


def test_wrong_use_is_exit_2(tmp_path: Path) -> None:
    assert run(tmp_path).exit_code == 2  # no such files
    write(tmp_path, ["A1", *ITEM])
    options = ["--applications", str(tmp_path / "a.csv"), "--ledger", str(tmp_path / "l.csv")]
    assert CliRunner().invoke(app, ["match", *options]).exit_code == 2  # no --out
    assert CliRunner().invoke(app, ["match", *options, "--out", str(tmp_path / "no" / "o.csv")]).exit_code == 2


def test_former_names_are_used(tmp_path: Path) -> None:
    write(tmp_path, ["A1", *ITEM])
    entry = ["L1", "漳州旧名科技有限公司", "", *ITEM[2:3], "", *ITEM[4:], "city"]
    write_table(tmp_path / "l.csv", LEDGER, [entry])
    names = tmp_path / "names.csv"
    write_table(names, ["uscc", "enterprise", "former_name"], [[CODE, ITEM[0], "漳州旧名科技有限公司"]])
    assert run(tmp_path).exit_code == 0 and rows(tmp_path / "out.csv") == []
    assert run(tmp_path, "--former-names", str(names)).exit_code == 0
    assert "按曾用名记录是同一企业" in str(rows(tmp_path / "out.csv")[0]["evidence"])


def test_help_is_chinese_and_nothing_slow_is_loaded_for_it() -> None:
    program = (
        "import sys; from typer.testing import CliRunner; from cli.ledger import app;"
        "result = CliRunner().invoke(app, ['match', '--help']); assert '比对申报与台账' in result.output;"
        "slow = {'prefect', 'polars', 'sqlmodel'} & set(sys.modules); assert not slow, slow"
    )
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True)
