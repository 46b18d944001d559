"""The audit chain by itself: how an entry's hash is made, and what is wrong with a chain that does not hold.

Whoever changes the database by hand can make the hashes anew, so the chain is compared with anchors too: pairs of a
number and a hash that were kept elsewhere (services/record/anchoring.py), or typed in from a printed sheet.
"""

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from enum import Enum
from typing import Any

from sqlalchemy import Text, cast
from sqlalchemy.orm import defer
from sqlmodel import Session, col, func, select

from models import AuditEntry

GENESIS = "0" * 64
_FAR = 50  # how far from its place a renumbered entry is looked for when nothing else tells


@dataclass(frozen=True)
class Anchor:
    """A number and the hash that its entry had, or how that begins; `source` says where from, in Chinese."""

    seq: int
    hash: str
    source: str


@dataclass(frozen=True)
class _Row:
    """An entry as it lies, and the place that it had; `whole`: its hash was made for what it says, in that place."""

    seq: int
    operation: str
    previous: str
    hash: str
    place: int
    whole: bool

    @property
    def moved(self) -> int:
        """How many places it lies behind its own."""
        return self.seq - self.place


def digest(entry: AuditEntry, seq: int | None = None) -> str:
    """SHA-256 over the entry's canonical JSON and the hash before it; of another place when `seq` is given."""
    body = [
        entry.seq if seq is None else seq,
        entry.at.astimezone(UTC).isoformat(),
        entry.actor,
        entry.operation,
        entry.changes,
        entry.previous,
    ]
    return hashlib.sha256(canonical(body).encode()).hexdigest()


def canonical(value: object) -> str:
    """JSON with one spelling for equal values."""
    return _SPELLING.encode(value)


def spelling(others: Callable[[Any], object]) -> json.JSONEncoder:
    """What spells values so, those that JSON has no name for as what `others` makes of them."""
    return json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=others)


def verify(session: Session, anchors: Collection[Anchor] = (), *, after: int = 0) -> list[str]:
    """Chinese sentences for what was changed, removed, reordered or inserted; empty when the chain is whole.

    `anchors` are compared too: they show a chain that was made anew, or cut off at its end. With `after` only the
    entries from that one on are read; what is said then says less of what became of them.
    """
    if not _holds(session, after):
        return [*_diagnose(_rows(session, after), after or 1), *against(session, anchors)]
    return list(against(session, anchors))


def head(session: Session) -> AuditEntry | None:
    """The last entry; what it tells, which may be megabytes, is read when somebody asks."""
    last = select(AuditEntry).order_by(col(AuditEntry.seq).desc()).limit(1)
    return session.exec(last.options(defer(AuditEntry.changes))).first()  # type: ignore[arg-type]


def length(session: Session, after: int = 0) -> int:
    """How many entries there are behind a number."""
    return session.exec(select(func.count()).select_from(AuditEntry).where(col(AuditEntry.seq) > after)).one()


def near_end(session: Session, entries: int, characters: int) -> int:
    """The entry from which on there are so many, or fewer that tell so many characters; 0 for all that there are."""
    told, length = 0, func.length(cast(AuditEntry.changes, Text))
    rows = session.execute(select(AuditEntry.seq, length).order_by(col(AuditEntry.seq).desc()).limit(entries + 1))
    for place, (seq, long) in enumerate(rows):
        told += long
        if place == entries or told > characters:
            return int(seq)
    return 0


def _entries(session: Session, after: int) -> Iterable[AuditEntry]:
    query = select(AuditEntry).order_by(col(AuditEntry.seq)).execution_options(yield_per=500, populate_existing=True)
    return session.exec(query.where(col(AuditEntry.seq) >= after) if after else query)


def _holds(session: Session, after: int) -> bool:
    previous, expected = GENESIS, 1
    for entry in _entries(session, after):
        begins = after and entry.seq == after
        linked = begins or (entry.seq == expected and entry.previous == previous)
        if not linked or digest(entry) != entry.hash:
            return False
        previous, expected = entry.hash, entry.seq + 1
    return True


