"""What the gates of completeness wait for, fact by fact, and the answers to objections of which approvals ask too."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, func, select

from models import (
    Cycle,
    Objection,
    ObjectionStatus,
    Payment,
    PaymentOrder,
    PaymentStatus,
    PublicNotice,
    ReviewerKind,
    StageVisit,
    VisitResult,
)
from models.application import Application, ApplicationStatus
from models.ledger import Finding, FindingVerdict
from services.award import lists
from services.cycle.deadlines import due_day
from services.cycle.stages import CompletenessFact
from services.law import policies
from services.review import panel, reviews

FUNDS = "funds"
ANSWERING = ("objections", FUNDS)  # stages that wait for answers to objections, and lead back when one is upheld


@dataclass(frozen=True)
class Wait:
    """What a closed gate waits for: whom, what, how many, until when."""

    who: str
    what: str
    count: int = 1
    due: date | None = None


def waits(session: Session, cycle: Cycle, fact: CompletenessFact, due: date | None) -> list[Wait]:
    """What is still to be done until a fact holds, and by when."""
    return _WAITS[fact](session, cycle, due)


def objections_answered(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    """Objections to the year's notices that wait for an answer."""
    count = session.exec(
        select(func.count())
        .select_from(Objection)
        .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
        .where(PublicNotice.cycle_id == cycle.id, Objection.status == ObjectionStatus.OPEN)
    ).one()
    return [Wait("经办人", f"{count} 件异议待答复", count, due)] if count else []


def promised(session: Session, cycle: Cycle) -> date | None:
    """The first day until which an objector who waits was told to be answered."""
    return session.exec(
        select(func.min(Objection.answer_by))
        .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
        .where(PublicNotice.cycle_id == cycle.id, Objection.status == ObjectionStatus.OPEN)
    ).one()


def upheld_since(session: Session, cycle: Cycle) -> bool:
    """Whether an objection was upheld that has not led back yet: later than the last time that one did.

    What was upheld before the year was cancelled and opened again led back with it.
    """
    led_back = session.exec(
        select(func.max(StageVisit.left_at)).where(
            StageVisit.cycle_id == cycle.id,
            col(StageVisit.stage).in_(ANSWERING),
            StageVisit.result == VisitResult.REOPENED,
        )
    ).one()
    query = (
        select(Objection)
        .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
        .where(PublicNotice.cycle_id == cycle.id, Objection.status == ObjectionStatus.UPHELD)
        .where(col(Objection.answered_at) >= cycle.opened_at)
    )
    if led_back is not None:
        query = query.where(col(Objection.answered_at) > led_back)
    return session.exec(query).first() is not None


def payments_settled(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    """Payments of the present list that are still to be made, or failed."""
    current = lists.current_list(session, cycle)
    count = session.exec(
        select(func.count())
        .select_from(Payment)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .where(PaymentOrder.list_id == current.id, Payment.status != PaymentStatus.PAID)
    ).one()
    return [Wait("财政", f"{count} 笔待拨付或拨付失败", count, due)] if count else []


def _applications_examined(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    found = []
    for status, who, what in (
        (ApplicationStatus.SUBMITTED, "经办人", "件申报待形式审查"),
        (ApplicationStatus.SUPPLEMENT, "申报单位", "件申报待补正"),
    ):
        count = session.exec(
            select(func.count()).where(Application.cycle_id == cycle.id, Application.status == status)
        ).one()
        if count:
            found.append(Wait(who, f"{count} {what}", count, due))
    return found


def _county_replied(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    return _requests_answered(session, cycle, ReviewerKind.COUNTY)


def _bureaus_replied(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    return _requests_answered(session, cycle, ReviewerKind.BUREAU)


def _requests_answered(session: Session, cycle: Cycle, kind: ReviewerKind) -> list[Wait]:
    law = policies.policy_of(session, cycle)
    unasked = reviews.count_to_request(session, cycle.id or 0, kind)
    first = [Wait("系统", f"{unasked} 件待发出审核", unasked)] if unasked else []
    return first + [
        Wait(reviews.reviewer_name(law, kind, reviewer), f"{count} 件待回复", count, due_day(due_at))
        for reviewer, count, due_at in reviews.waiting(session, cycle.id or 0, kind)
    ]


def _findings_decided(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    count = session.exec(
        select(func.count()).where(Finding.cycle_id == cycle.id, Finding.verdict == FindingVerdict.OPEN)
    ).one()
    return [Wait("经办人", f"{count} 条疑似重复待认定", count, due)] if count else []


def _panel_decided(session: Session, cycle: Cycle, due: date | None) -> list[Wait]:
    count = len(panel.undecided(session, cycle))
    return [Wait("专家组", f"{count} 件一事一议待评审", count, due)] if count else []


_WAITS: dict[CompletenessFact, Callable[[Session, Cycle, date | None], list[Wait]]] = {
    CompletenessFact.APPLICATIONS_EXAMINED: _applications_examined,
    CompletenessFact.COUNTY_REPLIED: _county_replied,
    CompletenessFact.BUREAUS_REPLIED: _bureaus_replied,
    CompletenessFact.FINDINGS_DECIDED: _findings_decided,
    CompletenessFact.PANEL_DECIDED: _panel_decided,
    CompletenessFact.OBJECTIONS_ANSWERED: objections_answered,
    CompletenessFact.PAYMENTS_SETTLED: payments_settled,
}
