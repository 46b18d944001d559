"""Bytes that somebody handed in are read in a process of their own, with limits of memory, time and size of the answer.

A reader is a plain function `(data, **arguments) -> (answer, blobs)`: the arguments and the answer are JSON, the blobs
bytes. Nothing else comes back, so that what a hostile file makes of the reader stays in its process. Why: see
docs/decisions/0023-reading-apart.md.
"""

from __future__ import annotations

import atexit
import json
import logging
import os
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from typing import IO, Any

from services.errors import InputError
from services.files.apart_forks import Forks

_LOG = logging.getLogger(__name__)
FORKS = Forks()
atexit.register(FORKS.close)
_PATIENCE_SECONDS = 60
_TRIES = 2  # the process that forks readers may be gone: it goes by itself when nobody reads
_ABORTED = -6  # SIGABRT, also of a library that got no memory
_GIVES_UP = -24  # SIGXCPU
_KILLED = -9  # SIGKILL: the system's, where memory is short; ours comes as TimeoutExpired
_FULL = os.EX_IOERR


class Size(Enum):
    """How much a reader takes, and so how many may run at once: 2 and 6 in one process of ours."""

    LARGE = threading.BoundedSemaphore(2)
    SMALL = threading.BoundedSemaphore(6)


@dataclass(frozen=True)
class Reader:
    """One reader: `function` as `module:name`, its limits, and whether many may run at once."""

    function: str
    megabytes: int
    seconds: int
    size: Size = Size.SMALL
    answer_megabytes: int = 64


READERS = {
    "table": Reader("services.tables.worker:read", 3072, 120, Size.LARGE, 2048),
    "office_file": Reader("services.files.office_files:read", 512, 20, answer_megabytes=8),
    "policy_folder": Reader("services.law.policy_folder:read", 1024, 30, Size.LARGE),
    "policy_check": Reader("services.law.policy_check:read", 3072, 120, Size.LARGE),
    "calendar": Reader("services.cycle.calendar:read_apart", 512, 20),
    "bounce": Reader("services.notices.bounces:read_apart", 512, 20),
}
"""Every reader of bytes that come from outside."""


class ApartError(Exception):
    """The reader came to no answer. `cause` and `remedy` are parts of a Chinese sentence."""

    def __init__(self, cause: str, remedy: str) -> None:
        self.cause, self.remedy = cause, remedy
        super().__init__(f"{cause}；{remedy}。")


class PassingError(ApartError):
    """What kept the reader from an answer lies with the server: the same bytes may be read later."""


class BusyError(PassingError):
    """The reader never began: all places are taken."""


_MEMORY = "太大或太复杂，读取它需要的内存超过 {limit} 兆字节", "请拆分成几个小一些的文件"
_TIME = "太大或太复杂，读取超过 {limit} 秒仍未完成", "请检查内容，或拆分成几个小一些的文件"
_ANSWER = "内容太多，读出来超过 {limit} 兆字节", "请拆分成几个小一些的文件"
_CRASH = "已损坏，无法读取", "请用原来的软件打开检查，另存后再提交"
_ABORT = "已损坏，或者大到需要的内存超过 {limit} 兆字节", "请用原来的软件打开检查，另存或拆分后再提交"
_BUSY = "暂时读不了，服务器正在读取别的文件", "请过一会儿再试"
_CUT_OFF = "读到一半被系统终止，多半是服务器内存不足", "请过一会儿再试，一直不行请告诉系统管理员"
_NO_SPACE = "读取时要写的内容写不下，服务器的磁盘可能已满", "请过一会儿再试，一直不行请告诉系统管理员"


def read_apart(reader: str, data: bytes, **arguments: Any) -> tuple[Any, list[bytes]]:
    """The answer and the blobs of a reader.

    Raises ApartError (PassingError, BusyError), or the InputError that the reader raised.
    """
    what = READERS[reader]
    request = json.dumps(arguments).encode() + b"\n" + data
    with _room(what.size):
        for _ in range(_TRIES):
            with tempfile.TemporaryFile(prefix="duixian-") as told:
                code = _run(what, request, told)
                if code is not None:
                    return _said(what, code, told)
    raise PassingError(*_CUT_OFF)


def sentence(file: str, error: ApartError) -> str:
    """What a user is told of a file that could not be read."""
    return f"“{file}”{error}"


def _ended(what: Reader, code: int) -> ApartError:
    """What a return code, or a signal, means."""
    return {
        _GIVES_UP: _over(_TIME, what.seconds),
        _ABORTED: _over(_ABORT, what.megabytes),
        _KILLED: PassingError(*_CUT_OFF),
        _FULL: PassingError(*_NO_SPACE),
    }.get(code, ApartError(*_CRASH))


def _said(what: Reader, code: int, told: IO[bytes]) -> tuple[Any, list[bytes]]:
    """What a reader that ended with this code has written."""
    if code:  # whatever it said before, it did not come to the end of it
        _LOG.warning("the reader %s ended with %d", what.function, code)
        raise _ended(what, code)
    told.seek(0)
    try:
        return _heard(what, json.loads(told.readline()), told)
    except (ValueError, TypeError, KeyError) as error:  # it says nonsense
        raise ApartError(*_CRASH) from error


def _heard(what: Reader, head: Any, told: IO[bytes]) -> tuple[Any, list[bytes]]:
    if "refused" in head:
        raise InputError(head["refused"])
    if "over" in head:
        raise _over(_ANSWER, what.answer_megabytes) if head["over"] == "answer" else _over(_MEMORY, what.megabytes)
    if "failed" in head:  # a defect of ours, or a library's that gives up on such a file: the log tells them apart
        _LOG.warning("the reader %s failed: %.1000r", what.function, head["failed"])
        raise ApartError(*_CRASH)
    blobs = [told.read(size) for size in head["blobs"]]
    if [len(blob) for blob in blobs] != head["blobs"]:
        raise ValueError("the answer is shorter than it says")
    return head["answer"], blobs


def _run(what: Reader, request: bytes, told: IO[bytes]) -> int | None:
    """Run the reader to its end, and give its return code, None when it was lost; what runs too long is killed."""
    with tempfile.TemporaryFile(prefix="duixian-") as asked:
        try:
            asked.write(request)
            asked.seek(0)  # writes what is left
        except OSError as error:
            raise PassingError(*_NO_SPACE) from error
        limits = (what.megabytes, what.seconds, what.answer_megabytes)
        try:
            return FORKS.run(what.function, limits, asked, told)
        except TimeoutError as error:
            raise _over(_TIME, what.seconds) from error


def _over(words: tuple[str, str], limit: int) -> ApartError:
    return ApartError(words[0].format(limit=f"{limit:,}"), words[1])


@contextmanager
def _room(size: Size) -> Iterator[None]:
    """A place among those that may run at once."""
    if not size.value.acquire(timeout=_PATIENCE_SECONDS):
        raise BusyError(*_BUSY)
    try:
        yield
    finally:
        size.value.release()
