"""结果通知: what became of each application, told once to whoever applied."""

from collections.abc import Iterator
from dataclasses import dataclass

from sqlmodel import Session, col

from config.settings import Settings
from models import Application, Award, AwardList, AwardListEntry, Cycle, Outcome
from policy import Policy
from services.access.actors import Actor
from services.application.applications import letter
from services.award import lists
from services.clock import Clock
from services.cycle import cycles
from services.law import policies
from services.notices.queueing import Notice, queue_all
from services.payment import payments
from services.record.columns import rows_as, select_as
from services.record.operation import operation


@dataclass(frozen=True, slots=True)
class Told:
    """What a result says of an application."""

    id: int
    number: str
    measure: str
    project: str
    enterprise_name: str
    contact_email: str
    outcome: Outcome
    amount_fen: int
    reason: str
    clause: str
    referral_to: str


@operation("message.queue")
def notify(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Tell every applicant on the current list its outcome, those refused or lapsed too, and the money that was paid.

    Returns how many notices were new. Raises StateError when nothing is frozen.
    """
    cycle = cycles.open_one(session, cycle_id)
    law, current = policies.policy_of(session, cycle), lists.current_list(session, cycle)
    paid = payments.tell(session, clock, settings, cycle)
    notices = (_notice(law, cycle, current, each) for each in _told(session, current))
    return paid + queue_all(session, clock, notices, domain=settings.message_domain)


def _told(session: Session, current: AwardList) -> Iterator[Told]:
    rows = session.execute(
        select_as(Told, Application, Award)
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .join(Award, col(Award.id) == AwardListEntry.award_id)
        .where(col(AwardListEntry.list_id) == current.id)
        .order_by(col(Application.number))
    )
    return rows_as(Told, rows.all())


def _notice(law: Policy, cycle: Cycle, current: AwardList, told: Told) -> Notice:
    kind, said = outcome_of(law, told)
    context = letter(law, told, cycle.year) | said
    about = f"{told.number}/{current.version}"
    return Notice(cycle.id or 0, kind, told.contact_email, told.enterprise_name, about, context)


def outcome_of(law: Policy, award: Told) -> tuple[str, dict[str, object]]:
    """The kind of notice and what it says beyond the item. A case-by-case award with a figure is an award."""
    measure = law.measure(award.measure)
    told: dict[str, object] = {"clause": award.clause or (measure.clause if measure else "")}
    if award.amount_fen:
        return "result_award", told
    told["reason"] = award.reason
    match award.outcome:
        case Outcome.REFERRAL:
            return "result_referral", told | {"referral_to": award.referral_to}
        case Outcome.CASE_BY_CASE:
            return "result_case_by_case", told
        case _:
            return "result_rejection", told
