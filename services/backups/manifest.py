"""What lies in a backup: every file with its SHA-256, the database's schema, and where the audit chain stood."""

import hashlib
from collections.abc import Iterator
from datetime import datetime
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict

NAME = "manifest.json"
DATABASE = {"sqlite": "database/duixian.db", "postgresql": "database/duixian.dump"}
DATA, SETTINGS = "data/", "settings/"
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
