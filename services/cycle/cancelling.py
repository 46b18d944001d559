"""终止: a year that ends before its time, and whom that is told."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col

from config.settings import Settings
from models import Application, Cycle, CycleStatus
from services.access.actors import Actor
from services.application.applications import letter
from services.application.lifecycle import ALIVE
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError
from services.law import policies
from services.notices import upcoming
from services.notices.queueing import Notice, queue_all
from services.record.columns import rows_as, select_as
from services.record.operation import operation

_RESULTS = "results"


@dataclass(frozen=True, slots=True)
class _Waiting:
    """An application without an outcome, as far as its notice needs it."""

    id: int
    number: str
    measure: str
    project: str
    enterprise_name: str
    contact_email: str


@operation("cycle.cancel")
def cancel(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    cycle_id: int,
    reason: str,
    shown: str | None = None,
) -> None:
    """End a cycle before its time, for a reason: its questions go out no more; nothing that it recorded is removed.

    The applicants who wait for an outcome are told; the reason is the bureau's own. Raises InputError without one,
    StateError when things stand no longer as `shown` (`cycles.mark`).
    """
    cycle = cycles.open_one(session, cycle_id)
    cycles.shown_visit(session, cycle, shown)
    if not reason.strip():
        raise InputError("终止年度流程必须写明理由。")
    upcoming.call_off_year(session, clock, actor, cycle_id)
    queue_all(session, clock, _notices(session, clock, cycle), domain=settings.message_domain)
    cycle.status, cycle.closed_at, cycle.failure = CycleStatus.CANCELLED, clock.now(), f"经办人终止：{reason}"


def _notices(session: Session, clock: Clock, cycle: Cycle) -> Iterator[Notice]:
    results = cycles.newest_visit(session, cycle, _RESULTS)
    if results is not None and results.work_done_at is not None:
        return
    law = policies.policy_of(session, cycle)
    waiting = (col(Application.cycle_id) == cycle.id, col(Application.status).in_(ALIVE))
    rows = session.execute(select_as(_Waiting, Application).where(*waiting).order_by(col(Application.number)))
    for each in rows_as(_Waiting, rows.all()):
        about = f"{each.number}/{clock.now().isoformat()}"
        context = letter(law, each, cycle.year)
        yield Notice(cycle.id or 0, "cycle_cancelled", each.contact_email, each.enterprise_name, about, context)
