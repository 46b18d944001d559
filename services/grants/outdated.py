"""Findings that a search looked for again and did not find: what agreed was corrected since."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, or_, select

from models import Application, Finding, FindingVerdict
from services.access.actors import Actor
from services.clock import Clock
from services.cycle import cycles
from services.record.operation import operation
from services.record.parts import in_parts

REASON = "再次比对不再对得上：台账、申报更正过，或比对办法更新过"
_ROWS_AT_ONCE = 10_000
_UNDECIDED = or_(col(Finding.decided_by).is_(None), col(Finding.carried_from).is_not(None))
"""Nobody decided it here; what was carried over was decided on what both sides said then."""


class Numbers:
    """Which ids are meant, a bit for each: of a million findings an eighth of a megabyte."""

    def __init__(self, numbers: Iterable[int] = ()) -> None:
        """These, to begin with."""
        self._bits = bytearray()
        for number in numbers:
            self.add(number)

    def add(self, number: int) -> None:
        """This one as well."""
        place = number >> 3
        if place >= len(self._bits):
            self._bits.extend(bytes(place + 1))
        self._bits[place] |= 1 << (number & 7)

    def __contains__(self, number: int) -> bool:
        """Whether it is meant."""
        place = number >> 3
        return place < len(self._bits) and bool(self._bits[place] & 1 << (number & 7))


@dataclass(frozen=True)
class Compared:
    """What a search for a cycle compared: its applications with one another and, where it is so, with other years'.

    Those that are `new` in all entries of the ledgers, the others in those that came `after` one. The findings up to
    `known` were there before.
    """

    cycle_id: int
    applications: Numbers
    new: Numbers
    after: int
    other_years: bool
    known: int

    def has(self, ours: int, entry: int | None, other: int | None, other_cycle: int | None) -> bool:
        """Whether it compared this pair."""
        if ours not in self.applications:
            return False
        if entry is not None:
            return ours in self.new or entry > self.after
        if other is None or other_cycle != self.cycle_id:
            return self.other_years
        return other in self.applications and (ours in self.new or other in self.new)


def missing(session: Session, compared: Compared, found: Numbers) -> Iterator[list[int]]:
    """Findings that nobody decided, whose pair was compared and not `found`: some at a time, the next when asked."""
    other, last = aliased(Application), 0
    pairs = (
        select_columns(
            col(Finding.id),
            col(Finding.application_id),
            Finding.ledger_entry_id,
            Finding.other_application_id,
            other.cycle_id,
        )  # type: ignore[call-overload]
        .outerjoin(other, col(other.id) == Finding.other_application_id)
        .where(col(Finding.cycle_id) == compared.cycle_id, _UNDECIDED, col(Finding.reason) != REASON)
        .order_by(col(Finding.id))
        .limit(_ROWS_AT_ONCE)
    )
    while rows := session.execute(pairs.where(col(Finding.id) > last, col(Finding.id) <= compared.known)).all():
        last = rows[-1][0]
        gone = [key for key, *pair in rows if key not in found and compared.has(*pair)]
        if gone:
            yield gone


@operation("matching.run")
def settle(session: Session, clock: Clock, actor: Actor, *, cycle_id: int, finding_ids: Sequence[int]) -> None:
    """Take these for distinct, unless a person has decided meanwhile; found again, they are judged anew."""
    cycles.open_one(session, cycle_id)
    for some in in_parts(finding_ids):
        gone = session.exec(select(Finding).where(col(Finding.id).in_(some), _UNDECIDED)).all()
        for each in gone:
            each.verdict, each.reason = FindingVerdict.DISTINCT, REASON
            each.decided_by = each.decided_at = each.carried_from = None
        session.flush()
        for each in gone:
            session.expunge(each)
