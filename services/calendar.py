"""Working days by the State Council's yearly holiday notice: from chinesecalendar, else from config/calendar/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import chinese_calendar
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from services.errors import ServiceError

_SATURDAY = 5
_KEYS = {"year", "source", "provisional", "holidays", "workdays"}


class CalendarError(ServiceError):
    """The working days of a year are not known, or its file cannot be used; names the file and the remedy."""


@dataclass(frozen=True)
class YearFile:
    """One `config/calendar/<year>.yaml`: days off and working weekend days, each with its name."""

    source: str
    provisional: bool
    holidays: Mapping[date, str]
    workdays: Mapping[date, str]

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


class Calendar:
    """Answers about working days; a year's file is read once. Raises `CalendarError` for years that nobody knows."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._files: dict[int, YearFile] = {}

    def is_working_day(self, day: date) -> bool:
        """Whether people work on `day`: a weekday that is no holiday, or a weekend day worked in exchange."""
        try:
            return bool(chinese_calendar.is_workday(day))
        except NotImplementedError:
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
        return [year for year in range(start.year, end.year + 1) if not _known(year) and self._file(year).provisional]

    def _file(self, year: int) -> YearFile:
        if year not in self._files:
            self._files[year] = read_year(self._directory / f"{year}.yaml", year)
        return self._files[year]


def known_years(directory: Path, first: int) -> list[KnownYear]:
    """The years from `first` on whose working days are known: those that the program brings, then those with a file."""
    found, year = [], first
    while _known(year):
        found.append(_brought(year))
        year += 1
    files = sorted(path for path in directory.glob("*.yaml") if path.stem.isdigit() and int(path.stem) >= year)
    return found + [_from_file(path) for path in files]


def _brought(year: int) -> KnownYear:
    days = [
        date(year, 1, 1) + timedelta(days=number) for number in range((date(year + 1, 1, 1) - date(year, 1, 1)).days)
    ]
    off = [day for day in days if day.weekday() < _SATURDAY and not chinese_calendar.is_workday(day)]
    worked = [day for day in days if day.weekday() >= _SATURDAY and chinese_calendar.is_workday(day)]
    return KnownYear(year, "国务院办公厅放假通知（程序自带）", False, off, worked)


def _from_file(path: Path) -> KnownYear:
    year = int(path.stem)
    try:
        file = read_year(path, year)
    except CalendarError as error:
        return KnownYear(year, path.name, True, [], [], str(error))
    off = sorted(day for day in file.holidays if day.weekday() < _SATURDAY)
    return KnownYear(year, file.source, file.provisional, off, sorted(file.workdays))


def _known(year: int) -> bool:
    try:
        chinese_calendar.is_workday(date(year, 1, 1))
    except NotImplementedError:
        return False
    return True


def read_year(path: Path, year: int) -> YearFile:
    """Read one year's file; the format stands in config/calendar/README.md."""
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CalendarError(
            f"没有 {year} 年的工作日历：请按国务院办公厅的放假通知新建文件 {path}（格式见同目录 README.md）。"
        ) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise CalendarError(f"工作日历 {path} 不是正确的 YAML 文件：{error}；请对照同目录 README.md 改正。") from error
    fault = _fault(content, year)
    if fault:
        raise CalendarError(f"工作日历 {path} {fault}；请对照同目录 README.md 改正。")
    return YearFile(content["source"], content["provisional"], content["holidays"], content["workdays"])


def _fault(content: object, year: int) -> str:
    if not isinstance(content, dict) or set(content) != _KEYS:
        return f"应当恰好有这几个键：{'、'.join(sorted(_KEYS))}"
    if content["year"] != year:
        return f"的 year 是 {content['year']}，与文件名不符"
    if not isinstance(content["source"], str) or not isinstance(content["provisional"], bool):
        return "的 source 应为文字、provisional 应为 true 或 false"
    for key in ("holidays", "workdays"):
        if not isinstance(content[key], dict):
            return f"的 {key} 应写成“日期: 名称”，没有时写 {{}}"
        for day in content[key]:
            if not isinstance(day, date) or day.year != year:
                return f"的 {key} 里“{day}”不是 {year} 年的日期（写成 {year}-01-01 的样子）"
    weekdays = [str(day) for day in content["workdays"] if day.weekday() < _SATURDAY]
    if weekdays:
        return f"的 workdays 里 {'、'.join(weekdays)} 不是周六、周日"
    both = [str(day) for day in content["workdays"] if day in content["holidays"]]
    return f"的 {'、'.join(both)} 既写了放假又写了上班" if both else ""
