"""Evidence: files kept once by their SHA-256, listed with the application that they belong to."""

import hashlib
from pathlib import Path

from sqlalchemy import inspect, union
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from config.settings import Settings
from models import Attachment, InspectionFile, ObjectionFile
from services.access.actors import Actor
from services.application import file_kinds
from services.application.applications import get_application
from services.application.lifecycle import STATUS_NAMES, UNDER_REVIEW
from services.clock import Clock
from services.cycle import cycles
from services.errors import NotAllowedError, NotFoundError, StateError
from services.files import file_store
from services.record.database import take_turn, writing
from services.record.operation import operation

ERASED = "（已清除）"
"""The name of a file whose time was over: the row with its digest stays, the bytes are gone."""

_NAMING = (Attachment, InspectionFile, ObjectionFile)


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

    The file's name is only shown, never used as a path. Raises InputError, see file_kinds.check_file and check_room,
    StateError once the review or the cycle has ended.
    """
    application = get_application(session, application_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能为本企业的申报上传材料。")
    name = file_kinds.check_file(settings, filename, data)
    sha256 = hashlib.sha256(data).hexdigest()
    files = session.exec(select(Attachment).where(Attachment.application_id == application_id)).all()
    known = next((file for file in files if (file.sha256, file.evidence) == (sha256, evidence)), None)
    if known is not None:
        return known
    cycles.open_one(session, application.cycle_id)
    if application.status not in UNDER_REVIEW:  # what was reviewed was reviewed with what there was
        raise StateError(f"{application.number} {STATUS_NAMES[application.status]}，不能再补充材料。")
    file_kinds.check_room([file.size for file in files], name, len(data))
    keep(settings, data)
    attachment = Attachment(
        application_id=application_id,
        evidence=evidence,
        filename=name,
        sha256=sha256,
        size=len(data),
        user_id=actor.user_id,
        added_at=clock.now(),
    )
    session.add(attachment)
    session.flush()
    return attachment


def keep(settings: Settings, data: bytes) -> str:
    """Keep the bytes under their SHA-256, and return it."""
    sha256 = hashlib.sha256(data).hexdigest()
    file_store.keep(_place(settings, sha256), data)
    return sha256


def read(settings: Settings, attachment: Attachment | InspectionFile | ObjectionFile) -> bytes:
    """The file's bytes. Raises NotFoundError when it is gone or no longer what was handed in."""
    if attachment.filename == ERASED:
        raise NotFoundError("这份材料的文件已按个人信息保存期限清除。")
    path = _place(settings, attachment.sha256)
    if not path.is_file():
        raise NotFoundError(f"材料“{attachment.filename}”的文件不在附件目录中；请从备份恢复 {path.name}。")
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != attachment.sha256:
        raise NotFoundError(f"材料“{attachment.filename}”的文件已被改动；请从备份恢复 {path.name}。")
    return data


def named(session: Session) -> set[str]:
    """The digests of all files that something names and that were not erased; of an older schema by what it has."""
    there = [each for each in _NAMING if inspect(session.connection()).has_table(str(each.__tablename__))]
    return _digests(session, *(select(each.sha256).where(each.filename != ERASED) for each in there))


def sweep(session: Session, settings: Settings) -> None:
    """Remove the bytes of files that were erased, unless something else still names them."""
    erased = [select(each.sha256).where(each.filename == ERASED) for each in _NAMING]
    among = union(*erased)
    kept = (select(each.sha256).where(each.filename != ERASED, col(each.sha256).in_(among)) for each in _NAMING)
    with writing(session):
        take_turn(session)
        for sha256 in _digests(session, *erased) - _digests(session, *kept):
            _place(settings, sha256).unlink(missing_ok=True)


def _digests(session: Session, *queries: SelectOfScalar[str]) -> set[str]:
    return set(session.execute(union(*queries)).scalars())


def _place(settings: Settings, sha256: str) -> Path:
    return settings.attachments_dir / sha256[:2] / sha256
