"""What was granted before for the items of a cycle's applications: by the ledgers, and by our own other years."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from typing import Any

from sqlalchemy import ColumnElement
from sqlalchemy.orm import aliased
from sqlmodel import Session, and_, col, false, or_, select, true

from models import Application, ApplicationStatus, Cycle, Finding, FindingVerdict, LedgerEntry
from policy import Policy
from policy.history import AMOUNT
from policy.schema import HistoryRule
from services.after_payment import awards

_ROWS_AT_ONCE = 10_000
_Row = tuple[int, int, str]  # a grant, its fen, and the number of an application that it was for


@dataclass(frozen=True)
class Granted:
    """Fen by the numbers of applications: of grants for one each, and those that were for several at once."""

    alone: Mapping[str, int]
    shared: Sequence[tuple[int, Sequence[str]]]


def granted_before(session: Session, cycle: Cycle, law: Policy) -> Granted:
    """What was granted before for the same item."""
    alone: Counter[str] = Counter()
    shared = []
    for rows in (_of_ledgers(session, cycle), _of_other_years(session, cycle, law)):
        for _, of_one in groupby(rows, key=itemgetter(0)):
            (_, fen, number), *others = of_one
            if others:
                shared.append((fen, [number, *(other for *_, other in others)]))
            else:
                alone[number] += fen
    return Granted(alone, shared)


def shares(grants: Iterable[tuple[int, Sequence[str]]], amounts: Mapping[str, int]) -> Mapping[str, int]:
    """Fen of grants for several applications that each of them counts, so that a grant is deducted once in all.

    ``amounts`` is what they would get besides. In the order of their numbers each counts what it would get, until the
    grant is used up; the last one counts the rest. Who would get nothing counts all of it: a second application for
    one item stays behind the first.
    """
    left, counted = dict(amounts), Counter[str]()
    for fen, numbers in grants:
        paid = [number for number in numbers if left.get(number, 0) > 0]
        rest = fen
        for number in paid:
            part = rest if number == paid[-1] else min(rest, left[number])
            left[number] -= part
            counted[number] += part
            rest -= part
        counted.update(dict.fromkeys(set(numbers).difference(paid), fen))
    return counted


def _of_ledgers(session: Session, cycle: Cycle) -> Iterator[_Row]:
    """One after the other. What the city's ledger has of an award that was found in our own year, is that award."""
    own, past, year = aliased(Finding), aliased(Application), aliased(Cycle)
    ours = (
        select(own.id)
        .join(past, col(past.id) == own.other_application_id)
        .join(year, col(year.id) == past.cycle_id)
        .where(
            own.application_id == Finding.application_id,
            own.verdict == FindingVerdict.DUPLICATE,
            year.policy_id == LedgerEntry.policy_id,
            year.year == LedgerEntry.year,
            year.id != cycle.id,
        )
    )
    query = (
        select(LedgerEntry.id, LedgerEntry.amount_fen, Application.number)
        .join(Finding, col(Finding.ledger_entry_id) == LedgerEntry.id)
        .join(Application, col(Application.id) == Finding.application_id)
        .where(*_same_item(cycle), Application.status == ApplicationStatus.VERIFIED, ~ours.exists())
        .order_by(col(LedgerEntry.id), col(Application.number))
    )
    return _rows(session, query)


def _of_other_years(session: Session, cycle: Cycle, law: Policy) -> Iterator[_Row]:
    """What our other years pay, less what is claimed back, unless the policy lets that count as granted.

    Without what the measure itself reads of its earlier awards."""
    others = select(Finding.other_application_id).where(*_same_item(cycle))
    paid = awards.granted(col(Application.cycle_id) != cycle.id, col(Application.id).in_(others))
    past, year = aliased(Application), aliased(Cycle)
    again = and_(
        year.policy_id == cycle.policy_id,
        past.enterprise_id == Application.enterprise_id,
        _in_history(law, cycle.year, past.measure, year.year),
    )
    fen = paid.c.fen if law.provisions.clawback.history == "granted" else paid.c.fen - paid.c.back_fen
    query = (
        select(past.id, fen, Application.number)
        .join(paid, paid.c.application_id == past.id)
        .join(year, col(year.id) == past.cycle_id)
        .join(Finding, col(Finding.other_application_id) == past.id)
        .join(Application, col(Application.id) == Finding.application_id)
        .where(*_same_item(cycle), Application.status == ApplicationStatus.VERIFIED, ~again)
        .order_by(col(past.id), col(Application.number))
    )
    return _rows(session, query)


def _same_item(cycle: Cycle) -> tuple[ColumnElement[bool] | bool, ...]:
    return Finding.cycle_id == cycle.id, Finding.verdict == FindingVerdict.DUPLICATE


def _in_history(law: Policy, year: int, paid_measure: Any, paid_year: Any) -> ColumnElement[bool]:
    """Whether a fact of the application's own measure is a sum of earlier awards that has this one: 补差 by itself."""
    sums = [
        (measure.id, fact.history)
        for measure in law.measures
        for fact in measure.all_facts
        if fact.history and fact.history.aggregate == "sum" and fact.history.of == AMOUNT
    ]
    has = [and_(Application.measure == own, _looks_at(rule, own, year, paid_measure, paid_year)) for own, rule in sums]
    return or_(false(), *has)


def _looks_at(rule: HistoryRule, own: str, year: int, paid_measure: Any, paid_year: Any) -> ColumnElement[bool]:
    """As `policy.history` reads the rule."""
    names = rule.measures or [own]
    first = year - rule.years if isinstance(rule.years, int) else year if rule.years == "this" else 0
    last = year if rule.years in ("this", "ever") else year - 1
    return and_(true() if "all" in names else paid_measure.in_(names), paid_year.between(first, last))


def _rows(session: Session, query: Any) -> Iterator[_Row]:
    for some in session.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions():
        yield from ((key, int(fen), number) for key, fen, number in some)
