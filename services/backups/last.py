"""When the last backup was taken: a small file in the data folder, which is no part of the record."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from config.settings import Settings

NOTE = "last-backup.json"


@dataclass(frozen=True)
class LastBackup:
    """A backup that was taken and verified. `at` is of the wall clock."""

    at: datetime
    file: str
    bytes: int
    sha256: str


def note(settings: Settings, made: LastBackup) -> None:
    """Write it down."""
    path = _path(settings)
    draft = path.with_suffix(".new")
    draft.write_text(json.dumps(asdict(made) | {"at": made.at.isoformat()}, ensure_ascii=False), encoding="utf-8")
    draft.replace(path)


def last_backup(settings: Settings) -> LastBackup | None:
    """The last one; None when there was none or the note cannot be read."""
    try:
        found = json.loads(_path(settings).read_text(encoding="utf-8"))
        return LastBackup(
            datetime.fromisoformat(found["at"]), str(found["file"]), int(found["bytes"]), str(found["sha256"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _path(settings: Settings) -> Path:
    return settings.data_dir / NOTE
