"""Files of payment results as treasuries see them: what a file would bring, and the files that were taken in."""

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Cycle, ImportFile, ImportKind, User
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.clock import Clock
from services.errors import NotFoundError
from services.payment import payment_overview, payments
from services.payment.payment_overview import Line
from services.record.rehearsal import rehearsal


@dataclass(frozen=True)
class PaymentReport:
    """What would come of an import. `lines`: the payments as they would stand; `before`: as in `ledger_imports`."""

    filename: str
    lines: tuple[Line, ...]
    known: int
    problems: list[dict[str, Any]]
    notes: list[dict[str, Any]]
    before: datetime | None

    @property
    def paid(self) -> tuple[Line, ...]:
        """Those that would stand as paid."""
        return tuple(line for line in self.lines if not line.unpaid)


@dataclass(frozen=True)
class Past:
    """A file that was taken in, and by whom."""

    record: ImportFile
    by: str


def report(
    engine: Engine, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, path: Path
) -> PaymentReport:
    """Try the import of results out. Raises what the import would raise."""
    with rehearsal(engine) as session:
        imports = session.exec(select(func.max(ImportFile.id))).one() or 0
        was = _states(session, actor, cycle_id)
        record = payments.import_results(session, clock, actor, settings=settings, cycle_id=cycle_id, path=path)
        now = _states(session, actor, cycle_id)
        session.expunge_all()
        return PaymentReport(
            filename=record.filename,
            lines=tuple(line for key, (line, state) in now.items() if state != was[key][1]),
            known=record.rows_known,
            problems=list(record.problems),
            notes=list(record.notes),
            before=record.imported_at if (record.id or 0) <= imports else None,
        )


def past(session: Session, actor: Actor, cycle_id: int) -> list[Past]:
    """The files that were taken in for a year, the newest first; a county's treasury sees its own files."""
    query = (
        select(ImportFile, User)
        .join(User, col(User.id) == ImportFile.user_id)
        .where(ImportFile.kind == ImportKind.PAYMENTS, ImportFile.scope == str(cycle_id))
        .order_by(col(ImportFile.id).desc())
    )
    own = treasury_of(actor)
    return [Past(record, user.name) for record, user in session.exec(query) if own is None or user.county == own]


def one(session: Session, actor: Actor, cycle_id: int, import_id: int) -> Past:
    """One of them. Raises NotFoundError, the same when there is none as when it is another county's."""
    found = next((each for each in past(session, actor, cycle_id) if each.record.id == import_id), None)
    if found is None:
        raise NotFoundError("没有这次导入，或者它不属于您可以查看的县区。")
    return found


def _states(session: Session, actor: Actor, cycle_id: int) -> dict[int, tuple[Line, tuple[Any, ...]]]:
    """What is known of each payment, by its id."""
    return {
        line.payment.id or 0: (
            line,
            (line.payment.status, line.payment.paid_on, line.payment.reference, line.payment.failure),
        )
        for line in payment_overview.lines(session, actor, session.get_one(Cycle, cycle_id))
    }
