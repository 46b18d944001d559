"""`duixian demo`: the whole year through the real parts, and a folder that is only ever its own."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from cli.demo.compare import differences
from cli.demo.place import emptied, settings_in
from cli.processes import still_runs
from config.sample.generator import load
from services.cycle.stages import load_plan
from services.errors import InputError
from tests.kept_years import KeptYears


def test_a_folder_that_is_not_the_demos_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "账本.xlsx").write_text("重要")
    with pytest.raises(InputError, match="不是演示留下的内容"), emptied(tmp_path):
        pass
    assert (tmp_path / "账本.xlsx").read_text() == "重要"


def test_a_second_demo_starts_clean(tmp_path: Path) -> None:
    with emptied(tmp_path / "demo") as place:
        (place / "logs").mkdir()
        (place / "logs" / "old").touch()
        (place / "clock").touch()
    with emptied(tmp_path / "demo") as place:
        assert [entry.name for entry in place.iterdir()] == [".duixian-demo"]


def test_two_demos_do_not_share_a_folder(tmp_path: Path) -> None:
    with emptied(tmp_path), pytest.raises(InputError, match="另一个演示正在使用"), emptied(tmp_path):
        pass


def test_settings_of_the_installation_do_not_reach_the_demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DUIXIAN_SMTP_HOST", "mail.example.invalid")
    monkeypatch.setenv("DUIXIAN_DATABASE_URL", "postgresql+psycopg://example.invalid/real")
    settings = settings_in(tmp_path)
    assert settings.smtp_host == "127.0.0.1"
    assert settings.database_url == f"sqlite:///{tmp_path / 'duixian.db'}"


def test_whatever_differs_from_the_hand_made_outcomes_is_told(
    kept_years: KeptYears, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = kept_years.copy(None, tmp_path / "year")
    assert all("没有发出" in line for line in differences(world))  # no mail server runs here
    expected = load("expected")
    row = next(row for row in expected["applications"] if row["outcome"] == "award")
    row["amount"] += 1
    expected["applications"].pop()
    monkeypatch.setattr("cli.demo.compare.load", lambda _name: expected)
    told = differences(world)
    assert len(told) == 3
    assert row["application"]["enterprise"] in " ".join(told)
    assert "多出这件申报" in " ".join(told)


@pytest.mark.xdist_group("demo")  # it has an engine of its own
def test_the_year_begins_and_ctrl_c_takes_all_its_parts_along(tmp_path: Path) -> None:
    """As far as the examination; the whole year is in `make long`."""
    with _demo(tmp_path / "demo") as demo:
        told = []
        for line in iter(demo.stdout.readline, ""):  # type: ignore[union-attr]
            told.append(line)
            if "■ 形式审查" in line:
                break
        parts = psutil.Process(demo.pid).children(recursive=True)
        demo.send_signal(signal.SIGINT)
        told += demo.communicate(timeout=60)
    said = "".join(filter(None, told))
    assert demo.returncode == 130, said
    for stage in (
        "✓ 指南编制",
        "✓ 指南发布",
        "■ 申报受理",
        "导入申报 98 件",
        "✓ 申报受理",
        "■ 形式审查",
        "3 件申报待补正",
    ):
        assert stage in said, said
    assert "Traceback" not in said
    assert len(parts) >= 3 and not any(still_runs(each) for each in parts)


def _demo(folder: Path) -> subprocess.Popen[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PREFECT_", "DUIXIAN_"))}
    command = [sys.executable, "-m", "cli.main", "demo", "--folder", str(folder)]
    environ |= {"COLUMNS": "200", "PYTHONUNBUFFERED": "1"}
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.long
@pytest.mark.xdist_group("demo")
@pytest.mark.timeout(900)
def test_the_year_ends_by_itself_as_worked_out_by_hand(tmp_path: Path) -> None:
    folder = tmp_path / "demo"
    with _demo(folder) as demo:
        said, _ = demo.communicate(timeout=880)
    assert demo.returncode == 0, said
    for stage in load_plan(settings_in(folder).cycle_file).stages:
        assert f"✓ {stage.title}" in said
        if stage.gate.kind != "none":
            assert f"■ {stage.title}" in said, f"never suspended at {stage.id}"
    assert "逐件一致" in said
    assert f"{load('expected')['total']:,}" in said
    assert re.search(r"发出邮件 .*\b\d+ 封（信箱里 \d+ 封）", said)
