"""What is asked of one county or bureau: its requests with everything that a reviewer needs to answer them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property

from sqlmodel import Session, col, or_, select
from sqlmodel.sql.expression import SelectOfScalar

from models import (
    Application,
    Attachment,
    Cycle,
    CycleStatus,
    Enterprise,
    FactKind,
    Opinion,
    RequestStatus,
    ReviewerKind,
    Role,
    User,
    VerificationReply,
    VerificationRequest,
)
from policy import Fact, Measure
from services.access.actors import Actor
from services.application import facts
from services.clock import Clock
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, working_days_left
from services.errors import InputError, NotFoundError
from services.law import policies
from services.record.parts import in_parts
from services.review import reviews

_OPINIONS = {
    "同意": Opinion.AGREE,
    "不同意": Opinion.REFUSE,
    Opinion.AGREE.value: Opinion.AGREE,
    Opinion.REFUSE.value: Opinion.REFUSE,
}


@dataclass(frozen=True)
class Question:
    """One fact to verify. `declared` is empty when the applicant declares none."""

    fact: Fact
    declared: str

    @property
    def shown(self) -> str:
        """The declared value as people read it."""
        return read_easily(self.fact, self.declared)

    @property
    def is_declared(self) -> bool:
        """Whether the applicant declares this fact, so that another value needs a reason."""
        return self.fact.source == "declared"


@dataclass(frozen=True)
class Given:
    """The reply that was given."""

    opinion: Opinion
    reason: str
    by: str
    reply: VerificationReply


@dataclass(frozen=True)
class Asked:
    """One request with its application. `days_left` counts working days and is negative once it is late."""

    request: VerificationRequest
    application: Application
    enterprise: Enterprise
    county: str
    cycle: Cycle
    measure: Measure
    questions: tuple[Question, ...]
    declared: tuple[tuple[str, str], ...]
    due: date
    days_left: int
    in_hand_of: User | None

    @property
    def id(self) -> int:
        """The request's key."""
        return self.request.id or 0

    @property
    def open(self) -> bool:
        """Whether it waits for a reply."""
        return self.request.status is RequestStatus.OPEN

    @cached_property
    def group(self) -> str:
        """What is answered in one table: the same measure of the same year with the same facts."""
        return f"{self.cycle.id}.{self.measure.id}.{'-'.join(question.fact.name for question in self.questions)}"


def inbox(session: Session, clock: Clock, calendar: Calendar, actor: Actor, *, everybodys: bool = False) -> list[Asked]:
    """The open requests of the actor's county or bureau, the earliest due first.

    Those in the hands of a colleague are left out unless `everybodys`; what was handed to somebody who has left is
    in nobody's hands.
    """
    query = (
        _of(actor)
        .join(Cycle, col(Cycle.id) == VerificationRequest.cycle_id)
        .join(User, col(User.id) == VerificationRequest.assigned_to, isouter=True)
        .where(VerificationRequest.status == RequestStatus.OPEN, Cycle.status == CycleStatus.OPEN)
        .order_by(col(VerificationRequest.due_at), col(VerificationRequest.id))
    )
    if not everybodys:
        query = query.where(or_(col(User.id).is_(None), col(User.id) == actor.user_id, col(User.active).is_(False)))
    return _asked(session, clock, calendar, list(session.exec(query)))


def known(session: Session, clock: Clock, calendar: Calendar, actor: Actor, ids: list[int]) -> dict[int, Asked]:
    """Those of these requests that are the actor's county's or bureau's, open or not."""
    found: list[VerificationRequest] = []
    for some in in_parts(ids):
        found += session.exec(_of(actor).where(col(VerificationRequest.id).in_(some)))
    return {asked.id: asked for asked in _asked(session, clock, calendar, found)}


def one(session: Session, clock: Clock, calendar: Calendar, actor: Actor, request_id: int) -> Asked:
    """One request. Raises NotFoundError, the same when there is none as when it is another's."""
    found = known(session, clock, calendar, actor, [request_id]).get(request_id)
    if found is None:
        raise NotFoundError("没有这件审核事项，或者它不是发给本单位的。")
    return found


def given(session: Session, request_id: int) -> Given | None:
    """The reply to a request, if it was given."""
    row = session.exec(
        select(VerificationReply, User)
        .join(User, col(User.id) == VerificationReply.user_id)
        .where(VerificationReply.request_id == request_id)
    ).one_or_none()
    return Given(row[0].opinion, row[0].reason, row[1].name, row[0]) if row else None


