"""What an import or a batch would do, told before anything is saved; and the batch itself."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Application, ApplicationStatus, ImportFile
from services.access import sight
from services.access.actors import Actor
from services.application import applications, completeness
from services.clock import Clock
from services.errors import InputError, ServiceError
from services.record.rehearsal import rehearsal


@dataclass(frozen=True)
class Taken:
    """An application that the import adds."""

    source: str
    enterprise: str
    measure: str
    project: str


@dataclass(frozen=True)
class ImportReport:
    """What came, or would come, of an import. `before`: when the very same file was imported already."""

    filename: str
    added: int
    known: int
    taken: tuple[Taken, ...]
    problems: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    before: datetime | None


class BatchAction(StrEnum):
    """What can be done with many applications at once."""

    SUPPLEMENT = "supplement"  # 要求补正
    WITHDRAW = "withdraw"  # 撤回


@dataclass(frozen=True)
class Batch:
    """One thing to be done with many applications; `text` is the reason, or what is to be supplied."""

    action: BatchAction
    ids: tuple[int, ...]
    text: str


@dataclass(frozen=True)
class Effect:
    """What the batch does, or did, to one application: the state after, or why it cannot be done."""

    id: int
    number: str
    enterprise: str
    before: ApplicationStatus
    after: ApplicationStatus | None
    trouble: str


def import_report(
    engine: Engine, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, path: Path
) -> ImportReport:
    """Try the import of a workbook of applications out. Raises what the import would raise."""
    with rehearsal(engine) as session:
        last = session.exec(select(func.max(Application.id))).one() or 0
        imports = session.exec(select(func.max(ImportFile.id))).one() or 0
        record = applications.import_applications(
            session, clock, actor, settings=settings, cycle_id=cycle_id, path=path
        )
        added = session.exec(select(Application).where(col(Application.id) > last).order_by(col(Application.id)))
        return ImportReport(
            filename=record.filename,
            added=record.rows_added,
            known=record.rows_known,
            taken=tuple(Taken(each.source, each.enterprise_name, each.measure, each.project) for each in added),
            problems=list(record.problems),
            notes=list(record.notes),
            before=record.imported_at if (record.id or 0) <= imports else None,
        )


def batch_report(engine: Engine, clock: Clock, actor: Actor, *, settings: Settings, batch: Batch) -> list[Effect]:
    """Try a batch out. Raises InputError when nothing was chosen or the text is missing."""
    with rehearsal(engine) as session:
        return run_batch(session, clock, actor, settings=settings, batch=batch)


def run_batch(session: Session, clock: Clock, actor: Actor, *, settings: Settings, batch: Batch) -> list[Effect]:
    """Do it to each application that the actor may see, each an operation of its own; what cannot be is told."""
    if not batch.ids:
        raise InputError("请先勾选申报。")
    if not batch.text.strip():
        raise InputError("批量办理必须写明理由或补正要求。")
    work = _work(session, clock, actor, settings, batch)
    return [_effect(session, actor, work, application_id) for application_id in dict.fromkeys(batch.ids)]


def _work(session: Session, clock: Clock, actor: Actor, settings: Settings, batch: Batch) -> Callable[[int], object]:
    match batch.action:
        case BatchAction.SUPPLEMENT:
            return lambda key: completeness.request_supplement(
                session, clock, actor, settings=settings, application_id=key, remarks=batch.text
            )
        case BatchAction.WITHDRAW:
            return lambda key: applications.withdraw(session, clock, actor, application_id=key, reason=batch.text)


def _effect(session: Session, actor: Actor, work: Callable[[int], object], application_id: int) -> Effect:
    application = sight.application(session, actor, application_id)
    number, name, before = application.number, application.enterprise_name, application.status
    try:
        work(application_id)
    except ServiceError as error:
        return Effect(application_id, number, name, before, None, str(error))
    session.refresh(application)
    return Effect(application_id, number, name, before, application.status, "")
