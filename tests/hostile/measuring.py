"""What one file takes at the door that starts a process for it: `python -m tests.hostile.measuring NAME`."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from services.errors import InputError
from services.files.apart import FORKS, ApartError, read_apart
from tests.hostile.batch import arguments
from tests.hostile.corpus import every_case

ROOT = Path(__file__).parents[2]


def measured(name: str) -> dict[str, Any]:
    """Seconds, the most memory of the reader in megabytes, and what was said; empty for an answer."""
    done = subprocess.run([sys.executable, "-m", __name__, name], stdout=subprocess.PIPE, cwd=ROOT, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main(name: str) -> None:
    case = next(case for case in every_case() if case.name == name)
    data = case.make()
    reader, given = arguments(case, len(data))
    start, said = time.monotonic(), ""
    try:
        answer, _ = read_apart(reader, data, **given)
        said = (answer or {}).get("cause", "")
    except (ApartError, InputError) as error:
        said = str(error)
    seconds = round(time.monotonic() - start, 1)
    FORKS.close()  # from then on its children count as ours
    most = round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024)
    print(json.dumps({"name": name, "seconds": seconds, "megabytes": most, "said": said}))


if __name__ == "__main__":
    main(*sys.argv[1:])
