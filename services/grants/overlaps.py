"""查重: a cycle's applications against the ledgers, against each other and against what our other years paid.

Nothing is compared that was compared before.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import polars as pl
from sqlmodel import Session, col, delete, func, insert, select

import matching
from config.settings import ROOT
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
    LedgerCorrection,
    LedgerEntry,
    LedgerSearch,
    SearchedApplication,
)
from services.access.actors import Actor
from services.access.permissions import require
from services.clock import Clock
from services.cycle import cycles
from services.grants import applied, outdated
from services.grants.home import home_under
from services.law import policies
from services.record import chain
from services.record.operation import operation
from services.record.parts import in_parts
from services.record.rows import add_rows

STAGE = "matching"
_BY_RULE = {
    (FindingKind.SAME_ITEM, Certainty.CERTAIN): FindingVerdict.DUPLICATE,
    (FindingKind.SAME_ITEM, Certainty.LIKELY): FindingVerdict.OPEN,
    (FindingKind.SAME_ITEM, Certainty.REVIEW): FindingVerdict.OPEN,
}
_ENTRY = ("level", "ledger_id", "enterprise", "uscc", "project", "contracts", "invoices", "amount_fen", "year")
_JUDGED = (
    *("kind", "certainty", "score", "evidence", "pair"),
    *("verdict", "reason", "decided_by", "decided_at", "carried_from", "found_at"),
)
_PAIR = ("application_id", "ledger_entry_id", "other_application_id")
_ENTRIES_AT_ONCE = 100_000
_ROWS_AT_ONCE = 10_000
_AT_ONCE = 500  # findings in memory
_KEPT_AT_ONCE = 20_000  # by one operation, which takes some two seconds
_KNOWN = 100_000  # entries of ledgers whose words are kept in memory, half a kilobyte each
_ORDERS = "-"  # in the rules of a search, before the last order that it knew of
_NUMBER = pl.col("application_id").cast(pl.Int64)
_Decided = Mapping[str, Mapping[str, Any]]
"""By pair, what a person decided last, in the columns of a finding for which it holds again."""


_Ids = tuple[int, int | None, int | None]


@dataclass(frozen=True)
class _Found:
    """A pair that was found: an application with a ledger's entry, or with another application of whatever year."""

    application_id: int
    ledger_entry_id: int | None
    other_application_id: int | None
    row: Mapping[str, Any]
    other: str
    """What the other side's item is told by."""

    @property
    def ids(self) -> _Ids:
        """What makes it a pair of its own."""
        return self.application_id, self.ledger_entry_id, self.other_application_id


def find(session: Session, clock: Clock, actor: Actor, *, cycle_id: int) -> int:
    """Look for what was granted before or is claimed twice. Returns how many findings are new.

    Only what is new since the last search is compared: applications that came or changed, ledger entries that were
    added. Known pairs stay, and so do the decisions of people on them; one that nobody decided is judged anew where
    it was compared again, and is distinct where it was not found again. Certain findings count as duplicates by rule,
    the same enterprise alone never does; what a person decided on the same pair before holds again; everything else
    waits for a person.

    Many findings are kept by several operations, so that others may write in between. A search that broke off is made
    again, and finds again what it had kept.
    """
    require(actor, "matching.run")
    cycle = cycles.open_one(session, cycle_id)
    search = _CycleSearch(session, cycle)
    if search.is_done():
        return 0
    new, decided, seen = 0, None, outdated.Numbers()
    for found in _together(search.found()):
        decided = _decisions(session, cycle) if decided is None else decided
        new += _keep(session, clock, actor, cycle_id=cycle_id, found=found, decided=decided, seen=seen)
    for gone in outdated.missing(session, search.compared(), seen):
        outdated.settle(session, clock, actor, cycle_id=cycle_id, finding_ids=gone)
    _remember(session, clock, actor, search)
    return new


def _together(found: Iterator[list[_Found]]) -> Iterator[list[list[_Found]]]:
    """As many as one operation keeps."""
    some: list[list[_Found]] = []
    for each in found:
        some.append(each)
        if sum(map(len, some)) >= _KEPT_AT_ONCE:
            yield some
            some = []
    if some:
        yield some


