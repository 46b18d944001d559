"""`duixian award`: the contract of explain and compute, good input and bad."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
import xlsxwriter
from python_calamine import load_workbook
from typer.testing import CliRunner, Result

from cli.award import app

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = ROOT / "tests" / "policy" / "made_up"
runner = CliRunner()


def explain(policy: str, measure: str, *facts: str, more: tuple[str, ...] = ("--json",)) -> Result:
    given = [part for fact in facts for part in ("--fact", fact)]
    return runner.invoke(app, ["explain", "--policy", str(MADE_UP / policy), "--measure", measure, *given, *more])


def test_explain_gives_amount_reason_clause_and_quoted_steps() -> None:
    result = explain("percentage-cap", "equipment", "investment=500000")
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert (data["outcome"], data["amount_yuan"], data["clause"]) == ("award", "75000.00", "第一条")
    assert data["reason"] == "符合规定条件，奖补 75000.00元"
    assert [step["name"] for step in data["steps"]] == ["subsidy", "capped", "rounded"]
    assert {"name", "label", "value", "quote"} <= set(data["steps"][0])
    assert data["steps"][0]["quote"] == "按设备投资的15%补助，最高100万元。"


@pytest.mark.parametrize(
    ("measure", "facts", "outcome", "amount"),
    [
        ("centre", ["listed=是"], "referral", "0.00"),
        ("centre", ["listed=否"], "rejected", "0.00"),
        ("voucher", ["fee=100"], "case_by_case", "0.00"),
        ("purchase", ["fee=299999.99"], "award", "149999.00"),
    ],
)
def test_explain_has_the_four_outcomes(measure: str, facts: list[str], outcome: str, amount: str) -> None:
    data = json.loads(explain("referral-and-panel", measure, *facts).stdout)
    assert (data["outcome"], data["amount_yuan"]) == (outcome, amount)
    assert data["reason"]


def test_explain_takes_history_facts_and_chinese_names() -> None:
    data = json.loads(explain("rate-tables", "rent", "租金=100000", "benefit_year=2").stdout)
    assert data["amount_yuan"] == "40000.00"


def test_explain_takes_the_title_of_a_measure() -> None:
    assert explain("percentage-cap", "设备补助", "investment=12万").exit_code == 0
    assert "只有：equipment（设备补助）" in explain("percentage-cap", "贴息", "investment=12万").stderr


def test_explain_for_people_shows_each_step_with_its_clause() -> None:
    result = explain("percentage-cap", "equipment", "investment=12万", more=())
    assert "奖补　18000.00 元" in result.stdout
    assert "1. 按比例计算：18000.00　〔第一条：" in result.stdout
    assert "“12万”读作 120000.00 元" in result.stderr


@pytest.mark.parametrize(
    ("facts", "code", "message"),
    [
        (["investment=-1"], 1, "“设备投资额”（investment）的值“-1”是负数，请核对"),
        (["investment=abc"], 1, "“abc”不是数字"),
        ([], 1, "缺少“设备投资额”（investment），请补填"),
        (["investmnt=1"], 2, "没有事实“investmnt”，是否想写“investment”"),
        (["investment"], 2, "--fact 要写成 名称=值"),
        (["investment=1", "investment=2"], 2, "写了两次"),
    ],
)
def test_explain_of_bad_input(facts: list[str], code: int, message: str) -> None:
    result = explain("percentage-cap", "equipment", *facts)
    assert result.exit_code == code
    assert message in result.stderr
    assert result.stdout == ""


def test_explain_of_unknown_measure_or_policy_is_wrong_use(tmp_path: Path) -> None:
    assert "是否想写“equipment”" in explain("percentage-cap", "equipmet").stderr
    assert explain("percentage-cap", "equipmet").exit_code == 2
    assert explain("no-such-policy", "equipment").exit_code == 2


def test_explain_uses_the_year_given() -> None:
    facts = ("first=否", "recognised=是")
    amounts = [
        json.loads(explain("fixed-amounts", "newcomer", *facts, more=("--json", "--year", year)).stdout)["amount_yuan"]
        for year in ("2026", "2027")
    ]
    assert amounts == ["100000.00", "80000.00"]


HEADINGS = "application_id,uscc,enterprise,measure,rent,spend,level\n"
ROWS = """R1,91350699MA7XW0001X,甲公司,rent,100000,,
R2,91350699MA7XW00021,乙公司,rent,"1,000.50",,
R3,91350699MA7XW00034,丙公司,rent,一千,,
R4,91350699MA7XW00047,丁公司,research,,12万,
R5,91350699MA7XW0005A,戊公司,research,,,
R6,91350699MA7XW0006D,己公司,researc,,1,
R1,91350699MA7XW0001X,甲公司,rent,5,,
,91350699MA7XW0007G,庚公司,rent,5,,
R8,91350699MA7XW0008K,辛公司,laboratory,,,国家级
R9,91350699MA7XW0009N,壬公司,laboratory,,,县级
"""
HISTORY = """uscc,measure,year,amount_yuan
91350699MA7XW0001X,rent,2025,60000
91350699MA7XW00021,rent,2025,十
"""


def compute(folder: Path, *more: str, out: str = "out.csv", facts: str = "facts.csv") -> Result:
    files = ["--facts", str(folder / facts), "--out", str(folder / out)]
    return runner.invoke(app, ["compute", "--policy", str(MADE_UP / "rate-tables"), *files, *more])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "facts.csv").write_text(HEADINGS + ROWS, encoding="utf-8")
    (tmp_path / "history.csv").write_text(HISTORY, encoding="utf-8")
    return tmp_path


def test_compute_goes_on_past_bad_rows_and_lists_every_one(folder: Path) -> None:
    result = compute(folder, "--history", str(folder / "history.csv"), "--year", "2026")
    assert result.exit_code == 1
    results = rows_of(folder / "out.csv")
    assert list(results[0]) == [
        "application_id",
        "measure",
        "outcome",
        "amount_yuan",
        "reason",
        "clause",
        "explanation",
    ]
    assert [(row["application_id"], row["outcome"], row["amount_yuan"]) for row in results] == [
        ("R1", "award", "40000.00"),
        ("R2", "award", "600.00"),
        ("R4", "award", "6000.00"),
        ("R8", "award", "1000000.00"),
    ]
    errors = [(row["file"], row["row"], row["column"], row["value"]) for row in rows_of(folder / "out.csv.errors.csv")]
    assert errors == [
        ("history.csv", "3", "amount_yuan", "十"),
        ("facts.csv", "4", "rent", "一千"),
        ("facts.csv", "6", "spend", ""),
        ("facts.csv", "7", "measure", "researc"),
        ("facts.csv", "8", "application_id", "R1"),
        ("facts.csv", "9", "application_id", ""),
        ("facts.csv", "11", "level", "县级"),
    ]
    causes = [row["cause"] for row in rows_of(folder / "out.csv.errors.csv")]
    assert causes[1] == "不是数字，请只填阿拉伯数字"
    assert causes[2] == "缺少“研发投入”（spend），请补填"
    assert causes[3] == "没有这条措施，是否想写“research”"
    assert "共 7 行有问题" in result.stdout


def test_compute_tells_every_conversion(folder: Path) -> None:
    compute(folder, "--year", "2026")
    notices = [(row["row"], row["value"], row["cause"]) for row in rows_of(folder / "out.csv.notices.csv")]
    assert notices == [("3", "1,000.50", "“1,000.50”读作 1000.50 元"), ("5", "12万", "“12万”读作 120000.00 元")]


def test_compute_of_good_rows_exits_0_and_removes_old_lists(folder: Path) -> None:
    compute(folder)
    assert (folder / "out.csv.errors.csv").exists()
    (folder / "facts.csv").write_text(HEADINGS + "R1,91350699MA7XW0001X,甲公司,rent,100000,,\n", encoding="utf-8")
    result = compute(folder, "--json")
    assert result.exit_code == 0
    assert not (folder / "out.csv.errors.csv").exists()
    assert not (folder / "out.csv.notices.csv").exists()
    summary = json.loads(result.stdout)
    assert (summary["amount_yuan"], summary["outcomes"], summary["problems"]) == ("60000.00", {"award": 1}, 0)


def test_compute_writes_the_trail_as_json_lines(folder: Path) -> None:
    compute(folder, "--trail", str(folder / "trail.jsonl"), "--year", "2026")
    lines = [json.loads(line) for line in (folder / "trail.jsonl").read_text(encoding="utf-8").splitlines()]
    assert {line["application_id"] for line in lines} == {"R1", "R2", "R4", "R8"}
    first = next(line for line in lines if line["application_id"] == "R1")
    assert [step["name"] for step in first["steps"]] == ["rate", "subsidy", "rounded"]
    assert first["amount_yuan"] == "60000.00"


def test_compute_reads_and_writes_xlsx_with_chinese_headings_below_a_title(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "facts.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 4, "2025年度申报汇总表")
        sheet.write_row(1, 0, ["申请编号", "统一社会信用代码", "企业名称", "措施", "租金"])
        sheet.write_row(2, 0, ["R1", "91350699MA7XW0001X", "甲公司", "租金补助", 100000.5])
    result = compute(tmp_path, facts="facts.xlsx", out="out.xlsx")
    assert result.exit_code == 0, result.output
    rows = load_workbook(str(tmp_path / "out.xlsx")).get_sheet_by_index(0).to_python()
    assert rows[1][:4] == ["R1", "rent", "award", 60000.0]


def test_compute_refuses_a_workbook_of_which_two_sheets_have_rows_of_facts(tmp_path: Path) -> None:
    with xlsxwriter.Workbook(tmp_path / "facts.xlsx") as book:
        for name, more in (("上半年", []), ("下半年", ["企业名称"])):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, ["申请编号", "统一社会信用代码", "措施", "租金", *more])
            sheet.write_row(1, 0, ["R1", "91350699MA7XW0001X", "租金补助", 100000.5, *more])
    result = compute(tmp_path, facts="facts.xlsx", out="out.xlsx")
    assert result.exit_code == 1
    assert "有 2 个工作表（「上半年」、「下半年」），不能确定用哪一个" in result.stderr


def test_compute_takes_the_year_of_the_items(tmp_path: Path) -> None:
    text = (MADE_UP / "fixed-amounts" / "policy.yaml").read_text(encoding="utf-8")
    dated = "dated_by: item_date\ncommon_facts:\n  - {name: item_date, label: 事项日期, type: date}\nmeasures:\n"
    (tmp_path / "policy.yaml").write_text(text.replace("measures:\n", dated), encoding="utf-8")
    facts = "application_id,uscc,enterprise,measure,first,recognised,item_date\n"
    facts += "A,91350699MA7XW0001X,甲,newcomer,否,是,2026-05-01\n"
    (tmp_path / "facts.csv").write_text(facts, encoding="utf-8")
    files = ["--facts", str(tmp_path / "facts.csv"), "--out", str(tmp_path / "out.csv"), "--json"]
    result = runner.invoke(app, ["compute", "--policy", str(tmp_path), *files])
    assert json.loads(result.stdout)["year"] == 2026
    assert rows_of(tmp_path / "out.csv")[0]["amount_yuan"] == "100000.00"


def test_compute_without_a_needed_column_says_so(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text("application_id,rent\nR1,5\n", encoding="utf-8")
    result = compute(tmp_path)
    assert result.exit_code == 1
    assert "缺少列：measure" in result.stderr
    assert not (tmp_path / "out.csv").exists()


def test_compute_names_columns_that_no_measure_uses(folder: Path) -> None:
    (folder / "facts.csv").write_text(
        "application_id,uscc,enterprise,measure,rent,备注二\nR1,91350699MA7XW0001X,甲公司,rent,5,无\n", encoding="utf-8"
    )
    assert compute(folder).exit_code == 0
    assert [(row["row"], row["column"]) for row in rows_of(folder / "out.csv.notices.csv")] == [("1", "备注二")]


def test_compute_of_a_file_that_is_no_table_exits_1(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_bytes(b"%PDF-1.7 nothing")
    result = compute(tmp_path)
    assert result.exit_code == 1
    assert "facts.csv" in result.stderr


def test_compute_into_a_folder_that_does_not_exist_is_wrong_use(folder: Path) -> None:
    result = compute(folder, out="nowhere/out.csv")
    assert result.exit_code == 2
    assert "不存在" in result.stderr


@pytest.mark.parametrize("command", ["explain", "compute"])
def test_help_is_chinese(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert any("一" <= letter <= "鿿" for letter in result.stdout)


def test_explain_imports_neither_prefect_nor_the_database() -> None:
    code = (
        "import sys\nfrom typer.testing import CliRunner, Result\nfrom cli.award import app\n"
        f"given = ['explain', '--policy', {str(MADE_UP / 'percentage-cap')!r}, '--measure', 'equipment']\n"
        "assert CliRunner().invoke(app, [*given, '--fact', 'investment=1000']).exit_code == 0\n"
        "print(sorted({'prefect', 'sqlalchemy', 'fastapi', 'services'} & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert ran.stdout == "[]\n"


def test_a_measure_dated_by_its_own_period_takes_its_year_from_there() -> None:
    facts = ("turnover=1000000", "operation_start=2024-03-15", "period_from=2025-01-01", "period_to=2025-12-31")
    given = [part for fact in facts for part in ("--fact", fact)]
    result = runner.invoke(
        app, ["explain", "--policy", "zhangzhou-ai-2024", "--measure", "annotation-operation", *given, "--json"]
    )
    data = json.loads(result.stdout)
    assert (data["year"], data["outcome"], data["amount_yuan"]) == (2025, "award", "100000.00")


def test_a_credit_code_with_a_wrong_check_digit_is_told_and_still_computed(tmp_path: Path) -> None:
    (tmp_path / "facts.csv").write_text(
        "application_id,uscc,enterprise,measure,service_fee\nA1,91350699MA7XW0003X,示例企业,compute-purchase,200000\n",
        encoding="utf-8",
    )
    out = tmp_path / "out.csv"
    files = ["--facts", str(tmp_path / "facts.csv"), "--out", str(out)]
    result = runner.invoke(app, ["compute", "--policy", "zhangzhou-ai-2024", *files])
    assert result.exit_code == 0
    assert "100000.00" in out.read_text(encoding="utf-8-sig")
    told = (tmp_path / "out.csv.notices.csv").read_text(encoding="utf-8-sig")
    assert "91350699MA7XW0003X" in told
    assert "校验码不符" in told


def award(folder: Path, facts: str, history: str = "", *more: str) -> Result:
    (folder / "facts.csv").write_text(facts, encoding="utf-8")
    files = ["--facts", str(folder / "facts.csv"), "--out", str(folder / "out.csv")]
    if history:
        (folder / "history.csv").write_text(history, encoding="utf-8")
        files += ["--history", str(folder / "history.csv")]
    return runner.invoke(app, ["compute", "--policy", "zhangzhou-ai-2024", "--year", "2025", *files, *more])


def told(folder: Path, what: str) -> str:
    return (folder / f"out.csv.{what}.csv").read_text(encoding="utf-8-sig")


def test_one_enterprise_is_one_however_its_code_is_written(tmp_path: Path) -> None:
    codes = ("91350699MA7XW0001X", "91350699ma7xw0001x", "９１３５０６９９ＭＡ７ＸＷ０００１Ｘ", "91350699-MA7XW 0001X")
    rows = "".join(f"A{number},{code},甲,compute-purchase,80000\n" for number, code in enumerate(codes))
    assert award(tmp_path, "application_id,uscc,enterprise,measure,service_fee\n" + rows).exit_code == 0
    assert {row["outcome"] for row in rows_of(tmp_path / "out.csv")} == {"referral"}
    assert told(tmp_path, "notices").count("读作 91350699MA7XW0001X") == 3


def test_history_is_found_however_codes_and_measures_are_written(tmp_path: Path) -> None:
    facts = "application_id,uscc,enterprise,measure,service_fee\nA,91350699MA7XW0001X,甲,购买算力服务补助,200000\n"
    history = "uscc,measure,year,amount_yuan\n91350699-ma7xw0001x,购买算力服务补助,2024,100000\n"
    assert award(tmp_path, facts, history).exit_code == 0
    assert rows_of(tmp_path / "out.csv")[0]["amount_yuan"] == "80000.00"


def test_history_of_an_unknown_measure_is_listed_with_the_nearest_name(tmp_path: Path) -> None:
    facts = "application_id,uscc,enterprise,measure,service_fee\nA,91350699MA7XW0001X,甲,compute-purchase,200000\n"
    history = "uscc,measure,year,amount_yuan\n91350699MA7XW0001X,compute-purchse,2024,1\n91350699MA7XW0001X,,2024,1\n"
    assert award(tmp_path, facts, history).exit_code == 1
    assert "是否想写“compute-purchase”" in told(tmp_path, "errors")
    assert "没有写措施" in told(tmp_path, "errors")


def test_rows_without_a_code_stand_alone_and_are_told(tmp_path: Path) -> None:
    facts = "application_id,uscc,enterprise,measure,newly_added,newly_above_scale\nA,,甲,new-enterprise,是,\n"
    assert award(tmp_path, facts + "B,,乙,above-scale,,是\n").exit_code == 0
    assert [row["outcome"] for row in rows_of(tmp_path / "out.csv")] == ["award", "award"]
    assert told(tmp_path, "notices").count("没有统一社会信用代码") == 2


def test_guests_whose_code_cannot_be_right_are_named(tmp_path: Path) -> None:
    facts = "application_id,uscc,enterprise,measure,item_date,spend,participants,recognised\n"
    row = "A,91350699MA7XW0001X,甲,ai-event,2025-05-01,100,91350699MA7XW0001X、91350699MA7XW00022,是\n"
    assert award(tmp_path, facts + row).exit_code == 0
    assert "“91350699MA7XW00022”校验码不符" in told(tmp_path, "notices")


def test_everything_wrong_with_a_row_is_told_at_once(tmp_path: Path) -> None:
    facts = "application_id,uscc,enterprise,measure,item_date,trade_amount,on_exchange\n"
    assert (
        award(tmp_path, facts + "A,91350699MA7XW0001X,甲,dataset-trade,,很多,\n,,乙,dataset-trad,,,\n").exit_code == 1
    )
    rows = [(row["row"], row["column"]) for row in rows_of(tmp_path / "out.csv.errors.csv")]
    assert {("2", "trade_amount"), ("2", "item_date"), ("2", "on_exchange")} <= set(rows)
    assert {("3", "application_id"), ("3", "measure")} <= set(rows)


def test_an_unused_column_names_the_heading_that_it_may_be(tmp_path: Path) -> None:
    facts = (
        "application_id,uscc,enterprise,measure,service_fee,服务单位\nA,91350699MA7XW0001X,甲,compute-purchase,1,x\n"
    )
    award(tmp_path, facts.replace("enterprise", "企业名"))
    assert "服务单位" in told(tmp_path, "notices") or "服务单位" in told(tmp_path, "errors")


def test_a_missing_column_is_named_by_both_names_with_the_nearest_heading(tmp_path: Path) -> None:
    result = award(tmp_path, "application_id,uscc,mesure,service_fee\nA,91350699MA7XW0001X,compute-purchase,1\n")
    assert result.exit_code == 1
    assert "缺少列：measure（措施），最接近的表头是“mesure”" in result.stderr


@pytest.mark.parametrize(
    ("out", "message"),
    [("facts.csv", "写入会把它覆盖"), ("out.pdf", "只能写成 .csv 或 .xlsx"), ("out", "只能写成 .csv 或 .xlsx")],
)
def test_results_are_never_written_over_the_input_nor_as_another_kind_of_file(
    folder: Path, out: str, message: str
) -> None:
    before = (folder / "facts.csv").read_bytes()
    result = compute(folder, out=out)
    assert result.exit_code == 2
    assert message in result.output
    assert (folder / "facts.csv").read_bytes() == before


def test_the_trail_is_not_written_over_the_results(folder: Path) -> None:
    result = compute(folder, "--trail", str(folder / "out.csv"))
    assert result.exit_code == 2
