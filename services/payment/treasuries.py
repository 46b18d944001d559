"""The treasuries are told what they are to pay, again when some of it came back, and when an account is another."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    Application,
    AwardListEntry,
    Cycle,
    Payment,
    PaymentOrder,
    PaymentReturn,
    PaymentStatus,
    Role,
    User,
)
from services.access.actors import Actor
from services.access.people import active_users
from services.application.browsing import county_name
from services.clock import Clock, today
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.law import policies
from services.notices.contexts import about_cycle
from services.notices.queueing import Notice, queue_all
from services.record.operation import operation


@dataclass(frozen=True)
class Task:
    """How many payments somebody at a treasury has before them, and until when."""

    user: User
    treasury: str
    count: int
    due: date


@operation("message.queue")
def tell(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Tell them in the stage of the payments what is to be paid. Returns how many notices were new."""
    cycle = cycles.open_one(session, cycle_id)
    return queue_all(session, clock, requests(session, clock, cycle), domain=settings.message_domain)


def requests(session: Session, clock: Clock, cycle: Cycle) -> Iterator[Notice]:
    """What is to be told of a year in that stage: once a visit, and again for each payment that came back in it."""
    visit, returned = cycles.current_visit(session, cycle), _returned(session, cycle)
    for task in tasks(session, clock, cycle):
        own = task.user.county
        back = returned.total() if own is None else returned[own]
        about = f"{visit.number}/{own or ''}/{back}"
        yield _notice(cycle, task.user, "payment_request", about, context_of(session, cycle, task))


def tasks(session: Session, clock: Clock, cycle: Cycle) -> Iterator[Task]:
    """Who at a treasury has anything to pay in a year: of the county's own, or of all counties."""
    law, visit = policies.policy_of(session, cycle), cycles.current_visit(session, cycle)
    due = due_day(visit.due_at) if visit.due_at else today(clock)
    unpaid = _unpaid(session, cycle)
    for user in active_users(session, Role.FINANCE):
        own = user.county
        if count := unpaid.total() if own is None else unpaid[own]:
            yield Task(user, "财政部门" if own is None else f"{county_name(law, own)}财政部门", count, due)


def context_of(session: Session, cycle: Cycle, task: Task) -> dict[str, object]:
    """What every notice about a task says."""
    about = about_cycle(session, cycle, "payments")
    return {**about, "treasury": task.treasury, "count": task.count, "due": task.due}


def tell_account(session: Session, clock: Clock, settings: Settings, cycle: Cycle, application: Application) -> int:
    """Tell, in the caller's operation, those who have an application's money to pay that its account is another."""
    query = (
        select(Payment.number, PaymentOrder.county)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .where(AwardListEntry.application_id == application.id, Payment.status != PaymentStatus.PAID)
        .order_by(col(Payment.number))
    )
    rows = session.exec(query).all()
    if not rows:
        return 0
    told = {
        **about_cycle(session, cycle, "payments"),
        "enterprise": application.enterprise_name,
        "payments": [number for number, _ in rows],
    }
    about = f"{application.number}/{clock.now().isoformat()}"
    notices = (
        _notice(cycle, user, "account_changed", about, told)
        for user in active_users(session, Role.FINANCE)
        if user.county in (None, rows[0][1])
    )
    return queue_all(session, clock, notices, domain=settings.message_domain)


def _notice(cycle: Cycle, user: User, kind: str, about: str, context: dict[str, object]) -> Notice:
    return Notice(cycle.id or 0, kind, user.email or "", user.name, about, context)


def _unpaid(session: Session, cycle: Cycle) -> Counter[str]:
    """How many payments are to be made, by county."""
    return _by_county(session, _ordered(cycle).where(Payment.status != PaymentStatus.PAID))


def _returned(session: Session, cycle: Cycle) -> Counter[str]:
    """How often payments came back, by county."""
    return _by_county(session, _ordered(cycle).join(PaymentReturn, col(PaymentReturn.payment_id) == Payment.id))


def _ordered(cycle: Cycle) -> Any:
    counted = select(PaymentOrder.county, func.count()).join(Payment, col(Payment.order_id) == PaymentOrder.id)
    return counted.where(PaymentOrder.cycle_id == cycle.id)


def _by_county(session: Session, query: Any) -> Counter[str]:
    return Counter(dict(session.exec(query.group_by(col(PaymentOrder.county))).all()))
