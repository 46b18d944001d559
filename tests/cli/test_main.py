"""`duixian` as a whole: help in Chinese, exit codes, one-line errors, and a quick start without the engine."""

import json
import re
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from cli.main import run
from cli.pages import leaves
from cli.troubles import sentences
from cli.words import wrong_use
from config.settings import ROOT

CHINESE = re.compile(r"[一-鿿]")
QUICK = (
    ("--help",),
    ("policy", "list"),
    ("cycle", "--help"),
    ("gate", "approve", "--help"),
    ("award", "explain", "--help"),
)


@pytest.fixture(autouse=True)
def _installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.delenv("DUIXIAN_DATABASE_URL", raising=False)


@pytest.mark.parametrize("path", [path for path, _ in leaves()])
def test_every_command_tells_in_chinese_what_it_does(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*path.split(), "--help"]) == 0
    shown = capsys.readouterr().out
    assert CHINESE.search(shown)
    assert "Show this message" not in shown


@pytest.mark.parametrize("path", ["", "cycle", *(path for path, _ in leaves())])
def test_help_is_whole_and_chinese_in_eighty_columns(
    path: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    run([*path.split(), "--help"])
    shown = capsys.readouterr().out
    assert not re.search(r"Usage|OPTIONS|COMMAND|ARGS|<bool>|<file>|<int|<str>", shown)
    assert "用法" in shown
    assert not re.search(r"…\s*│", shown)


@pytest.mark.parametrize(("path", "command"), list(leaves()), ids=lambda each: each if isinstance(each, str) else "")
def test_every_option_is_explained_in_chinese(path: str, command: object) -> None:
    parameters = [each for each in command.params if "--help" not in each.opts]  # type: ignore[attr-defined]
    assert [each.name for each in parameters if not CHINESE.search(each.help or "")] == []


@pytest.mark.parametrize("name", ["policy list", "cycle status", "gate show", "list show", "audit verify", "user add"])
def test_results_can_be_had_as_json(name: str) -> None:
    command = dict(leaves())[name]
    assert any("--json" in parameter.opts for parameter in command.params)


def test_what_can_be_mended_is_one_sentence_and_exit_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cycle", "advance"]) == 1
    error = capsys.readouterr().err
    assert "duixian user add" in error
    assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["cycel"], "没有命令 'cycel'"),
        (["cycle", "opn"], "没有命令 'opn'，是否想写 'open'"),
        (["policy", "show"], "缺少 '政策'"),
        (["gate", "show", "--jsn"], "没有选项 --jsn，是否想写 --json"),
        (["cycle", "extend", "--days", "0", "--as", "jing", "--reason", "x"], "'--days'：不能小于 1"),
        (["cycle", "open", "--policy", "p", "--year", "year", "--as", "jing"], "'--year'：应为整数"),
        (["audit", "verify", "more"], "多出了 more"),
        (["gate", "approve", "--digest", "abc", "--as", "jing"], "摘要至少写前 8 位"),
        (["cycle", "open", "--policy", "p", "--year", "2025", "--as", "x", "--set", "rate"], "要写成 名称=值"),
        (["ledger", "import", "nowhere.xlsx", "--level", "city", "--as", "x"], "'nowhere.xlsx' 不存在"),
    ],
)
def test_wrong_use_is_one_chinese_sentence_and_exit_2(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = run(arguments)
    error = capsys.readouterr().err
    assert (code, len(error.strip().splitlines())) == (2, 1), error
    assert told in error


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("DATABASE_URL", "postgresql+psycopg://x@127.0.0.1:9/none", "127.0.0.1:9/none 没有应答"),
        ("DATABASE_URL", "nonsense", "请改正 DUIXIAN_DATABASE_URL"),
        ("DATABASE_URL", "sqlite:////dev", "打不开"),
        ("CONSOLE_PORT", "eight", "DUIXIAN_CONSOLE_PORT 是“eight”，应为整数；请改正后再运行"),
        ("DATA_DIR", "/proc/nowhere", "/proc/nowhere：No such file or directory；请检查"),
    ],
)
def test_an_installation_that_cannot_be_used_is_said_as_the_check_up_says_it(
    name: str, value: str, told: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(f"DUIXIAN_{name}", value)
    assert run(["cycle", "status"]) == 1
    error = capsys.readouterr().err
    assert told in error and len(error.strip().splitlines()) == 1, error


@pytest.mark.parametrize("cause", [sqlite3.OperationalError("database is locked"), LockNotAvailable()])
def test_a_database_that_others_keep_busy_is_a_sentence(cause: Exception) -> None:
    assert sentences(OperationalError("BEGIN", None, cause)) == [
        "系统正忙，等候 30 秒仍没有轮到，这次没有保存；请稍后再办理。"
    ]


def test_no_words_shows_the_help_and_exits_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([]) == 2
    assert "cycle" in capsys.readouterr().out


def test_a_message_that_nobody_translated_is_still_shown() -> None:
    assert wrong_use(ValueError("something new")) == "something new"


def test_a_defect_is_not_hidden(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("policy.catalogue.listed", broken)
    monkeypatch.setattr("cli.policy.listed", broken)
    with pytest.raises(ZeroDivisionError):
        run(["policy", "list"])


@pytest.mark.parametrize("words", [*QUICK, ("cycle", "status"), ("user", "list")], ids=" ".join)
def test_the_engine_is_not_imported(words: tuple[str, ...]) -> None:
    program = (
        "import json, sys\nfrom cli.main import run\ncode = run(sys.argv[1:])\n"
        "print(json.dumps([name for name in sys.modules if name.split('.')[0] == 'prefect']), file=sys.stderr)"
    )
    result = subprocess.run(
        [sys.executable, "-c", program, *words], cwd=ROOT, check=True, capture_output=True, text=True
    )
    assert json.loads(result.stderr.strip().splitlines()[-1]) == []
