"""What is handed in with an objection: kept with the evidence by SHA-256, seen by who handles objections alone."""

from collections.abc import Sequence

from sqlmodel import Session, col, select

from config.settings import Settings
from models import Objection, ObjectionFile
from services.application import attachments, file_kinds
from services.errors import NotFoundError

MOST_FILES, MOST_BYTES = 5, 20 * file_kinds.MEGABYTE
File = tuple[str, bytes]  # name and content


def keep(session: Session, settings: Settings, objection: Objection, files: Sequence[File]) -> None:
    """Keep files with an objection that was just raised, the same one once. Raises InputError, see file_kinds.

    Part of the operation that raises it. Nothing is kept of any file unless all can be taken.
    """
    sizes: list[int] = []
    for name, data in files:
        checked = file_kinds.check_file(settings, name, data)
        file_kinds.check_room(sizes, checked, len(data), files=MOST_FILES, total=MOST_BYTES)
        sizes.append(len(data))
    kept = {attachments.keep(settings, data): (name, len(data)) for name, data in files}
    session.add_all(
        ObjectionFile(objection_id=objection.id or 0, filename=file_kinds.plain_name(name), sha256=sha256, size=size)
        for sha256, (name, size) in kept.items()
    )


def files_of(session: Session, objection_id: int) -> list[ObjectionFile]:
    """The files of an objection, in the order in which they were handed in."""
    query = select(ObjectionFile).where(ObjectionFile.objection_id == objection_id).order_by(col(ObjectionFile.id))
    return list(session.exec(query))


def file(session: Session, objection_id: int, file_id: int) -> ObjectionFile:
    """One of them. Raises NotFoundError."""
    found = session.get(ObjectionFile, file_id)
    if found is None or found.objection_id != objection_id:
        raise NotFoundError("没有这份异议材料。")
    return found
