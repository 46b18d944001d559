"""Reminders: what is due soon, overdue, or waits for an approver; each told once, and at most once a day."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time

from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AuditEntry,
    Cycle,
    CycleStatus,
    Message,
    ReviewerKind,
    Role,
    StageVisit,
    Supplement,
    User,
)
from policy import Policy
from services.access.actors import Actor
from services.access.people import active_users
from services.access.permissions import APPROVERS
from services.after_payment import duties
from services.application import applications, completeness
from services.application.applications import letter
from services.clock import CHINA, Clock, FixedClock, today
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, working_days_left
from services.cycle.stages import CompletenessFact, CyclePlan, GateKind, StagePlan
from services.enterprise import invitations
from services.law import policies
from services.notices.contacts import known_contacts
from services.notices.contexts import about_cycle
from services.notices.kinds import kind_of
from services.notices.queueing import Notice, about_digest, queue_all
from services.payment import payments, treasuries
from services.record.operation import operation
from services.review import reviews
from services.review.reviews import Held

_NOT_APPLIED = (ApplicationStatus.DRAFT, ApplicationStatus.WITHDRAWN)
_REVIEWERS = {
    CompletenessFact.COUNTY_REPLIED: (ReviewerKind.COUNTY, Role.COUNTY_REVIEWER),
    CompletenessFact.BUREAUS_REPLIED: (ReviewerKind.BUREAU, Role.BUREAU_VERIFIER),
}


_MORNING = time(8, 30)  # when the reminders run, see prefect.yaml


@dataclass(frozen=True)
class Letter:
    """One notice to queue; the same `about` is told once."""

    kind: str
    address: str
    name: str
    about: str
    context: dict[str, object]


@dataclass(frozen=True)
class _Now:
    """The cycle at the moment of reminding."""

    session: Session
    clock: Clock
    calendar: Calendar
    cycle: Cycle
    law: Policy
    stage: StagePlan
    visit: StageVisit

    def threshold(self, since: datetime, due_at: datetime) -> int | None:
        """The reminder that is due, as working days before the due day; None when none is, or it has passed.

        A reminder missed on its day (nothing ran) goes out late. One that would go out at the very start is no
        reminder.
        """
        left = working_days_left(self.clock, self.calendar, due_at)
        whole = self.calendar.working_days_between(since.astimezone(CHINA).date(), due_day(due_at))
        reached = [days for days in self.stage.remind if 0 <= left <= days < whole]
        return min(reached) if reached else None


@operation("message.queue")
def remind(session: Session, clock: Clock, actor: Actor, *, settings: Settings, plan: CyclePlan, cycle_id: int) -> int:
    """Queue the reminders of the current stage that are due and were not sent. Returns how many were new."""
    cycle = cycles.open_one(session, cycle_id)
    stage, visit = plan.stage(cycle.stage), cycles.current_visit(session, cycle)
    law = policies.policy_of(session, cycle)
    now = _Now(session, clock, Calendar(settings.calendar_dir), cycle, law, stage, visit)
    notices = (Notice(cycle_id, each.kind, each.address, each.name, each.about, each.context) for each in _letters(now))
    return _told(session, clock, settings, cycle) + queue_all(session, clock, notices, domain=settings.message_domain)


def _told(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> int:
    """What a stage tells as soon as it can be told."""
    if cycle.stage == applications.INTAKE:
        return invitations.tell(session, clock, settings, cycle)
    if cycle.stage == payments.STAGE:
        requests = treasuries.requests(session, clock, cycle)
        new = queue_all(session, clock, requests, domain=settings.message_domain)
        return new + payments.tell(session, clock, settings, cycle)
    return 0


@dataclass(frozen=True)
class Foreseen:
    """Reminders of a kind that the rules will make on a day, as things stand now."""

    on: date
    kind: str
    count: int


def forecast(
    session: Session, clock: Clock, *, settings: Settings, plan: CyclePlan, cycle_id: int, days: int = 5
) -> list[Foreseen]:
    """What reminders the next working days will bring while the stage stays and nobody does anything.

    Raises CalendarError.
    """
    cycle = cycles.get_cycle(session, cycle_id)
    if cycle.status is not CycleStatus.OPEN:
        return []
    calendar, law = Calendar(settings.calendar_dir), policies.policy_of(session, cycle)
    stage, visit = plan.stage(cycle.stage), cycles.current_visit(session, cycle)
    told = set(
        session.exec(select(Message.kind, Message.recipient, Message.about_digest).where(Message.cycle_id == cycle_id))
    )
    found: Counter[tuple[date, str]] = Counter()
    day = today(clock)
    for _ in range(days):
        day = calendar.add_working_days(day, 1)
        morning = FixedClock(datetime.combine(day, _MORNING, CHINA))
        for each in _letters(_Now(session, morning, calendar, cycle, law, stage, visit)):
            daily = kind_of(each.kind).once_a_day
            key = (each.kind, each.address, about_digest(day.isoformat() if daily else each.about))
            if each.kind != "cycle_failed" and key not in told:
                told.add(key)
                found[day, each.kind] += 1
    return [Foreseen(on, kind, count) for (on, kind), count in found.items()]


def _letters(now: _Now) -> Iterator[Letter]:
    yield from _failed(now)
    if now.stage.id == "intake":
        yield from _intake(now)
    if now.stage.gate.fact is CompletenessFact.APPLICATIONS_EXAMINED:
        yield from _supplements(now)
    if now.stage.gate.fact in _REVIEWERS:
        yield from _reviews(now, *_REVIEWERS[now.stage.gate.fact])
    if now.stage.id == payments.STAGE:
        yield from _duties(now)
        yield from _payments(now)
    if now.stage.gate.kind is GateKind.APPROVAL:
        yield from _approval(now)


def _failed(now: _Now) -> Iterator[Letter]:
    if now.cycle.failure is None:
        return
    context = {
        **about_cycle(now.session, now.cycle, "status"),
        "stage": now.stage.title,
        "failed_at": _failed_at(now),
        "reason": now.cycle.failure,
    }
    about = f"{now.visit.id}/{today(now.clock)}"
    yield from _to(active_users(now.session, Role.OPERATOR), "cycle_failed", about, context)


def _failed_at(now: _Now) -> datetime:
    """When the failure was noted, from the audit chain: nothing else keeps the moment."""
    entries = now.session.exec(
        select(AuditEntry).where(AuditEntry.operation == "cycle.step").order_by(col(AuditEntry.seq).desc())
    )
    for entry in entries:
        for change in entry.changes:
            if change.get("table") == "cycle" and change["key"] == [now.cycle.id] and "failure" in change["values"]:
                return entry.at
    return now.clock.now()


def _intake(now: _Now) -> Iterator[Letter]:
    due_at = now.visit.due_at
    days = now.threshold(now.visit.entered_at, due_at) if due_at else None
    if due_at is None or days is None:
        return
    applied = now.session.exec(
        select(Application.enterprise_id).where(
            Application.cycle_id == now.cycle.id, col(Application.status).not_in(_NOT_APPLIED)
        )
    )
    context = {
        **about_cycle(now.session, now.cycle, "guide"),
        "ends": due_day(due_at),
        "working_days_left": working_days_left(now.clock, now.calendar, due_at),
    }
    invited = invitations.waiting_contacts(now.session, now.clock, now.cycle)
    for address, name in (invited | known_contacts(now.session, without=set(applied))).items():
        yield Letter("intake_reminder", address, name, f"{due_day(due_at)}/{days}", context)


def _supplements(now: _Now) -> Iterator[Letter]:
    rows = now.session.exec(
        select(Application, Supplement)
        .join(Supplement, col(Supplement.application_id) == Application.id)
        .where(*completeness.waits(now.cycle.id or 0))
        .order_by(col(Application.number))
    )
    for application, supplement in rows:
        days = now.threshold(supplement.requested_at, supplement.due_at)
        if days is None:
            continue
        context = {
            **letter(now.law, application, now.cycle.year),
            "remarks": supplement.remarks,
            "due": due_day(supplement.due_at),
            "working_days_left": working_days_left(now.clock, now.calendar, supplement.due_at),
        }
        about = f"{application.number}/{supplement.round}/{due_day(supplement.due_at)}/{days}"
        yield Letter("supplement_reminder", application.contact_email, application.enterprise_name, about, context)


def _reviews(now: _Now, kind: ReviewerKind, role: Role) -> Iterator[Letter]:
    groups: dict[tuple[str, datetime], list[Held]] = {}
    for each in reviews.held(now.session, now.cycle.id or 0, kind):
        groups.setdefault((each.reviewer, each.due_at), []).append(each)
    for (reviewer, due_at), asked in groups.items():
        left = working_days_left(now.clock, now.calendar, due_at)
        about = f"{kind.value}/{reviewer}/{due_day(due_at)}"
        context = {
            **about_cycle(now.session, now.cycle, "reviews"),
            "reviewer": reviews.reviewer_name(now.law, kind, reviewer),
            "count": sum(each.count for each in asked),
            "due": due_day(due_at),
        }
        days = now.threshold(min(each.sent_at for each in asked), due_at)
        if days is not None:
            place = {"county": reviewer} if kind is ReviewerKind.COUNTY else {"bureau": reviewer}
            for user, count in _shares(active_users(now.session, role, **place), asked):
                told = context | {"count": count, "working_days_left": left}
                yield from _to([user], "review_reminder", f"{about}/{days}", told)
        if now.stage.escalate is not None and -left >= now.stage.escalate:
            superiors = _superiors(now.session, kind, reviewer)
            yield from _to(superiors, "review_escalation", about, context | {"working_days_over": -left})


def _shares(users: list[User], asked: list[Held]) -> Iterator[tuple[User, int]]:
    """For each user the requests in their own or in nobody's hands; users without any are left out."""
    hands = {user.id for user in users}
    for user in users:
        count = sum(each.count for each in asked if each.assigned_to == user.id or each.assigned_to not in hands)
        if count:
            yield user, count


