"""Peers, each in a process of its own: what one costs is not told by what another left behind."""

import json
import resource
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Cost:
    """What one of them took: wall time, and the greatest memory of its process."""

    seconds: float
    peak_mib: float


def run(module: str, name: str, folder: Path) -> Cost | str:
    """Run `module` for one of them on the files of a folder; the last line of what went wrong where it failed."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", module, name, str(folder)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1]
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def tell(seconds: float) -> None:
    """In the process that was run: print its cost."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "peak_mib": peak}))
