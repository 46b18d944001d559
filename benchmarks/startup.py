"""How long quick commands take to start, beside Python importing the command line's library alone.

Run: python -m benchmarks.startup
"""

import statistics
import subprocess
import sys
import time

BARE = [sys.executable, "-c", "import typer, rich.table"]
COMMANDS = ["--help", "policy list", "award explain --help", "cycle --help", "cycle status --help", "user --help"]
ROUNDS = 7


def main() -> None:
    """Print the median of each in turn, so that other work on the machine meets all alike."""
    programs = {"python + typer + rich": BARE}
    programs |= {f"duixian {words}": [sys.executable, "-m", "cli.main", *words.split()] for words in COMMANDS}
    taken: dict[str, list[float]] = {name: [] for name in programs}
    for _ in range(ROUNDS):
        for name, program in programs.items():
            started = time.perf_counter()
            subprocess.run(program, check=True, capture_output=True)
            taken[name].append(time.perf_counter() - started)
    bare = statistics.median(taken["python + typer + rich"])
    for name, seconds in taken.items():
        median = statistics.median(seconds)
        print(f"{name:32} {median:6.2f} s  × {median / bare:4.1f}")


if __name__ == "__main__":
    main()
