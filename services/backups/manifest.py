"""What lies in a backup: every file with its SHA-256, the database's schema, and where the audit chain stood."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict

NAME = "manifest.json"
DATABASE = {"sqlite": "database/duixian.db", "postgresql": "database/duixian.dump"}
DATA, SETTINGS = "data/", "settings/"
EARLIER = "earlier/"  # where a restore puts what an archive made by an older version has twice
CHUNK = 1024 * 1024


class Kept(BaseModel):
    """One file of the archive."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    sha256: str
    bytes: int


class Manifest(BaseModel):
    """`missing` are files that the record names and that were not there when the backup was taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1] = 1
    made_at: datetime
    database: Literal["sqlite", "postgresql"]
    revision: str
    chain_seq: int
    chain_hash: str
    files: dict[str, Kept]
    missing: tuple[str, ...] = ()


def place(name: str) -> str:
    """Where a file of the archive lies in the restored folder, which becomes the data folder."""
    if name in DATABASE.values():
        return name.rpartition("/")[2]
    below = name.removeprefix(DATA)
    return f"{EARLIER}{below}" if name.startswith(DATA) and is_taken(below) else below


def is_taken(below: str) -> bool:
    """Whether a name in the data folder is where a restore puts something else: the database, the settings.

    They lie there in every folder that was restored, and are no part of the next backup.
    """
    return below.startswith(SETTINGS) or below in {name.rpartition("/")[2] for name in DATABASE.values()}


def chunks(file: IO[bytes]) -> Iterator[bytes]:
    """The bytes of a file, a megabyte at a time."""
    while piece := file.read(CHUNK):
        yield piece


def sha256_of(file: IO[bytes]) -> str:
    """The digest of all that is left to read."""
    digest = hashlib.sha256()
    for piece in chunks(file):
        digest.update(piece)
    return digest.hexdigest()
