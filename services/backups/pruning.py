"""Removing old backups: of the default name, in the folder of the settings, and only what proves to be a backup."""

import re
import zipfile
from pathlib import Path

from config.settings import Settings
from services.backups.making import Made
from services.backups.manifest import NAME, Manifest
from services.errors import StateError
from services.files.archives import DAMAGED

_NAMED = re.compile(r"duixian-\d{8}-\d{6}\.zip")
_MONTHS = 13  # so that what is left reaches back over a whole year


def prune(settings: Settings, made: Made, keep: int) -> list[Path]:
    """Remove all but the newest so many backups and the last one of each of the newest 13 months; what was removed.

    Never the one just made, and none at all while files are missing in it: an older one may have them. Raises
    StateError when one cannot be removed.
    """
    if made.manifest.missing:
        return []
    named = sorted(path for path in settings.backups_dir.iterdir() if _NAMED.fullmatch(path.name))
    last_of_months = sorted({path.name[: len("duixian-yyyymm")]: path for path in named}.values())
    kept = {made.file, *named[-keep:], *last_of_months[-_MONTHS:]}
    removed = [path for path in named if path not in kept and _is_backup(path)]
    for path in removed:
        try:
            path.unlink()
        except OSError as error:
            raise StateError(
                f"备份已经写成：{made.file}，校验值 {made.sha256}；但旧的备份 {path} 没有删成（{error.strerror}）；"
                "请检查这个文件夹的权限。"
            ) from error
    return removed


def _is_backup(path: Path) -> bool:
    try:
        with zipfile.ZipFile(path) as archive:
            Manifest.model_validate_json(archive.read(NAME))
    except (KeyError, *DAMAGED):
        return False
    return not path.is_symlink()
