"""Files that come in: each content once a purpose, as far as it could be taken, with every row that could not."""

from collections.abc import Iterable
from dataclasses import asdict

from sqlmodel import Session, col, select

from models import ImportFile, ImportKind
from services.access.actors import Actor
from services.clock import Clock
from services.tables import RowProblem, Workbook

_OF_THE_DAY = (ImportKind.PAYMENTS, ImportKind.VERIFICATION)


def known_import(session: Session, kind: ImportKind, scope: str, workbook: Workbook) -> ImportFile | None:
    """The earlier import of the very same content, if nothing more can come of it: then nothing is added."""
    last = _last(session, kind, scope, workbook)
    return last if last is not None and _is_settled(last) else None


def start_import(
    session: Session, clock: Clock, actor: Actor, kind: ImportKind, scope: str, workbook: Workbook
) -> ImportFile:
    """Record that this content is being imported."""
    last = _last(session, kind, scope, workbook)
    record = ImportFile(
        attempt=last.attempt + 1 if last is not None else 1,
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
    record: ImportFile,
    added: int,
    known: int,
    problems: Iterable[RowProblem],
    notes: Iterable[RowProblem],
    *,
    changed: int = 0,
) -> None:
    """Note what came of it; every problem stays with the file."""
    record.rows_added, record.rows_known, record.rows_changed = added, known, changed
    record.problems = [asdict(problem) | {"sentence": problem.sentence()} for problem in problems]
    record.notes = [asdict(note) for note in notes]


def _last(session: Session, kind: ImportKind, scope: str, workbook: Workbook) -> ImportFile | None:
    return session.exec(
        select(ImportFile)
        .where(ImportFile.kind == kind, ImportFile.scope == scope, ImportFile.sha256 == workbook.sha256)
        .order_by(col(ImportFile.attempt).desc())
    ).first()


def _is_settled(record: ImportFile) -> bool:
    """Whether reading the content again could bring nothing more.

    Results of payment and opinions that were refused may be right another day; any other file of which nothing was
    taken may have been given the right name since. What was taken of applications must not come back once withdrawn.
    """
    return not record.problems or (record.rows_added > 0 and record.kind not in _OF_THE_DAY)
