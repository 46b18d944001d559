"""Files that come in: each content once a purpose, with every row that could not be taken."""

from collections.abc import Iterable
from dataclasses import asdict

from sqlmodel import Session, select

from models import ImportFile, ImportKind
from services.actors import Actor
from services.clock import Clock
from services.tables import RowProblem, Workbook


def known_import(session: Session, kind: ImportKind, scope: str, workbook: Workbook) -> ImportFile | None:
    """The earlier import of the very same content, if there was one: then nothing is added."""
    return session.exec(
        select(ImportFile).where(
            ImportFile.kind == kind, ImportFile.scope == scope, ImportFile.sha256 == workbook.sha256
        )
    ).one_or_none()


def start_import(
    session: Session, clock: Clock, actor: Actor, kind: ImportKind, scope: str, workbook: Workbook
) -> ImportFile:
    """Record that this content is being imported."""
    record = ImportFile(
        kind=kind,
        scope=scope,
        filename=workbook.file,
        sha256=workbook.sha256,
        user_id=actor.user_id,
        imported_at=clock.now(),
    )
    session.add(record)
    session.flush()
    return record


def finish_import(
    record: ImportFile, added: int, known: int, problems: Iterable[RowProblem], notes: Iterable[RowProblem]
) -> None:
    """Note what came of it; every problem stays with the file."""
    record.rows_added, record.rows_known = added, known
    record.problems = [asdict(problem) | {"sentence": problem.sentence()} for problem in problems]
    record.notes = [asdict(note) for note in notes]
