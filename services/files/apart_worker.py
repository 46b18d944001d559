"""What the process of a reader does: read the request from its input, write the answer to its output, within limits.

Written is one line of JSON, with the answer, the refusal or what failed, and behind it the blobs.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from io import RawIOBase
from pathlib import Path
from typing import Any

from services.errors import InputError

MEGABYTE = 1024 * 1024
THREADS = 4
"""Of the numeric library, which otherwise takes one a core, each with memory of its own."""

Blobs = Sequence[bytes]
_STEPS = 6  # of a traceback, the last


def main(function: str, megabytes: int, seconds: int, answer_megabytes: int) -> int:
    """Write what the reader says; the return code, EX_IOERR when there is no room for it."""
    _limit(megabytes, seconds, answer_megabytes)
    try:
        told = _told(function)
    except InputError as error:
        told = [_line({"refused": str(error)})]
    except (MemoryError, RecursionError):
        told = [_line({"over": "memory"})]
    except BaseException as error:  # a library's panic is no Exception
        told = [_line({"failed": where_raised(error)})]
    return _write(told)


def where_raised(error: BaseException) -> str:
    """For the log: the kind of an error and where it was raised; not its message, which may quote what a file says."""
    steps = traceback.extract_tb(error.__traceback__, limit=-_STEPS)
    return f"{type(error).__name__}, " + " > ".join(f"{Path(each.filename).name}:{each.lineno}" for each in steps)


def _told(reader: str) -> list[bytes]:
    answer, blobs = _answer(reader)
    return [_line({"answer": answer, "blobs": [len(blob) for blob in blobs]}), *blobs]


def _answer(reader: str) -> tuple[Any, Blobs]:
    arguments = json.loads(sys.stdin.buffer.readline())
    module, _, function = reader.partition(":")
    found: tuple[Any, Blobs] = getattr(import_module(module), function)(sys.stdin.buffer.read(), **arguments)
    return found


def _line(head: dict[str, Any]) -> bytes:
    return json.dumps(head).encode() + b"\n"


def _write(told: list[bytes]) -> int:
    """Write the answer, or, where it is longer than may be, only that it is. No room for it: EX_IOERR."""
    try:
        with os.fdopen(os.dup(1), "wb", 0) as out:
            for part in told:
                _write_all(out, part)
    except OSError as error:
        if error.errno != errno.EFBIG:
            return os.EX_IOERR
        os.ftruncate(1, 0)
        os.pwrite(1, _line({"over": "answer"}), 0)
    return os.EX_OK


def _write_all(out: RawIOBase, part: bytes) -> None:
    left = memoryview(part)
    while left:
        left = left[out.write(left) :]


def _limit(megabytes: int, seconds: int, answer_megabytes: int) -> None:
    """Memory beside what is loaded, processor time (should nobody be left to end it), the answer, no dump."""
    for what, most in (
        (resource.RLIMIT_AS, _address_space() + megabytes * MEGABYTE),
        (resource.RLIMIT_FSIZE, answer_megabytes * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    most = seconds * THREADS
    resource.setrlimit(resource.RLIMIT_CPU, (most - 1, most))  # at once they would be SIGKILL, as of others


def _address_space() -> int:
    """Bytes that are mapped already."""
    pages = Path("/proc/self/statm").read_text(encoding="ascii").split()[0]
    return int(pages) * resource.getpagesize()
