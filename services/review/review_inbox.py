"""What is asked of one county or bureau: its requests with everything that a reviewer needs to answer them."""

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from functools import cached_property
from typing import Any

from sqlalchemy import ColumnElement, Select, Text, cast
from sqlmodel import Session, and_, col, func, or_, select
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
from policy import Fact, Measure, Policy
from services.access.actors import Actor
from services.access.sightings import Slice, sliced
from services.application import facts
from services.clock import Clock, today
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day, working_days_left
from services.errors import InputError, NotFoundError
from services.law import policies
from services.record.parts import in_parts
from services.review import reviews

SHOWN = 50
"""Requests on a page."""

_OPINIONS = {
    "同意": Opinion.AGREE,
    "不同意": Opinion.REFUSE,
    Opinion.AGREE.value: Opinion.AGREE,
    Opinion.REFUSE.value: Opinion.REFUSE,
}


@dataclass(frozen=True)
class Question:
    """One fact to verify. `declared` is empty when the applicant declares none; `last` is what was verified before."""

    fact: Fact
    declared: str
    last: facts.Verified | None = None

    @property
    def shown(self) -> str:
        """The declared value as people read it."""
        return read_easily(self.fact, self.declared)

    @property
    def standing(self) -> str:
        """What counts unless the reviewer says otherwise: what was verified before, else what was declared."""
        return self.declared if self.last is None else self.last.value or ""

    @property
    def last_shown(self) -> str:
        """What was verified before as people read it, with the reason; empty when nothing else was than declared."""
        if self.last is None or (self.is_declared and self.standing == self.declared):
            return ""
        told = read_easily(self.fact, self.standing) or "（未填）"
        return f"{told}（{self.last.reason}）" if self.last.reason else told

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

    def waits_for(self, actor: Actor) -> bool:
        """Whether it is among those that wait for this reviewer, and not with a colleague."""
        in_hand = self.in_hand_of is not None and self.in_hand_of.id != actor.user_id
        return self.open and self.cycle.status is CycleStatus.OPEN and not in_hand

    @cached_property
    def group(self) -> str:
        """What is answered in one table: the same measure of the same year with the same facts."""
        return _key(self.cycle.id, self.measure, [question.fact.name for question in self.questions])


@dataclass(frozen=True)
class Group:
    """Requests that are answered in one table (`Asked.group`): how many wait, of which measure."""

    key: str
    title: str
    number: int


@dataclass(frozen=True)
class Inbox:
    """A page of what waits for a reply; of all that waits how much is late, and how much is in colleagues' hands."""

    cut: Slice[Asked]
    late: int
    with_others: int
    groups: Sequence[Group]


def inbox(
    session: Session, clock: Clock, calendar: Calendar, actor: Actor, *, everybodys: bool = False, page: int = 1
) -> Inbox:
    """The open requests of the actor's county or bureau, the earliest due first, `SHOWN` on a page.

    Those in the hands of a colleague are left out unless `everybodys`; what was handed to somebody who has left is
    in nobody's hands.
    """
    own, every = _waiting(actor), _waiting(actor, everybodys=True)
    shown = every if everybodys else own
    ordered = shown.order_by(col(VerificationRequest.due_at))
    cut = sliced(session, ordered, page, SHOWN, col(VerificationRequest.id))
    asked = _asked(session, clock, calendar, cut.rows)
    return Inbox(
        cut=Slice(asked, cut.number, cut.pages, cut.total),
        late=_late(session, clock, shown),
        with_others=_count(session, every) - _count(session, own),
        groups=_groups(session, own),
    )


def waiting(session: Session, clock: Clock, calendar: Calendar, actor: Actor) -> list[Asked]:
    """All of them that are for the actor to answer."""
    query = _waiting(actor).order_by(col(VerificationRequest.due_at), col(VerificationRequest.id))
    return _asked(session, clock, calendar, session.exec(query).all())


def waiting_applications(session: Session, actor: Actor) -> list[int]:
    """The applications that these are about."""
    query = _only(_waiting(actor), VerificationRequest.application_id).distinct()
    return list(session.execute(query).scalars())


def waiting_cycles(session: Session, actor: Actor) -> set[int]:
    """The cycles that wait for these."""
    return set(session.execute(_only(_waiting(actor), VerificationRequest.cycle_id).distinct()).scalars())


def in_group(
    session: Session, clock: Clock, calendar: Calendar, actor: Actor, group: str, most: int
) -> tuple[list[Asked], int]:
    """The first of those of a group (`Asked.group`), so many at the most, and how many of it wait in all."""
    query = (
        _waiting(actor)
        .join(Application, col(Application.id) == VerificationRequest.application_id)
        .where(_is_of(group))
        .order_by(col(VerificationRequest.due_at), col(VerificationRequest.id))
    )
    columns = (VerificationRequest.id, VerificationRequest.cycle_id, Application.measure, VerificationRequest.facts)
    ids, keys = list[int](), dict[tuple[int, str, tuple[str, ...]], str]()
    for request_id, cycle_id, measure, names in session.execute(_only(query, *columns)):
        asked = cycle_id, measure, tuple(names)
        if asked not in keys:
            keys[asked], _ = _group(session, *asked)
        if keys[asked] == group:
            ids.append(request_id)
    found = known(session, clock, calendar, actor, ids[:most])
    return [found[key] for key in ids[:most]], len(ids)


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
    """The facts whose value is not the one that stands. Raises InputError for a value that cannot be read."""
    return [
        question.fact.name
        for question in asked.questions
        if (facts.canonical(question.fact, values.get(question.fact.name, "")) or "") != question.standing
    ]


