"""What was granted before for the items of a cycle's applications: by the ledgers, and by our own other years."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from typing import Any, Literal

from sqlalchemy import ColumnElement, Select, and_, case, or_
from sqlalchemy import select as sql_select
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from models import (
    Application,
    ApplicationStatus,
    AwardListEntry,
    Clawback,
    ClawbackState,
    Cycle,
    Enterprise,
    FactKind,
    Finding,
    FindingVerdict,
    LedgerEntry,
    LedgerLevel,
    Payment,
)
from policy import Policy
from policy.names import AMOUNT
from policy.schema import HighestOnly, HistoryRule
from services.after_payment import awards
from services.application import facts
from services.record.parts import in_parts

_ALL = "uscc"
_ROWS_AT_ONCE = 10_000
_Key = tuple[str, str, str, str, int, str, str]


@dataclass(frozen=True)
class Granted:
    """Fen by the numbers of applications: of grants for one each, and those that were for several at once."""

    alone: Mapping[str, int]
    shared: Sequence[tuple[int, Sequence[str]]]


def granted_before(session: Session, cycle: Cycle, law: Policy, history: Iterable[Mapping[str, Any]]) -> Granted:
    """What was granted before for the same item, but what a measure itself takes off: ``history`` as 测算 reads it."""
    alone: Counter[str] = Counter()
    shared = []
    taken_off = _summed(session, cycle, law, history)
    items = _items(session, cycle, law)
    for query in (_of_ledgers(cycle), _of_other_years(cycle, law)):
        rows = (
            each
            for each in _rows(session, query)
            if each.policy_id != cycle.policy_id or taken_off.isdisjoint(each.keys(items.get(each.number, {})))
        )
        for _, of_one in groupby(rows, key=attrgetter("grant")):
            one, *others = of_one
            if others:
                shared.append((one.fen, [one.number, *(other.number for other in others)]))
            else:
                alone[one.number] += one.fen
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


@dataclass(frozen=True, slots=True)
class _Row:
    """A grant of one of our policies (if any), and an application for the same item."""

    grant: int
    fen: int
    number: str
    measure: str
    uscc: str
    policy_id: str | None
    paid_uscc: str
    paid_measure: str | None
    year: int

    def keys(self, items: Mapping[str, str]) -> list[_Key]:
        """Where the history of the application's measure has the grant, if it has: of all items, or of its own."""
        paid = self.measure, self.uscc, self.paid_uscc, self.paid_measure or "", self.year
        return [(*paid, per, item) for per, item in {**items, _ALL: ""}.items()]


def _summed(session: Session, cycle: Cycle, law: Policy, history: Iterable[Mapping[str, Any]]) -> set[_Key]:
    """What of the history a fact of each measure adds up, or a group of it: that takes off what was paid (补差).

    An award of ours that was claimed back whole adds nothing to the sum, and is in it all the same.
    """
    rules = [*_of_facts(law), *_of_groups(law)]
    if not rules:
        return set()
    back = _claimed_back(session, cycle)
    return {
        (own, row["uscc"], row["uscc"], row["measure"], row["year"], rule.per, _item(rule, row))
        for row in history
        if row["amount_fen"] > 0 or (row["uscc"], row["measure"], row["year"]) in back
        for own, rule in rules
        if _looks_at(rule, own, cycle.year, row["measure"], row["year"])
    }


def _item(rule: HistoryRule, row: Mapping[str, Any]) -> str:
    return "" if rule.per == _ALL else str(row.get(rule.per) or "")


def _items(session: Session, cycle: Cycle, law: Policy) -> Mapping[str, Mapping[str, str]]:
    """By number, of applications for an item that was paid before: the facts by which histories tell items apart."""
    names = {fact.history.per for each in law.measures for fact in each.all_facts if fact.history} - {_ALL}
    if not names:
        return {}
    paid = col(Application.id).in_(select(Finding.application_id).where(*_same_item(cycle)))
    numbers = dict(session.exec(select(Application.id, Application.number).where(paid)).all())
    found: dict[str, Mapping[str, str]] = {}
    for some in in_parts([key for key in numbers if key is not None]):
        declared, verified = (facts.newest(session, some, kind) for kind in (FactKind.DECLARED, FactKind.VERIFIED))
        for key in some:
            texts = declared.get(key, {}) | verified.get(key, {})
            found[numbers[key]] = {name: text for name, text in texts.items() if name in names and text}
    return found


def _of_facts(law: Policy) -> Iterator[tuple[str, HistoryRule]]:
    """By measure, what its facts add up, as `policy.history` reads them."""
    for measure in law.measures:
        for fact in measure.all_facts:
            if fact.history and fact.history.aggregate == "sum" and fact.history.of == AMOUNT:
                yield measure.id, fact.history


