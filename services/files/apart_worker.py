"""The process in which a reader runs: `python -m services.files.apart_worker FUNCTION LIMITS < request > answer`.

Written is one line of JSON, with the answer, the refusal or what failed, and behind it the blobs.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import sys
from importlib import import_module
from io import RawIOBase
from typing import Any

from services.errors import InputError
from services.files.apart import MEGABYTE, THREADS, Blobs, where_raised


def main(function: str, megabytes: str, seconds: str, answer_megabytes: str) -> None:
    """Write what the reader says."""
    _limit(int(megabytes), int(seconds), int(answer_megabytes))
    try:
        told = _told(function)
    except InputError as error:
        told = [_line({"refused": str(error)})]
    except (MemoryError, RecursionError):
        told = [_line({"over": "memory"})]
    except BaseException as error:  # a library's panic is no Exception
        told = [_line({"failed": where_raised(error)})]
    _write(told)


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


def _write(told: list[bytes]) -> None:
    """Write the answer, or, where it is longer than may be, only that it is. No room for it: EX_IOERR."""
    try:
        with os.fdopen(os.dup(1), "wb", 0) as out:
            for part in told:
                _write_all(out, part)
    except OSError as error:
        if error.errno != errno.EFBIG:
            sys.exit(os.EX_IOERR)
        os.ftruncate(1, 0)
        os.pwrite(1, _line({"over": "answer"}), 0)


def _write_all(out: RawIOBase, part: bytes) -> None:
    left = memoryview(part)
    while left:
        left = left[out.write(left) :]


def _limit(megabytes: int, seconds: int, answer_megabytes: int) -> None:
    """Memory, processor time (should nobody be left to end it), the answer, no dump of what was read."""
    for what, most in (
        (resource.RLIMIT_AS, megabytes * MEGABYTE),
        (resource.RLIMIT_FSIZE, answer_megabytes * MEGABYTE),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (most, most))
    most = seconds * THREADS
    resource.setrlimit(resource.RLIMIT_CPU, (most - 1, most))  # at once they would be SIGKILL, as of others


if __name__ == "__main__":
    main(*sys.argv[1:])
