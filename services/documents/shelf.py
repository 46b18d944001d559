"""The documents of a year as the office finds them: what there can be, what was written, and each file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlmodel import Session, col, select

from config.settings import Settings
from models import Cycle, Document
from services.access.actors import Actor
from services.clock import Clock
from services.documents.record import Record
from services.documents.registry import KINDS, Kind
from services.errors import NotFoundError

_CHOICES = 50


@dataclass(frozen=True)
class Written:
    """The newest draft of a document: its files by format. `drafts` are how many there are."""

    about: str
    label: str
    files: Sequence[Document]
    drafts: int

    @property
    def at(self) -> datetime:
        """When it was written."""
        return max(file.written_at for file in self.files)


@dataclass(frozen=True)
class Place:
    """One kind of document: what it can be about now (key → name; None: the whole year), and what was written."""

    kind: Kind
    objects: dict[str, str] | None
    written: Sequence[Written]

    @property
    def typed(self) -> bool:
        """Whether there are too many objects to choose from, so that the key is typed in."""
        return len(self.objects or {}) > _CHOICES


def shelf(session: Session, clock: Clock, actor: Actor, settings: Settings, cycle: Cycle) -> list[Place]:
    """Every kind of document in the order of the year."""
    record = Record(session, settings, cycle, clock, actor)
    rows: dict[str, dict[str, list[Document]]] = {}
    of_year = select(Document).where(Document.cycle_id == cycle.id)
    for row in session.exec(of_year.order_by(col(Document.written_at), col(Document.id))):
        rows.setdefault(row.kind, {}).setdefault(row.about, []).append(row)
    found = []
    for kind in KINDS.values():
        objects = kind.objects(record) if kind.objects else None
        written = [_written(kind, about, own, objects or {}) for about, own in rows.get(kind.id, {}).items()]
        found.append(Place(kind, objects, written))
    return found


def file(session: Session, settings: Settings, document_id: int) -> tuple[Document, Path]:
    """A written file. Raises NotFoundError."""
    row = session.get(Document, document_id)
    path = settings.output_dir / row.path if row is not None else None
    if row is None or path is None or not path.is_file():
        raise NotFoundError("没有这份文件，或者它已从输出目录移走；可以重新生成。")
    return row, path


def _written(kind: Kind, about: str, rows: list[Document], objects: dict[str, str]) -> Written:
    newest = [row for row in rows if row.subject == rows[-1].subject]
    newest.sort(key=lambda row: kind.formats.index(row.format) if row.format in kind.formats else len(kind.formats))
    return Written(about, objects.get(about, about), newest, len({row.subject for row in rows}))
