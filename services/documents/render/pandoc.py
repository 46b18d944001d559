"""One way to run pandoc: in its sandbox, so that a template cannot reach files or the network."""

import subprocess
from pathlib import Path

import pypandoc

_FILTER = Path(__file__).with_name("styles.lua")


def convert(html: str, to: str, *options: str) -> bytes:
    """The HTML in another format."""
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
