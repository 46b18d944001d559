"""Taking a backup: the database first, then the files that it names, which are there before the record names them."""

import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from sqlalchemy.engine import make_url
from sqlmodel import Session, select

from config.settings import Settings
from models import Attachment, InspectionFile, ObjectionFile
from services import chain
from services.backups import database
from services.backups.last import NOTE, LastBackup, note
from services.backups.manifest import DATA, DATABASE, NAME, SETTINGS, Kept, Manifest, chunks, sha256_of
from services.clock import CHINA, Clock
from services.errors import InputError, StateError
from services.schema import schema_of

# What is no part of the record: the engine's own database, logs, uploads and proofs that somebody looks at just now.
_LEFT_OUT = frozenset({"prefect", "logs", "backups", "incoming", "proofs", NOTE})
_UNFINISHED = frozenset({".new", ".part"})
_OF_THIS_MACHINE = frozenset({"data_dir", "clock_file", "backup_dir"})


@dataclass(frozen=True)
class Made:
    """A backup. `missing` are files that the record names and that were not there."""

    file: Path
    manifest: Manifest
    bytes: int
    sha256: str


def make(settings: Settings, wall: Clock, to: Path | None = None) -> Made:
    """Take a backup into a new file, by default in the folder of the settings.

    Raises InputError when the file is there already or lies where it would be backed up, StateError when the database
    cannot be copied.
    """
    target = to or settings.backups_dir / f"duixian-{wall.now().astimezone(CHINA):%Y%m%d-%H%M%S}.zip"
    if target.exists():
        raise InputError(f"{target} 已经存在，没有覆盖；请换一个文件名。")
    for folder in (target.parent, settings.data_dir):
        folder.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f"{target.name}.part")
    try:
        file = draft.open("xb")
    except FileExistsError as error:
        raise InputError(f"{draft} 已经存在，另一个备份可能正在写；确认没有的话，请删去它再试。") from error
    try:
        with file:
            draft.chmod(0o600)
            manifest = _write(settings, wall, file, without={target.resolve(), draft.resolve()})
            file.flush()
            os.fsync(file.fileno())
        with draft.open("rb") as written:
            digest = sha256_of(written)
        target.touch(mode=0o600, exist_ok=False)
        draft.replace(target)
    except FileExistsError as error:
        raise InputError(f"{target} 已经存在，没有覆盖；请换一个文件名。") from error
    except OSError as error:
        raise StateError(f"备份没有写成：{error.strerror}（{error.filename or target}）；请检查磁盘后再试。") from error
    finally:
        draft.unlink(missing_ok=True)
    made = Made(target, manifest, target.stat().st_size, digest)
    note(settings, LastBackup(manifest.made_at, str(target.resolve()), made.bytes, digest))
    return made


def _write(settings: Settings, wall: Clock, file: IO[bytes], without: set[Path]) -> Manifest:
    made_at, kind = wall.now(), make_url(settings.database_url).get_backend_name()
    files: dict[str, Kept] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with TemporaryDirectory(dir=settings.data_dir, prefix="backups-") as folder:
            copy = Path(folder) / "copy"
            with database.copied(settings, copy) as session:
                revision, named = schema_of(session.connection()) or "", set(_named(session))
                last = chain.head(session)
            files[DATABASE[kind]] = _add(archive, DATABASE[kind], copy)
        for name, path in _sources(settings, without):
            try:
                files[name] = _add(archive, name, path)
            except FileNotFoundError:  # removed since it was listed: a preview, a draft that was given up
                continue
        files[f"{SETTINGS}settings.env"] = _add_text(archive, f"{SETTINGS}settings.env", _settings_text(settings))
        lying = {name.rpartition("/")[2] for name in files if name.startswith(f"{DATA}attachments/")}
        manifest = Manifest(
            made_at=made_at,
            database=kind,
            revision=revision,
            chain_seq=last.seq if last else 0,
            chain_hash=last.hash if last else chain.GENESIS,
            files=files,
            missing=tuple(sorted(named - lying)),
        )
        archive.writestr(NAME, manifest.model_dump_json(indent=1))
    return manifest


def _named(session: Session) -> Iterator[str]:
    """The files that the record names."""
    for column in (Attachment.sha256, ObjectionFile.sha256, InspectionFile.sha256):
        yield from session.exec(select(column).distinct())


def _sources(settings: Settings, without: set[Path]) -> Iterator[tuple[str, Path]]:
    """Every file to be kept, with its name in the archive."""
    live = Path(make_url(settings.database_url).database or "").resolve()
    own = {live, *(live.with_name(live.name + end) for end in ("-wal", "-shm", "-journal"))}
    shut = {settings.backups_dir.resolve()}
    for path in _below(settings.data_dir):
        first = path.relative_to(settings.data_dir).parts[0]
        if first in _LEFT_OUT or first.startswith("backups-") or path.suffix in _UNFINISHED:
            continue
        if path.resolve() not in own | without and shut.isdisjoint(path.resolve().parents):
            yield f"{DATA}{path.relative_to(settings.data_dir).as_posix()}", path
    for name, value in settings:
        if isinstance(value, Path) and name not in _OF_THIS_MACHINE:
            for path in [value] if value.is_file() else _below(value):
                below = path.relative_to(value if value.is_dir() else value.parent)
                yield f"{SETTINGS}{name}/{below.as_posix()}", path


def _below(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


def _add(archive: zipfile.ZipFile, name: str, path: Path) -> Kept:
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as source, archive.open(name, "w", force_zip64=True) as target:
        for piece in chunks(source):
            digest.update(piece)
            size += len(piece)
            target.write(piece)
    return Kept(sha256=digest.hexdigest(), bytes=size)


def _add_text(archive: zipfile.ZipFile, name: str, content: str) -> Kept:
    data = content.encode()
    archive.writestr(name, data)
    return Kept(sha256=hashlib.sha256(data).hexdigest(), bytes=len(data))


def _settings_text(settings: Settings) -> str:
    """The settings that differ from the defaults, passwords too, as lines of a .env file."""
    own = {name: value for name, value in settings if value not in (Settings.model_fields[name].default, None, "")}
    if make_url(settings.database_url).get_backend_name() == "sqlite":
        own.pop("database_url", None)  # it lies in the restored folder; the old one must not be opened again
    lines = (f"DUIXIAN_{name.upper()}={_quoted(value)}" for name, value in own.items() if name not in _OF_THIS_MACHINE)
    return "# 备份时的设置，恢复后写回运行目录的 .env；含有密码，请妥善保管。\n" + "\n".join(lines) + "\n"


def _quoted(value: object) -> str:
    """As a .env file has it, whatever characters a password has."""
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
