"""Readers that misbehave, for a process of their own."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from services.errors import InputError


def echo(data: bytes, *, word: str) -> tuple[Any, list[bytes]]:
    return {"word": word, "secrets": sorted(name for name in os.environ if name.startswith("DUIXIAN"))}, [
        data,
        b"",
        data,
    ]


def eat(_data: bytes) -> tuple[Any, list[bytes]]:
    return len([bytes(1 << 20) for _ in range(100_000)]), []


def sleep(_data: bytes) -> tuple[Any, list[bytes]]:
    time.sleep(1000)
    return None, []


def spin(_data: bytes) -> tuple[Any, list[bytes]]:
    while True:
        pass


def talk(_data: bytes) -> tuple[Any, list[bytes]]:
    return None, [bytes(3 << 20)]


def shout(_data: bytes) -> tuple[Any, list[bytes]]:
    return "甲" * (3 << 20), []


def crash(_data: bytes) -> tuple[Any, list[bytes]]:
    os.abort()


def defect(_data: bytes) -> tuple[Any, list[bytes]]:
    raise KeyError("/secret/path")


def dig(_data: bytes) -> tuple[Any, list[bytes]]:
    return dig(_data)


def refuse(_data: bytes) -> tuple[Any, list[bytes]]:
    raise InputError("第 3 行写错了。")


def garble(_data: bytes) -> tuple[Any, list[bytes]]:
    os.write(1, b"{}\n\xff")
    os._exit(0)


def half(_data: bytes, *, written: int = 11, code: int = 0, by: int = 0) -> tuple[Any, list[bytes]]:
    """Say 100 bytes, write so many, and end: with this code, or by this signal."""
    os.write(1, b'{"answer": 1, "blobs": [100]}\n' + b"x" * written)
    if by:
        os.kill(os.getpid(), by)
    os._exit(code)


def killed_by_lin(data: bytes, *, domain: str) -> tuple[Any, list[bytes]]:
    """The reader of delivery reports, which the system kills when lin writes."""
    from services.notices import bounces

    if b"lin@" in data:
        os.kill(os.getpid(), signal.SIGKILL)
    return bounces.read_apart(data, domain=domain)


def many(_data: bytes) -> tuple[Any, list[bytes]]:
    return 1, [bytes(100_000)]


def broken_check(data: bytes, *, folder: str) -> tuple[Any, list[bytes]]:
    """The check of a policy whose evaluation has a defect."""
    import policy  # here: it takes more memory than the others may
    from services.law import policy_check

    def broken(_folder: object) -> list[policy.CaseResult]:
        raise TypeError("a defect of ours")

    policy.run_cases = broken
    return policy_check.read(data, folder=folder)  # type: ignore[return-value]


def parricide(_data: bytes) -> tuple[Any, list[bytes]]:
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(1)
    return None, []


def opened(_data: bytes) -> tuple[Any, list[bytes]]:
    return [each for each in range(64) if Path(f"/proc/self/fd/{each}").exists()], []
