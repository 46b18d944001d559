"""Restoring a backup into a new folder: nothing is put in place before every file has proved to be what was kept."""

import errno
import hashlib
import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from tempfile import mkdtemp

from pydantic import ValidationError
from sqlmodel import Session

from services.backups import database
from services.backups.manifest import DATABASE, NAME, Kept, Manifest, chunks, place, sha256_of
from services.errors import InputError, StateError
from services.files.archives import DAMAGED
from services.record import chain

_DISK = (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EACCES, errno.EROFS, errno.EIO)


@dataclass(frozen=True)
class Restored:
    """What came out. `problems` are what the audit chain's check says; None: the dump was not loaded."""

    folder: Path
    manifest: Manifest
    problems: list[str] | None


def restore(file: Path, to: Path, *, sha256: str = "", database_url: str = "") -> Restored:
    """Unpack a backup into a folder that is not there yet or is empty.

    With `sha256` the archive must be that very one. A dump of PostgreSQL is loaded into `database_url`, an empty
    database, or left in the folder. Raises InputError, which names the file that is missing, changed or broken, and
    StateError when the dump cannot be loaded; the folder is not made then.
    """
    if to.exists() and (not to.is_dir() or any(to.iterdir())):
        raise InputError(f"{to} 已经存在而且不是空的，没有覆盖；请换一个文件夹。")
    _check_digest(file, sha256)
    to.parent.mkdir(parents=True, exist_ok=True)
    draft = Path(mkdtemp(dir=to.parent, prefix=f".{to.name}-"))
    try:
        manifest = _unpack(file, draft)
        problems = _settle_database(manifest, draft, database_url)
        if to.exists():
            to.rmdir()
        draft.rename(to)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return Restored(to, manifest, problems)


def _check_digest(file: Path, wanted: str) -> None:
    if not file.is_file():
        raise InputError(f"没有找到备份 {file}；请核对文件名。")
    if wanted:
        with file.open("rb") as content:
            found = sha256_of(content)
        if found != wanted.strip().lower():
            raise InputError(f"备份 {file.name} 的校验值是 {found}，不是写明的那一个；请换一份备份。")


def _unpack(file: Path, folder: Path) -> Manifest:
    try:
        with zipfile.ZipFile(file) as archive:
            manifest = _manifest(archive, file.name)
            _check_names(archive, manifest, file.name)
            for name, kept in manifest.files.items():
                _put(archive, name, kept, folder / place(name), file.name)
    except InputError:
        raise
    except DAMAGED as error:
        raise InputError(f"备份 {file.name} 打不开或已损坏（{error}）；请换一份备份。") from error
    return manifest


def _manifest(archive: zipfile.ZipFile, file: str) -> Manifest:
    try:
        return Manifest.model_validate_json(archive.read(NAME))
    except KeyError as error:
        raise InputError(f"{file} 里没有清单 {NAME}，不是本系统的备份；请核对文件。") from error
    except (ValidationError, *DAMAGED) as error:
        raise InputError(f"备份 {file} 的清单 {NAME} 已损坏或被改动；请换一份备份。") from error


def _check_names(archive: zipfile.ZipFile, manifest: Manifest, file: str) -> None:
    lying = [name for name in archive.namelist() if name != NAME]
    for name in lying:
        if name not in manifest.files or lying.count(name) > 1:
            raise InputError(f"备份 {file} 里多出了清单上没有的文件 {name}；请换一份备份。")
    for name in (*manifest.files, DATABASE[manifest.database]):
        if name not in lying:
            raise InputError(f"备份 {file} 里缺少 {name}；请换一份备份。")
        if not _is_plain(name):
            raise InputError(f"备份 {file} 里的文件名 {name} 不能使用；请换一份备份。")


def _is_plain(name: str) -> bool:
    path = PurePosixPath(name)
    return not path.is_absolute() and ".." not in path.parts and "\\" not in name and "\0" not in name


def _put(archive: zipfile.ZipFile, name: str, kept: Kept, path: Path, file: str) -> None:
    digest = hashlib.sha256()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(name) as source, path.open("xb") as target:
            path.chmod(0o600)
            for piece in chunks(source):
                digest.update(piece)
                target.write(piece)
            os.fsync(target.fileno())
    except FileExistsError as error:
        raise InputError(
            f"备份 {file} 里的 {name} 与另一个文件要放在同一处（{place(name)}）；请换一份备份。"
        ) from error
    except DAMAGED as error:
        _check_disk(error, path)
        raise InputError(f"备份 {file} 里的 {name} 已损坏（{error}）；请换一份备份。") from error
    if digest.hexdigest() != kept.sha256:
        raise InputError(f"备份 {file} 里的 {name} 与清单的校验值不符，已被改动；请换一份备份。")


def _check_disk(error: Exception, path: Path) -> None:
    """Raise StateError when it is the disk and not the archive."""
    if isinstance(error, OSError) and error.errno in _DISK:
        raise StateError(f"恢复没有写成：{error.strerror}（{path}）；请检查磁盘后再试。") from error


def _settle_database(manifest: Manifest, folder: Path, database_url: str) -> list[str] | None:
    path = folder / place(DATABASE[manifest.database])
    if manifest.database == "postgresql":
        if not database_url:
            return None
        database.load_dump(database_url, path)
        with database.reading_at(database_url) as session:
            return _check_chain(manifest, session)
    if database_url:
        raise InputError("这份备份的数据库是 SQLite，放在恢复的文件夹里；请不要写 --database。")
    if not database.is_sound(path):
        raise InputError(f"备份里的数据库 {path.name} 已损坏；请换一份备份。")
    with database.reading(path) as session:
        return _check_chain(manifest, session)


def _check_chain(manifest: Manifest, session: Session) -> list[str]:
    last = chain.Anchor(manifest.chain_seq, manifest.chain_hash, "备份清单上的")
    return chain.verify(session, [last] if last.seq else [])
