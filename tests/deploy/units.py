"""The commands and settings of deploy/systemd, as they can be run on this machine."""

import re
import shlex
import subprocess
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
    return dict(_pairs(file.read_text("utf-8")))


def filled(file: Path, city: str) -> str:
    """A file of the cities as the command in docs/deployment.md fills it in, at the first city's ports."""
    guide = (ROOT / "docs" / "deployment.md").read_text("utf-8")
    (command,) = re.findall(rf'(sed "[^"]+") {INSTALLED}/deploy/\S*{re.escape(file.name)}\b', guide)
    shell = f"CITY={city} PORT=8001 HEALTH=8101; {command} {shlex.quote(str(file))}"
    return subprocess.run(["sh", "-c", shell], check=True, capture_output=True, text=True).stdout


def settings_of(city: str) -> dict[str, str]:
    """What the units of a city are given: their own lines, and its file."""
    unit = (SYSTEMD / "duixian-city-console@.service").read_text("utf-8").replace("%i", city)
    lines = "\n".join(re.findall("^Environment=(DUIXIAN_.*)", unit, flags=re.MULTILINE))
    return {**dict(_pairs(lines)), **dict(_pairs(filled(SYSTEMD / "city.env", city)))}


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, value = line.partition("=")
            yield name, value
