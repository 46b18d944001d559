"""What other years award for the same invoice, and the last 查重 could not know: who approves a list is told of it."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import polars as pl
from sqlalchemy import Select
from sqlmodel import Session, col, select

import matching
from models import Application, AwardList, AwardListEntry, Cycle, Finding, PaymentOrder
from services.after_payment import awards
from services.award import lists
from services.cycle import cycles
from services.grants import applied, findings, overlaps
from services.grants.home import home_under
from services.law import policies
from services.record.parts import in_parts


@dataclass(frozen=True)
class Elsewhere:
    """An award of a list, what another year, of whatever policy, has for the same invoice, and what agrees."""

    application_id: int
    other: str
    evidence: str


def since_search(session: Session, cycle: Cycle, current: AwardList) -> Sequence[Elsewhere]:
    """What came after the cycle was searched: by payments that were ordered, or by a list that is being approved.

    By application. What the search has found is left out: a person decided on it, or it was deducted.
    """
    key = cycle.id or 0
    tables = itertools.chain(
        applied.paid(session, key, overlaps.orders_known(session, key)), _about_to_be_paid(session, key)
    )
    first = next(tables, None)
    if first is None:
        return ()
    theirs = matching.Parts(itertools.chain((first,), tables))
    ours = matching.Parts(applied.invoiced(session, cycle, _awarded(current)))
    home = home_under(policies.policy_of(session, cycle))
    pairs = matching.again(ours, theirs, home=home)
    ids = pl.col("application_id", "other_application_id").cast(pl.Int64)
    known = _known(session, pairs["application_id"].cast(pl.Int64).unique().to_list())
    return [
        Elsewhere(own, _told(session, cycle, other), evidence)
        for own, other, evidence in pairs.select(ids, "evidence").sort("application_id", "other_application_id").rows()
        if (own, other) not in known
    ]


def _about_to_be_paid(session: Session, cycle_id: int) -> Iterator[pl.DataFrame]:
    """The applications that other years award by a list which is being approved, and no money is ordered yet."""
    ordered = select(PaymentOrder.id).where(PaymentOrder.cycle_id == Cycle.id).exists()
    others = select(Cycle).where(Cycle.id != cycle_id, ~ordered).order_by(col(Cycle.id))
    for cycle in session.exec(others).all():
        if cycles.is_out(cycle):
            yield from applied.invoiced(session, cycle, _awarded(lists.current_list(session, cycle)))


def _awarded(current: AwardList) -> Select[Any]:
    """The ids of applications to which a list gives something."""
    return select(AwardListEntry.application_id).where(
        AwardListEntry.list_id == current.id, col(AwardListEntry.amount_fen) > 0
    )


def _known(session: Session, application_ids: Sequence[int]) -> set[tuple[int, int | None]]:
    pairs = select(Finding.application_id, Finding.other_application_id)
    return {
        (own, other)
        for some in in_parts(application_ids)
        for own, other in session.exec(pairs.where(col(Finding.application_id).in_(some)))
    }


def _told(session: Session, cycle: Cycle, application_id: int) -> str:
    other = session.get_one(Application, application_id)
    ordered, _ = awards.granted_for(session, application_id)
    stands = "" if ordered else "，名单正在报批"
    return f"{findings.told_of_other_year(session, other, cycle)}{stands}，{other.enterprise_name}"
