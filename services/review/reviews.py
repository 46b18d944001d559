"""Reviews: the county first, then every bureau of the measure side by side; their replies and verified values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Cycle,
    CycleStatus,
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
from services.access import people
from services.access.actors import Actor
from services.after_payment import bans
from services.application import facts
from services.application.applications import get_application
from services.application.lifecycle import leads_on, move
from services.clock import CHINA, Clock
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after, due_day
from services.cycle.stages import CyclePlan
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.law import policies
from services.notices.contexts import about_cycle
from services.notices.queueing import Notice, queue_all
from services.record.operation import operation
from services.record.parts import in_parts
from services.record.rows import add_rows

_ASKED_IN = {ReviewerKind.COUNTY: ApplicationStatus.ACCEPTED, ReviewerKind.BUREAU: ApplicationStatus.COUNTY_PASSED}
_STAGE = {ReviewerKind.COUNTY: "county_review", ReviewerKind.BUREAU: "verification"}
_PASS = {ReviewerKind.COUNTY: "county_pass", ReviewerKind.BUREAU: "verify"}
_REFUSE = {ReviewerKind.COUNTY: "county_refuse", ReviewerKind.BUREAU: "refuse"}
_ROLE = {ReviewerKind.COUNTY: Role.COUNTY_REVIEWER, ReviewerKind.BUREAU: Role.BUREAU_VERIFIER}


def to_request(session: Session, cycle_id: int, kind: ReviewerKind) -> list[int]:
    """Applications that this kind of reviewer has not been asked about yet (in the current round)."""
    rows = session.exec(select(Application.id).where(*_unasked(cycle_id, kind)).order_by(col(Application.id)))
    return [row for row in rows if row is not None]


def count_to_request(session: Session, cycle_id: int, kind: ReviewerKind) -> int:
    """How many these are."""
    return session.exec(select(func.count()).where(*_unasked(cycle_id, kind))).one()


@operation("review.request")
def request(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    plan: CyclePlan,
    cycle_id: int,
    kind: ReviewerKind,
    application_ids: list[int],
) -> int:
    """Ask every reviewer of these applications, each fact of the bureau that verifies it.

    Returns how many requests were made. Applications already asked about, or in another state, are passed over.
    """
    cycle = cycles.open_one(session, cycle_id)
    law = policies.policy_of(session, cycle)
    due_at = due_after(clock, Calendar(settings.calendar_dir), plan.stage(_STAGE[kind]).working_days or 1)
    sent = {"cycle_id": cycle_id, "kind": kind, "sent_at": clock.now(), "due_at": due_at}
    rows: list[dict[str, Any]] = []
    for some in in_parts(application_ids):
        rounds = _rounds(session, some, kind)
        of_these = select(Application.id, Application.county, Application.measure).where(
            *_unasked(cycle_id, kind), col(Application.id).in_(some)
        )
        for key, county, measure in session.exec(of_these.order_by(col(Application.id))):
            asked = {"application_id": key, "round": rounds.get(key or 0, 0) + 1}
            questions = {county: []} if kind is ReviewerKind.COUNTY else _questions(law, measure)
            rows += [{**sent, **asked, "reviewer": reviewer, "facts": names} for reviewer, names in questions.items()]
    add_rows(session, VerificationRequest, rows)
    return len(rows)


@operation("message.queue")
def tell(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, kind: ReviewerKind) -> int:
    """Tell each reviewer what was asked on one day and waits: once all are asked, in however many chunks.

    A notice is about the newest request made on that day, answered or not: without a new one nobody is told twice.
    Returns how many notices were new.
    """
    cycle = cycles.open_one(session, cycle_id)
    law, page = policies.policy_of(session, cycle), about_cycle(session, cycle, "reviews")
    notices = [
        Notice(
            cycle_id,
            "review_request",
            user.email or "",
            user.name,
            f"{kind.value}/{asked.reviewer}/{asked.newest}",
            {
                **page,
                "reviewer": reviewer_name(law, kind, asked.reviewer),
                "count": asked.open,
                "due": due_day(asked.due_at),
            },
        )
        for asked in _asked_by_day(session, cycle_id, kind)
        for user in _staff(session, kind, asked.reviewer)
    ]
    return queue_all(session, clock, notices, domain=settings.message_domain)


@operation("review.reply")
def reply(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    request_id: int,
    opinion: Opinion,
    reason: str = "",
    values: Mapping[str, str] | None = None,
    reasons: Mapping[str, str] | None = None,
) -> VerificationReply:
    """Answer a request: an opinion, and the verified value of each fact asked for.

    A value that is not given stays what it was verified to be before, else what was declared. A refusal and every
    value that is neither need a reason. Raises NotAllowedError for another bureau's or county's request, StateError
    when it is no longer open, InputError for what cannot be taken.
    """
    asked = _get(session, request_id)
    if not is_asked(actor, asked):
        raise NotAllowedError("只能回复发给本单位的核验事项。")
    cycles.open_one(session, asked.cycle_id)
    if asked.status is not RequestStatus.OPEN:
        raise StateError("该事项已经回复或不再需要回复。")
    application = get_application(session, asked.application_id)
    if opinion is Opinion.REFUSE and not reason.strip():
        raise InputError("不同意必须写明理由。")
    if opinion is Opinion.AGREE:
        _verify(session, clock, actor, application, asked, values or {}, reasons or {})
    answered = VerificationReply(
        request_id=request_id, opinion=opinion, reason=reason.strip(), user_id=actor.user_id, replied_at=clock.now()
    )
    session.add(answered)
    asked.status = RequestStatus.ANSWERED
    session.flush()
    _settle(session, application, asked)
    return answered


@operation("review.override")
def override_request(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    request_id: int,
    reason: str,
    values: Mapping[str, str] | None = None,
) -> None:
    """Go on without a reply, for a reason: what was verified before, else declared, counts as verified by the operator.

    A fact that only the bureau knows must be among `values`; InputError names the one that is not.
    """
    asked = _get(session, request_id)
    cycles.open_one(session, asked.cycle_id)
    if asked.status is not RequestStatus.OPEN:
        raise StateError("该事项已经回复或不再需要回复。")
    if not reason.strip():
        raise InputError("放行必须写明理由。")
    application = get_application(session, asked.application_id)
    note = f"视同无意见：{reason.strip()}"
    fallback = {fact.name: note for fact in _asked_facts(session, application, asked)}
    _verify(session, clock, actor, application, asked, values or {}, fallback)
    asked.status = RequestStatus.OVERRIDDEN
    session.flush()
    _settle(session, application, asked)


def undeclared(session: Session, application: Application, asked: VerificationRequest) -> list[Fact]:
    """What a request asks for that the record does not say: only the bureau, or an override, can give it."""
    key = application.id or 0
    declared = facts.newest(session, [key], FactKind.DECLARED).get(key, {})
    before = facts.last_verified(session, [key]).get(key, {})
    known = {**declared, **{name: each.value for name, each in before.items()}}
    return [fact for fact in _asked_facts(session, application, asked) if known.get(fact.name) is None]


@operation("objection.answer")
def reopen(session: Session, clock: Clock, actor: Actor, *, application_id: int) -> None:
    """Have an application verified again after an upheld objection, or examined if a ban ended it before it was."""
    application = get_application(session, application_id)
    unexamined = bans.stood_at(session, application) in (ApplicationStatus.SUBMITTED, ApplicationStatus.SUPPLEMENT)
    move(application, "readmit" if unexamined else "reopen", "异议成立")


@operation("review.again")
def verify_again(session: Session, clock: Clock, actor: Actor, *, application_id: int, reason: str) -> None:
    """Have the bureaus verify an application again, for a reason, while the year is with the bureaus.

    As after a list was returned. Raises StateError in another stage or for an application that is not through.
    """
    application = get_application(session, application_id)
    cycle = cycles.open_one(session, application.cycle_id)
    if not _is_with_bureaus(cycle):
        raise StateError("现在不是部门联审阶段，不能重新核验；名单审批时发现问题的，请审批人退回，再重新核验。")
    if not reason.strip():
        raise InputError("重新核验必须写明理由。")
    move(application, "verify_again", reason.strip())


def can_verify_again(cycle: Cycle, application: Application) -> bool:
    """Whether the bureaus can be asked to verify an application again as things stand."""
    return _is_with_bureaus(cycle) and leads_on(application, "verify_again")


def _is_with_bureaus(cycle: Cycle) -> bool:
    return cycle.status is CycleStatus.OPEN and cycle.stage == _STAGE[ReviewerKind.BUREAU]


def open_requests(session: Session, cycle_id: int, kind: ReviewerKind | None = None) -> list[VerificationRequest]:
    """Requests that wait for a reply, the earliest due first."""
    query = select(VerificationRequest).where(
        VerificationRequest.cycle_id == cycle_id, VerificationRequest.status == RequestStatus.OPEN
    )
    if kind is not None:
        query = query.where(VerificationRequest.kind == kind)
    return list(session.exec(query.order_by(col(VerificationRequest.due_at), col(VerificationRequest.id))))


def waiting(session: Session, cycle_id: int, kind: ReviewerKind) -> list[tuple[str, int, datetime]]:
    """For each reviewer of whom replies are awaited, in order of their ids: how many, and when the first is due."""
    rows = session.exec(
        select(VerificationRequest.reviewer, func.count(), func.min(VerificationRequest.due_at))
        .where(*_open(cycle_id, kind))
        .group_by(col(VerificationRequest.reviewer))
        .order_by(col(VerificationRequest.reviewer))
    )
    return [(reviewer, count, due_at) for reviewer, count, due_at in rows]


@dataclass(frozen=True)
class Held:
    """How many requests to a reviewer wait, due at one moment and in the same hands, and when the first was sent."""

    reviewer: str
    due_at: datetime
    assigned_to: int | None
    count: int
    sent_at: datetime


def held(session: Session, cycle_id: int, kind: ReviewerKind) -> list[Held]:
    """What waits for a reply, added up; the earliest due first."""
    alike = VerificationRequest.reviewer, VerificationRequest.due_at, VerificationRequest.assigned_to
    rows = session.exec(
        select(*alike, func.count(), func.min(VerificationRequest.sent_at))  # type: ignore[call-overload]
        .where(*_open(cycle_id, kind))
        .group_by(*map(col, alike))
        .order_by(col(VerificationRequest.due_at), col(VerificationRequest.reviewer))
    )
    return [Held(*row) for row in rows]


def _open(cycle_id: int, kind: ReviewerKind) -> tuple[ColumnElement[bool] | bool, ...]:
    return (
        VerificationRequest.cycle_id == cycle_id,
        VerificationRequest.kind == kind,
        VerificationRequest.status == RequestStatus.OPEN,
    )


@dataclass(frozen=True)
class _Asked:
    """What one reviewer was asked on one day: how many are open, the first day due, the newest request of all."""

    reviewer: str
    open: int
    due_at: datetime
    newest: int


def _asked_by_day(session: Session, cycle_id: int, kind: ReviewerKind) -> Iterator[_Asked]:
    """By reviewer and day (China), as far as something is open; each chunk was asked at a moment of its own."""
    asked, is_open = VerificationRequest, col(VerificationRequest.status) == RequestStatus.OPEN
    due_at = func.min(asked.due_at).filter(is_open)
    chunks = session.exec(
        select(asked.reviewer, asked.sent_at, func.count().filter(is_open), due_at, func.max(asked.id))  # type: ignore[call-overload]
        .where(asked.cycle_id == cycle_id, asked.kind == kind)
        .group_by(col(asked.reviewer), col(asked.sent_at))
        .order_by(col(asked.reviewer), col(asked.sent_at))
    )
    for (reviewer, _), some in groupby(chunks, lambda row: (row[0], row[1].astimezone(CHINA).date())):
        _, _, counts, dues, newest = zip(*some, strict=True)
        if sum(counts):
            yield _Asked(reviewer, sum(counts), min(filter(None, dues)), max(newest))


def _questions(law: Policy, measure_id: str) -> dict[str, list[str]]:
    """Which bureaus are asked, and which facts each verifies; a bureau without a fact gives its opinion only."""
    measure = facts.measure_of(law, measure_id)
    bureaus = [measure.lead, *measure.responsible, *_verifiers(measure)]
    return {bureau: [fact.name for fact in facts.verified_facts(measure, bureau)] for bureau in dict.fromkeys(bureaus)}


def _verifiers(measure: Measure) -> list[str]:
    return [fact.verified_by for fact in measure.all_facts if fact.verified_by]


def _asked_facts(session: Session, application: Application, asked: VerificationRequest) -> list[Fact]:
    law = policies.policy_of(session, cycles.get_cycle(session, application.cycle_id))
    measure = facts.measure_of(law, application.measure)
    return [fact for fact in measure.all_facts if fact.name in asked.facts]


def _verify(
    session: Session,
    clock: Clock,
    actor: Actor,
    application: Application,
    asked: VerificationRequest,
    values: Mapping[str, str],
    reasons: Mapping[str, str],
) -> None:
    """Store the verified value of every fact that was asked for; one verified before stands, with its reason.

    Values and reasons may stand under the names of facts or their Chinese names.
    """
    known = {fact.name: fact for fact in _asked_facts(session, application, asked)}
    called = {fact.label: name for name, fact in known.items()}
    values, reasons = ({called.get(name, name): text for name, text in each.items()} for each in (values, reasons))
    if strange := [name for name in values if name not in known]:
        asked_for = "、".join(f"{fact.label}（{name}）" for name, fact in known.items())
        told = f"请核验的是：{asked_for}" if known else "这一件只要意见，不用填核定值"
        raise InputError(f"“{'、'.join(strange)}”不是请本单位核验的内容；{told}。")
    application_id = application.id or 0
    declared = facts.newest(session, [application_id], FactKind.DECLARED).get(application_id, {})
    before = facts.last_verified(session, [application_id]).get(application_id, {})
    verified: dict[str, str | None] = {}
    because: dict[str, str] = {}
    for name, fact in known.items():
        last, reason = before.get(name), reasons.get(name, "").strip()
        standing = last.value if last is not None else declared.get(name)
        value = facts.canonical(fact, values[name]) if name in values else standing
        if value is None and fact.must_be_given and asked.kind is ReviewerKind.BUREAU:
            raise InputError(f"{application.number}：没有核定“{fact.label}”，请填写核定值。")
        if last is not None and value == last.value and not (reason and name in values):
            reason = last.reason
        if fact.source == "declared" and value != declared.get(name) and not reason:
            raise InputError(f"{application.number}：“{fact.label}”的核定值与申报值不同，请写明理由。")
        verified[name], because[name] = value, reason
    facts.store(
        session,
        clock,
        actor,
        application_id,
        FactKind.VERIFIED,
        verified,
        reasons=because,
        bureau=asked.reviewer,
    )


def _settle(session: Session, application: Application, asked: VerificationRequest) -> None:
    """Once all of a round have replied, the application goes on, or is refused with all the reasons given."""
    rows = session.exec(
        select(VerificationRequest, VerificationReply)
        .join(VerificationReply, col(VerificationReply.request_id) == VerificationRequest.id, isouter=True)
        .where(
            VerificationRequest.application_id == application.id,
            VerificationRequest.kind == asked.kind,
            VerificationRequest.round == asked.round,
        )
        .order_by(col(VerificationRequest.id))
    ).all()
    if any(each.status is RequestStatus.OPEN for each, _ in rows):
        return
    law = policies.policy_of(session, cycles.get_cycle(session, application.cycle_id))
    refusals = [
        f"{reviewer_name(law, each.kind, each.reviewer)}：{answer.reason}"
        for each, answer in rows
        if answer is not None and answer.opinion is Opinion.REFUSE
    ]
    move(application, _REFUSE[asked.kind] if refusals else _PASS[asked.kind], "；".join(refusals))


def is_asked(actor: Actor, asked: VerificationRequest) -> bool:
    """Whether a request goes to the actor's county or bureau, and the actor is who answers for it."""
    place = actor.county if asked.kind is ReviewerKind.COUNTY else actor.bureau
    return actor.role is _ROLE[asked.kind] and asked.reviewer == place