def attachments(session: Session, application_id: int) -> list[Attachment]:
    """The evidence of an application."""
    query = select(Attachment).where(Attachment.application_id == application_id)
    return list(session.exec(query.order_by(col(Attachment.evidence), col(Attachment.id))))


def opinion_of(text: str) -> Opinion:
    """What was chosen or written as the opinion. Raises InputError."""
    if text not in _OPINIONS:
        raise InputError(f"意见“{text}”不对；请选择同意或不同意。" if text else "没有选择意见；请选择同意或不同意。")
    return _OPINIONS[text]


def changed(asked: Asked, values: Mapping[str, str]) -> list[str]:
    """The facts whose value is not the declared one. Raises InputError for a value that cannot be read."""
    return [
        question.fact.name
        for question in asked.questions
        if (facts.canonical(question.fact, values.get(question.fact.name, "")) or "") != question.declared
    ]


def answer(
    session: Session, clock: Clock, actor: Actor, asked: Asked, opinion: str, reason: str, values: Mapping[str, str]
) -> None:
    """Answer in one line: the one reason serves the refusal as well as every value that is not the declared one.

    Raises what `services.review.reviews.reply` raises.
    """
    chosen = opinion_of(opinion)
    others = changed(asked, values) if chosen is Opinion.AGREE else []
    reviews.reply(
        session,
        clock,
        actor,
        request_id=asked.id,
        opinion=chosen,
        reason=reason,
        values=dict(values),
        reasons=dict.fromkeys(others, reason.strip()),
    )


def place_of(actor: Actor) -> tuple[ReviewerKind, str]:
    """For whom the actor answers."""
    if actor.role is Role.COUNTY_REVIEWER:
        return ReviewerKind.COUNTY, actor.county or ""
    return ReviewerKind.BUREAU, actor.bureau or ""


def _of(actor: Actor) -> SelectOfScalar[VerificationRequest]:
    kind, place = place_of(actor)
    return select(VerificationRequest).where(VerificationRequest.kind == kind, VerificationRequest.reviewer == place)


def _asked(session: Session, clock: Clock, calendar: Calendar, requests: list[VerificationRequest]) -> list[Asked]:
    ids = [each.application_id for each in requests]
    applications: dict[int, tuple[Application, Enterprise]] = {}
    for some in in_parts(ids):
        rows = session.exec(
            select(Application, Enterprise)
            .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
            .where(col(Application.id).in_(some))
        )
        applications |= {application.id or 0: (application, enterprise) for application, enterprise in rows}
    declared = facts.newest(session, ids, FactKind.DECLARED)
    hands = {each.assigned_to for each in requests}
    users = {user.id: user for user in session.exec(select(User).where(col(User.id).in_(hands), col(User.active)))}
    return [
        _one(
            session,
            clock,
            calendar,
            each,
            *applications[each.application_id],
            declared.get(each.application_id, {}),
            users.get(each.assigned_to),
        )
        for each in requests
    ]


def _one(
    session: Session,
    clock: Clock,
    calendar: Calendar,
    request: VerificationRequest,
    application: Application,
    enterprise: Enterprise,
    declared: Mapping[str, str | None],
    in_hand_of: User | None,
) -> Asked:
    cycle = cycles.get_cycle(session, request.cycle_id)
    law = policies.policy_of(session, cycle)
    measure = facts.measure_of(law, application.measure)
    return Asked(
        request=request,
        application=application,
        enterprise=enterprise,
        county=next((each.name for each in law.counties if each.id == application.county), application.county),
        cycle=cycle,
        measure=measure,
        questions=tuple(
            Question(fact, declared.get(fact.name) or "") for fact in measure.all_facts if fact.name in request.facts
        ),
        declared=tuple(
            (shown(fact), read_easily(fact, declared.get(fact.name) or "")) for fact in facts.declared_facts(measure)
        ),
        due=due_day(request.due_at),
        days_left=working_days_left(clock, calendar, request.due_at),
        in_hand_of=in_hand_of,
    )


def shown(fact: Fact) -> str:
    """A fact's label with its unit."""
    return f"{fact.label}（{fact.unit}）" if fact.unit else fact.label


def read_easily(fact: Fact, text: str) -> str:
    """A stored value as people read it: money with separators, lists with the Chinese comma."""
    if fact.type == "money" and text:
        return f"{Decimal(text):,.2f}"
    return text.replace(";", "、") if fact.type == "list" else text
