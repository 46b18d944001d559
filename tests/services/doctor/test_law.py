"""Policies, plan, form, years and working days are seen both ways."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from config.settings import ROOT, Settings
from services.clock import FileClock
from services.doctor import Mark, law
from tests.desk import POLICY, Desk
from tests.services.doctor.support import all_good, installed, marks, only


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A copy of the configuration, to be spoilt."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    return tmp_path / "config"


def configured(folder: Path, **changes: Path) -> Settings:
    names = {"policies_dir": "policies", "cycle_file": "cycle.yaml", "self_assessment_file": "self_assessment.yaml"}
    return installed(folder / "data", **{key: folder / name for key, name in names.items()} | changes)


def test_a_configuration_in_order(config: Path) -> None:
    assert all_good(law.files(configured(config)))


def test_a_policy_that_cannot_be_used_is_told_and_none(config: Path) -> None:
    file = config / "policies" / POLICY / "policy.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace("title: ", "titel: ", 1), encoding="utf-8")
    found = only(law.files(configured(config)), Mark.BAD)
    assert POLICY in found.seen and "duixian policy check" in found.remedy
    empty = config / "empty"
    empty.mkdir()
    assert "一份政策也没有" in only(law.files(configured(config, policies_dir=empty)), Mark.BAD).seen


@pytest.mark.parametrize("name", ["cycle.yaml", "self_assessment.yaml"])
def test_a_file_that_cannot_be_used_is_told(config: Path, name: str) -> None:
    (config / name).write_text("stages: [", encoding="utf-8")
    assert "有误" in (found := only(law.files(configured(config)), Mark.BAD)).seen or "不是正确的" in found.seen
    (config / name).unlink()
    assert only(law.files(configured(config)), Mark.BAD).remedy


def test_a_template_that_cannot_be_used_is_told(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(law, "own_problems", lambda _: ["guide.html 第 3 行：少了括号"])
    assert "guide.html 第 3 行" in only(law.files(configured(config)), Mark.LOOK).seen


def test_years_under_way_that_can_go_on(desk: Desk) -> None:
    (found,) = law.years(desk.settings)
    assert found.mark is Mark.GOOD and "2025 年度（guide）" in found.seen
    assert "没有查" in only(law.years(installed(desk.settings.data_dir / "none")), Mark.LOOK).seen


def test_a_year_whose_stage_is_no_longer_in_the_plan_is_told(desk: Desk, config: Path) -> None:
    plan = config / "cycle.yaml"
    text = plan.read_text(encoding="utf-8")
    plan.write_text(text.replace("id: guide", "id: other").replace("return_to: guide", "return_to: other"))
    settings = desk.settings.model_copy(update={"cycle_file": plan})
    assert "阶段 guide" in only(law.years(settings), Mark.BAD).seen


def test_a_policy_of_a_year_that_this_version_cannot_read_is_told(desk: Desk) -> None:
    with desk.engine.begin() as connection:
        names = connection.exec_driver_sql("SELECT name FROM sqlite_master WHERE type = 'trigger'").scalars().all()
        for name in names:
            connection.exec_driver_sql(f"DROP TRIGGER {name}")
        connection.exec_driver_sql("UPDATE policyversion SET text = 'old: words', sha256 = 'x'")
    assert "读不了" in only(law.years(desk.settings), Mark.BAD).seen


def at(settings: Settings, day: datetime) -> Settings:
    clock = FileClock(settings.data_dir / "clock")
    clock.path.parent.mkdir(parents=True, exist_ok=True)
    clock.set(day)
    return settings.model_copy(update={"clock_file": clock.path})


def test_working_days_that_are_known_provisional_or_unknown(config: Path) -> None:
    settings = installed(config / "data", calendar_dir=config / "calendar")
    assert all_good(law.working_days(at(settings, datetime(2025, 3, 1, tzinfo=UTC))))
    summer = at(settings, datetime(2026, 6, 1, tzinfo=UTC))
    assert "暂定" in only(law.working_days(summer), Mark.LOOK).seen
    file = config / "calendar" / "2027.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("provisional: true", "provisional: false"), encoding="utf-8")
    assert all_good(law.working_days(summer))
    file.write_text("year: [", encoding="utf-8")
    assert "2027.yaml" in only(law.working_days(summer), Mark.BAD).seen
    file.unlink()
    assert str(file) in only(law.working_days(summer), Mark.LOOK).remedy
    december = at(settings, datetime(2026, 12, 5, tzinfo=UTC))
    assert "不知道 2027 年" in only(law.working_days(december), Mark.BAD).seen
    new_year = at(settings, datetime(2027, 1, 5, tzinfo=UTC))
    assert marks(law.working_days(new_year)) == {Mark.BAD, Mark.LOOK}
