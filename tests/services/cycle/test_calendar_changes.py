"""A year's working days handed in: what they change, what is refused, and that nothing is used without a record."""

import shutil
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import select

from config.settings import ROOT
from models import AuditEntry, CalendarChange, Role
from services.access import people
from services.access.actors import Actor, find_actor
from services.cycle import calendar_changes
from services.cycle.calendar import Calendar, known_years
from services.errors import InputError, NotAllowedError, StateError
from tests.desk import Desk

NEXT = """year: 2027
source: 国办发明电〔2026〕9号
provisional: false
holidays:
  2027-01-01: 元旦
  2027-02-05: 春节
workdays:
  2027-02-20: 春节调休
"""
BROUGHT = NEXT.replace("2027", "2026").replace("2026-02-20", "2026-02-21")


@pytest.fixture
def folder(desk: Desk, tmp_path: Path) -> Path:
    """A calendar folder of the test's own, with the file of 2027 that we bring."""
    own = tmp_path / "calendar"
    own.mkdir()
    shutil.copy(ROOT / "config" / "calendar" / "2027.yaml", own)
    desk.settings.calendar_dir = own
    return own


@pytest.fixture
def administrator(desk: Desk) -> Actor:
    """Who may change it."""
    people.add_user(*desk.at, desk.system, login="admin", name="管某", role=Role.ADMINISTRATOR)
    return find_actor(desk.session, "admin")


def change(desk: Desk, actor: Actor, text: str = NEXT) -> CalendarChange:
    return calendar_changes.change(*desk.at, actor, settings=desk.settings, handed_in=text)


def test_what_changes_is_told_by_day(desk: Desk, folder: Path) -> None:
    proposed = calendar_changes.propose(desk.settings, NEXT)
    assert proposed.before is not None and proposed.before.provisional
    told = {(each.day.isoformat(), each.works, each.name) for each in proposed.days}
    assert ("2027-02-20", True, "春节调休") in told
    assert ("2027-02-08", True, "照平常的一周") in told
    assert not any(day == "2027-01-01" for day, _, _ in told)
    unknown = calendar_changes.propose(desk.settings, NEXT.replace("2027", "2029").replace("2029-02-20", "2029-02-24"))
    assert unknown.before is None
    assert [(each.day.isoformat(), each.weekday) for each in unknown.days] == [
        ("2029-01-01", "周一"),
        ("2029-02-05", "周一"),
        ("2029-02-24", "周六"),
    ]


def test_it_is_put_in_place_with_its_record(desk: Desk, folder: Path, administrator: Actor) -> None:
    calendar = Calendar(folder)
    assert not calendar.is_working_day(date(2027, 2, 8))
    made = change(desk, administrator, NEXT.replace("\n", "\r\n"))
    assert (folder / "2027.yaml").read_text(encoding="utf-8") == made.after == NEXT
    assert "暂定" in made.before
    assert calendar.is_working_day(date(2027, 2, 8)), "a calendar that is in use sees the new file"
    assert sorted(path.name for path in folder.iterdir()) == ["2027.yaml"]
    entry = desk.session.exec(select(AuditEntry).order_by(AuditEntry.seq.desc())).first()  # type: ignore[attr-defined]
    assert entry is not None and (entry.operation, entry.actor) == ("calendar.change", "admin")
    with pytest.raises(InputError, match="与现在使用的 2027 年工作日历完全相同"):
        change(desk, administrator)


def test_a_year_that_the_program_brings_is_taken_only_when_the_file_says_so(
    desk: Desk, folder: Path, administrator: Actor
) -> None:
    with pytest.raises(InputError, match=r"2026 年的放假安排程序已经自带.*replaces_library"):
        change(desk, administrator, BROUGHT)
    change(desk, administrator, BROUGHT + "replaces_library: true\n")
    assert Calendar(folder).is_working_day(date(2026, 10, 1))
    (known,) = [each for each in known_years(folder, 2026) if each.year == 2026]
    assert known.source == "国办发明电〔2026〕9号" and not known.brought


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "没有选择文件"),
        ("year: [", "录入的内容第 2 行：YAML 写法有误"),
        (NEXT.replace("2027-01-01", "2028-01-01"), "“2028-01-01”不是 2027 年的日期"),
        (NEXT.replace("2027-02-20", "2027-02-30"), "第 8 行：没有这一天，看到的是“2027-02-30”"),
        (NEXT.replace("year: 2027", "year: 27"), "year 是“27”"),
        (NEXT.replace("元旦", ""), "2027-01-01 没有写名称"),
        (NEXT.replace("2027-01-01:", "2027-01-01 10:00:00:"), "不是 2027 年的日期"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_kept(
    desk: Desk, folder: Path, administrator: Actor, text: str, told: str
) -> None:
    before = (folder / "2027.yaml").read_bytes()
    with pytest.raises(InputError, match=told):
        change(desk, administrator, text)
    assert (folder / "2027.yaml").read_bytes() == before
    assert desk.session.exec(select(CalendarChange)).all() == []


def test_only_the_administrator_changes_it(desk: Desk, folder: Path) -> None:
    before = (folder / "2027.yaml").read_bytes()
    with pytest.raises(NotAllowedError):
        change(desk, desk.operator)
    assert (folder / "2027.yaml").read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == ["2027.yaml"]


def test_a_folder_that_cannot_be_written_leaves_no_record(
    desk: Desk, folder: Path, administrator: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("services.cycle.calendar_changes._write", full)
    with pytest.raises(StateError, match="不能写入"):
        change(desk, administrator)
    assert desk.session.exec(select(CalendarChange)).all() == []


def test_a_file_in_another_encoding_is_refused() -> None:
    assert calendar_changes.decoded("\ufeff元旦".encode()) == "元旦"
    with pytest.raises(InputError, match="UTF-8"):
        calendar_changes.decoded("元旦".encode("gbk"))
    with pytest.raises(InputError, match="最多 100000 字节"):
        calendar_changes.decoded(b"x" * 100_001)