@operation("matching.run")
def _keep(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    cycle_id: int,
    found: list[list[_Found]],
    decided: _Decided,
    seen: outdated.Numbers,
) -> int:
    cycles.open_one(session, cycle_id)
    return sum(_noted(session, clock, cycle_id, some, decided, seen) for some in found)


@operation("matching.run")
def _remember(session: Session, clock: Clock, actor: Actor, search: "_CycleSearch") -> None:
    search.remember()


def _noted(
    session: Session,
    clock: Clock,
    cycle_id: int,
    found: Sequence[_Found],
    decided: _Decided,
    seen: outdated.Numbers,
) -> int:
    """Keep what was found, in the record and no longer in memory; how many findings are new. Others are `seen`."""
    known = _known(session, found)
    new = []
    for each in found:
        judged = _judged(clock, each, decided)
        if before := known.get(each.ids):
            _judge_anew(before, judged)
        else:
            new.append({"cycle_id": cycle_id, **dict(zip(_PAIR, each.ids, strict=True)), **judged})
    add_rows(session, Finding, new)
    session.flush()
    for before in known.values():
        seen.add(before.id or 0)
        session.expunge(before)
    return len(new)


def _known(session: Session, found: Sequence[_Found]) -> dict[_Ids, Finding]:
    """The findings that are there already, by what makes them pairs of their own; no others are made records of."""
    wanted, ids = {each.ids for each in found}, sorted({each.application_id for each in found})
    pairs = select(Finding.id, Finding.application_id, Finding.ledger_entry_id, Finding.other_application_id)
    there = [
        key for key, *pair in session.exec(pairs.where(col(Finding.application_id).in_(ids))) if tuple(pair) in wanted
    ]
    records = session.exec(select(Finding).where(col(Finding.id).in_(there))) if there else ()
    return {(each.application_id, each.ledger_entry_id, each.other_application_id): each for each in records}


def is_missing_any(session: Session, cycle_id: int) -> bool:
    """Whether an application is to be computed that the last search has not looked at."""
    searched = select(SearchedApplication.application_id).where(
        col(SearchedApplication.application_id) == col(Application.id)
    )
    query = select(Application.id).where(
        Application.cycle_id == cycle_id,
        Application.status == ApplicationStatus.VERIFIED,
        ~searched.exists(),
    )
    return session.exec(query.limit(1)).first() is not None


def is_behind(session: Session, cycle_id: int) -> bool:
    """Whether the cycle's last search does not have all that it looked in: a ledger grew or was corrected since, or
    another year's payments were ordered."""
    last = session.get(LedgerSearch, cycle_id)
    return last is not None and _reach_of(last) != _reach(session, cycle_id)


def lacks_ledgers(session: Session, cycle_id: int) -> bool:
    """Whether the cycle's last search does not have all that the ledgers say: one grew or was corrected since."""
    last = session.get(LedgerSearch, cycle_id)
    return last is not None and _reach_of(last)[:2] != _ledgers_reach(session)


def orders_known(session: Session, cycle_id: int) -> int:
    """The last order of another year's payments that the cycle's last search knew of; 0 when there was none."""
    last = session.get(LedgerSearch, cycle_id)
    return _orders_in(last) if last else 0


