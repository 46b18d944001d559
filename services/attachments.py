"""Evidence: files kept once by their SHA-256, listed with the application that they belong to."""

import hashlib
import os
from pathlib import Path

from sqlmodel import Session, select

from config.settings import Settings
from models import Attachment
from services.actors import Actor
from services.applications import get_application
from services.clock import Clock
from services.errors import InputError, NotAllowedError, NotFoundError
from services.operation import operation

LARGEST = 50 * 1024 * 1024
_NAME_LENGTH = 255


@operation("attachment.add")
def add(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    evidence: str,
    filename: str,
    data: bytes,
) -> Attachment:
    """Keep a file as evidence for an application; the same file for the same purpose is kept once.

    The file's name is only shown, never used as a path. Raises InputError for an empty or too large file.
    """
    application = get_application(session, application_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能为本企业的申报上传材料。")
    if not data or len(data) > LARGEST:
        raise InputError(
            f"“{filename}”大小为 {len(data)} 字节；请上传不为空、不超过 {LARGEST // 1024 // 1024}MB 的文件。"
        )
    sha256 = hashlib.sha256(data).hexdigest()
    known = session.exec(
        select(Attachment).where(
            Attachment.application_id == application_id,
            Attachment.sha256 == sha256,
            Attachment.evidence == evidence,
        )
    ).one_or_none()
    if known is not None:
        return known
    _keep(settings, sha256, data)
    attachment = Attachment(
        application_id=application_id,
        evidence=evidence,
        filename=Path(filename.replace("\\", "/")).name[-_NAME_LENGTH:],
        sha256=sha256,
        size=len(data),
        user_id=actor.user_id,
        added_at=clock.now(),
    )
    session.add(attachment)
    session.flush()
    return attachment


def read(settings: Settings, attachment: Attachment) -> bytes:
    """The file's bytes. Raises NotFoundError when it is gone or no longer what was handed in."""
    path = _place(settings, attachment.sha256)
    if not path.is_file():
        raise NotFoundError(f"材料“{attachment.filename}”的文件不在附件目录中；请从备份恢复 {path.name}。")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != attachment.sha256:
        raise NotFoundError(f"材料“{attachment.filename}”的文件已被改动；请从备份恢复 {path.name}。")
    return data


def _keep(settings: Settings, sha256: str, data: bytes) -> None:
    """Write under the digest's name, whole or not at all; the file is on disk before the record names it."""
    path = _place(settings, sha256)
    if path.is_file():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}.new")
    with draft.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _place(settings: Settings, sha256: str) -> Path:
    return settings.attachments_dir / sha256[:2] / sha256
