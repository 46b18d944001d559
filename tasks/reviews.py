"""Tasks that ask counties and bureaus, and follow their replies."""

from dataclasses import dataclass
from datetime import date

from sqlmodel import Session, col, func, select

from models import RequestStatus, ReviewerKind, VerificationRequest
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.law import policies
from services.review import reviews
from tasks.context import acting
from tasks.step import step


@dataclass(frozen=True)
class Branch:
    """How far one county or bureau is. `due` is the earliest day on which an open request is due."""

    name: str
    asked: int
    open: int
    due: date | None


@step("待送审申报")
def to_request(cycle_id: int, kind: ReviewerKind) -> list[int]:
    """Applications that this kind of reviewer has not been asked about yet."""
    with acting() as (_, session, _system):
        return reviews.to_request(session, cycle_id, kind)


@step("送审")
def request(cycle_id: int, application_ids: list[int], kind: ReviewerKind) -> int:
    """Ask every reviewer of these applications. Returns how many requests were made."""
    with acting() as (parts, session, system):
        return reviews.request(
            session,
            parts.clock,
            system,
            settings=parts.settings,
            plan=parts.plan,
            cycle_id=cycle_id,
            kind=kind,
            application_ids=application_ids,
        )


@step("告知审核单位")
def tell(cycle_id: int, kind: ReviewerKind) -> int:
    """Tell every reviewer what was newly asked. Returns how many notices were new."""
    with acting() as (parts, session, system):
        return reviews.tell(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id, kind=kind)


@step("审核单位")
def reviewers(cycle_id: int, kind: ReviewerKind) -> list[str]:
    """The counties or bureaus that were asked in this cycle."""
    with acting() as (_, session, _system):
        return list(
            session.exec(
                select(VerificationRequest.reviewer)
                .where(VerificationRequest.cycle_id == cycle_id, VerificationRequest.kind == kind)
                .distinct()
                .order_by(col(VerificationRequest.reviewer))
            )
        )


@step("核对审核进度")
def follow(cycle_id: int, kind: ReviewerKind, reviewer: str) -> Branch:
    """How far one reviewer is."""
    with acting() as (_, session, _system):
        law = policies.policy_of(session, cycles.get_cycle(session, cycle_id))
        open_, earliest = _open(session, cycle_id, kind, reviewer)
        return Branch(
            reviews.reviewer_name(law, kind, reviewer), _asked(session, cycle_id, kind, reviewer), open_, earliest
        )


def _asked(session: Session, cycle_id: int, kind: ReviewerKind, reviewer: str) -> int:
    return session.exec(
        select(func.count()).where(
            VerificationRequest.cycle_id == cycle_id,
            VerificationRequest.kind == kind,
            VerificationRequest.reviewer == reviewer,
        )
    ).one()


def _open(session: Session, cycle_id: int, kind: ReviewerKind, reviewer: str) -> tuple[int, date | None]:
    count, earliest = session.exec(
        select(func.count(), func.min(VerificationRequest.due_at)).where(
            VerificationRequest.cycle_id == cycle_id,
            VerificationRequest.kind == kind,
            VerificationRequest.reviewer == reviewer,
            VerificationRequest.status == RequestStatus.OPEN,
        )
    ).one()
    return count, due_day(earliest) if earliest else None