class _CycleSearch:
    """One search for a cycle: what it looks for, and where."""

    def __init__(self, session: Session, cycle: Cycle) -> None:
        self._session, self._cycle_id = session, cycle.id or 0
        self._home = home_under(policies.policy_of(session, cycle))
        verified = Application.status == ApplicationStatus.VERIFIED
        self._applications = matching.Parts(applied.tables(session, cycle, verified))
        self._names = _former_names(session)
        codes = pl.concat([part["uscc"].unique() for part in self._applications]).unique()
        self._told = _names_in_ledgers(session, codes.to_list())
        self._digests = pl.concat([_digests(part, self._names, self._told) for part in self._applications])
        self._before = session.get(LedgerSearch, self._cycle_id)
        self._through, self._corrections, self._orders = _reach(session, self._cycle_id)
        self._known = session.exec(select(func.max(Finding.id))).one() or 0
        self._earlier = self._searched()
        self._entries: dict[int, str] = {}  # what some of them say, by id
        self._counts: list[pl.DataFrame] = []
        self._rows = 0

    def is_done(self) -> bool:
        """Whether the last search was for these applications as they stand, and no other, in all that there is."""
        own = select(Application.id).where(Application.cycle_id == self._cycle_id)
        query = select(func.count()).where(col(SearchedApplication.application_id).in_(own))
        same = len(self._earlier) == self._applications.height == self._session.exec(query).one()
        reach = self._through, self._corrections, self._orders
        return same and self._before is not None and _reach_of(self._before) == reach

    def found(self) -> Iterator[list[_Found]]:
        """All pairs that were not looked for before, some at a time."""
        new, old = self._new_and_old
        for side in ((new, None, 0), (old, self._earlier, self._after)):
            for part in self._in_ledgers(*side):
                yield list(self._with_entries(part))
        new_ones = pl.concat([part["application_id"] for part in new]) if old.height else None
        inside = matching.within(self._applications, self._names, new_ones, home=self._home)
        for part in inside.iter_slices(_AT_ONCE):
            yield [
                _Found(int(row["application_id"]), None, int(row["other_application_id"]), row, row["item_right"])
                for row in part.iter_rows(named=True)
            ]
        if self._orders:
            yield from self._in_other_years()

    @cached_property
    def _new_and_old(self) -> tuple[matching.Parts, matching.Parts]:
        """The applications that are looked for everywhere, and those that were searched for as they stand."""
        is_old = pl.col("application_id").is_in(self._earlier["application_id"].implode())
        new, old = (
            matching.Parts(part.filter(is_such) for part in self._applications) for is_such in (~is_old, is_old)
        )
        return new, old

    @property
    def _after(self) -> int:
        """The entry of a ledger through which the latter were looked for before."""
        return self._before.entries_through if self._before and self._new_and_old[1].height else 0

    def compared(self) -> outdated.Compared:
        """Which pairs it looked at."""
        every, new = (
            outdated.Numbers(number for part in table for number in part.select(_NUMBER)["application_id"])
            for table in (self._applications, self._new_and_old[0])
        )
        return outdated.Compared(self._cycle_id, every, new, self._after, bool(self._orders), self._known)

    def _in_other_years(self) -> Iterator[list[_Found]]:
        """Invoices for which another year, of whatever policy, has paid: each award there is a thing of its own."""
        paid = matching.Parts(applied.paid(self._session, self._cycle_id))
        for part in matching.again(self._applications, paid, self._names, home=self._home).iter_slices(_AT_ONCE):
            yield [
                _Found(
                    int(row["application_id"]),
                    None,
                    int(row["other_application_id"]),
                    row,
                    f"{row['other_application_id']}|{row['item_right']}",
                )
                for row in part.iter_rows(named=True)
            ]

    def _with_entries(self, pairs: pl.DataFrame) -> Iterator[_Found]:
        """What was found in the ledgers, with what each entry says by now."""
        told = self._said_by({int(each) for each in pairs["ledger_id"]})
        for row in pairs.iter_rows(named=True):
            entry = int(row["ledger_id"])
            yield _Found(int(row["application_id"]), entry, None, row, told[entry])

    def _said_by(self, ids: set[int]) -> dict[int, str]:
        """What each of these entries says. Many are found with several applications: the last ones are known."""
        known = self._entries
        missing = sorted(ids - known.keys())
        if len(known) + len(missing) > _KNOWN:
            known.clear()
            missing = sorted(ids)
        known |= _told_by(self._session, missing)
        return known

    def remember(self) -> None:
        """Keep how far this search went."""
        session = self._session
        session.merge(
            LedgerSearch(
                cycle_id=self._cycle_id,
                rules=f"{_rules()}{_ORDERS}{self._orders}",
                entries_through=self._through,
                corrections_through=self._corrections,
                ledger_rows=self._rows,
            )
        )
        own = select(Application.id).where(Application.cycle_id == self._cycle_id)
        session.exec(delete(SearchedApplication).where(col(SearchedApplication.application_id).in_(own)))
        for counts in self._counts:
            for some in counts.iter_slices(_ROWS_AT_ONCE):
                rows = some.join(self._digests, on="application_id").with_columns(_NUMBER)
                session.execute(insert(SearchedApplication), rows.to_dicts())

    def _searched(self) -> pl.DataFrame:
        """Applications that were searched for as they stand now, with how often the ledgers had their like."""
        schema = {"application_id": pl.Int64, "digest": pl.String, "title_rows": pl.Int64, "fen_rows": pl.Int64}
        found = [pl.DataFrame(schema=schema)]
        before = self._before
        if before and (_code_in(before), before.corrections_through) == (_rules(), self._corrections):
            query = select(*(getattr(SearchedApplication, name) for name in schema))
            for some in in_parts(self._digests.select(_NUMBER)["application_id"].to_list()):
                rows = self._session.execute(query.where(col(SearchedApplication.application_id).in_(some)))
                found.append(pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row"))
        searched = pl.concat(found).with_columns(pl.col("application_id").cast(pl.String))
        return searched.join(self._digests, on=["application_id", "digest"], how="semi").drop("digest")

    def _in_ledgers(
        self, applications: matching.Parts, earlier: pl.DataFrame | None, after: int
    ) -> Iterator[pl.DataFrame]:
        """These applications in the entries of ledgers that came after one, some findings at a time."""
        rows = self._before.ledger_rows if self._before and after else 0
        search = matching.Search(applications, self._names, earlier, rows, home=self._home)
        if applications.height:
            search.learn(self._told)
            for part in _entries(self._session, after):
                search.look_through(part)
            self._rows = search.frequency.rows
        self._counts.append(search.frequency.table())
        for findings in search.some_findings():
            yield from findings.iter_slices(_AT_ONCE)


def _judged(clock: Clock, found: _Found, decided: _Decided) -> dict[str, Any]:
    """What is to be kept of a pair: how sure it is, by what, and what that means."""
    row, pair = found.row, _pair(found)
    kind, certainty = FindingKind(row["kind"]), Certainty(row["certainty"])
    return {
        **dict.fromkeys(_JUDGED),
        "kind": kind,
        "certainty": certainty,
        "score": row["score"],
        "evidence": row["evidence"],
        "pair": pair,
        "verdict": _BY_RULE.get((kind, certainty), FindingVerdict.DISTINCT),
        "reason": "",
        "found_at": clock.now(),
        **decided.get(pair, {}),
    }


def _judge_anew(before: Finding, judged: Mapping[str, Any]) -> None:
    """What both sides say by now counts, unless a person decided on the pair; how rare it is, alone changes nothing."""
    if before.decided_by is not None and before.carried_from is None:
        return
    differs = any(getattr(before, name) != judged[name] for name in ("pair", "kind", "certainty", "score"))
    if differs or before.reason == outdated.REASON:
        for name in _JUDGED:
            setattr(before, name, judged[name])


def _pair(found: _Found) -> str:
    """The same for the same pair in another year; empty where an item has neither a title nor papers to tell it by."""
    items = [found.row["item"], found.other]
    if any(item.endswith("|||") for item in items):
        return ""
    both = sorted(items) if found.other_application_id else items
    return hashlib.sha256(chain.canonical(both).encode()).hexdigest()


def _decisions(session: Session, cycle: Cycle) -> _Decided:
    query = (
        select(Finding, Cycle.year)
        .join(Cycle, col(Cycle.id) == Finding.cycle_id)
        .where(col(Finding.decided_by).is_not(None), Finding.pair != "")
        .order_by(col(Finding.decided_at), col(Finding.id))
    )
    decided = {}
    for finding, year in session.exec(query):
        when = "本年度" if year == cycle.year else f" {year} 年度"
        decided[finding.pair] = {
            "verdict": finding.verdict,
            "reason": finding.reason if finding.carried_from else f"沿用{when}对同一对事项的认定：{finding.reason}",
            "decided_by": finding.decided_by,
            "decided_at": finding.decided_at,
            "carried_from": finding.carried_from or finding.id,
        }
    return decided


@cache
def _rules() -> str:
    """The version of the code that matches: a digest of its sources."""
    sources = sorted((ROOT / "matching").glob("*.py"))
    return hashlib.sha256(b"\0".join(source.read_bytes() for source in sources)).hexdigest()[:40]


def _code_in(search: LedgerSearch) -> str:
    """Its version of the code."""
    return search.rules.partition(_ORDERS)[0]


def _orders_in(search: LedgerSearch) -> int:
    """The last order of another year that it knew of; 0 when there was none."""
    return int(search.rules.partition(_ORDERS)[2] or 0)


def _reach_of(search: LedgerSearch) -> tuple[int, int, int]:
    """How far it went, as `_reach`."""
    return search.entries_through, search.corrections_through, _orders_in(search)


def _reach(session: Session, cycle_id: int) -> tuple[int, int, int]:
    """How far a search goes today: the last entry of a ledger, the last correction of one, and the last order of
    another year's payments; 0 before there is one."""
    return *_ledgers_reach(session), applied.last_order(session, cycle_id)


def _ledgers_reach(session: Session) -> tuple[int, int]:
    last = select(func.max(LedgerEntry.id)), select(func.max(LedgerCorrection.id))
    entries, corrections = (session.exec(each).one() or 0 for each in last)
    return entries, corrections


def _entries(session: Session, after: int) -> Iterator[pl.DataFrame]:
    """The ledgers' entries after one, some at a time: memory does not grow with the ledgers."""
    yuan = (pl.col("amount_yuan").cast(pl.Decimal(20, 2)) / 100).cast(pl.String)
    query = (
        select(
            LedgerEntry.id,
            LedgerEntry.enterprise,
            LedgerEntry.uscc,
            LedgerEntry.project,
            LedgerEntry.invoices,
            LedgerEntry.amount_fen,
            LedgerEntry.year,
            LedgerEntry.contracts,
        )  # type: ignore[call-overload]
        .where(col(LedgerEntry.id) > after)
        .order_by(col(LedgerEntry.id))
        .execution_options(yield_per=_ENTRIES_AT_ONCE)
    )
    names = ["ledger_id", "enterprise", "uscc", "project", "invoices", "amount_yuan", "year", "contracts"]
    for rows in session.execute(query).partitions():
        table = pl.DataFrame([tuple(row) for row in rows], schema=names, orient="row")
        yield table.with_columns(pl.col("ledger_id", "year").cast(pl.String), yuan)


def _told_by(session: Session, ids: Sequence[int]) -> dict[int, str]:
    """What each of these entries says: a corrected one is another."""
    told: dict[int, str] = {}
    said = select(LedgerEntry.id, *(getattr(LedgerEntry, name) for name in _ENTRY))
    for some in in_parts(ids):
        for key, *values in session.execute(said.where(col(LedgerEntry.id).in_(some))):
            told[key] = chain.canonical(dict(zip(_ENTRY, values, strict=True)))
    return told


def _names_in_ledgers(session: Session, codes: Sequence[str]) -> pl.DataFrame:
    """The names that the ledgers have beside these codes, each once."""
    schema = {"uscc": pl.String, "enterprise": pl.String}
    parts = [pl.DataFrame(schema=schema)]
    for some in in_parts(sorted(codes)):
        query = select(LedgerEntry.uscc, LedgerEntry.enterprise).where(col(LedgerEntry.uscc).in_(some)).distinct()
        parts.append(pl.DataFrame(sorted(tuple(row) for row in session.exec(query)), schema=schema, orient="row"))
    return pl.concat(parts, rechunk=True)


def _former_names(session: Session) -> pl.DataFrame:
    rows = session.exec(
        select(Enterprise.uscc, Enterprise.name, FormerName.name)
        .join(FormerName, col(FormerName.enterprise_id) == Enterprise.id)
        .order_by(col(FormerName.id))
    )
    schema = dict.fromkeys(("uscc", "enterprise", "former_name"), pl.String())
    return pl.DataFrame([tuple(row) for row in rows], schema=schema, orient="row")


def _digests(applications: pl.DataFrame, names: pl.DataFrame, told: pl.DataFrame) -> pl.DataFrame:
    """By application, all that its search depends on beside the ledgers: what it says, and its enterprise's names."""
    known: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for table in (names, told):
        for row in table.join(applications, on="uscc", how="semi", maintain_order="left").iter_rows():
            known[row[0]].append(row)
    digests = [
        hashlib.sha256(chain.canonical([row, known[row["uscc"]]]).encode()).hexdigest()
        for row in applications.iter_rows(named=True)
    ]
    return applications.select("application_id", pl.Series("digest", digests, dtype=pl.String))
