"""Files of keys in the data folder: made whole, readable by the system's own account only."""

import os
import secrets
from contextlib import suppress
from pathlib import Path


def make_once(path: Path, text: str) -> None:
    """Make the file unless it is there; of several processes that make it at once one wins."""
    if path.exists():
        return
    draft = _draft(path, text)
    with suppress(FileExistsError):  # another process made it at this moment
        path.hardlink_to(draft)
    draft.unlink()


def put(path: Path, text: str) -> None:
    """Put the text in the file's place; whoever reads sees the old or the new one, also after a power cut."""
    _draft(path, text).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _draft(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_name(f"{path.name}.{secrets.token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
