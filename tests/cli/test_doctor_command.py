"""`duixian doctor`: what it prints, its exit codes, and that nothing at all need be up or whole."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from config.settings import ROOT
from services.doctor import Check, Mark, told
from tests.cli.conftest import Office


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    monkeypatch.setenv("DUIXIAN_CONSOLE_PORT", "9")
    monkeypatch.setenv("DUIXIAN_SMTP_PORT", "0")
    monkeypatch.setenv("DUIXIAN_FREE_MEGABYTES", "0")


def test_what_was_seen_and_what_to_do_is_printed(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    shown = office.told("doctor", code=1)
    (engine,) = [line for line in shown.splitlines() if "调度服务" in line]
    assert "× 有问题" in engine and "连不上" in engine and "请运行 duixian serve" in engine
    assert "√ 正常" in next(line for line in shown.splitlines() if "表结构" in line)
    assert shown.splitlines()[-1].endswith("× 有问题 2 项。"), shown


def test_programs_read_the_same(office: Office) -> None:
    found = office.json("doctor", "--thorough", code=1)
    assert found["ok"] is False
    by_id = {each["id"]: each for each in found["checks"]}
    assert {each["id"] for each in found["checks"] if each["mark"] == "problem"} == {"engine", "console"}
    assert by_id["database"]["mark"] == "ok" and by_id["alerts"]["mark"] == "ok"
    assert "审计链完整" in by_id["alerts"]["seen"]
    assert all(each["remedy"] for each in found["checks"] if each["mark"] != "ok")


def test_only_things_to_look_at_end_with_zero(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    def examine(**_: Any) -> list[told.Line]:
        return told.run([Check("fonts", "字体", lambda: [told.look("没有仿宋", "请装上。")])])

    monkeypatch.setattr("services.doctor.examine", examine)
    assert "！ 注意 1 项" in office.told("doctor", code=0)


def alone(folder: Path, prologue: str = "", **environ: str) -> Any:
    """The command in a process of its own, which must neither fail nor make anything; what it tells as JSON."""
    program = f"{prologue}\nimport sys\nfrom cli.main import run\nsys.exit(run(['doctor', '--json']))"
    given = {name: value for name, value in os.environ.items() if not name.startswith(("DUIXIAN_", "PREFECT_"))}
    closed = {"PREFECT_API_URL": "http://127.0.0.1:9/api", "DUIXIAN_CONSOLE_PORT": "9", "DUIXIAN_SMTP_PORT": "9"}
    before = sorted(folder.rglob("*"))
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=folder,
        env={**given, **closed, "PYTHONPATH": str(ROOT), "DUIXIAN_DATA_DIR": str(folder / "data"), **environ},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stderr == "", done.stderr
    assert sorted(folder.rglob("*")) == before
    return json.loads(done.stdout)


def test_it_works_where_nothing_does_and_makes_nothing(tmp_path: Path) -> None:
    found = alone(tmp_path)
    bad = [each["id"] for each in found["checks"] if each["mark"] == "problem"]
    assert bad == ["database", "engine", "console", "mail"]
    assert not [each for each in found["checks"] if "没有查成" in each["seen"]]


def test_every_setting_may_lead_nowhere(tmp_path: Path) -> None:
    wrong = tmp_path / "file"
    wrong.touch()
    names = ("DATA_DIR", "POLICIES_DIR", "CALENDAR_DIR", "CYCLE_FILE", "SELF_ASSESSMENT_FILE", "DATA_KEYS_FILE")
    given = {f"DUIXIAN_{name}": str(wrong / "x") for name in names}
    given |= {"DUIXIAN_DATABASE_URL": "postgresql+psycopg://u:p@127.0.0.1:9/x", "DUIXIAN_CLAMD": str(wrong)}
    given |= {"DUIXIAN_CLOCK_FILE": str(wrong), "DUIXIAN_OIDC_ISSUER": "http://127.0.0.1:9"}
    given |= {
        "DUIXIAN_BOUNCE_IMAP_HOST": "127.0.0.1",
        "DUIXIAN_BOUNCE_IMAP_PORT": "9",
        "DUIXIAN_BACKUP_DIR": str(wrong),
    }
    found = alone(tmp_path, **given)
    by_id: dict[str, set[str]] = {}
    for each in found["checks"]:
        by_id.setdefault(each["id"], set()).add(each["mark"])
    bad = {"whole", "places", "clock", "database", "policies", "calendar", "engine", "console", "mail"}
    assert bad | {"bounces", "scanner", "directory"} <= {name for name, marks in by_id.items() if "problem" in marks}


def test_a_program_that_is_not_whole_says_so(tmp_path: Path) -> None:
    found = alone(tmp_path, "import sys\nsys.modules['psutil'] = None")
    (line,) = found["checks"]
    assert line["id"] == "packages" and "psutil" in line["seen"] and "make install" in line["remedy"]


def test_a_check_that_fails_is_told_and_stops_no_other() -> None:
    def fails() -> Any:
        yield told.good("第一项")
        raise RuntimeError("nobody\nexpected this")

    checks = [Check("a", "甲", fails), Check("b", "乙", lambda: [told.good("好")])]
    first, second, third = told.run(checks)
    assert first.told.seen == "第一项" and third.told.seen == "好"
    assert second.told.mark is Mark.BAD and "RuntimeError" in second.told.seen and "expected this" in second.told.seen


def test_the_engine_is_not_imported(tmp_path: Path) -> None:
    program = (
        "import sys\nfrom cli.main import run\nrun(['doctor', '--json'])\n"
        "sys.exit(sum(name.split('.')[0] == 'prefect' for name in sys.modules))"
    )
    environ = {**os.environ, "DUIXIAN_DATA_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    assert (
        subprocess.run([sys.executable, "-c", program], cwd=tmp_path, env=environ, capture_output=True).returncode == 0
    )
