"""Taking a backup: the database first, then the files that it names, which are there before the record names them."""

import hashlib
import os
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from sqlalchemy.engine import make_url

from config.settings import Settings
from services.application import attachments
from services.backups import database
from services.backups.last import NOTE, LastBackup, note
from services.backups.manifest import DATA, DATABASE, NAME, SETTINGS, Kept, Manifest, chunks, is_taken, sha256_of
from services.clock import CHINA, Clock
from services.errors import InputError, StateError
from services.record import chain
from services.record.schema import schema_of

# What is no part of the record: the engine's own database, logs, uploads and proofs that somebody looks at just now.
_LEFT_OUT = frozenset({"prefect", "logs", "backups", "incoming", "proofs", NOTE})
_UNFINISHED = frozenset({".new", ".part"})
# With the old address of the database whoever restores for a drill would open the one that is in use.
_OF_THIS_MACHINE = frozenset({"data_dir", "database_url", "clock_file", "backup_dir"})
_WHERE = {
    "sqlite": "# 数据库在恢复的文件夹里，不写 DUIXIAN_DATABASE_URL。",
    "postgresql": "# DUIXIAN_DATABASE_URL 请写恢复到的数据库的地址（--database 所写的），以免连上备份时的那个库。",
}


_COPY = frozenset({"copy", "copy-wal", "copy-shm", "copy-journal"})
_LONGEST = timedelta(days=1)  # a backup takes minutes


@dataclass(frozen=True)
class Made:
    """A backup. `missing` are files that the record names and that were not there."""

    file: Path
    manifest: Manifest
    bytes: int
    sha256: str


def make(settings: Settings, wall: Clock, to: Path | None = None) -> Made:
    """Take a backup into a new file, by default in the folder of the settings.

    Raises InputError when the file is there already, cannot be written or lies where it would be backed up, StateError
    when the database cannot be copied.
    """
    target = to or settings.backups_dir / f"duixian-{wall.now().astimezone(CHINA):%Y%m%d-%H%M%S}.zip"
    _check_target(settings, target)
    draft = target.with_name(f"{target.name}.part")
    with suppress(OSError):  # what cannot be removed now is by the next one
        _clear(settings, wall)
    file = _opened(settings, draft)
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
    try:
        note(settings, LastBackup(manifest.made_at, str(target.resolve()), made.bytes, digest))
    except OSError as error:
        raise StateError(
            f"备份已经写成：{target}，校验值 {digest}；但备份的日期没有记下（{error.strerror}），告警仍会按上一次的算；"
            f"请检查 {settings.data_dir} 所在的盘。"
        ) from error
    return made


def _opened(settings: Settings, draft: Path) -> IO[bytes]:
    """The new file, in folders that are made where they are not there."""
    try:
        for folder in (draft.parent, settings.data_dir):
            if not folder.is_dir():
                folder.mkdir(parents=True)
        return draft.open("xb")
    except OSError as error:
        if isinstance(error, FileExistsError) and draft.exists():
            raise InputError(f"{draft} 已经存在，另一个备份可能正在写；确认没有的话，请删去它再试。") from error
        raise InputError(
            f"备份写不到 {draft.parent}：{error.strerror}（{error.filename}）；请检查这个文件夹、运行的账号能不能写它，"
            "或者用 --to、DUIXIAN_BACKUP_DIR 写到别处。"
        ) from error


def _check_target(settings: Settings, target: Path) -> None:
    if target.exists():
        raise InputError(f"{target} 已经存在，没有覆盖；请换一个文件名。")
    place, data = _real(target), _real(settings.data_dir)
    folders = [_real(value) for value in _set_paths(settings).values()]
    if place.is_relative_to(data) and _is_kept(settings, settings.data_dir / place.relative_to(data)):
        folders.append(data)
    for folder in folders:
        if place.is_relative_to(folder):
            raise InputError(
                f"{target} 在要备份的文件夹 {folder} 里，备份会装进自己；请用 --to 或 DUIXIAN_BACKUP_DIR 写到别处。"
            )


