"""Files that somebody handed in to be looked at before anything is saved: the latest of each user, by its SHA-256."""

import hashlib
import shutil
from datetime import timedelta
from pathlib import Path
from time import time

from config.settings import Settings
from services.access.actors import Actor
from services.application.file_kinds import plain_name
from services.errors import InputError, StateError
from services.files import scanning

_KEPT_FOR = timedelta(days=1)  # who looks at a preview for longer uploads the file again


def keep(settings: Settings, actor: Actor, filename: str, data: bytes) -> str:
    """Keep the file, in place of the user's earlier one. Returns its SHA-256.

    Raises InputError when it is empty, or the virus scanner has something against it.
    """
    if not data:
        raise InputError("没有选择文件，或者文件是空的；请选择要导入的文件。")
    scanning.scan(settings, plain_name(filename), data)
    _forget_old(settings)
    sha256 = hashlib.sha256(data).hexdigest()
    drop(settings, actor)
    folder = _folder(settings, actor) / sha256
    folder.mkdir(parents=True)
    (folder / plain_name(filename)).write_bytes(data)
    return sha256


def path_of(settings: Settings, actor: Actor, sha256: str) -> Path:
    """The user's file with this SHA-256. Raises StateError when it is no longer there."""
    folder = _folder(settings, actor)
    kept = [each for each in folder.glob("*/*") if each.parent.name == sha256]
    if not kept:
        raise StateError("要保存的文件已经被后来上传的文件替换，或者已经保存过；请重新上传。")
    return kept[0]


def drop(settings: Settings, actor: Actor) -> None:
    """Forget the user's file."""
    folder = _folder(settings, actor)
    if folder.is_dir():
        shutil.rmtree(folder)


def _forget_old(settings: Settings) -> None:
    """Forget files that were looked at and never saved, whoever handed them in."""
    before = time() - _KEPT_FOR.total_seconds()
    for folder in (settings.data_dir / "incoming").glob("*/*"):
        if folder.stat().st_mtime < before:
            shutil.rmtree(folder, ignore_errors=True)


def _folder(settings: Settings, actor: Actor) -> Path:
    return settings.data_dir / "incoming" / str(actor.user_id)
