"""What the tests of the doctor share: settings of a throw-away installation, and what one check told."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from config.settings import Settings
from services.clock import SystemClock
from services.doctor import Check, Mark, Told
from services.doctor.told import run

WALL = SystemClock()


def installed(folder: Path, **changes: Any) -> Settings:
    """Settings that are in earnest and whole, unless changed."""
    given = {
        "data_dir": folder,
        "smtp_host": "smtp.zhangzhou.example",
        "mail_from": "award@zhangzhou.example",
        "mail_domain": "zhangzhou.example",
        "console_url": "https://award.zhangzhou.example",
        "contact": "人工智能产业科，0596-2020000",
        "metrics_token": "a" * 32,
        "free_megabytes": 0,
        **changes,
    }
    return Settings(_env_file=None, **given)


def told(look: Iterable[Told]) -> list[Told]:
    """What a check tells, as the report has it: its failures told too."""
    return [line.told for line in run([Check("x", "某项", lambda: look)])]


def marks(look: Iterable[Told]) -> set[Mark]:
    """The marks of it."""
    return {each.mark for each in told(look)}


def all_good(look: Iterable[Told]) -> bool:
    """Whether nothing has to be done."""
    found = told(look)
    return bool(found) and all(each.mark is Mark.GOOD for each in found)


def only(look: Iterable[Told], mark: Mark) -> Told:
    """The one that is marked so, which says what to do."""
    (found,) = [each for each in told(look) if each.mark is mark]
    assert found.seen and "请" in found.remedy, found
    return found