def _clear(settings: Settings, wall: Clock) -> None:
    """Remove what a backup that was killed has left, long after any that is still running began."""
    copies = [each for each in settings.data_dir.glob("backups-*/") if {path.name for path in each.iterdir()} <= _COPY]
    for path in [*copies, *settings.backups_dir.glob("duixian-*.zip.part")]:
        if path.stat().st_mtime < (wall.now() - _LONGEST).timestamp():
            shutil.rmtree(path) if path.is_dir() else path.unlink()


def _write(settings: Settings, wall: Clock, file: IO[bytes], without: set[Path]) -> Manifest:
    made_at, kind = wall.now(), make_url(settings.database_url).get_backend_name()
    files: dict[str, Kept] = {}
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        with TemporaryDirectory(dir=settings.data_dir, prefix="backups-") as folder:
            copy = Path(folder) / "copy"
            with database.copied(settings, copy) as session:
                revision, named = schema_of(session.connection()) or "", attachments.named(session)
                last = chain.head(session)
            files[DATABASE[kind]] = _add(archive, DATABASE[kind], copy)
        for name, path in _sources(settings, without):
            try:
                files[name] = _add(archive, name, path)
            except FileNotFoundError as error:
                if path.is_symlink():
                    raise StateError(f"备份没有写成：链接 {path} 指不到文件；请接好它，没有用的删去，再试。") from error
                continue  # removed since it was listed: a preview, a draft that was given up
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


def _sources(settings: Settings, without: set[Path]) -> Iterator[tuple[str, Path]]:
    """Every file to be kept, with its name in the archive."""
    live = _real(Path(make_url(settings.database_url).database or ""))
    own = {live, *(live.with_name(live.name + end) for end in ("-wal", "-shm", "-journal"))}
    for path in _below(settings.data_dir):
        if _is_kept(settings, path) and _real(path) not in own | without:
            yield f"{DATA}{path.relative_to(settings.data_dir).as_posix()}", path
    for name, value in _set_paths(settings).items():
        for path in [value] if value.is_file() else _below(value):
            below = path.relative_to(value if value.is_dir() else value.parent)
            yield f"{SETTINGS}{name}/{below.as_posix()}", path


def _is_kept(settings: Settings, path: Path) -> bool:
    """Whether a path in the data folder is part of a backup."""
    below = path.relative_to(settings.data_dir)
    if below.parts[0] in _LEFT_OUT or below.parts[0].startswith("backups-") or path.suffix in _UNFINISHED:
        return False
    backups = _real(settings.backups_dir)
    around = _real(settings.data_dir).is_relative_to(backups)  # then what lies in it is not all backups
    return not is_taken(below.as_posix()) and (around or not _real(path).is_relative_to(backups))


def _set_paths(settings: Settings) -> dict[str, Path]:
    """The files and folders that the settings name, each under its setting's name."""
    return {name: value for name, value in settings if isinstance(value, Path) and name not in _OF_THIS_MACHINE}


def _below(folder: Path, above: frozenset[Path] = frozenset()) -> Iterator[Path]:
    """Every file, links followed; one that leads back up is not gone into again, one that leads nowhere is a file."""
    try:
        lying = sorted(folder.iterdir())
    except FileNotFoundError:  # removed since it was listed
        return
    inside = above | {_real(folder)}
    for path in lying:
        if path.is_dir():
            if _real(path) not in inside:
                yield from _below(path, inside)
        elif path.is_file() or path.is_symlink():
            yield path


def _real(path: Path) -> Path:
    """Where it leads; other than Path.resolve it takes a link to itself for a file."""
    return Path(os.path.realpath(path))


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
    own = {name: value for name, value in settings if value != Settings.model_fields[name].default}
    lines = (f"DUIXIAN_{name.upper()}={_quoted(value)}" for name, value in own.items() if name not in _OF_THIS_MACHINE)
    head = "# 备份时的设置，恢复后写回运行目录的 .env；含有密码，请妥善保管。"
    where = _WHERE[make_url(settings.database_url).get_backend_name()]
    return "\n".join([head, where, *lines]) + "\n"


def _quoted(value: object) -> str:
    """As a .env file has it, whatever characters a password has."""
    text = str(value).replace("\\", "\\\\").replace("'", "\\'")
    return f"'{text}'"