def _superiors(session: Session, kind: ReviewerKind, reviewer: str) -> list[User]:
    """Who approves in that bureau or county; without any, the operators."""
    place = User.county if kind is ReviewerKind.COUNTY else User.bureau
    found = session.exec(
        select(User).where(place == reviewer, col(User.role).in_(APPROVERS), col(User.active)).order_by(col(User.id))
    ).all()
    return list(found) or active_users(session, Role.OPERATOR)


def _duties(now: _Now) -> Iterator[Letter]:
    """To the bureaus whose lines the yearly report will miss: it is written once the money is paid."""
    due_at = now.visit.due_at
    days = now.threshold(now.visit.entered_at, due_at) if due_at else None
    if due_at is None or days is None:
        return
    context = about_cycle(now.session, now.cycle, "duties") | {"due": due_day(due_at)}
    for bureau, count in duties.silent(now.session, now.law, now.cycle).items():
        told = context | {"bureau": now.law.bureau_name(bureau), "count": count}
        users = active_users(now.session, Role.BUREAU_VERIFIER, bureau=bureau)
        yield from _to(users, "duty_reminder", f"{bureau}/{due_day(due_at)}/{days}", told)


def _payments(now: _Now) -> Iterator[Letter]:
    """To the treasuries that have anything left to pay."""
    due_at = now.visit.due_at
    days = now.threshold(now.visit.entered_at, due_at) if due_at else None
    if due_at is None or days is None:
        return
    left = working_days_left(now.clock, now.calendar, due_at)
    for task in treasuries.tasks(now.session, now.clock, now.cycle):
        told = treasuries.context_of(now.session, now.cycle, task) | {"working_days_left": left}
        yield from _to([task.user], "payment_reminder", f"{task.user.county or ''}/{due_day(due_at)}/{days}", told)


def _approval(now: _Now) -> Iterator[Letter]:
    turn = gates.turn_of(now.session, now.stage, now.cycle, now.visit)
    if turn is None:
        return
    matter = {"title": f"{now.cycle.year}年度{now.stage.title}", "since": turn.since.astimezone(CHINA).date()}
    context = {**about_cycle(now.session, now.cycle, "gate"), "matters": [matter]}
    yield from _to(turn.users, "approval_waiting", "", context)


def _to(users: Iterable[User], kind: str, about: str, context: dict[str, object]) -> Iterator[Letter]:
    for user in users:
        yield Letter(kind, user.email or "", user.name, about, context)
