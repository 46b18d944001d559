"""The commands and settings of deploy/systemd, as they can be run on this machine."""

import shlex
import sys
from collections.abc import Iterator
from pathlib import Path

from config.settings import ROOT

SYSTEMD = ROOT / "deploy" / "systemd"
INSTALLED = "/opt/duixian"


def commands(unit: str, instance: str = "") -> list[list[str]]:
    """What a unit starts, from this checkout and with this Python."""
    lines = (SYSTEMD / unit).read_text("utf-8").splitlines()
    found = [line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart=")]
    bin_here = str(Path(sys.executable).parent)
    filled = [line.replace("%i", instance).replace("%H", "host") for line in found]
    return [shlex.split(line.replace(f"{INSTALLED}/.venv/bin", bin_here)) for line in filled]


def settings_in(file: Path) -> dict[str, str]:
    """The lines of a file of settings."""
    return dict(_pairs(file))


def _pairs(file: Path) -> Iterator[tuple[str, str]]:
    for line in file.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name, value
