"""Working days by the State Council's yearly holiday notice: from chinesecalendar, else from config/calendar/.

A file may say that it counts instead of the library, for a notice that was changed after the library was made.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import chinese_calendar
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from policy import Problem
from policy.positions import Document, read_document
from services.errors import InputError, ServiceError
from services.files.apart_worker import Blobs

_SATURDAY = 5
_LONGEST_VALUE = 60
_KEYS = {"year", "source", "provisional", "holidays", "workdays"}
_REPLACES = "replaces_library"
_YEARS = range(2000, 2101)
WHERE_ENTERED = "请管理员按国务院办公厅的放假通知，在工作台“用户 › 工作日历与发信设置”里录入"
_REMEDY = "请对照格式说明（config/calendar/README.md）改正"


class CalendarError(ServiceError):
    """The working days of a year are not known, or its file cannot be used; names the file and the remedy."""


@dataclass(frozen=True)
class YearFile:
    """One `config/calendar/<year>.yaml`: days off and working weekend days, each with its name.

    `replaces_library`: it counts although the program brings the year.
    """

    year: int
    source: str
    provisional: bool
    holidays: Mapping[date, str]
    workdays: Mapping[date, str]
    replaces_library: bool = False

    def is_working_day(self, day: date) -> bool:
        """Whether people work on `day`."""
        return day in self.workdays or (day.weekday() < _SATURDAY and day not in self.holidays)


@dataclass(frozen=True)
class KnownYear:
    """A year whose working days are known: weekdays off, weekend days worked; `trouble` when its file is no good."""

    year: int
    source: str
    provisional: bool
    days_off: Sequence[date]
    worked: Sequence[date]
    trouble: str = ""
    brought: bool = False  # by the program, without a file


class Calendar:
    """Answers about working days; a year's file is read when it has changed. Raises `CalendarError` for years that
    nobody knows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[int, tuple[int, YearFile]] = {}

    def is_working_day(self, day: date) -> bool:
        """Whether people work on `day`: a weekday that is no holiday, or a weekend day worked in exchange."""
        if self._is_brought(day.year):
            return bool(chinese_calendar.is_workday(day))
        return self._file(day.year).is_working_day(day)

    def add_working_days(self, start: date, count: int) -> date:
        """The `count`-th working day after `start` (count ≥ 1); `start` itself is not counted."""
        if count < 1:
            raise ValueError(f"工作日数必须至少为 1，实际为 {count}")
        day = start
        while count:
            day += timedelta(days=1)
            count -= self.is_working_day(day)
        return day

    def working_days_between(self, start: date, end: date) -> int:
        """Working days after `start` up to and including `end`; 0 when they are the same day. `end` is not earlier."""
        if end < start:
            raise ValueError(f"结束日期 {end} 早于开始日期 {start}")
        return sum(self.is_working_day(start + timedelta(days=n)) for n in range(1, (end - start).days + 1))

    def provisional_years(self, start: date, end: date) -> list[int]:
        """The years from `start` to `end` whose holidays are not settled by a notice yet, for a warning to the user."""
        years = range(start.year, end.year + 1)
        return [year for year in years if not self._is_brought(year) and self._file(year).provisional]

    def _is_brought(self, year: int) -> bool:
        """Whether the library counts: it knows the year, and no file is there instead of it."""
        return brings(year) and not (path_of(self._directory, year).exists() and self._file(year).replaces_library)

    def _file(self, year: int) -> YearFile:
        path = path_of(self._directory, year)
        stamp = path.stat().st_mtime_ns if path.exists() else 0
        if self._files.get(year, (None,))[0] != stamp:
            self._files[year] = stamp, read_year(path, year)
        return self._files[year][1]


def known_years(directory: Path, first: int) -> list[KnownYear]:
    """The years from `first` on whose working days are known, by a file or because the program brings them."""
    files = {int(path.stem) for path in directory.glob("*.yaml") if path.stem.isdigit()}
    brought = {year for year in _YEARS if brings(year)}
    years = sorted(year for year in files | brought if year >= first)
    return [known for year in years if (known := known_year(directory, year)) is not None]


def known_year(directory: Path, year: int) -> KnownYear | None:
    """What counts for a year; None when nobody knows."""
    path = path_of(directory, year)
    if not path.exists():
        return _brought(year) if brings(year) else None
    try:
        file = read_year(path, year)
    except CalendarError as error:
        return KnownYear(year, path.name, True, [], [], str(error))
    if brings(year) and not file.replaces_library:
        return _brought(year)
    off = sorted(day for day in file.holidays if day.weekday() < _SATURDAY)
    return KnownYear(year, file.source, file.provisional, off, sorted(file.workdays))


def path_of(directory: Path, year: int) -> Path:
    """Where a year's file lies."""
    return directory / f"{year}.yaml"


