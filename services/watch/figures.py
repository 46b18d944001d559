"""The figures of the installation, for a monitor: counts and ages, nothing of anybody."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Application, ApplicationStatus, CycleLease, Message, MessageStatus, SignInTry
from services.backups import last_backup
from services.clock import Clock
from services.cycle import cycles
from services.cycle.stages import CyclePlan
from services.notices import backlog
from services.record import chain
from services.watch import alerts


@dataclass(frozen=True)
class Figure:
    """A gauge by its name and meaning; each value has the labels of `labels`."""

    name: str
    meaning: str
    labels: tuple[str, ...] = ()
    values: Iterable[tuple[Sequence[str], float]] = ()


def figures(session: Session, clock: Clock, wall: Clock, *, settings: Settings, plan: CyclePlan) -> Iterator[Figure]:
    """Every figure as it stands now. Ages are in seconds."""
    yield from _outbox(session, clock, wall, settings)
    yield from _cycles(session, clock, wall)
    tries = session.exec(select(func.coalesce(func.sum(SignInTry.failures), 0)).where(SignInTry.place != "")).one()
    yield Figure("duixian_signin_failures", "Wrong tries to sign in that are remembered", (), _one(tries))
    last = chain.head(session)
    yield Figure(
        "duixian_audit_entries", "Number of the last entry of the audit chain", (), _one(last.seq if last else 0)
    )
    backup = last_backup(settings)
    known = _one(backup.at.timestamp()) if backup else []
    yield Figure("duixian_last_backup_timestamp_seconds", "When the last backup was taken", (), known)
    kinds = [alert.id.partition("/")[0] for alert in alerts.current(session, clock, wall, settings=settings, plan=plan)]
    counted = {(kind,): float(kinds.count(kind)) for kind in kinds}
    yield Figure("duixian_alerts", "What the operator has to look at", ("kind",), counted.items())
    free = _one(alerts.free_megabytes(settings) * 1024 * 1024)
    yield Figure("duixian_disk_free_bytes", "What is left on the disk of the data folder", (), free)


def _outbox(session: Session, clock: Clock, wall: Clock, settings: Settings) -> Iterator[Figure]:
    rows = session.exec(select(Message.status, func.count()).group_by(col(Message.status)))
    counted = dict(rows.all())
    by_status = {(status.value,): float(counted.get(status, 0)) for status in MessageStatus}
    yield Figure("duixian_outbox_messages", "Messages by state", ("status",), by_status.items())
    since = backlog.oldest(session, settings, clock, wall)
    age = _one(_age(since, clock) if since else 0)
    yield Figure("duixian_outbox_oldest_seconds", "How long the oldest message waits that should have gone", (), age)


def _cycles(session: Session, clock: Clock, wall: Clock) -> Iterator[Figure]:
    stages, ages, leases = {}, {}, {}
    for cycle in cycles.open_cycles(session):
        key, visit = str(cycle.id), cycles.current_visit(session, cycle)
        stages[key, str(cycle.year), cycle.stage] = 1.0
        ages[key, cycle.stage] = _age(visit.entered_at, clock)
        lease = session.get(CycleLease, cycle.id)
        if lease is not None:
            leases[(key,)] = _age(lease.heartbeat_at, wall)
    yield Figure("duixian_stage", "Where each open year stands", ("cycle", "year", "stage"), stages.items())
    yield Figure("duixian_stage_seconds", "How long a year has been in its stage", ("cycle", "stage"), ages.items())
    yield Figure(
        "duixian_lease_age_seconds", "Since the run of a year last showed a sign of life", ("cycle",), leases.items()
    )
    query = select(Application.cycle_id, Application.status, func.count())
    rows = session.exec(query.group_by(col(Application.cycle_id), col(Application.status)))
    counted = [((str(cycle), ApplicationStatus(status).value), float(count)) for cycle, status, count in rows]
    yield Figure("duixian_applications", "Applications by state", ("cycle", "status"), counted)


def _age(since: datetime, clock: Clock) -> float:
    return max((clock.now() - since).total_seconds(), 0.0)


def _one(value: float) -> list[tuple[Sequence[str], float]]:
    return [((), float(value))]
