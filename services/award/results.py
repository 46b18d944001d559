"""结果通知: what became of each application, told once to whoever applied."""

from sqlmodel import Session, col, select

from config.settings import Settings
from models import Application, Award, AwardListEntry, Outcome
from policy import Policy
from services.access.actors import Actor
from services.application.applications import letter
from services.award import lists
from services.clock import Clock
from services.cycle import cycles
from services.law import policies
from services.notices.queueing import queue
from services.payment import payments
from services.record.operation import operation


@operation("message.queue")
def notify(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Tell every applicant on the current list its outcome, those refused or lapsed too, and the money that was paid.

    Returns how many notices were new. Raises StateError when nothing is frozen.
    """
    cycle = cycles.open_one(session, cycle_id)
    law, current = policies.policy_of(session, cycle), lists.current_list(session, cycle)
    rows = session.exec(
        select(Application, Award)
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .join(Award, col(Award.id) == AwardListEntry.award_id)
        .where(AwardListEntry.list_id == current.id)
        .order_by(col(Application.number))
    )
    new = payments.tell(session, clock, settings, cycle)
    for application, award in rows.all():
        kind, told = outcome_of(law, application, award)
        new += queue(
            session,
            clock,
            cycle_id,
            kind,
            application.contact_email,
            application.enterprise_name,
            f"{application.number}/{current.version}",
            letter(law, application, cycle.year) | told,
            domain=settings.message_domain,
        )
    return new


def outcome_of(law: Policy, application: Application, award: Award) -> tuple[str, dict[str, object]]:
    """The kind of notice and what it says beyond the item. A case-by-case award with a figure is an award."""
    measure = law.measure(application.measure)
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
