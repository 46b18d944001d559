"""The readers' own functions on many cases in one process with a reader's limits: what CI can afford.

`python -m tests.hostile.batch READER NAME… > lines`: a line of JSON for each case, with what came of it. Each door that
starts a process for a file does the same with one file.
"""

from __future__ import annotations

import json
import resource
import signal
import subprocess
import sys
import time
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import Any

from services.cycle.calendar_changes import decoded
from services.errors import InputError
from services.files.apart import READERS
from services.files.apart_worker import MEGABYTE
from tests.hostile.corpus import KNOWN, OWN, Case, every_case

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 30


class TooLongError(BaseException):
    """It took longer than any of these may."""


def arguments(case: Case, size: int) -> tuple[str, dict[str, Any]]:
    """Which reader a case is for, and what it is given beside the bytes."""
    return {
        "table": ("table", {"file": case.filename, "known": KNOWN}),
        "evidence": ("office_file", {}),
        "policy": ("policy_folder", {"uploads": [[case.filename, size]]}),
        "calendar": ("calendar", {}),
        "bounce": ("bounce", {"domain": OWN[1:]}),
    }[case.door]


def run(names: list[str]) -> dict[str, dict[str, Any]]:
    """What came of each case; a process that ended at one is started again for the others."""
    found: dict[str, dict[str, Any]] = {}
    left = list(names)
    while left:
        command = [sys.executable, "-m", "tests.hostile.batch", *left]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=ROOT, check=False)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        found |= {line["name"]: line for line in lines if "name" in line}
        if done.returncode == 0:
            break
        last = next(line["begins"] for line in reversed(lines) if "begins" in line)
        found[last] = {"name": last, "ended": done.returncode, "seconds": 0, "megabytes": 0}
        left = left[left.index(last) + 1 :]
    return found


def main(names: list[str]) -> None:
    cases = {case.name: case for case in every_case()}
    for what, most in ((resource.RLIMIT_AS, 3072 * MEGABYTE), (resource.RLIMIT_CORE, 0)):
        resource.setrlimit(what, (most, most))
    signal.signal(signal.SIGALRM, _too_long)
    for name in names:
        data = cases[name].make()
        print(json.dumps({"begins": name}), flush=True)
        print(json.dumps({"name": name, **_tried(cases[name], data)}), flush=True)


def _tried(case: Case, data: bytes) -> dict[str, Any]:
    reader, given = arguments(case, len(data))
    module, _, function = READERS[reader].function.partition(":")
    read = getattr(import_module(module), function)
    Path("/proc/self/clear_refs").write_text("5")
    before, start = _peak(), time.monotonic()
    signal.alarm(LONGEST_SECONDS)
    try:
        if case.door == "calendar":  # as its door does
            data = decoded(data).encode()
        answer, blobs = read(data, **given)
        json.dumps(answer)
        said: dict[str, Any] = {"answer": True, "cause": (answer or {}).get("cause", ""), "bytes": sum(map(len, blobs))}
    except InputError as error:
        said = {"refused": str(error)}
    except (MemoryError, RecursionError) as error:
        said = {"over": type(error).__name__}
    except TooLongError:
        said = {"over": "time"}
    except BaseException as error:
        if type(error).__name__ == "PanicException":  # calamine's: it ends the process, which is what that is for
            raise
        said = {"defect": f"{type(error).__name__}: {error}"[:300]}
    finally:
        signal.alarm(0)
    return {**said, "seconds": round(time.monotonic() - start, 2), "megabytes": round((_peak() - before) / 1024, 1)}


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


def _too_long(_signal: int, _frame: FrameType | None) -> None:
    raise TooLongError


if __name__ == "__main__":
    main(sys.argv[1:])
