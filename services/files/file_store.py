"""Bytes on disk under the name of their SHA-256: written whole or not at all, there before the record names them."""

import os
from pathlib import Path
from tempfile import NamedTemporaryFile


def keep(path: Path, data: bytes) -> None:
    """Write the bytes unless they are there."""
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=path.parent, suffix=".new", delete=False) as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
