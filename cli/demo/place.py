"""The demo's own folder: made anew each time, and never anybody else's."""

import fcntl
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from config.settings import ROOT, Settings
from services.errors import InputError

_MARK = ".duixian-demo"
_LEASE_SECONDS = 30


@contextmanager
def emptied(folder: Path | None) -> Iterator[Path]:
    """The folder, empty, and ours alone until the block is left.

    Raises InputError when it holds something that no demo put there, or when another demo is at work in it.
    """
    place = (folder or ROOT / "var" / "demo").resolve()
    mark = place / _MARK
    if place.exists() and not mark.exists() and (not place.is_dir() or any(place.iterdir())):
        raise InputError(f"{place} 里有不是演示留下的内容，演示不会清空它；请换一个目录（--folder）。")
    place.mkdir(parents=True, exist_ok=True)
    with mark.open("a") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise InputError(f"另一个演示正在使用 {place}；请等它结束，或换一个目录（--folder）。") from error
        for entry in place.iterdir():
            if entry.is_dir() and not entry.is_symlink():
                shutil.rmtree(entry)
            elif entry != mark:
                entry.unlink()
        yield place


def settings_in(folder: Path) -> Settings:
    """Settings of an installation of its own: nothing of the environment counts, mails stay on this machine."""
    defaults = {name: field.get_default() for name, field in Settings.model_fields.items()}
    ours = {
        "data_dir": folder,
        "clock_file": folder / "clock",
        "smtp_port": 0,
        "mail_hours": "",  # the clock is moved from one deadline to the next, which is midnight
        "lease_seconds": _LEASE_SECONDS,
    }
    return Settings(_env_file=None, **(defaults | ours))
