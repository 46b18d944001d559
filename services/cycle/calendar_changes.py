"""A year's working days handed in on the settings page: what they would change, and putting them in place."""

import os
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from config.settings import Settings
from models import CalendarChange, User
from services.access.actors import Actor
from services.application.file_kinds import plain_name
from services.clock import Clock
from services.cycle.calendar import Calendar, CalendarError, KnownYear, YearFile, brings, known_year, path_of
from services.errors import InputError, StateError
from services.files import scanning
from services.files.apart import ApartError, read_apart
from services.record.operation import operation

MOST_BYTES = 100_000
_SATURDAY = 5
_WEEKDAYS = "一二三四五六日"


@dataclass(frozen=True)
class Day:
    """A day that becomes a working day or a day off."""

    day: date
    works: bool
    name: str

    @property
    def weekday(self) -> str:
        """周一 to 周日."""
        return f"周{_WEEKDAYS[self.day.weekday()]}"


@dataclass(frozen=True)
class Proposed:
    """What a text would change. `before` is what counts now; without it `days` are those unlike any other week's."""

    text: str
    file: YearFile
    before: KnownYear | None
    days: list[Day]


@dataclass(frozen=True)
class Past:
    """A change that was made, and by whom."""

    change: CalendarChange
    by: str


def propose(settings: Settings, handed_in: str) -> Proposed:
    """Read what was handed in and compare. Raises InputError when it cannot be used or changes nothing."""
    text = _plain(handed_in)
    file = _read(text)
    if brings(file.year) and not file.replaces_library:
        raise InputError(
            f"{file.year} 年的放假安排程序已经自带，不用录入；国务院另有调整、自带的不对时，"
            "请加一行 replaces_library: true 再录入。"
        )
    if present(settings, file.year) == text:
        raise InputError(f"录入的内容与现在使用的 {file.year} 年工作日历完全相同，不用保存。")
    return Proposed(text, file, known_year(settings.calendar_dir, file.year), _changed(settings.calendar_dir, file))


def change(session: Session, clock: Clock, actor: Actor, *, settings: Settings, handed_in: str) -> CalendarChange:
    """Put a year's working days in place of what counted before; due days that were told already stay.

    The file is written beside its place first, then the record, then the file moves: nothing is used that the record
    does not know. Raises InputError as `propose` does, StateError when the folder cannot be written.
    """
    found = propose(settings, handed_in)
    path = path_of(settings.calendar_dir, found.file.year)
    new = path.with_name(f".{path.name}.new")
    try:
        _write(new, found.text)
        made = _record(session, clock, actor, found=found, before=present(settings, found.file.year))
        new.replace(path)
    except OSError as error:
        raise StateError(f"工作日历的目录 {path.parent} 不能写入（{error.strerror}）；请维护人员检查权限。") from error
    finally:
        new.unlink(missing_ok=True)
    return made


def present(settings: Settings, year: int) -> str:
    """A year's file as it stands; nothing when there is none."""
    path = path_of(settings.calendar_dir, year)
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def past(session: Session) -> list[Past]:
    """The changes that were made, the newest first."""
    query = select(CalendarChange, User.name).join(User, col(User.id) == CalendarChange.user_id)
    return [Past(*row) for row in session.exec(query.order_by(col(CalendarChange.id).desc()))]


def text_of(settings: Settings, filename: str, data: bytes) -> str:
    """The text of a file that was handed in. Raises InputError, also for one that the virus scanner refuses."""
    scanning.scan(settings, plain_name(filename), data)
    return decoded(data)


def decoded(data: bytes) -> str:
    """The text of a file's bytes. Raises InputError."""
    _check_size(data)
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("文件不是 UTF-8 编码的文字；请用记事本另存为 UTF-8 再上传，或者直接粘贴内容。") from error


def _check_size(data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise InputError(f"内容有 {len(data)} 字节，最多 {MOST_BYTES} 字节；工作日历不会这样大，请核对。")


@operation("calendar.change")
def _record(session: Session, clock: Clock, actor: Actor, *, found: Proposed, before: str) -> CalendarChange:
    made = CalendarChange(
        year=found.file.year, before=before, after=found.text, user_id=actor.user_id, changed_at=clock.now()
    )
    session.add(made)
    session.flush()
    return made


def _read(text: str) -> YearFile:
    """Read in a process of its own: nobody has looked at it yet. Raises InputError."""
    _check_size(text.encode())
    try:
        told, _ = read_apart("calendar", text.encode())
    except ApartError as error:
        raise InputError(f"录入的内容{error}") from error
    days = {key: {date.fromisoformat(day): name for day, name in told[key].items()} for key in ("holidays", "workdays")}
    return YearFile(**{**told, **days})


def _plain(text: str) -> str:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").strip("\n")
    if not lines.strip():
        raise InputError("没有选择文件，也没有粘贴内容；请二者选一。")
    return lines + "\n"


def _changed(directory: Path, file: YearFile) -> list[Day]:
    calendar = Calendar(directory)
    start = date(file.year, 1, 1)
    days = [start + timedelta(days=number) for number in range((date(file.year + 1, 1, 1) - start).days)]
    return [
        Day(day, works, _name(file, day))
        for day in days
        if (works := file.is_working_day(day)) != _works_now(calendar, day)
    ]


def _works_now(calendar: Calendar, day: date) -> bool:
    try:
        return calendar.is_working_day(day)
    except CalendarError:  # nobody knows the year, or its file is no good
        return day.weekday() < _SATURDAY


def _name(file: YearFile, day: date) -> str:
    return file.holidays.get(day) or file.workdays.get(day) or "照平常的一周"


def _write(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
