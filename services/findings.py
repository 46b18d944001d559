"""查重: this cycle's applications against the ledgers and against each other; what is uncertain waits for a person."""

from collections.abc import Iterator, Mapping
from typing import Any

import polars as pl
from sqlmodel import Session, col, select

import matching
from models import (
    Application,
    ApplicationStatus,
    Certainty,
    Cycle,
    Enterprise,
    Finding,
    FindingKind,
    FindingVerdict,
    FormerName,
    LedgerEntry,
)
from services import cycles
from services.actors import Actor
from services.clock import Clock
from services.errors import InputError, NotFoundError
from services.money import plain_yuan
from services.operation import operation

_COLUMNS = ("enterprise", "uscc", "project", "contracts", "invoices", "amount_yuan", "year")
_BY_RULE = {
    (FindingKind.SAME_ITEM, Certainty.CERTAIN): FindingVerdict.DUPLICATE,
    (FindingKind.SAME_ITEM, Certainty.LIKELY): FindingVerdict.OPEN,
    (FindingKind.SAME_ITEM, Certainty.REVIEW): FindingVerdict.OPEN,
}


@operation("matching.run")
def find(session: Session, clock: Clock, actor: Actor, *, cycle_id: int) -> int:
    """Look for what was granted before or is claimed twice. Returns how many findings are new.

    Known pairs and the decisions on them stay. Certain findings count as duplicates by rule, the same enterprise
    alone never does, everything else waits for a person.
    """
    cycle = cycles.open_one(session, cycle_id)
    applications, names = _applications(session, cycle), _former_names(session)
    ledger = _ledger(session)
    known = set(
        session.exec(
            select(Finding.application_id, Finding.ledger_entry_id, Finding.other_application_id).where(
                Finding.cycle_id == cycle_id
            )
        )
    )
    rows: list[tuple[int, int | None, int | None, dict[str, Any]]] = [
        (int(row["application_id"]), int(row["ledger_id"]), None, row)
        for row in _rows(matching.match(applications, ledger, names))
    ]
    rows += [
        (int(row["application_id"]), None, int(row["other_application_id"]), row)
        for row in _rows(matching.within(applications, names))
    ]
    new = [_finding(clock, cycle_id, *row) for row in rows if row[:3] not in known]
    session.add_all(new)
    return len(new)


@operation("finding.decide")
def decide(
    session: Session, clock: Clock, actor: Actor, *, finding_id: int, verdict: FindingVerdict, reason: str
) -> Finding:
    """Decide whether a finding is the same item, for a reason; a later decision replaces an earlier one.

    Raises StateError once the list is being approved.
    """
    finding = session.get(Finding, finding_id)
    if finding is None:
        raise NotFoundError(f"没有编号为 {finding_id} 的疑似重复。")
    cycles.before_approval(session, finding.cycle_id)
    if verdict is FindingVerdict.OPEN or not reason.strip():
        raise InputError("请认定为同一事项或不同事项，并写明理由。")
    finding.verdict, finding.reason = verdict, reason.strip()
    finding.decided_by, finding.decided_at = actor.user_id, clock.now()
    return finding


def open_findings(session: Session, cycle_id: int) -> list[Finding]:
    """Findings that wait for a person."""
    return list(
        session.exec(
            select(Finding)
            .where(Finding.cycle_id == cycle_id, Finding.verdict == FindingVerdict.OPEN)
            .order_by(col(Finding.id))
        )
    )


def duplicates(session: Session, cycle_id: int) -> list[Finding]:
    """Findings that count as the same item."""
    return list(
        session.exec(
            select(Finding)
            .where(Finding.cycle_id == cycle_id, Finding.verdict == FindingVerdict.DUPLICATE)
            .order_by(col(Finding.id))
        )
    )


def _finding(
    clock: Clock, cycle_id: int, application_id: int, entry: int | None, other: int | None, row: Mapping[str, Any]
) -> Finding:
    kind, certainty = FindingKind(row["kind"]), Certainty(row["certainty"])
    return Finding(
        cycle_id=cycle_id,
        application_id=application_id,
        ledger_entry_id=entry,
        other_application_id=other,
        kind=kind,
        certainty=certainty,
        score=row["score"],
        evidence=row["evidence"],
        verdict=_BY_RULE.get((kind, certainty), FindingVerdict.DISTINCT),
        found_at=clock.now(),
    )


def _applications(session: Session, cycle: Cycle) -> pl.DataFrame:
    rows = session.exec(
        select(Application, Enterprise.uscc)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(Application.cycle_id == cycle.id, Application.status == ApplicationStatus.VERIFIED)
        .order_by(col(Application.id))
    )
    return _frame(
        "application_id",
        [
            {
                "application_id": str(application.id),
                "enterprise": application.enterprise_name,
                "uscc": uscc,
                "project": application.project,
                "contracts": application.contracts,
                "invoices": application.invoices,
                "amount_yuan": "",
                "year": str(cycle.year),
                "measure": application.measure,
            }
            for application, uscc in rows
        ],
        "measure",
    )


def _ledger(session: Session) -> pl.DataFrame:
    return _frame(
        "ledger_id",
        [
            {
                "ledger_id": str(entry.id),
                "enterprise": entry.enterprise,
                "uscc": entry.uscc,
                "project": entry.project,
                "contracts": entry.contracts,
                "invoices": entry.invoices,
                "amount_yuan": plain_yuan(entry.amount_fen),
                "year": str(entry.year),
                "level": entry.level.value,
            }
            for entry in session.exec(select(LedgerEntry).order_by(col(LedgerEntry.id)))
        ],
        "level",
    )


def _former_names(session: Session) -> pl.DataFrame:
    rows = session.exec(select(Enterprise, FormerName).join(FormerName, col(FormerName.enterprise_id) == Enterprise.id))
    names = [
        {"uscc": enterprise.uscc, "enterprise": enterprise.name, "former_name": former.name}
        for enterprise, former in rows
    ]
    return pl.DataFrame(names, schema=dict.fromkeys(("uscc", "enterprise", "former_name"), pl.String()))


def _frame(key: str, rows: list[dict[str, str]], last: str) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=dict.fromkeys((key, *_COLUMNS, last), pl.String()))


def _rows(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    return frame.iter_rows(named=True)
