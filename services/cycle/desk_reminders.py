"""What waits for the office beside the gates: policies, registrations, clawbacks, a returned list. Told once a day."""

from collections.abc import Iterator
from datetime import date

from sqlmodel import Session

from config.settings import Settings
from models import Role, User
from services.access.actors import Actor, actor_of
from services.access.people import active_users
from services.access.permissions import ALLOWED, may
from services.after_payment import overview as clawbacks
from services.after_payment.overview import Case
from services.clock import CHINA, Clock, today
from services.cycle import cycles, gates
from services.cycle.stages import CyclePlan, load_plan
from services.enterprise import registration
from services.law import policy_drafts
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.record.operation import operation

KIND = "desk_waiting"


@operation("message.queue")
def remind(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> int:
    """Queue today's summary to everybody for whom something waits. Returns how many were new.

    It stands in the outbox of the newest year, ended or not; before there is one, nobody is told.
    """
    newest = cycles.newest(session)
    if newest is None:
        return 0
    context, plan = about_cycle(session, newest, "home"), load_plan(settings.cycle_file)
    new = 0
    for user in _deciders(session):
        if matters := [*_matters(session, clock, user), *_returned(session, user, plan)]:
            told = context | {"matters": [{"title": title, "since": since} for title, since in matters]}
            address = user.email or ""
            new += queue(
                session, clock, newest.id or 0, KIND, address, user.name, "", told, domain=settings.message_domain
            )
    return new


def _deciders(session: Session) -> list[User]:
    roles = ALLOWED["policy.approve"] | ALLOWED["registration.accept"] | ALLOWED["clawback.decide"]
    return [user for role in Role if role in roles for user in active_users(session, role)]


def _matters(session: Session, clock: Clock, user: User) -> Iterator[tuple[str, date]]:
    """What this user may decide or has to see to, and since which day it waits."""
    for each in policy_drafts.to_decide(session, actor_of(user)):
        draft = each.draft
        yield f"政策 {draft.policy_id} 的草稿（第 {draft.id} 号）", draft.uploaded_at.astimezone(CHINA).date()
    if may(user.role, "registration.accept"):
        rows, count = registration.to_decide(session)
        asked = [each.row.confirmed_at for each in rows if each.row.confirmed_at is not None]
        if asked:
            yield f"企业注册待核实 {count} 件", min(asked).astimezone(CHINA).date()
    yield from _clawbacks(session, clock, user)


def _clawbacks(session: Session, clock: Clock, user: User) -> Iterator[tuple[str, date]]:
    """Cases to decide, to who may; money that did not come back in time, to the operator."""
    actor = actor_of(user)
    for case in clawbacks.to_decide(session, clock, actor):
        yield f"{_named(case)}待决定", case.clawback.proposed_at.astimezone(CHINA).date()
    if may(user.role, "clawback.propose"):
        for case in clawbacks.overdue(session, clock, actor):
            yield f"{_named(case)}逾期未退清", case.clawback.due_on or today(clock)


def _returned(session: Session, user: User, plan: CyclePlan) -> Iterator[tuple[str, date]]:
    """Lists to put right, to the operator; why they were returned is read in the console."""
    for cycle in cycles.open_cycles(session) if may(user.role, "gate.corrected") else ():
        if returned := gates.to_correct(session, plan, cycle):
            yield f"{cycle.year}年度名单被退回，待改正", returned.decided_at.astimezone(CHINA).date()


def _named(case: Case) -> str:
    return f"追回 {case.clawback.number}（{case.award.entry.enterprise_name}）"
