"""How far the reviews of a year are: each county and bureau with what it was asked, and every request of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select
from sqlmodel.sql.expression import SelectOfScalar

from models import (
    Application,
    Opinion,
    RequestStatus,
    ReviewerKind,
    User,
    VerificationReply,
    VerificationRequest,
)
from policy import Policy
from services.access.sightings import Slice, sliced
from services.application.browsing import measure_title
from services.clock import Clock
from services.cycle.deadlines import due_day
from services.errors import NotFoundError
from services.review import reviews

STATES = {
    RequestStatus.OPEN: "待回复",
    RequestStatus.ANSWERED: "已回复",
    RequestStatus.OVERRIDDEN: "说明理由放行",
    RequestStatus.CANCELLED: "不再需要",
}


@dataclass(frozen=True)
class Progress:
    """One reviewer's requests by what became of them. `first_due` is the earliest day of those still open."""

    kind: ReviewerKind
    reviewer: str
    name: str
    counts: dict[RequestStatus, int]
    late: int
    refused: int
    first_due: date | None

    @property
    def asked(self) -> int:
        """All that were asked and are not called off."""
        return sum(count for state, count in self.counts.items() if state is not RequestStatus.CANCELLED)

    @property
    def open(self) -> int:
        """What still waits for an answer."""
        return self.counts.get(RequestStatus.OPEN, 0)


@dataclass(frozen=True)
class RequestShown:
    """One request with its answer. `holder` is who of the reviewer's people has it in hand."""

    request: VerificationRequest
    application: Application
    measure: str
    due: date
    late: bool
    holder: str
    opinion: Opinion | None
    reason: str
    by: str
    replied_at: datetime | None


def of_year(session: Session, clock: Clock, law: Policy, cycle_id: int) -> list[Progress]:
    """Every county, then every bureau, that was asked anything, in the policy's order."""
    asked = VerificationRequest
    found: dict[tuple[ReviewerKind, str], dict[RequestStatus, int]] = {}
    for kind, reviewer, state, count in session.exec(
        select(asked.kind, asked.reviewer, asked.status, func.count())
        .where(asked.cycle_id == cycle_id)
        .group_by(col(asked.kind), col(asked.reviewer), col(asked.status))
    ):
        found.setdefault((ReviewerKind(kind), reviewer), {})[RequestStatus(state)] = count
    waiting = select(asked.kind, asked.reviewer, func.count(), func.min(asked.due_at)).where(
        asked.cycle_id == cycle_id, asked.status == RequestStatus.OPEN
    )
    grouped = (col(asked.kind), col(asked.reviewer))
    due = {(kind, who): first for kind, who, _, first in session.exec(waiting.group_by(*grouped))}
    over = waiting.where(col(asked.due_at) <= clock.now()).group_by(*grouped)
    late = {(kind, who): count for kind, who, count, _ in session.exec(over)}
    refusals = (
        select(asked.kind, asked.reviewer, func.count())
        .join(VerificationReply, col(VerificationReply.request_id) == asked.id)
        .where(asked.cycle_id == cycle_id, VerificationReply.opinion == Opinion.REFUSE)
        .group_by(*grouped)
    )
    refused = {(kind, who): count for kind, who, count in session.exec(refusals)}
    return [
        Progress(
            kind=kind,
            reviewer=reviewer,
            name=reviews.reviewer_name(law, kind, reviewer),
            counts=found[kind, reviewer],
            late=late.get((kind, reviewer), 0),
            refused=refused.get((kind, reviewer), 0),
            first_due=due_day(due[kind, reviewer]) if (kind, reviewer) in due else None,
        )
        for kind, reviewer in _in_order(law, found)
    ]


def requests(
    session: Session,
    clock: Clock,
    law: Policy,
    cycle_id: int,
    *,
    kind: ReviewerKind,
    reviewer: str,
    state: RequestStatus | None = None,
    page: int = 1,
    size: int = 50,
) -> Slice[RequestShown]:
    """One page of a reviewer's requests, the earliest due first. Raises NotFoundError when it was asked nothing."""
    query: SelectOfScalar[VerificationRequest] = select(VerificationRequest).where(
        VerificationRequest.cycle_id == cycle_id,
        VerificationRequest.kind == kind,
        VerificationRequest.reviewer == reviewer,
    )
    if session.exec(query.limit(1)).first() is None:
        raise NotFoundError("本年度没有请这个单位审核过。")
    if state is not None:
        query = query.where(VerificationRequest.status == state)
    cut = sliced(session, query, page, size, col(VerificationRequest.due_at))
    return Slice([_shown(session, clock, law, each) for each in cut.rows], cut.number, cut.pages, cut.total)


def _in_order(law: Policy, found: Iterable[tuple[ReviewerKind, str]]) -> list[tuple[ReviewerKind, str]]:
    order = [(ReviewerKind.COUNTY, each.id) for each in law.counties]
    order += [(ReviewerKind.BUREAU, each.id) for each in law.bureaus]
    known = set(found)
    return [each for each in order if each in known] + sorted(known - set(order))


def _shown(session: Session, clock: Clock, law: Policy, request: VerificationRequest) -> RequestShown:
    application = session.get_one(Application, request.application_id)
    reply = session.exec(select(VerificationReply).where(VerificationReply.request_id == request.id)).first()
    return RequestShown(
        request=request,
        application=application,
        measure=measure_title(law, application.measure),
        due=due_day(request.due_at),
        late=request.status is RequestStatus.OPEN and request.due_at <= clock.now(),
        holder=_name(session, request.assigned_to),
        opinion=reply.opinion if reply else None,
        reason=reply.reason if reply else "",
        by=_name(session, reply.user_id if reply else None),
        replied_at=reply.replied_at if reply else None,
    )


def _name(session: Session, user_id: int | None) -> str:
    return session.get_one(User, user_id).name if user_id is not None else ""
