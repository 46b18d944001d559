"""One way to run pandoc: in its sandbox, so that a template cannot reach files or the network."""

import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count
from pathlib import Path

import pypandoc

_FILTER = Path(__file__).with_name("styles.lua")


def convert(parts: Iterable[str], to: str, *options: str) -> Iterator[bytes]:
    """The HTML of each part in another format, in their order; as many at once as there are processors.

    Only so many parts are taken before what was made of them is.
    """
    several = cpu_count() or 1
    pool, waiting = ThreadPoolExecutor(several), deque[Future[bytes]]()
    try:
        for part in parts:
            waiting.append(pool.submit(_convert, to, options, part))
            if len(waiting) > several:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
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
