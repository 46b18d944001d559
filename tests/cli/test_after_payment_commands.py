"""The commands for what comes after payment: clawbacks, bans, self-assessments."""

import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest
from python_calamine import CalamineWorkbook

from cli.main import run
from config.settings import Settings
from services.clock import FileClock
from services.record.database import engine_of, session_of
from tests.desk import CODE
from tests.services.filled_record import Record, build
from tests.services.paid_year import PAID_ON, claim, pay

Told = Callable[..., str]


@pytest.fixture
def record(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Record]:
    """The small year, paid, where the commands find it."""
    monkeypatch.setenv("DUIXIAN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("DUIXIAN_CLOCK_FILE", str(tmp_path / "clock"))
    monkeypatch.delenv("DUIXIAN_DATABASE_URL", raising=False)
    engine = engine_of(Settings(_env_file=None, data_dir=tmp_path))
    with session_of(engine) as session:
        made = pay(build(session, tmp_path))
        FileClock(tmp_path / "clock").set(made.clock.now())
        yield made
    engine.dispose()


@pytest.fixture
def told(capsys: pytest.CaptureFixture[str]) -> Told:
    """Run a command; what it printed."""

    def tell(*words: str, code: int = 0) -> str:
        ended = run(words)
        shown = capsys.readouterr()
        assert ended == code, shown.out + shown.err
        return shown.out + shown.err

    return tell


def test_money_that_comes_back_is_noted_until_none_is_left(record: Record, told: Told) -> None:
    number = claim(record).number
    record.session.rollback()
    receive = ("clawback", "receive", number, "--on", PAID_ON.isoformat(), "--as", "cai")
    assert "还应退 45000.00 元" in told(*receive, "--amount", "3万")
    assert "超过还应退的 45,000.00 元" in told(*receive, "--amount", "5万", code=1)
    assert json.loads(told(*receive, "--amount", "4.5万", "--json"))["left_yuan"] == "0.00"
    (row,) = json.loads(told("clawback", "list", "--json"))
    assert (row["clawback"], row["owed_yuan"], row["received_yuan"], row["standing"]) == (
        number,
        "75000.00",
        "75000.00",
        "已退清",
    )
    assert "已退清" in told("clawback", "list")
    assert "没有编号为“ZH-0”的追回" in told("clawback", "receive", "ZH-0", *receive[3:], "--amount", "1", code=1)


def test_a_ban_is_added_listed_and_lifted(record: Record, told: Told) -> None:
    record.session.rollback()
    term = ("--from", "2026-01-01", "--until", "2027-12-31", "--reason", "失信", "--clause", "信用条例")
    assert "请同时写明单位名称" in told("ban", "add", CODE, *term, "--as", "jing", code=1)
    assert "某公司 自 2026-01-01 至 2027-12-31 禁止申报" in told(
        "ban", "add", CODE, *term, "--name", "某公司", "--as", "jing"
    )
    (row,) = json.loads(told("ban", "list", "--json"))
    assert (row["uscc"], row["until"], row["status"]) == (CODE, date(2027, 12, 31).isoformat(), "生效中")
    assert "无权办理" in told("ban", "lift", row["ban"], "--reason", "移出", "--as", "jing", code=1)
    assert "已解除" in told("ban", "lift", row["ban"], "--reason", "移出", "--as", "ke")
    assert "已解除" in told("ban", "list")


def test_self_assessments_are_asked_for_and_exported(record: Record, told: Told, tmp_path: Path) -> None:
    record.session.rollback()
    assert "新请 3 件" in told("assessment", "ask", "--as", "jing")
    assert json.loads(told("assessment", "ask", "--as", "jing", "--json")) == {"asked": 0}
    assert "已导出 3 件" in told("assessment", "export", str(tmp_path / "自评.xlsx"))
    rows = CalamineWorkbook.from_path(str(tmp_path / "自评.xlsx")).get_sheet_by_index(0).to_python()
    assert [row[6] for row in rows[3:]] == ["待填报"] * 3
    for refused in ("自评.xlsx", "没有的文件夹/自评.xlsx", "自评.csv"):
        assert "汇总表写不到" in told("assessment", "export", str(tmp_path / refused), code=2)
