"""One way to run pandoc: in its sandbox, so that a template cannot reach files or the network."""

import subprocess
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from os import cpu_count
from pathlib import Path

import pypandoc

_FILTER = Path(__file__).with_name("styles.lua")


def convert(parts: Sequence[str], to: str, *options: str) -> Iterator[bytes]:
    """The HTML of each part in another format, in their order; as many at once as there are processors."""
    pool = ThreadPoolExecutor(cpu_count())
    try:
        yield from pool.map(partial(_convert, to, options), parts)
    finally:
        pool.shutdown(cancel_futures=True)


def _convert(to: str, options: Sequence[str], html: str) -> bytes:
    command = [
        pypandoc.get_pandoc_path(),
        "--sandbox",
        "--from=html",
        f"--to={to}",
        f"--lua-filter={_FILTER}",
        *options,
        "--output=-",
    ]
    return subprocess.run(command, input=html.encode(), check=True, capture_output=True).stdout
