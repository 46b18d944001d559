"""Notices that are looked at before they are saved: the latest few of each user, as files under their SHA-256."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from pydantic import TypeAdapter

from config.settings import Settings
from services.access.actors import Actor
from services.errors import StateError
from services.notices.dispatches import Draft

_KEPT = 20
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Proof:
    """A notice as it would go out; what was chosen and typed, to come back to; and who does not get it.

    `asked_for` is the chosen moment when it was a day off and the notice goes on the next working day.
    """

    draft: Draft
    groups: tuple[str, ...]
    typed: str
    unreachable: tuple[str, ...]
    refused: tuple[str, ...] = ()
    asked_for: datetime | None = None


_JSON = TypeAdapter(Proof)


def keep(settings: Settings, actor: Actor, proof: Proof) -> str:
    """Keep a proof and return its SHA-256; the user's oldest ones are forgotten."""
    data = _JSON.dump_json(proof)
    folder, sha256 = _folder(settings, actor), hashlib.sha256(data).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    (folder / sha256).write_bytes(data)
    with suppress(FileNotFoundError):  # another preview of the user's tidies up at this moment
        for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime_ns)[:-_KEPT]:
            old.unlink()
    return sha256


def read(settings: Settings, actor: Actor, sha256: str) -> Proof:
    """One of the user's proofs. Raises StateError when it is no longer there."""
    path = _path(settings, actor, sha256)
    return _JSON.validate_json(path.read_bytes())


@contextmanager
def taken(settings: Settings, actor: Actor, sha256: str) -> Iterator[Proof]:
    """The proof, for one taker only: it is gone afterwards, and back when something is raised. Raises StateError."""
    path = _path(settings, actor, sha256)
    aside = path.with_suffix(".taken")
    try:
        path.rename(aside)
    except FileNotFoundError:
        raise _gone() from None
    try:
        yield _JSON.validate_json(aside.read_bytes())
    except BaseException:
        aside.rename(path)
        raise
    aside.unlink()


def _path(settings: Settings, actor: Actor, sha256: str) -> Path:
    path = _folder(settings, actor) / sha256
    if not _SHA256.fullmatch(sha256) or not path.is_file():
        raise _gone()
    return path


def _gone() -> StateError:
    return StateError("这份预览已经确认过，或者已经过期；请在“工作通知”中核对是否发出，没有发出的请重新写。")


def _folder(settings: Settings, actor: Actor) -> Path:
    return settings.data_dir / "proofs" / str(actor.user_id)
