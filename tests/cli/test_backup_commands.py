"""The commands for backups, and the audit chain's check against a printed sheet."""

from dataclasses import replace
from pathlib import Path

import pytest

from services import backups
from services.clock import SystemClock
from services.record import anchoring, chain
from tests.cli.conftest import Office
from tests.desk import Desk


def test_a_backup_is_taken_and_restored(office: Office, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("elsewhere")  # not in what is backed up
    made = office.json("backup", "--to", str(folder / "b.zip"))
    assert made["missing"] == [] and made["chain_seq"] == chain.length(office.desk.session)
    said = office.told("restore", made["file"], "--to", str(folder / "again"), "--sha256", made["sha256"])
    assert "逐个核对相符" in said and (folder / "again" / "duixian.db").is_file()
    assert "已经存在" in office.told("backup", "--to", made["file"], code=1)
    assert "已经存在" in office.told("restore", made["file"], "--to", str(folder / "again"), code=1)
    assert "没有找到备份" in office.told("restore", "none.zip", "--to", str(folder / "other"), code=1)
    assert office.json("restore", made["file"], "--to", str(folder / "other"))["problems"] == []


def test_after_a_backup_of_postgresql_the_address_of_its_database_is_asked_for(
    office: Office, pg: Desk, tmp_path: Path
) -> None:
    made = backups.make(pg.settings, SystemClock(), tmp_path / "b.zip")
    said = office.told("restore", str(made.file), "--to", str(tmp_path / "again"))
    assert "DUIXIAN_DATABASE_URL 写恢复到的数据库的地址" in said
    assert office.json("restore", str(made.file), "--to", str(tmp_path / "other"))["problems"] is None


def test_the_default_place_is_that_of_the_settings(office: Office) -> None:
    said = office.told("backup")
    (file,) = office.desk.settings.backups_dir.glob("duixian-*.zip")
    assert str(file) in said and "备份的校验值" in said


def test_old_backups_are_removed_when_asked_and_nothing_else(office: Office, tmp_path: Path) -> None:
    folder = office.desk.settings.backups_dir
    made = backups.make(office.desk.settings, SystemClock(), folder / "kept-apart.zip")

    def lying(day: str) -> Path:
        path = folder / f"duixian-{day}-023000.zip"
        path.hardlink_to(made.file)
        return path

    days = ("20150131", "20150228", "20150301", "20150330", "20150331", "20160131", "20160201", "20160202")
    old = {day: lying(day) for day in days}
    foreign = folder / "duixian-20150302-023000.zip"
    foreign.write_text("no backup")
    assert "不能与 --to 一起写" in office.told("backup", "--to", str(tmp_path / "x.zip"), "--keep", "1", code=1)
    removed = office.json("backup", "--keep", "3")["removed"]
    assert removed == [str(old[day]) for day in ("20150301", "20150330")], "the others end their month, or are new"
    assert made.file.exists() and foreign.exists()
    earlier = [lying(f"2014{month:02}28") for month in range(1, 13)]
    assert backups.prune(office.desk.settings, made, 1) == [*earlier[:5], old["20160201"]], "13 months are left"


def test_no_old_backup_is_removed_while_files_are_missing_which_it_may_have(office: Office) -> None:
    folder = office.desk.settings.backups_dir
    made = backups.make(office.desk.settings, SystemClock(), folder / "kept-apart.zip")
    old = [folder / f"duixian-202001{day:02}-000000.zip" for day in (1, 2)]
    for path in old:
        path.hardlink_to(made.file)
    lacking = replace(made, manifest=made.manifest.model_copy(update={"missing": ("ab",)}))
    assert backups.prune(office.desk.settings, lacking, 1) == []
    assert backups.prune(office.desk.settings, made, 1) == old[:1]


def test_a_printed_sheet_is_compared(office: Office) -> None:
    kept = anchoring.take(*office.desk.at, office.desk.system, settings=office.desk.settings)
    assert kept is not None
    assert "审计链完整" in office.told("audit", "verify", "--anchor", f"{kept.seq}:{kept.hash[:16]}")
    said = office.json("audit", "verify", "--anchor", f"{kept.seq}:{'0' * 16}", code=1)
    assert "校验单上的" in said["problems"][0]
    assert "序号:校验值" in office.told("audit", "verify", "--anchor", "x", code=1)
