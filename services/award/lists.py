"""Frozen lists of awards: numbered versions with a digest, and what changed from one to the next."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from sys import intern
from typing import Any

from sqlalchemy import Select, and_, case, or_
from sqlalchemy import select as select_columns
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, func, select

from models import (
    Application,
    Award,
    AwardList,
    AwardListEntry,
    ComputationRun,
    Cycle,
    Enterprise,
    Outcome,
    PublicNotice,
    Role,
)
from services.access.actors import Actor
from services.award import computation
from services.clock import Clock
from services.cycle import cycles
from services.errors import NotFoundError, StateError
from services.record.chain import canonical
from services.record.columns import rows_as
from services.record.operation import operation
from services.record.rows import add_rows

_Other = aliased(AwardListEntry)


@dataclass(frozen=True, slots=True)
class _Line:
    """What a list is to say of an award, in the columns of an entry."""

    application_id: int
    award_id: int
    number: str
    uscc: str
    enterprise_name: str
    county: str
    measure: str
    outcome: Outcome
    amount_fen: int


Reasons = tuple[str, str, str]
"""The clause of an award, its reason, and to whom it is referred."""


@dataclass(frozen=True)
class Change:
    """One application that stands differently in two versions; None where a version does not have it."""

    number: str
    enterprise_name: str
    measure: str
    old: Outcome | None
    old_fen: int
    new: Outcome | None
    new_fen: int


def current_list(session: Session, cycle: Cycle) -> AwardList:
    """The newest version. Raises StateError when nothing is frozen yet."""
    found = newest(session, cycle.id or 0)
    if found is None:
        raise StateError(f"{cycle.year} 年度还没有固化的名单；请先完成测算并固化名单。")
    return found


def entries(session: Session, list_id: int, *, county: str | None = None) -> list[AwardListEntry]:
    """The lines of a list, of one county when named, by application number."""
    query = select(AwardListEntry).where(AwardListEntry.list_id == list_id)
    if county is not None:
        query = query.where(AwardListEntry.county == county)
    return list(session.exec(query.order_by(col(AwardListEntry.number))))


@dataclass(frozen=True)
class Total:
    """What some lines of a list come to; `awards` are those with an amount."""

    lines: int
    awards: int
    amount_fen: int


def totals(session: Session, list_id: int, by: Any = AwardListEntry.measure) -> dict[str, Total]:
    """What a list comes to by measure, or by another of its columns, added up by the database."""
    amount = col(AwardListEntry.amount_fen)
    rows = session.exec(
        select(by, func.count(), func.sum(case((amount > 0, 1), else_=0)), func.sum(amount))
        .where(AwardListEntry.list_id == list_id)
        .group_by(by)
    )
    return {key: Total(lines, int(awards), int(fen)) for key, lines, awards, fen in rows}


def enterprises_of(session: Session, list_id: int) -> int:
    """How many units are awarded something."""
    awarded = (AwardListEntry.list_id == list_id, AwardListEntry.amount_fen > 0)
    return session.exec(select(func.count(col(AwardListEntry.uscc).distinct())).where(*awarded)).one()


@operation("list.freeze")
def freeze(session: Session, clock: Clock, actor: Actor, *, cycle_id: int) -> AwardList:
    """Freeze all outcomes of the latest computation as the next version.

    The current version stays when it says the same, of the same computation (another one may come to the same amounts
    by other values), and was not published: once it was, and an objection was upheld or the funds were returned, the
    next one is published for as long, whatever it says. Raises StateError when nothing was computed, or once a list is
    being approved, published or paid.
    """
    cycle = cycles.before_approval(session, cycle_id)
    run = _latest_run(session, cycle)
    lines, reasons = _lines(session, run)
    digest = digest_of(run.policy_sha256, lines, reasons)
    current = newest(session, cycle.id or 0)
    if current is not None and _is_same(current, run, digest) and not _published(session, current):
        return current
    frozen = AwardList(
        cycle_id=cycle_id,
        version=current.version + 1 if current else 1,
        run_id=run.id or 0,
        digest=digest,
        total_fen=sum(line.amount_fen for line in lines),
        prepared_by=cycle.opened_by if actor.role is Role.SYSTEM else actor.user_id,
        frozen_at=clock.now(),
    )
    session.add(frozen)
    session.flush()
    add_rows(session, AwardListEntry, ({"list_id": frozen.id, **_columns(line)} for line in lines))
    return frozen


def digest_of(policy_sha256: str, lines: Iterable[AwardListEntry | _Line], reasons: Mapping[int, Reasons]) -> str:
    """SHA-256 over the policy and every line with its reasons (by the award's id), in the order of their numbers."""
    told = ("number", "uscc", "enterprise_name", "county", "measure", "outcome", "amount_fen")
    digest, before = hashlib.sha256(f"[{canonical(policy_sha256)},[".encode()), ""
    for line in sorted(lines, key=lambda line: line.number):
        row = [*(getattr(line, name) for name in told), *reasons[line.award_id]]
        digest.update((before + canonical(row)).encode())  # as of the whole, which is not spelled at once
        before = ","
    digest.update(b"]]")
    return digest.hexdigest()


def _columns(line: _Line) -> dict[str, Any]:
    return {each.name: getattr(line, each.name) for each in fields(line)}


def reasons_of(awards: Iterable[Award]) -> dict[int, Reasons]:
    """The reasons of awards by their ids."""
    return {award.id or 0: (award.clause, award.reason, award.referral_to) for award in awards}


def diff(session: Session, cycle_id: int, old: int, new: int, *, county: str | None = None) -> list[Change]:
    """What differs from version `old` to version `new`, in one county when named, by application number.

    Raises NotFoundError.
    """
    before, after = (_version(session, cycle_id, version).id or 0 for version in (old, new))
    otherwise = or_(col(_Other.outcome) != AwardListEntry.outcome, col(_Other.amount_fen) != AwardListEntry.amount_fen)
    missing = col(_Other.id).is_(None)
    came = session.execute(_beside(after, before, county).where(or_(missing, otherwise)))
    went = session.execute(_beside(before, after, county).where(missing))
    changes = [
        *(Change(who, name, measure, was, fen or 0, now, own) for who, name, measure, now, own, was, fen in came),
        *(Change(who, name, measure, was, own, None, 0) for who, name, measure, was, own, _, _ in went),
    ]
    return sorted(changes, key=lambda change: change.number)


def _beside(list_id: int, other_id: int, county: str | None) -> Select[Any]:
    """The lines of a list, in one county when named, beside those of another for the same applications."""
    line = AwardListEntry
    of_county = [] if county is None else [col(each.county) == county for each in (line, _Other)]
    same = and_(col(_Other.list_id) == other_id, col(_Other.application_id) == line.application_id, *of_county[1:])
    told: list[Any] = [line.number, line.enterprise_name, line.measure, line.outcome, line.amount_fen]
    told += [_Other.outcome, _Other.amount_fen]
    query: Select[Any] = select_columns(*told).join(_Other, same, isouter=True)
    return query.where(col(line.list_id) == list_id, *of_county[:1])


def newest(session: Session, cycle_id: int) -> AwardList | None:
    """The newest version; None when nothing is frozen yet."""
    return session.exec(
        select(AwardList).where(AwardList.cycle_id == cycle_id).order_by(col(AwardList.version).desc()).limit(1)
    ).first()


def _version(session: Session, cycle_id: int, version: int) -> AwardList:
    found = session.exec(
        select(AwardList).where(AwardList.cycle_id == cycle_id, AwardList.version == version)
    ).one_or_none()
    if found is None:
        raise NotFoundError(f"名单没有第 {version} 版；请用 duixian list show 查看已有的版本。")
    return found


def _latest_run(session: Session, cycle: Cycle) -> ComputationRun:
    run = computation.latest_run(session, cycle.id or 0)
    if run is None:
        raise StateError(f"{cycle.year} 年度还没有测算，不能固化名单；请先完成奖补测算。")
    return run


def _lines(session: Session, run: ComputationRun) -> tuple[list[_Line], dict[int, Reasons]]:
    rows = session.execute(
        select(
            Award.application_id,
            Award.id,
            Application.number,
            Enterprise.uscc,
            Application.enterprise_name,
            Application.county,
            Application.measure,
            Award.outcome,
            Award.amount_fen,
            Award.clause,
            Award.reason,
            Award.referral_to,
        )  # type: ignore[call-overload]
        .join(Application, col(Application.id) == Award.application_id)
        .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
        .where(Award.run_id == run.id)
        .order_by(col(Application.number))
    )
    reasons: dict[int, Reasons] = {}

    def lines() -> Iterator[Sequence[Any]]:
        for *line, clause, reason, referral in rows:
            reasons[line[1]] = intern(clause), reason, intern(referral)
            yield line

    return [*rows_as(_Line, lines())], reasons


def _is_same(current: AwardList, run: ComputationRun, digest: str) -> bool:
    return (current.run_id, current.digest) == (run.id, digest)


def _published(session: Session, current: AwardList) -> bool:
    """Whether this version was published: what comes after is published anew, even when it says the same."""
    return session.exec(select(PublicNotice.id).where(PublicNotice.list_id == current.id)).first() is not None