def _brought(year: int) -> KnownYear:
    days = [
        date(year, 1, 1) + timedelta(days=number) for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]
    off = [day for day in days if day.weekday() < _SATURDAY and not chinese_calendar.is_workday(day)]
    worked = [day for day in days if day.weekday() >= _SATURDAY and chinese_calendar.is_workday(day)]
    return KnownYear(year, "国务院办公厅放假通知（程序自带）", False, off, worked, brought=True)


def brings(year: int) -> bool:
    """Whether the program knows the year by itself."""
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def read_year(path: Path, year: int) -> YearFile:
    """Read one year's file; the format stands in config/calendar/README.md."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise CalendarError(
            f"没有 {year} 年的工作日历：{WHERE_ENTERED}，或者新建文件 {path}（格式见同目录 README.md）。"
        ) from error
    except UnicodeDecodeError as error:
        raise CalendarError(f"工作日历 {path} 不是 UTF-8 编码的文字：{error}；{_REMEDY}。") from error
    file = read_text(text, f"工作日历 {path} ")
    if file.year != year:
        raise CalendarError(f"工作日历 {path} 的 year 是 {file.year}，与文件名不符；{_REMEDY}。")
    return file


def read_text(text: str, where: str) -> YearFile:
    """Read the content of a year's file; `where` begins the sentence of what is wrong. Raises CalendarError."""
    document = read_document(text, where)
    if document.problems:  # also what would make it huge or endless
        raise CalendarError(f"{where}{_told(document.problems[0])}；{_REMEDY}。")
    try:
        content = YAML(typ="safe").load(text)
    except (YAMLError, ValueError) as error:  # ValueError: a day such as 2027-02-30
        raise CalendarError(f"{where}{_told(_unreadable(document))}；{_REMEDY}。") from error
    fault = _fault(content)
    if fault:
        raise CalendarError(f"{where}{fault}；{_REMEDY}。")
    return YearFile(
        year=content["year"],
        source=content["source"],
        provisional=content["provisional"],
        holidays=content["holidays"],
        workdays=content["workdays"],
        replaces_library=content.get(_REPLACES, False),
    )


def _told(problem: Problem) -> str:
    seen = f"，看到的是“{problem.value[:_LONGEST_VALUE]}”" if problem.value else ""
    return f"第 {problem.line} 行：{problem.message}{seen}"


def _unreadable(document: Document) -> Problem:
    """The first key that looks like a day and is none; else something that nobody can read."""
    for path in document.keys:
        key = str(path[-1])
        try:
            date.fromisoformat(key if key[:1].isdigit() else "2000-01-01")
        except ValueError:
            return document.problem(path, key, "没有这一天")
    return document.problem((), "", "有读不出来的值")


def read_apart(data: bytes) -> tuple[dict[str, Any], Blobs]:
    """What `read_text` says of a text that somebody handed in, for a process of its own. Raises InputError."""
    try:
        file = read_text(data.decode(), "录入的内容")
    except CalendarError as error:
        raise InputError(str(error)) from error
    days = {key: {str(day): name for day, name in getattr(file, key).items()} for key in ("holidays", "workdays")}
    return {**vars(file), **days}, []


def _fault(content: object) -> str:
    if not isinstance(content, dict) or set(content) - {_REPLACES} != _KEYS:
        return f"应当恰好有这几个键：{'、'.join(sorted(_KEYS))}（程序自带的年份另加 {_REPLACES}）"
    year = content["year"]
    if type(year) is not int or year not in _YEARS:
        return f"的 year 是“{year}”，应为 {_YEARS[0]} 至 {_YEARS[-1]} 的年份"
    if not isinstance(content.get(_REPLACES, False), bool):
        return f"的 {_REPLACES} 应为 true 或 false"
    return _fault_of_days(content, year)


def _fault_of_days(content: Mapping[str, Any], year: int) -> str:
    if not isinstance(content["source"], str) or not isinstance(content["provisional"], bool):
        return "的 source 应为文字、provisional 应为 true 或 false"
    for key in ("holidays", "workdays"):
        if not isinstance(content[key], dict):
            return f"的 {key} 应写成“日期: 名称”，没有时写 {{}}"
        for day in content[key]:
            if not isinstance(day, date) or isinstance(day, datetime) or day.year != year:
                return f"的 {key} 里“{day}”不是 {year} 年的日期（写成 {year}-01-01 的样子）"
            if not isinstance(content[key][day], str):
                return f"的 {key} 里 {day} 没有写名称"
    weekdays = [str(day) for day in content["workdays"] if day.weekday() < _SATURDAY]
    if weekdays:
        return f"的 workdays 里 {'、'.join(weekdays)} 不是周六、周日"
    both = [str(day) for day in content["workdays"] if day in content["holidays"]]
    return f"的 {'、'.join(both)} 既写了放假又写了上班" if both else ""
