"""Imports of ledgers as the operator sees them: what a file would bring, and the files that were taken in."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from models import ImportFile, ImportKind, LedgerEntry, LedgerLevel, User
from services.access.actors import Actor
from services.application.state_names import LEVELS
from services.clock import Clock
from services.errors import NotFoundError
from services.grants.ledger import import_ledger
from services.record.rehearsal import rehearsal


@dataclass(frozen=True)
class Line:
    """A grant that the file adds."""

    ledger_id: str
    enterprise: str
    project: str
    amount_fen: int
    year: int


@dataclass(frozen=True)
class LedgerReport:
    """What would come of an import. `before`: when the very same file was imported already."""

    filename: str
    level: LedgerLevel
    added: int
    changed: int
    known: int
    lines: tuple[Line, ...]
    problems: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    before: datetime | None

    @property
    def brings(self) -> bool:
        """Whether saving it changes anything."""
        return self.before is None and self.added + self.changed > 0


@dataclass(frozen=True)
class Past:
    """A file that was taken in: of which level, and by whom."""

    record: ImportFile
    level: str
    by: str


def report(engine: Engine, clock: Clock, actor: Actor, *, path: Path, level: LedgerLevel) -> LedgerReport:
    """Try the import of a ledger out. Raises what the import would raise."""
    with rehearsal(engine) as session:
        entries = session.exec(select(func.max(LedgerEntry.id))).one() or 0
        imports = session.exec(select(func.max(ImportFile.id))).one() or 0
        record = import_ledger(session, clock, actor, path=path, level=level)
        added = session.exec(select(LedgerEntry).where(col(LedgerEntry.id) > entries).order_by(col(LedgerEntry.id)))
        return LedgerReport(
            filename=record.filename,
            level=level,
            added=record.rows_added,
            changed=record.rows_changed,
            known=record.rows_known,
            lines=tuple(Line(e.ledger_id, e.enterprise, e.project, e.amount_fen, e.year) for e in added),
            problems=list(record.problems),
            notes=list(record.notes),
            before=record.imported_at if (record.id or 0) <= imports else None,
        )


def past(session: Session) -> list[Past]:
    """The files that were taken in, the newest first."""
    query = (
        select(ImportFile, User.name)
        .join(User, col(User.id) == ImportFile.user_id)
        .where(ImportFile.kind == ImportKind.LEDGER)
        .order_by(col(ImportFile.id).desc())
    )
    return [_past(record, name) for record, name in session.exec(query)]


def one(session: Session, import_id: int) -> Past:
    """One of them. Raises NotFoundError."""
    record = session.get(ImportFile, import_id)
    if record is None or record.kind is not ImportKind.LEDGER:
        raise NotFoundError(f"没有编号为 {import_id} 的台账导入记录。")
    return _past(record, session.get_one(User, record.user_id).name)


def counts(session: Session) -> Mapping[str, int]:
    """How many grants are known, by the name of their level."""
    found = dict(session.exec(select(LedgerEntry.level, func.count()).group_by(col(LedgerEntry.level))).all())
    return {name: found.get(level, 0) for level, name in LEVELS.items()}


def _past(record: ImportFile, name: str) -> Past:
    return Past(record, LEVELS[LedgerLevel(record.scope)], name)
