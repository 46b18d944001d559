"""Policy folders on disk. One takes the place of the one before so that a crash can be mended from the record.

For moments there lie beside the policies `.<id>.<draft>.new`, what is to come, and `.<id>.<draft>.old`, what was there
(empty: nothing was). policy.listed passes over both. The second says that the places are being changed; `settle` ends
that, forwards when the draft's approval is in the record, backwards when it is not.
"""

import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

_NEW, _OLD = "new", "old"
_BESIDE = re.compile(rf"\.(?P<policy>[a-z0-9-]+)\.(?P<draft>[0-9]+)\.({_NEW}|{_OLD})")


def install(policies: Path, policy_id: str, draft_id: int, files: Mapping[str, bytes]) -> None:
    """Put the files at the policy's place, and what was there beside it; to be settled afterwards."""
    place, new, old = _places(policies, policy_id, draft_id)
    _write(new, files)
    if place.exists():
        place.rename(old)
    else:
        old.mkdir()
    new.rename(place)
    _sync(policies)


def settle(policies: Path, policy_id: str, draft_id: int, *, approved: bool) -> None:
    """End what `install` began: keep what it put there, or bring back what was there. Nothing to do is done at once."""
    place, new, old = _places(policies, policy_id, draft_id)
    if old.exists() and not approved:
        if place.exists():
            _remove(new)
            place.rename(new)
        if any(old.iterdir()):
            old.rename(place)
        _sync(policies)
    _remove(old)
    _remove(new)


def unsettled(policies: Path) -> dict[int, str]:
    """The drafts at which `install` was cut off, or is now, each with its policy."""
    found = [_BESIDE.fullmatch(folder.name) for folder in policies.glob(".*")]
    return {int(each["draft"]): each["policy"] for each in found if each}


def keep(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write a folder that nobody changes afterwards, whole or not at all; one that is there already is left alone."""
    if folder.is_dir():
        return
    new = folder.with_name(f".{folder.name}.{_NEW}")
    _write(new, files)
    new.rename(folder)
    _sync(folder.parent)


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    """A folder of exactly these files, on disk when this returns."""
    _remove(folder)
    folder.mkdir(parents=True)
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(folder)


def _places(policies: Path, policy_id: str, draft_id: int) -> tuple[Path, Path, Path]:
    beside = f".{policy_id}.{draft_id}"
    return policies / policy_id, policies / f"{beside}.{_NEW}", policies / f"{beside}.{_OLD}"


def _remove(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


def _sync(folder: Path) -> None:
    """Have the folder's names on disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