def reviewer_name(law: Policy, kind: ReviewerKind, reviewer: str) -> str:
    """A county's or bureau's name as people know it; the id itself when the policy does not know it."""
    if kind is ReviewerKind.BUREAU:
        return law.bureau_name(reviewer)
    return next((county.name for county in law.counties if county.id == reviewer), reviewer)


def _unasked(cycle_id: int, kind: ReviewerKind) -> tuple[ColumnElement[bool] | bool, ...]:
    """That an application waits for this kind of reviewer, who was not asked about it yet."""
    open_one = select(VerificationRequest.id).where(
        VerificationRequest.application_id == Application.id,
        VerificationRequest.kind == kind,
        VerificationRequest.status == RequestStatus.OPEN,
    )
    return Application.cycle_id == cycle_id, Application.status == _ASKED_IN[kind], ~open_one.exists()


def _rounds(session: Session, application_ids: Sequence[int], kind: ReviewerKind) -> dict[int, int]:
    """By application the last round in which this kind of reviewer was asked."""
    rows = session.exec(
        select(VerificationRequest.application_id, func.max(VerificationRequest.round))
        .where(col(VerificationRequest.application_id).in_(application_ids), VerificationRequest.kind == kind)
        .group_by(col(VerificationRequest.application_id))
    )
    return {key: last for key, last in rows}  # noqa: C416 - rows are no pairs to the type checker


def _staff(session: Session, kind: ReviewerKind, reviewer: str) -> list[User]:
    """Who answers for a county or bureau."""
    place = {"county": reviewer} if kind is ReviewerKind.COUNTY else {"bureau": reviewer}
    return people.active_users(session, _ROLE[kind], **place)


def _get(session: Session, request_id: int) -> VerificationRequest:
    asked = session.get(VerificationRequest, request_id)
    if asked is None:
        raise NotFoundError(f"没有编号为 {request_id} 的核验事项。")
    return asked
