"""The commands for backups, and the audit chain's check against a printed sheet."""

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


def test_a_printed_sheet_is_compared(office: Office) -> None:
    kept = anchoring.take(*office.desk.at, office.desk.system, settings=office.desk.settings)
    assert kept is not None
    assert "审计链完整" in office.told("audit", "verify", "--anchor", f"{kept.seq}:{kept.hash[:16]}")
    said = office.json("audit", "verify", "--anchor", f"{kept.seq}:{'0' * 16}", code=1)
    assert "校验单上的" in said["problems"][0]
    assert "序号:校验值" in office.told("audit", "verify", "--anchor", "x", code=1)
