"""Requests handed on within a county or bureau: who is to answer them."""

from collections.abc import Collection

from sqlmodel import Session

from config.settings import Settings
from models import Cycle, RequestStatus, User, VerificationRequest
from services.access import people
from services.access.actors import Actor
from services.clock import Clock
from services.cycle.deadlines import due_day
from services.errors import InputError, NotFoundError
from services.law import policies
from services.notices.contexts import about_cycle
from services.notices.queueing import queue
from services.record.operation import operation
from services.review import reviews


def colleagues(session: Session, actor: Actor) -> list[User]:
    """Who answers for the actor's county or bureau, the actor among them."""
    return people.active_users(session, actor.role, bureau=actor.bureau, county=actor.county)


@operation("review.hand_on")
def hand_on(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    request_ids: Collection[int],
    to: int | None,
) -> int:
    """Say who of the own county or bureau is to answer these requests (None: anybody), and tell that person.

    Requests that were answered meanwhile are passed over. Returns how many changed hands. Anybody of the place may
    still answer: it replies as one. Raises InputError for somebody from elsewhere or when nothing is chosen,
    NotFoundError for a request to another county or bureau.
    """
    staff = {user.id: user for user in colleagues(session, actor)}
    if to is not None and to not in staff:
        raise InputError("只能交给本单位的审核人；请从列表中选择。")
    if not request_ids:
        raise InputError("没有选择要转交的事项；请先勾选。")
    found = [_own(session, actor, each) for each in sorted(request_ids)]
    moved = [each for each in found if each.status is RequestStatus.OPEN and each.assigned_to != to]
    for asked in moved:
        asked.assigned_to = to
    session.flush()
    if to is not None and to != actor.user_id:
        for cycle_id in sorted({each.cycle_id for each in moved}):
            _tell(session, clock, settings, actor, staff[to], [each for each in moved if each.cycle_id == cycle_id])
    return len(moved)


def _own(session: Session, actor: Actor, request_id: int) -> VerificationRequest:
    asked = session.get(VerificationRequest, request_id)
    if asked is None or not reviews.is_asked(actor, asked):
        raise NotFoundError("没有这件审核事项，或者它不是发给本单位的。")
    return asked


def _tell(
    session: Session, clock: Clock, settings: Settings, actor: Actor, user: User, moved: list[VerificationRequest]
) -> None:
    cycle = session.get_one(Cycle, moved[0].cycle_id)
    context = {
        **about_cycle(session, cycle, "reviews"),
        "reviewer": reviews.reviewer_name(policies.policy_of(session, cycle), moved[0].kind, moved[0].reviewer),
        "by": actor.name,
        "count": len(moved),
        "due": due_day(min(each.due_at for each in moved)),
    }
    about = f"{clock.now().isoformat()}/{moved[0].id}"
    queue(
        session,
        clock,
        moved[0].cycle_id,
        "review_handed_on",
        user.email or "",
        user.name,
        about,
        context,
        domain=settings.message_domain,
    )