def _of_groups(law: Policy) -> Iterator[tuple[str, HistoryRule]]:
    """By measure, what a group of it that tops up adds up of an enterprise, as `policy.across` reads it."""
    for group in law.groups:
        if isinstance(group, HighestOnly) and group.earlier == "top_up" and group.per == _ALL:
            years: Literal["this", "ever"] = "this" if group.within == "year" else "ever"
            whole = HistoryRule(aggregate="sum", measures=group.measures, years=years)
            yield from ((own, whole) for own in group.measures)


def _claimed_back(session: Session, cycle: Cycle) -> set[tuple[str, str, int]]:
    """Awards under the cycle's policy that were paid, and of which something is claimed back."""
    query = (
        select(AwardListEntry.uscc, AwardListEntry.measure, Cycle.year)
        .join(Clawback, col(Clawback.entry_id) == AwardListEntry.id)
        .join(Cycle, col(Cycle.id) == Clawback.cycle_id)
        .where(Cycle.policy_id == cycle.policy_id, Clawback.state == ClawbackState.OWED)
    )
    return set(session.exec(query))


def _looks_at(rule: HistoryRule, own: str, year: int, paid_measure: str, paid_year: int) -> bool:
    """As `policy.history` reads the rule."""
    names = rule.measures or [own]
    first = year - rule.years if isinstance(rule.years, int) else year if rule.years == "this" else 0
    last = year if rule.years in ("this", "ever") else year - 1
    return ("all" in names or paid_measure in names) and first <= paid_year <= last


def _of_ledgers(cycle: Cycle) -> Select[Any]:
    """What the city's ledger has of an award that was found in our own year, is that award.

    It is told by policy and year, or, where the ledger names no policy, by year and amount.
    """
    own, past, year, entry = aliased(Finding), aliased(Application), aliased(Cycle), LedgerEntry
    amounts = (col(each.amount_fen) == entry.amount_fen for each in (AwardListEntry, Payment))
    for_as_much = (
        select(Payment.id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .where(AwardListEntry.application_id == past.id, or_(*amounts))
    )
    unnamed = and_(col(entry.level) == LedgerLevel.CITY, col(entry.policy_id).is_(None), for_as_much.exists())
    ours = (
        select(own.id)
        .join(past, col(past.id) == own.other_application_id)
        .join(year, col(year.id) == past.cycle_id)
        .where(
            own.application_id == Finding.application_id,
            own.verdict == FindingVerdict.DUPLICATE,
            or_(col(year.policy_id) == entry.policy_id, unnamed),
            year.year == entry.year,
            year.id != cycle.id,
        )
    )
    policy_id = case((col(entry.level) == LedgerLevel.CITY, entry.policy_id))
    return (
        _of_verified(cycle, entry.id, entry.amount_fen, policy_id, entry.uscc, entry.measure, entry.year)
        .join(entry, col(entry.id) == Finding.ledger_entry_id)
        .where(~ours.exists())
        .order_by(col(entry.id), col(Application.number))
    )


def _of_other_years(cycle: Cycle, law: Policy) -> Select[Any]:
    """What our other years pay, less what is claimed back, unless the policy lets that count as granted."""
    others = select(Finding.other_application_id).where(*_same_item(cycle))
    paid = awards.granted(col(Application.cycle_id) != cycle.id, col(Application.id).in_(others))
    past, year, payee = aliased(Application), aliased(Cycle), aliased(Enterprise)
    fen = paid.c.fen if law.provisions.clawback.history == "granted" else paid.c.fen - paid.c.back_fen
    return (
        _of_verified(cycle, past.id, fen, year.policy_id, payee.uscc, past.measure, year.year)
        .join(past, col(past.id) == Finding.other_application_id)
        .join(paid, paid.c.application_id == past.id)
        .join(year, col(year.id) == past.cycle_id)
        .join(payee, col(payee.id) == past.enterprise_id)
        .order_by(col(past.id), col(Application.number))
    )


def _of_verified(cycle: Cycle, grant: Any, fen: Any, *paid: Any) -> Select[Any]:
    """The columns of a row, of verified applications of the cycle whose item is another's too."""
    columns = (grant, fen, Application.number, Application.measure, Enterprise.uscc, *paid)
    return (
        sql_select(*columns)
        .select_from(Finding)
        .join(Application, col(Application.id) == Finding.application_id)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(*_same_item(cycle), col(Application.status) == ApplicationStatus.VERIFIED)
    )


def _same_item(cycle: Cycle) -> tuple[ColumnElement[bool], ...]:
    return col(Finding.cycle_id) == cycle.id, col(Finding.verdict) == FindingVerdict.DUPLICATE


def _rows(session: Session, query: Select[Any]) -> Iterator[_Row]:
    for some in session.execute(query.execution_options(yield_per=_ROWS_AT_ONCE)).partitions():
        yield from (_Row(grant, int(fen), *rest) for grant, fen, *rest in some)
