"""The years that enterprises deal with: those that take applications now, and those whose guide is out."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session

from models import Cycle, Draft
from policy import Policy
from services.access.actors import Actor
from services.application import drafts
from services.clock import Clock
from services.cycle import cycles, publication
from services.errors import NotFoundError
from services.law import policies


@dataclass(frozen=True)
class Offer:
    """A year with its law. `closes` is the last day for applications, None when none are taken now."""

    cycle: Cycle
    law: Policy
    closes: date | None


@dataclass(frozen=True)
class Kept:
    """A draft with the year that it is for."""

    draft: Draft
    year: int
    measure: str
    open: bool


def offers(session: Session, clock: Clock) -> list[Offer]:
    """The years whose guide is out, those that take applications first, then the newest first."""
    found = [_offer(session, clock, guide.cycle_id) for guide in publication.guides(session)]
    return sorted(found, key=lambda each: each.closes is None)


def offer(session: Session, clock: Clock, cycle_id: int | None = None) -> Offer:
    """One of them, by default the first. Raises NotFoundError."""
    known = offers(session, clock)
    found = next((each for each in known if cycle_id in (None, each.cycle.id)), None)
    if found is None:
        raise NotFoundError("这个年度的申报指南还没有发布；发布以后才能测算和申报，请留意首页。")
    return found


def kept(session: Session, clock: Clock, actor: Actor) -> list[Kept]:
    """The enterprise's drafts, each under the law of its own year."""
    found = []
    for draft in drafts.own(session, actor):
        its = _offer(session, clock, draft.cycle_id)
        measure = its.law.measure(draft.measure)
        title = measure.title if measure else draft.measure
        found.append(Kept(draft, its.cycle.year, title, its.closes is not None))
    return found


def laws(session: Session) -> Sequence[Policy]:
    """The policies of the years under way, else of the newest; none before the first year."""
    newest = cycles.newest(session)
    under_way = cycles.open_cycles(session) or ([newest] if newest else [])
    return [policies.policy_of(session, cycle) for cycle in under_way]


def _offer(session: Session, clock: Clock, cycle_id: int) -> Offer:
    cycle = cycles.get_cycle(session, cycle_id)
    return Offer(cycle, policies.policy_of(session, cycle), drafts.closes_on(session, clock, cycle))
