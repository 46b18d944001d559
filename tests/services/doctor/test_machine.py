"""What the machine gives is seen both ways: folders, disk, backups, fonts, packages, the time, and the alerts."""

import os
import stat
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import typst

from services import backups
from services.clock import FileClock, FixedClock
from services.cycle import cycles
from services.doctor import Mark, machine
from services.documents.render import fonts
from tests.desk import Desk
from tests.services.doctor.support import WALL, all_good, installed, marks, only, told


def test_folders_that_are_there_or_can_be_made(tmp_path: Path) -> None:
    assert all_good(machine.places(installed(tmp_path / "new" / "data")))
    assert list(tmp_path.iterdir()) == []


def test_folders_that_cannot_be_are_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert (
        "是文件，不是文件夹" in only(machine.places(installed(tmp_path, backup_dir=tmp_path / "file")), Mark.BAD).seen
    )
    lost = installed(tmp_path, policies_dir=tmp_path / "none")
    assert "DUIXIAN_POLICIES_DIR" in only(machine.places(lost), Mark.BAD).remedy


@pytest.fixture
def closed(tmp_path: Path) -> Iterator[Path]:
    """A folder on which nobody can write, not even root."""
    folder = Path("/proc/self")
    assert not os.access(folder, os.W_OK) or os.geteuid() == 0
    yield folder


def test_folders_that_cannot_be_written_are_told(tmp_path: Path, closed: Path) -> None:
    assert "不能写" in only(machine.places(installed(tmp_path, bounce_dir=closed)), Mark.BAD).seen
    assert "也建不了" in only(machine.places(installed(tmp_path, bounce_dir=closed / "x")), Mark.BAD).seen
    assert "存不进去" in only(machine.places(installed(tmp_path, calendar_dir=closed)), Mark.LOOK).seen


def test_a_disk_with_room_and_one_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all_good(machine.disk(installed(tmp_path / "new")))
    assert "请清理" in only(machine.disk(installed(tmp_path, free_megabytes=10**9)), Mark.BAD).remedy
    monkeypatch.setattr(machine, "_TEMPORARY", 10**9)
    found = told(machine.disk(installed(tmp_path, free_megabytes=10**9)))
    assert [each.mark for each in found] == [Mark.BAD] * 2 and "临时目录" in found[1].seen


def test_a_backup_that_would_not_fit_twice_is_told(desk: Desk) -> None:
    made = backups.make(desk.settings, WALL)
    note = desk.settings.data_dir / "last-backup.json"
    assert made.bytes > 0 and all_good(machine.disk(desk.settings.model_copy(update={"free_megabytes": 0})))
    note.write_text(note.read_text().replace(f'"bytes": {made.bytes}', f'"bytes": {10**15}'))
    settings = desk.settings.model_copy(update={"free_megabytes": 0})
    assert "放不下两份备份" in only(machine.disk(settings), Mark.LOOK).seen


def test_a_backup_of_these_days_an_old_one_and_none(desk: Desk) -> None:
    def seen(wall: FixedClock) -> list[str]:
        return [each.seen for each in told(machine.backup(desk.settings, wall)) if each.mark is Mark.LOOK]

    now = FixedClock(WALL.now())
    assert seen(now)[0] == "还没有备份过" and "同一块盘" in seen(now)[1]
    backups.make(desk.settings, now)
    assert len(seen(now)) == 1
    now.advance(timedelta(days=8))
    assert "8 天前" in seen(now)[0]


def test_a_backup_on_another_disk_is_in_order(desk: Desk) -> None:
    backups.make(desk.settings, WALL)
    other = next(
        Path(each) for each in ("/dev/shm", "/dev") if Path(each).stat().st_dev != desk.settings.data_dir.stat().st_dev
    )
    assert all_good(machine.backup(desk.settings.model_copy(update={"backup_dir": other}), WALL))


def test_a_backup_of_postgresql_needs_its_program(pg: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    assert Mark.BAD not in marks(machine.backup(pg.settings, WALL))
    monkeypatch.setattr("services.backups.database._candidates", lambda _: iter(()))
    assert "postgresql-client-" in only(machine.backup(pg.settings, WALL), Mark.BAD).remedy


def test_fonts_that_are_missing_are_told_with_what_stands_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        fonts, "_present", lambda: (*fonts._REAL[fonts.HEITI], *(n for f in fonts._FONTS.values() for n in f))
    )
    assert all_good(machine.typefaces(installed(tmp_path)))
    own = typst.Fonts(include_system_fonts=False, font_paths=[str(fonts.files("cvttf_NotoSansCJK_Regular"))])
    monkeypatch.setattr(fonts, "_present", lambda: tuple(own.families()))
    found = told(machine.typefaces(installed(tmp_path)))
    assert {each.mark for each in found} == {Mark.LOOK}
    assert found[0].seen == "本机没有仿宋_GB2312，PDF 以 Noto Sans CJK TC 代替，内容不受影响"
    assert found[0].remedy == "请装上该字体后重新生成。"


def test_packages_that_differ_from_the_lock_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert all_good(machine.packages(installed(tmp_path)))
    monkeypatch.setattr(machine, "ROOT", tmp_path)
    (tmp_path / "requirements.lock").write_text("typer==0.0.1 \\\n    --hash=x\nnone-such==2 \\\n    --hash=y\n")
    found = only(machine.packages(installed(tmp_path)), Mark.LOOK)
    assert "none-such 没有（应为 2）" in found.seen and "typer" in found.seen and "make install" in found.remedy


def test_a_clock_behind_the_record_is_told(desk: Desk, tmp_path: Path) -> None:
    clock = FileClock(tmp_path / "clock")
    settings = desk.settings.model_copy(update={"clock_file": clock.path})
    clock.set(desk.clock.now())
    assert Mark.BAD not in marks(machine.time(settings, WALL))
    clock.set(desk.clock.now() - timedelta(hours=1))
    assert "早于最后一条办理记录" in only(machine.time(settings, WALL), Mark.BAD).seen
    clock.path.unlink()
    assert "没有查成" in only(machine.time(settings, WALL), Mark.BAD).seen


@pytest.mark.parametrize(("said", "mark"), [("yes", Mark.GOOD), ("no", Mark.LOOK), ("", Mark.GOOD)])
def test_what_systemd_says_of_the_clock_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, mark: Mark
) -> None:
    program = tmp_path / "timedatectl"
    program.write_text(f"#!/bin/sh\necho {said}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    assert subprocess.run([program], capture_output=True, text=True).stdout == f"{said}\n"
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert mark in (found := marks(machine.time(installed(tmp_path), WALL))) and Mark.BAD not in found


def test_alerts_are_told(desk: Desk) -> None:
    settings = desk.settings.model_copy(update={"free_megabytes": 0})
    wall = FixedClock(desk.clock.now())
    clock = FileClock(desk.settings.data_dir / "clock")
    clock.set(desk.clock.now())
    settings = settings.model_copy(update={"clock_file": clock.path})
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})
    assert all_good(machine.amiss(settings, wall, thorough=True))
    cycles.note_failure(*desk.at, desk.system, cycle_id=desk.cycle_id, failure="磁盘已满")
    assert "流程中断" in only(machine.amiss(settings, wall, thorough=False), Mark.BAD).seen
