"""`duixian policy`: the contract of its commands."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.award import app as award
from cli.policy import app
from policy import listed, load

ROOT = Path(__file__).resolve().parents[2]
MADE_UP = ROOT / "tests" / "policy" / "made_up"
EXERCISE = ROOT / "docs" / "exercises" / "shili-green-2026"
RATE_TABLES = str(MADE_UP / "rate-tables")
runner = CliRunner()


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    text = (MADE_UP / "percentage-cap" / "policy.yaml").read_text(encoding="utf-8")
    (tmp_path / "policy.yaml").write_text(text.replace("investment * rate", "investmnt * rate"), encoding="utf-8")
    return tmp_path


def test_list_names_every_policy_folder() -> None:
    result = runner.invoke(app, ["list", "--json"])
    assert result.exit_code == 0
    found = json.loads(result.stdout)
    assert [each["id"] for each in found] == listed()
    assert {"id", "number", "title", "valid_from", "valid_to", "measures", "sha256"} <= set(found[0])
    assert found[0]["number"] in runner.invoke(app, ["list"]).stdout


def test_check_of_a_right_policy_exits_0_and_counts_its_cases() -> None:
    result = runner.invoke(app, ["check", RATE_TABLES])
    assert result.exit_code == 0
    assert result.stdout.splitlines() == [
        "错误 0 处，提醒 0 处；算例 15 个，不符 0 个",
        "文件夹里没有原文 text.txt，引文（quote）没有与原文核对。",
    ]


def test_check_of_a_broken_policy_exits_1_and_names_the_place(broken: Path) -> None:
    result = runner.invoke(app, ["check", str(broken)])
    assert result.exit_code == 1
    assert "第 26 行第 51 列：不认识的名称，看到的是“investmnt”，是否想写“investment”？" in result.stdout
    problem = json.loads(runner.invoke(app, ["check", str(broken), "--json"]).stdout)["problems"][0]
    assert (problem["line"], problem["column"], problem["value"], problem["nearest"]) == (
        26,
        51,
        "investmnt",
        "investment",
    )


def test_check_fails_when_a_case_does_not_hold(tmp_path: Path) -> None:
    for name in ("policy.yaml", "cases.yaml"):
        text = (MADE_UP / "higher-of" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.replace("amount_yuan: 50100", "amount_yuan: 50200"), encoding="utf-8")
    result = runner.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 1
    assert re.search(r"cases.yaml 第 \d+ 行第 \d+ 列：算例不符（比例高，四舍五入到百元）", result.stdout)
    assert "金额应为 50200.00，得到 50100.00" in result.stdout
    assert "算例 3 个，不符 1 个" in result.stdout


def test_check_reminds_of_a_measure_that_no_case_shows_to_be_reachable(tmp_path: Path) -> None:
    for name in ("policy.yaml", "cases.yaml"):
        text = (MADE_UP / "higher-of" / name).read_text(encoding="utf-8")
        (tmp_path / name).write_text(text.partition("cases:")[0] + "cases: []\n" * (name != "policy.yaml"), "utf-8")
    result = runner.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 0
    assert "列（提醒）：没有一个算例得到奖补，不能说明条件可以满足，请按条款写一件，看到的是“" in result.stdout


def test_check_reminds_of_missing_cases_and_of_a_folder_with_another_name(tmp_path: Path) -> None:
    source = MADE_UP / "percentage-cap" / "policy.yaml"
    (tmp_path / "policy.yaml").write_text(source.read_text(encoding="utf-8"), encoding="utf-8")
    result = runner.invoke(app, ["check", str(tmp_path)])
    assert result.exit_code == 0
    assert "没有算例文件" in result.stdout
    assert f"政策编号与文件夹“{tmp_path.name}”不同名" in result.stdout


def test_check_reminds_of_each_quote_that_the_original_does_not_have(tmp_path: Path) -> None:
    folder = tmp_path / "shili-green-2026"
    shutil.copytree(EXERCISE, folder)
    right = runner.invoke(app, ["check", str(folder)])
    assert (right.exit_code, right.stdout) == (0, "错误 0 处，提醒 0 处；算例 35 个，不符 0 个\n")
    text = (folder / "text.txt").read_text(encoding="utf-8")
    (folder / "text.txt").write_text(text.replace("最高1.5万元", "最高2万元"), encoding="utf-8")
    changed = runner.invoke(app, ["check", str(folder)])
    assert changed.exit_code == 0
    told = [line for line in changed.stdout.splitlines() if "原文 text.txt 里没有这句话" in line]
    assert len(told) == 2  # the measure's quote and that of its cap
    assert all("从“1.5万元" in line for line in told)
    assert "提醒 2 处" in changed.stdout
    assert json.loads(runner.invoke(app, ["check", str(folder), "--json"]).stdout)["quotes_compared"] is True


def test_the_policies_folder_of_the_settings_is_the_one_that_is_looked_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXERCISE, tmp_path / "shili-green-2026")
    monkeypatch.setenv("DUIXIAN_POLICIES_DIR", str(tmp_path))
    assert [each["id"] for each in json.loads(runner.invoke(app, ["list", "--json"]).stdout)] == ["shili-green-2026"]
    assert runner.invoke(app, ["check", "shili-green-2026"]).exit_code == 0
    given = ["--fact", "persons=3", "--fact", "finished_on=2026-06-30"]
    explained = runner.invoke(
        award, ["explain", "--policy", "shili-green-2026", "--measure", "energy-training", *given]
    )
    assert "2400.00 元" in explained.stdout
    missed = runner.invoke(app, ["check", "zhangzhou-ai-2024"])
    assert missed.exit_code == 2
    assert str(tmp_path) in missed.stderr


def test_a_folder_of_another_name_among_the_policies_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(EXERCISE, tmp_path / "other-name")
    monkeypatch.setenv("DUIXIAN_POLICIES_DIR", str(tmp_path))
    assert runner.invoke(app, ["check", "other-name"]).exit_code == 1


def test_unknown_policy_is_wrong_use_and_offers_the_nearest() -> None:
    result = runner.invoke(app, ["check", listed()[0] + "5"])
    assert result.exit_code == 2
    assert f"是否想写“{listed()[0]}”" in result.stderr


def test_show_gives_the_clauses_and_with_json_everything() -> None:
    shown = runner.invoke(app, ["show", RATE_TABLES])
    assert shown.exit_code == 0
    assert "租金按第一年60%、第二年40%、第三年20%补助。" in shown.stdout
    data = json.loads(runner.invoke(app, ["show", RATE_TABLES, "--json"]).stdout)
    assert [measure["id"] for measure in data["measures"]] == ["rent", "laboratory", "research", "growth"]
    assert len(data["sha256"]) == 64
    assert data["valid"]["from"] == "2025-01-01"


def test_show_names_every_id_that_other_commands_ask_for() -> None:
    found = load(EXERCISE)
    shown = runner.invoke(app, ["show", str(EXERCISE)]).stdout
    for place in (*found.bureaus, *found.counties):
        assert f"{place.id}（{place.name}）" in shown
    for each in (*found.common_facts, *(fact for measure in found.measures for fact in measure.facts)):
        assert f"{each.label}（{each.name}，" in shown
    for each in (*found.parameters, *(figure for measure in found.measures for figure in measure.parameters)):
        assert f"{each.label}（{each.name}）= " in shown
    assert "封顶：单个项目最高（most）" in shown
    assert "[合计封顶] yearly-most" in shown
    assert "[资金池] training-pool" in shown


def test_facts_have_name_label_type_unit_and_source() -> None:
    result = runner.invoke(app, ["facts", str(MADE_UP / "percentage-cap"), "--measure", "equipment", "--json"])
    facts = {fact["name"]: fact for fact in json.loads(result.stdout)}
    assert list(facts) == ["investment", "granted_above"]
    wanted = {"label": "设备投资额", "type": "money", "unit": "元", "source": "verified", "measure": "equipment"}
    assert wanted.items() <= facts["investment"].items()
    assert facts["investment"]["required"] is True
    assert (facts["granted_above"]["required"], facts["granted_above"]["default"]) == (False, "0")
    assert "设备投资额" in runner.invoke(app, ["facts", str(MADE_UP / "percentage-cap")]).stdout


def test_facts_of_an_unknown_measure_is_wrong_use() -> None:
    result = runner.invoke(app, ["facts", RATE_TABLES, "--measure", "rents"])
    assert result.exit_code == 2
    assert "是否想写“rent”" in result.stderr


@pytest.mark.parametrize("command", ["list", "check", "show", "facts"])
def test_help_is_chinese(command: str) -> None:
    result = runner.invoke(app, [command, "--help"])
    assert result.exit_code == 0
    assert any("一" <= letter <= "鿿" for letter in result.stdout)


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)


def test_list_needs_neither_prefect_nor_polars() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from cli.policy import app\n"
        "assert CliRunner().invoke(app, ['list']).exit_code == 0\n"
        "print(sorted({'prefect', 'polars', 'sqlalchemy', 'fastapi'} & set(sys.modules)))"
    )
    assert run_python(code).stdout == "[]\n"
