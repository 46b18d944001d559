"""Ledgers of grants already made, by centre, province or city."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlmodel import Session, col, func, select

from models import Finding, ImportFile, ImportKind, LedgerCorrection, LedgerEntry, LedgerLevel
from services.access.actors import Actor
from services.clock import Clock
from services.files import imports
from services.grants.ledger_awards import check_awards
from services.grants.ledger_rows import LEDGER_HEADINGS, OPTIONAL, LedgerRow, read_ledger
from services.money import plain_yuan
from services.record.operation import operation
from services.tables import headings_of, read_workbook

_CONTENT = {
    "enterprise": "企业名称",
    "uscc": "统一社会信用代码",
    "project": "项目名称",
    "contracts": "合同编号",
    "invoices": "发票号码",
    "amount_fen": "金额（元）",
    "year": "年度",
    "policy_id": "政策编号",
    "measure": "措施编号",
    "facts": "其他数据",
}
_CORRECTED = "已按本行更正，原内容留有记录；如不对请再导入正确的一行"
_TWICE = "该行仍照所写导入，两笔都会扣减；如是同一笔，请把其中一个编号的金额改为 0 再导入"
_NOT_TAKEN = "请核对编号，不同的资金用不同的编号；该行没有导入"


@operation("ledger.import")
def import_ledger(session: Session, clock: Clock, actor: Actor, *, path: Path, level: LedgerLevel) -> ImportFile:
    """Take in a ledger file. Bad rows are listed, good ones go on; a row known at this level adds nothing.

    A row that says something else of a known number corrects it when it is of the same enterprise: what was there is
    kept as a LedgerCorrection, and told. What the sheet has no column for stays as it is. Of another enterprise it is a
    problem. So is what keeps an award of the city out of the history of later years. A new number for what
    another one has already is told: both would be deducted. The same file again is read again
    once a correction came after it, which it may take back. Raises TableError when the file is no table at all.
    """
    workbook = read_workbook(path, headings_of(LEDGER_HEADINGS))
    known = imports.known_import(session, ImportKind.LEDGER, level.value, workbook)
    if known is not None and not _corrected_since(session, known, level):
        return known
    record = imports.start_import(session, clock, actor, ImportKind.LEDGER, level.value, workbook)
    read = read_ledger(workbook, level.value)
    present = {entry.ledger_id: entry for entry in session.exec(select(LedgerEntry).where(LedgerEntry.level == level))}
    read.rows = [_completed(row, present.get(row.ledger_id)) for row in read.rows]
    if level is LedgerLevel.CITY:
        check_awards(session, read, present)
    came: Counter[str] = Counter()
    grants = {what: entry.ledger_id for entry in present.values() if (what := _what(entry))}
    for row in read.rows:
        new, entry = _entry(row, level, record), present.get(row.ledger_id)
        if entry is None:
            session.add(new)
            came["added"] += 1
            if (what := _what(new)) and (other := grants.setdefault(what, row.ledger_id)) != row.ledger_id:
                cause = f"与编号“{other}”的单位、年度、发票号码、金额都相同"
                read.notes.append(read.headed.problem(row.row, "ledger_id", row.ledger_id, cause, _TWICE))
        elif not (differences := _differences(entry, new)):
            came["known"] += 1
        elif _is_same_enterprise(entry, new):
            told = _told(session, entry, differences)
            if (what := _what(entry)) and grants.get(what) == entry.ledger_id:
                del grants[what]
            _correct(session, clock, actor, entry, record, differences)
            read.notes.append(read.headed.problem(row.row, "ledger_id", row.ledger_id, told, _CORRECTED))
            came["changed"] += 1
        else:
            read.problems.append(read.headed.problem(row.row, "ledger_id", row.ledger_id, _taken(entry), _NOT_TAKEN))
    imports.finish_import(record, came["added"], came["known"], read.problems, read.notes, changed=came["changed"])
    return record


def _what(entry: LedgerEntry) -> tuple[str, int, str, int] | None:
    """What tells that two numbers are of one grant: for whom, when, by which papers, how much; None without any."""
    who = entry.uscc or entry.enterprise
    return (who, entry.year, entry.invoices, entry.amount_fen) if who and entry.invoices and entry.amount_fen else None


def _differences(entry: LedgerEntry, new: LedgerEntry) -> dict[str, tuple[Any, Any]]:
    """By column, what the entry says and what the row says, where they differ."""
    pairs = {name: (getattr(entry, name), getattr(new, name)) for name in _CONTENT}
    return {name: (old, now) for name, (old, now) in pairs.items() if old != now}


def _corrected_since(session: Session, known: ImportFile, level: LedgerLevel) -> bool:
    """Whether a later file corrected any entry of the level."""
    later = (
        select(LedgerCorrection.id)
        .join(LedgerEntry, col(LedgerEntry.id) == LedgerCorrection.ledger_entry_id)
        .where(LedgerEntry.level == level, LedgerCorrection.import_file_id > (known.id or 0))
    )
    return session.exec(later).first() is not None


def _completed(row: LedgerRow, entry: LedgerEntry | None) -> LedgerRow:
    """The row, with what its sheet has no column for as the entry has it; so the code, where its cell is empty."""
    if entry is None or not _is_same_enterprise(entry, row):
        return row
    kept: dict[str, Any] = {name: getattr(entry, name) or "" for name in OPTIONAL - {"level"} - row.given}
    facts = {name: text for name, text in entry.facts.items() if name not in row.given}
    return replace(row, uscc=row.uscc or entry.uscc, facts=facts | dict(row.facts), **kept)


def _is_same_enterprise(entry: LedgerEntry, new: LedgerEntry | LedgerRow) -> bool:
    return (entry.uscc != "" and entry.uscc == new.uscc) or (
        entry.enterprise != "" and entry.enterprise == new.enterprise
    )


def _taken(entry: LedgerEntry) -> str:
    paid = f"{plain_yuan(entry.amount_fen)} 元，{entry.year} 年"
    return f"这个编号已是另一单位的：{entry.enterprise}（{entry.uscc}），{paid}"


def _told(session: Session, entry: LedgerEntry, differences: Mapping[str, tuple[Any, Any]]) -> str:
    """A correction in words, both values of each column, with the findings that rest on the entry."""
    changes = [
        f"{_CONTENT[name]}原为“{_plain(name, old)}”，现为“{_plain(name, now)}”"
        for name, (old, now) in differences.items()
    ]
    count = session.exec(select(func.count()).where(Finding.ledger_entry_id == entry.id)).one()
    findings = f"；已有 {count} 条查重结果涉及这一条，请复核" if count else ""
    return f"与以前导入的内容不同：{'，'.join(changes)}{findings}"


def _plain(name: str, value: Any) -> str:
    if name == "amount_fen":
        return plain_yuan(value)
    if isinstance(value, Mapping):
        return "，".join(f"{name}={text}" for name, text in value.items())
    return "" if value is None else str(value)


def _correct(
    session: Session,
    clock: Clock,
    actor: Actor,
    entry: LedgerEntry,
    record: ImportFile,
    differences: Mapping[str, tuple[Any, Any]],
) -> None:
    """Let the entry say what the row says, and keep what it said: findings and history use the newest."""
    for name, (_, now) in differences.items():
        setattr(entry, name, now)
    session.add(
        LedgerCorrection(
            ledger_entry_id=entry.id or 0,
            import_file_id=record.id or 0,
            before={name: old for name, (old, _) in differences.items()},
            after={name: now for name, (_, now) in differences.items()},
            user_id=actor.user_id,
            corrected_at=clock.now(),
        )
    )


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