def _rows(session: Session, after: int) -> list[_Row]:
    """What lies there, each entry with the place that it had."""
    rows: list[_Row] = []
    at: dict[str, int] = {GENESIS: 0}  # hash → place
    moved = 0
    for entry in _entries(session, after):
        along, linked = entry.seq - moved, at.get(entry.previous, -1) + 1
        near = (entry.seq + step * sign for step in range(1, _FAR + 1) for sign in (1, -1))
        made_for = _made_for(entry, [entry.seq, along, linked, *near])
        place = made_for or (along if along == linked else entry.seq)
        rows.append(_Row(entry.seq, entry.operation, entry.previous, entry.hash, place, made_for is not None))
        moved, at[entry.hash] = entry.seq - place, place
    return rows


def _made_for(entry: AuditEntry, guesses: Iterable[int]) -> int | None:
    return next((seq for seq in guesses if seq > 0 and digest(entry, seq) == entry.hash), None)


def _diagnose(rows: Sequence[_Row], first: int) -> Iterator[str]:
    claims = Counter(row.place for row in rows)
    inserted = {row.seq for row in rows if not row.moved and (row.seq < first or claims[row.seq] > 1)}
    yield from _missing([place for place in range(first, max(claims, default=0) + 1) if place not in claims])
    yield from _moved(rows)
    hashes = {row.place: row.hash for row in rows if row.seq not in inserted}
    for row in rows:
        if row.seq in inserted:
            yield f"审计记录第 {row.seq} 号（{row.operation}）是插入的，原来没有这一条；请从备份核对。"
        else:
            yield from _amiss(row, hashes.get(row.place - 1, GENESIS if row.place == 1 else None))


def _amiss(row: _Row, before: str | None) -> Iterator[str]:
    """What is wrong with an entry in its place; `before` is the hash of the one before it, when that is there."""
    if before is not None and row.previous != before:
        yield f"审计记录第 {row.seq} 号与前一条不衔接；请从备份核对第 {row.seq - 1} 号和第 {row.seq} 号。"
    if not row.whole:
        yield f"审计记录第 {row.seq} 号（{row.operation}）内容被改动；请从备份核对。"


def _missing(places: Sequence[int]) -> Iterator[str]:
    for first, last in _runs([(place, 0) for place in places]):
        yield f"审计记录{_span(first, last)}缺失；请从备份核对。"


def _moved(rows: Sequence[_Row]) -> Iterator[str]:
    for first, last in _runs([(row.seq, row.moved) for row in rows if row.moved]):
        moved = next(row.moved for row in rows if row.seq == first)
        yield f"审计记录{_span(first, last)}的编号被改，原来是{_span(first - moved, last - moved)}；请从备份核对。"


def _runs(found: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """First and last of those that follow each other and are alike."""
    start = 0
    for index in range(1, len(found) + 1):
        if index == len(found) or found[index] != (found[index - 1][0] + 1, found[start][1]):
            yield found[start][0], found[index - 1][0]
            start = index


def _span(first: int, last: int) -> str:
    return f"第 {first} 号" if first == last else f"第 {first} 号至第 {last} 号"


def against(session: Session, anchors: Collection[Anchor]) -> Iterator[str]:
    """What anchors of one sort tell: between the last that holds and one that does not something was changed.

    Anchors that lie in the database are another sort than those on paper, since they can be made anew too.
    """
    sound = 0
    for anchor in sorted(anchors, key=lambda each: each.seq):
        found = session.exec(select(AuditEntry.hash).where(AuditEntry.seq == anchor.seq)).first()
        if found is not None and found.startswith(anchor.hash):
            sound = max(sound, anchor.seq)
        elif found is None:
            yield f"{anchor.source}记到第 {anchor.seq} 号，现在没有这一号：记录被删去；请从备份核对。"
        else:
            yield (
                f"审计记录第 {anchor.seq} 号的校验值是 {found[:16]}…，{anchor.source}是 {anchor.hash[:16]}…："
                f"{_span(sound + 1, anchor.seq)}中有记录被改动，以后的校验值是重算的；请从备份逐条核对。"
            )


def plain(value: object) -> object:
    """A day, a moment or a state as the chain tells it. Raises TypeError for anything else."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat()
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    raise TypeError(f"cannot be audited: {type(value).__name__}")


_SPELLING = spelling(plain)
