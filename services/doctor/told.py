"""What a check tells: a mark, what was seen, what to do; and how checks are run, none of which can stop another."""

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum

from policy import PolicyError
from services.errors import ServiceError, TransientError

_AT_ONCE = 8
_LONGEST = 300
_AS_SAID = "请按所说的改正。"
_NOT_DONE = "请先解决其他项目；仍然如此的，把这一行和日志交给维护人员。"


class Mark(StrEnum):
    """How it stands: good, to be looked at, or such that something does not work."""

    GOOD = "ok"
    LOOK = "attention"
    BAD = "problem"


@dataclass(frozen=True)
class Told:
    """What was seen and what to do (Chinese sentences)."""

    mark: Mark
    seen: str
    remedy: str = ""


@dataclass(frozen=True)
class Check:
    """Something to look at. `id` is for programs, `name` for people."""

    id: str
    name: str
    look: Callable[[], Iterable[Told]]


@dataclass(frozen=True)
class Line:
    """One line of the report: of which check, and what it told."""

    id: str
    name: str
    told: Told


class NotLookedError(ServiceError):
    """Another check tells why this one could not look; the text says which."""


def good(seen: str) -> Told:
    """It is in order."""
    return Told(Mark.GOOD, seen)


def look(seen: str, remedy: str) -> Told:
    """Somebody should know."""
    return Told(Mark.LOOK, seen, remedy)


def bad(seen: str, remedy: str) -> Told:
    """Something does not work, or must not be so."""
    return Told(Mark.BAD, seen, remedy)


def parted(mark: Mark, sentence: str) -> Told:
    """A sentence of this program, which says last what to do (“；请……”), as the two that it is."""
    place = max(sentence.rfind("；请"), sentence.rfind("。请"), sentence.rfind("（请"))
    if place < 0:
        return Told(mark, sentence, _AS_SAID)
    return Told(mark, sentence[:place], sentence[place + 1 :].rstrip("）"))


def run(checks: Iterable[Check]) -> list[Line]:
    """Run them side by side; their lines in the checks' order. One that fails tells that it did."""
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        return [line for lines in pool.map(_run, checks) for line in lines]


def _run(check: Check) -> list[Line]:
    told: list[Told] = []
    try:
        told.extend(check.look())
    except NotLookedError as error:
        told.append(parted(Mark.LOOK, str(error)))
    except (ServiceError, TransientError, PolicyError) as error:
        told.append(parted(Mark.BAD, str(error)))
    except Exception as error:
        told.append(bad(f"没有查成（{type(error).__name__}）：{one_line(error)}", _NOT_DONE))
    return [Line(check.id, check.name, each) for each in told]


def one_line(error: Exception) -> str:
    """What an error of others says, not longer than a table bears."""
    return " ".join(str(error).split())[:_LONGEST]