def answer(
    session: Session, clock: Clock, actor: Actor, asked: Asked, opinion: str, reason: str, values: Mapping[str, str]
) -> None:
    """Answer in one line: the one reason serves the refusal as well as every value that does not stand.

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


def _waiting(actor: Actor, *, everybodys: bool = False) -> SelectOfScalar[VerificationRequest]:
    """The open requests that are for the actor to answer, or all of the place's."""
    query = (
        _of(actor)
        .join(Cycle, col(Cycle.id) == VerificationRequest.cycle_id)
        .join(User, col(User.id) == VerificationRequest.assigned_to, isouter=True)
        .where(VerificationRequest.status == RequestStatus.OPEN, Cycle.status == CycleStatus.OPEN)
    )
    mine = or_(col(User.id).is_(None), col(User.id) == actor.user_id, col(User.active).is_(False))
    return query if everybodys else query.where(mine)


def _only(query: SelectOfScalar[VerificationRequest], *columns: Any) -> Select[Any]:
    """The same rows with these columns."""
    return query.with_only_columns(*columns, maintain_column_froms=True)


def _count(session: Session, query: SelectOfScalar[VerificationRequest]) -> int:
    return int(session.execute(_only(query, func.count())).scalar_one())


def _late(session: Session, clock: Clock, query: SelectOfScalar[VerificationRequest]) -> int:
    due = col(VerificationRequest.due_at)
    rows = session.execute(_only(query, due, func.count()).group_by(due))
    return sum(number for due_at, number in rows if due_day(due_at) < today(clock))


def _groups(session: Session, query: SelectOfScalar[VerificationRequest]) -> list[Group]:
    """The groups of more than one request, those first whose first request is due first."""
    request, spelled = VerificationRequest, cast(VerificationRequest.facts, Text)
    of_measures = query.join(Application, col(Application.id) == request.application_id)
    group = col(request.cycle_id), col(Application.measure), spelled
    first = func.min(request.due_at), func.min(request.id)
    rows = session.execute(_only(of_measures, *group, func.count()).group_by(*group).order_by(*first))
    numbers = Counter[tuple[str, str]]()
    for cycle_id, measure, facts_asked, number in rows:
        numbers[_group(session, cycle_id, measure, json.loads(facts_asked))] += number
    return [Group(key, title, number) for (key, title), number in numbers.items() if number > 1]


def _group(session: Session, cycle_id: int, measure_id: str, names: Collection[str]) -> tuple[str, str]:
    """The group of a request for these facts, and the title of its measure."""
    law = policies.policy_of(session, cycles.get_cycle(session, cycle_id))
    measure = facts.measure_of(law, measure_id)
    return _key(cycle_id, measure, [fact.name for fact in measure.all_facts if fact.name in names]), measure.title


def _key(cycle_id: int | None, measure: Measure, names: Iterable[str]) -> str:
    return f"{cycle_id}.{measure.id}.{'-'.join(names)}"


def _is_of(group: str) -> ColumnElement[bool]:
    """Whether a request is of the cycle and measure of a group; of none when the key is not of ours."""
    cycle_id, _, rest = group.partition(".")
    measure, _, _ = rest.partition(".")
    number = int(cycle_id) if cycle_id.isascii() and cycle_id.isdigit() and len(cycle_id) < 10 else 0
    return and_(col(VerificationRequest.cycle_id) == number, col(Application.measure) == measure)


def _asked(session: Session, clock: Clock, calendar: Calendar, requests: Sequence[VerificationRequest]) -> list[Asked]:
    ids = [each.application_id for each in requests]
    applications: dict[int, tuple[Application, Enterprise]] = {}
    for some in in_parts(ids):
        rows = session.exec(
            select(Application, Enterprise)
            .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
            .where(col(Application.id).in_(some))
        )
        applications |= {application.id or 0: (application, enterprise) for application, enterprise in rows}
    declared, before = facts.newest(session, ids, FactKind.DECLARED), facts.last_verified(session, ids)
    hands = {each.assigned_to for each in requests}
    users = {user.id: user for user in session.exec(select(User).where(col(User.id).in_(hands), col(User.active)))}
    years = [cycles.get_cycle(session, key) for key in {each.cycle_id for each in requests}]
    laws = {cycle.id: (cycle, policies.policy_of(session, cycle)) for cycle in years}
    left = {due_at: working_days_left(clock, calendar, due_at) for due_at in {each.due_at for each in requests}}
    return [
        _one(
            *laws[each.cycle_id],
            each,
            *applications[each.application_id],
            declared.get(each.application_id, {}),
            before.get(each.application_id, {}),
            users.get(each.assigned_to),
            left[each.due_at],
        )
        for each in requests
    ]


def _one(
    cycle: Cycle,
    law: Policy,
    request: VerificationRequest,
    application: Application,
    enterprise: Enterprise,
    declared: Mapping[str, str | None],
    before: Mapping[str, facts.Verified],
    in_hand_of: User | None,
    days_left: int,
) -> Asked:
    measure = facts.measure_of(law, application.measure)
    return Asked(
        request=request,
        application=application,
        enterprise=enterprise,
        county=next((each.name for each in law.counties if each.id == application.county), application.county),
        cycle=cycle,
        measure=measure,
        questions=tuple(
            Question(fact, declared.get(fact.name) or "", before.get(fact.name))
            for fact in measure.all_facts
            if fact.name in request.facts
        ),
        declared=tuple(
            (shown(fact), read_easily(fact, declared.get(fact.name) or "")) for fact in facts.declared_facts(measure)
        ),
        due=due_day(request.due_at),
        days_left=days_left,
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
