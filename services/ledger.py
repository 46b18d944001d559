"""Ledgers of grants already made, by centre, province or city."""

from pathlib import Path

from sqlmodel import Session, select

from models import ImportFile, ImportKind, LedgerEntry, LedgerLevel
from services import imports
from services.actors import Actor
from services.clock import Clock
from services.ledger_rows import LEDGER_HEADINGS, LedgerRow, known_headings, read_ledger
from services.operation import operation
from services.tables import read_workbook


@operation("ledger.import")
def import_ledger(session: Session, clock: Clock, actor: Actor, *, path: Path, level: LedgerLevel) -> ImportFile:
    """Take in a ledger file. Bad rows are listed, good ones go on; a number known at this level adds nothing.

    Raises TableError when the file is no table at all.
    """
    workbook = read_workbook(path, known_headings(LEDGER_HEADINGS))
    known = imports.known_import(session, ImportKind.LEDGER, level.value, workbook)
    if known is not None:
        return known
    record = imports.start_import(session, clock, actor, ImportKind.LEDGER, level.value, workbook)
    read = read_ledger(workbook, level.value)
    present = set(session.exec(select(LedgerEntry.ledger_id).where(LedgerEntry.level == level)))
    added = [row for row in read.rows if row.ledger_id not in present]
    session.add_all(_entry(row, level, record) for row in added)
    imports.finish_import(record, len(added), len(read.rows) - len(added), read.problems, read.notes)
    return record


def _entry(row: LedgerRow, level: LedgerLevel, record: ImportFile) -> LedgerEntry:
    return LedgerEntry(
        import_file_id=record.id,
        level=level,
        ledger_id=row.ledger_id,
        enterprise=row.enterprise,
        uscc=row.uscc,
        project=row.project,
        contracts=row.contracts,
        invoices=row.invoices,
        amount_fen=row.amount_fen,
        year=row.year,
        policy_id=row.policy_id or None,
        measure=row.measure or None,
        facts=dict(row.facts),
    )
