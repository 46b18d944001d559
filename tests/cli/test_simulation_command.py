"""`duixian policy simulate` and `duixian policy backtest`: from a cycle and from a file, answers and wrong use."""

import json
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy import text
from typer.testing import CliRunner, Result

from cli.main import run
from cli.policy import app
from services.award import computation
from tests.cli.conftest import Office
from tests.desk import OTHER_CODE

MADE_UP = Path(__file__).resolve().parents[1] / "policy" / "made_up"
runner = CliRunner()
FACTS = """application_id,uscc,enterprise,measure,县区,investment
A1,91350699MA7XW0001X,甲公司,equipment,东区,1000000
A2,91350699MA7XW00021,乙公司,equipment,东区,8000000
A3,,丙公司,equipment,西区,200000
"""


@pytest.fixture
def facts(tmp_path: Path) -> Path:
    path = tmp_path / "facts.csv"
    path.write_text(FACTS, encoding="utf-8")
    return path


@pytest.fixture
def computed(office: Office) -> Office:
    """Two purchases of computing services, computed."""
    desk = office.desk
    desk.open_intake()
    desk.submit()
    desk.submit(
        enterprise="漳州示例远山科技有限公司",
        uscc=OTHER_CODE,
        county="longwen",
        invoices="25352000000000000018",
        declared={"service_fee": "120000.00", "item_date": "2025-06-30", "province_refused": "否"},
    )
    desk.to_matching()
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    return office


def simulate(*words: str) -> Result:
    return runner.invoke(app, ["simulate", "--policy", str(MADE_UP / "percentage-cap"), *words])


def test_a_cycle_is_compared_by_measure_and_county(computed: Office) -> None:
    told = computed.json("policy", "simulate", "--set", "compute-purchase.minimum_fee=15万元")
    assert told["source"] == "2025 年度现在的核定数据"
    assert (told["total"]["before_yuan"], told["total"]["after_yuan"]) == ("160000.00", "100000.00")
    assert [each["title"] for each in told["counties"]] == ["芗城区", "龙文区"]
    (dropped,) = told["applications"]
    assert (dropped["enterprise"], dropped["county"], dropped["effect"]) == (
        "漳州示例远山科技有限公司",
        "龙文区",
        "dropped",
    )
    assert "不足 150000.00元" in dropped["after"]["why"]


def test_for_people_it_says_who_loses_and_what_is_needed(computed: Office) -> None:
    told = computed.told("policy", "simulate", "--set", "购买算力服务补助.起补服务费=15万元")
    for words in ("由 10万元 改为 15万元", "退出 1 件", "漳州示例远山科技有限公司", "60,000.00 → 0.00 元", "需要资金"):
        assert words in told
    assert "不改动任何记录" in told


def test_a_range_gives_a_line_for_each_value_a_workbook_and_a_chart(computed: Office, tmp_path: Path) -> None:
    out, chart = tmp_path / "试算.xlsx", tmp_path / "曲线.png"
    told = computed.json(
        "policy",
        "simulate",
        "--range",
        "compute-purchase.rates.1=30%:50%:10%",
        "--out",
        str(out),
        "--chart",
        str(chart),
    )
    assert [(list(each["values"].values()), each["amount_yuan"]) for each in told["curve"]] == [
        (["30%"], "96000.00"),
        (["40%"], "128000.00"),
        (["50%"], "160000.00"),
    ]
    assert told["files"] == [str(out), str(chart)]
    assert chart.read_bytes().startswith(b"\x89PNG")
    book = CalamineWorkbook.from_path(str(out))
    assert book.sheet_names == ["汇总", "分措施", "分县区", "得失明细", "曲线"]
    curve = book.get_sheet_by_name("曲线").to_python()
    assert [row[:3] for row in curve[-3:]] == [[30.0, 2.0, 96000.0], [40.0, 2.0, 128000.0], [50.0, 2.0, 160000.0]]
    assert not list(tmp_path.glob("*.part"))


def test_a_file_of_facts_is_read_as_by_award_compute(facts: Path) -> None:
    result = simulate("--facts", str(facts), "--set", "equipment.rate=20%", "--json")
    assert result.exit_code == 0, result.stderr
    told = json.loads(result.stdout)
    assert (told["total"]["before_yuan"], told["total"]["after_yuan"]) == ("1180000.00", "1240000.00")
    assert {each["title"]: each["after_yuan"] for each in told["counties"]} == {
        "东区": "1200000.00",
        "西区": "40000.00",
    }


def test_rows_of_a_file_that_cannot_be_read_are_told_and_left_out(facts: Path) -> None:
    facts.write_text(FACTS.replace("200000", "二十万"), encoding="utf-8")
    result = simulate("--facts", str(facts), "--set", "equipment.rate=20%")
    assert result.exit_code == 0
    assert "二十万" in result.stderr
    assert "facts.csv 有 1 行有问题，没有算入" in result.stdout


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--set", "equipment.rate=20%"], "要同时写 --policy 和 --facts"),
        (["--facts", "{facts}", "--cycle", "1", "--set", "equipment.rate=20%"], "年度和事实表只能用一个"),
        (["--facts", "{facts}", "--set", "equipment.rate"], "要写成 名称=值"),
        (["--facts", "{facts}", "--set", "equipment.rate=20%", "--out", "{folder}/a.csv"], "只能写成 .xlsx 文件"),
        (["--facts", "{facts}", "--set", "equipment.rate=20%", "--chart", "{folder}/a.jpg"], "只能写成 .png 文件"),
        (["--facts", "{facts}", "--set", "equipment.rate=20%", "--out", "{folder}/no/a.xlsx"], "不存在，请先建立"),
    ],
)
def test_wrong_use_is_answered_with_what_to_do(
    words: list[str], sentence: str, facts: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = [word.format(facts=facts, folder=facts.parent) for word in words]
    assert run(["policy", "simulate", "--policy", str(MADE_UP / "percentage-cap"), *given]) == 2
    assert sentence in capsys.readouterr().err


def test_an_unknown_name_is_answered_with_the_nearest(computed: Office) -> None:
    told = computed.told("policy", "simulate", "--set", "dataset-trade.rat=20%", code=1)
    assert "是否想写“dataset-trade.rate”？" in told


def test_a_year_comes_out_the_same_and_what_was_tampered_with_does_not(computed: Office) -> None:
    assert "复算与当时完全一致：1 次测算共 2 件" in computed.told("policy", "backtest")
    assert computed.json("policy", "backtest")["same"] is True
    with computed.desk.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER award_no_update"))
        connection.execute(text("UPDATE award SET amount_fen = amount_fen + 1 WHERE amount_fen = 6000000"))
    told = computed.told("policy", "backtest", code=1)
    assert "漳州示例远山科技有限公司 金额当时 60,000.01，复算 60,000.00" in told
    assert "是记录里的结果被改动" in told
    assert "金额、结果或名单 1 处不同，只是文字 0 处不同" in told
    assert computed.json("policy", "backtest", code=1)["same"] is False


def test_before_a_computation_there_is_nothing_to_prove(office: Office) -> None:
    assert "还没有测算" in office.told("policy", "backtest", code=1)
