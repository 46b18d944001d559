"""One application with everything that belongs to it, as far as the reader may see it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import or_
from sqlmodel import Session, col, select

from models import (
    Application,
    Attachment,
    Award,
    AwardList,
    AwardListEntry,
    Cycle,
    Enterprise,
    FactKind,
    FactValue,
    Finding,
    LedgerEntry,
    Objection,
    PanelDecision,
    Payment,
    PublicNotice,
    RequestStatus,
    Supplement,
    User,
    VerificationReply,
    VerificationRequest,
)
from policy import Fact, Measure, Policy
from services.access import sight
from services.access.actors import Actor
from services.access.permissions import may
from services.application import facts
from services.application.browsing import county_name
from services.application.state_names import LEVELS, OPINIONS, OUTCOMES, VERDICTS
from services.award import computation
from services.award.sharing import CITY
from services.clock import Clock
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.errors import NotFoundError
from services.grants.findings import told_of_other_year
from services.law import policies
from services.payment.payments import returns_of
from services.payment.returned import was_taken_back
from services.review import reviews


@dataclass(frozen=True)
class FactShown:
    """One fact: declared beside verified. `earlier` are values that a later one replaced, with their reasons."""

    label: str
    unit: str
    declared: str | None
    verified: str | None
    verifier: str
    reason: str
    differs: bool
    earlier: tuple[str, ...]


@dataclass(frozen=True)
class Asked:
    """A question to a county or bureau, with its answer when there is one.

    `unknown` are the facts that going on without an answer would have to bring, while there is none.
    """

    reviewer: str
    request: VerificationRequest
    reply: VerificationReply | None
    by: str
    due: date
    overdue: bool
    unknown: tuple[Fact, ...]

    @property
    def open(self) -> bool:
        """Whether it waits for an answer."""
        return self.request.status is RequestStatus.OPEN


@dataclass(frozen=True)
class Suspicion:
    """A finding with what it was found against."""

    finding: Finding
    counterpart: str
    amount_fen: int | None
    other_id: int | None
    by: str


@dataclass(frozen=True)
class Share:
    """A payment and who bears it."""

    payment: Payment
    bearer: str


@dataclass(frozen=True)
class Event:
    """Something that happened to the application."""

    at: datetime
    what: str
    who: str


@dataclass(frozen=True)
class Case:
    """Everything about one application that the reader may see."""

    application: Application
    enterprise: Enterprise
    cycle: Cycle
    law: Policy
    measure: Measure
    county: str
    registered: str
    facts: list[FactShown]
    attachments: list[Attachment]
    supplements: list[Supplement]
    asked: list[Asked]
    suspicions: list[Suspicion]
    panel: list[PanelDecision]
    award: Award | None
    entry: AwardListEntry | None
    listed: AwardList | None
    shares: list[Share]
    objections: list[Objection]
    story: list[Event]


def case(session: Session, clock: Clock, actor: Actor, application_id: int) -> Case:
    """Everything about one application. Raises NotFoundError when the actor may not see it."""
    application = sight.application(session, actor, application_id)
    cycle = cycles.get_cycle(session, application.cycle_id)
    law = policies.policy_of(session, cycle)
    measure = facts.measure_of(law, application.measure)
    enterprise = session.get_one(Enterprise, application.enterprise_id)
    office = may(actor.role, "lists")
    bureau = may(actor.role, "board")  # no treasury: what was found equal may be another county's
    supplements = _of(session, Supplement, application_id)
    asked = _asked(session, clock, law, application)
    suspicions = _suspicions(session, cycle, application_id) if bureau else []
    panel = _of(session, PanelDecision, application_id) if office else []
    award = _award(session, cycle, application_id) if office else None
    listed, entry = _entry(session, cycle, application_id) if office else (None, None)
    shares = _shares(session, law, application_id) if office else []
    objections = _of(session, Objection, application_id) if may(actor.role, "objections") else []
    found = Case(
        application=application,
        enterprise=enterprise,
        cycle=cycle,
        law=law,
        measure=measure,
        county=county_name(law, application.county),
        registered=_registered(law, application, enterprise),
        facts=_facts(session, law, measure, application_id),
        attachments=_of(session, Attachment, application_id),
        supplements=supplements,
        asked=asked,
        suspicions=suspicions,
        panel=panel,
        award=award,
        entry=entry,
        listed=listed,
        shares=shares,
        objections=objections,
        story=[],
    )
    found.story.extend(sorted(_events(session, found), key=lambda event: event.at))
    return found


def _registered(law: Policy, application: Application, enterprise: Enterprise) -> str:
    """What the enterprise is registered as, where this application says otherwise."""
    county = f"县区为{county_name(law, enterprise.county)}" if enterprise.county != application.county else ""
    kind = f"类型为{enterprise.kind}" if enterprise.kind != application.kind else ""
    return "，".join(each for each in (county, kind) if each)


def attachment(session: Session, actor: Actor, application_id: int, attachment_id: int) -> Attachment:
    """A file of an application that the actor may see. Raises NotFoundError."""
    sight.application(session, actor, application_id)
    found = session.get(Attachment, attachment_id)
    if found is None or found.application_id != application_id:
        raise NotFoundError("没有这份材料，或者不属于您可以查看的范围。")
    return found


def request(session: Session, clock: Clock, actor: Actor, application_id: int, request_id: int) -> Asked:
    """A question about an application that the actor may see. Raises NotFoundError."""
    application = sight.application(session, actor, application_id)
    law = policies.policy_of(session, cycles.get_cycle(session, application.cycle_id))
    asked = _asked(session, clock, law, application)
    found = next((each for each in asked if each.request.id == request_id), None)
    if found is None:
        raise NotFoundError(f"申报 {application.number} 没有编号为 {request_id} 的审核事项。")
    return found


def _of(session: Session, model: Any, application_id: int) -> list[Any]:
    return list(session.exec(select(model).where(model.application_id == application_id).order_by(model.id)))


def _facts(session: Session, law: Policy, measure: Measure, application_id: int) -> list[FactShown]:
    rows: dict[tuple[str, FactKind], list[FactValue]] = {}
    query = select(FactValue).where(FactValue.application_id == application_id).order_by(col(FactValue.seq))
    for row in session.exec(query):
        rows.setdefault((row.fact, row.kind), []).append(row)
    shown = []
    for fact in measure.all_facts:
        declared, verified = (rows.get((fact.name, kind), []) for kind in (FactKind.DECLARED, FactKind.VERIFIED))
        if not declared and not verified and fact.source != "declared" and not fact.verified_by:
            continue
        shown.append(_fact(law, fact, declared, verified))
    return shown


def _fact(law: Policy, fact: Fact, declared: list[FactValue], verified: list[FactValue]) -> FactShown:
    first, second = (values[-1].value if values else None for values in (declared, verified))
    earlier = [
        f"{words}曾为 {spelled(fact, row.value) or '空'}{f'（后因：{following.reason}）' if following.reason else ''}"
        for words, values in (("申报值", declared), ("核定值", verified))
        for row, following in pairwise(values)
    ]
    return FactShown(
        label=fact.label,
        unit=fact.unit,
        declared=spelled(fact, first),
        verified=spelled(fact, second),
        verifier=law.bureau_name(fact.verified_by) if fact.verified_by else "",
        reason=verified[-1].reason if verified else "",
        differs=bool(declared and verified) and first != second,
        earlier=tuple(earlier),
    )


def spelled(fact: Fact, value: str | None) -> str | None:
    """A stored value as people read it."""
    if value is None:
        return None
    if fact.type == "money":
        return f"{Decimal(value):,.2f}"
    return value.replace(";", "、") if fact.type == "list" else value


def _asked(session: Session, clock: Clock, law: Policy, application: Application) -> list[Asked]:
    names = {each.id: each.name for each in law.bureaus} | {each.id: each.name for each in law.counties}
    rows = session.exec(
        select(VerificationRequest, VerificationReply)
        .outerjoin(VerificationReply, col(VerificationReply.request_id) == VerificationRequest.id)
        .where(VerificationRequest.application_id == application.id)
        .order_by(col(VerificationRequest.id))
    ).all()
    users = _names(session, (reply.user_id for _, reply in rows if reply is not None))
    return [
        Asked(
            reviewer=names.get(request.reviewer, request.reviewer),
            request=request,
            reply=reply,
            by=users[reply.user_id] if reply is not None else "",
            due=due_day(request.due_at),
            overdue=request.status is RequestStatus.OPEN and clock.now() >= request.due_at,
            unknown=_unknown(session, application, request),
        )
        for request, reply in rows
    ]


def _unknown(session: Session, application: Application, request: VerificationRequest) -> tuple[Fact, ...]:
    is_open = request.status is RequestStatus.OPEN
    return tuple(reviews.undeclared(session, application, request)) if is_open else ()


def _suspicions(session: Session, cycle: Cycle, application_id: int) -> list[Suspicion]:
    rows = session.exec(
        select(Finding)
        .where(or_(col(Finding.application_id) == application_id, col(Finding.other_application_id) == application_id))
        .order_by(col(Finding.id))
    ).all()
    users = _names(session, (row.decided_by for row in rows if row.decided_by is not None))
    found = []
    for row in rows:
        by = users[row.decided_by] if row.decided_by is not None else ""
        if row.ledger_entry_id is not None:
            entry = session.get_one(LedgerEntry, row.ledger_entry_id)
            words = (
                f"{LEVELS[entry.level]}台账 {entry.ledger_id}（{entry.year} 年，{entry.enterprise}，{entry.project}）"
            )
            found.append(Suspicion(row, words, entry.amount_fen, None, by))
        else:
            other_id = row.other_application_id if row.application_id == application_id else row.application_id
            other = session.get_one(Application, other_id)
            told = f"申报 {other.number}"
            if other.cycle_id != cycle.id:
                told = told_of_other_year(session, other, cycle)
            words = f"{told}（{other.enterprise_name}，{other.project}）"
            found.append(Suspicion(row, words, None, other_id, by))
    return found


def _award(session: Session, cycle: Cycle, application_id: int) -> Award | None:
    run = computation.latest_run(session, cycle.id or 0)
    if run is None:
        return None
    return session.exec(
        select(Award).where(Award.run_id == run.id, Award.application_id == application_id)
    ).one_or_none()


def _entry(session: Session, cycle: Cycle, application_id: int) -> tuple[AwardList | None, AwardListEntry | None]:
    newest = session.exec(
        select(AwardList).where(AwardList.cycle_id == cycle.id).order_by(col(AwardList.version).desc()).limit(1)
    ).first()
    if newest is None:
        return None, None
    return newest, session.exec(
        select(AwardListEntry).where(
            AwardListEntry.list_id == newest.id, AwardListEntry.application_id == application_id
        )
    ).one_or_none()


def _shares(session: Session, law: Policy, application_id: int) -> list[Share]:
    rows = session.exec(
        select(Payment)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .where(AwardListEntry.application_id == application_id)
        .order_by(col(Payment.id))
    )
    return [Share(row, "市级" if row.bearer == CITY else county_name(law, row.bearer)) for row in rows]


def _events(session: Session, found: Case) -> Iterator[Event]:
    """What happened, out of the record's own dates."""
    application = found.application
    people = {each.requested_by for each in found.supplements} | {each.user_id for each in found.attachments}
    people |= {each.user_id for each in found.panel}
    users = _names(session, people)
    if application.submitted_at is not None:
        yield Event(application.submitted_at, f"提交申报（{application.source}）", application.enterprise_name)
    for each in found.attachments:
        yield Event(each.added_at, f"上传材料“{each.filename}”（{each.evidence}）", users[each.user_id])
    for supplement in found.supplements:
        yield Event(supplement.requested_at, f"要求补正：{supplement.remarks}", users[supplement.requested_by])
        if supplement.answered_at is not None:
            yield Event(supplement.answered_at, f"补正：{supplement.answer}", application.enterprise_name)
    sent: dict[tuple[datetime, int], list[str]] = {}
    for asked in found.asked:
        sent.setdefault((asked.request.sent_at, asked.request.round), []).append(asked.reviewer)
    for (at, times), reviewers in sent.items():
        again = f"（第 {times} 次）" if times > 1 else ""
        yield Event(at, f"请{'、'.join(reviewers)}核验{again}", "系统")
    for asked in found.asked:
        if asked.reply is not None:
            reason = f"：{asked.reply.reason}" if asked.reply.reason else ""
            said = f"{asked.reviewer}{OPINIONS[asked.reply.opinion]}{reason}"
            yield Event(asked.reply.replied_at, said, asked.by)
    for suspicion in found.suspicions:
        finding = suspicion.finding
        yield Event(finding.found_at, f"查重发现：{suspicion.counterpart}", "系统")
        if finding.decided_at is not None:
            since = max(
                finding.found_at, finding.decided_at
            )  # a decision of another year holds since it was found again
            yield Event(since, f"{VERDICTS[finding.verdict]}：{finding.reason}", suspicion.by)
    for decision in found.panel:
        yield Event(decision.decided_at, f"专家核定：{decision.reason}", users[decision.user_id])
    yield from _late_events(session, found)


def _late_events(session: Session, found: Case) -> Iterator[Event]:
    if found.listed is not None and found.entry is not None:
        words = f"列入名单第 {found.listed.version} 版：{OUTCOMES[found.entry.outcome]}"
        yield Event(found.listed.frozen_at, words, "系统")
        notice = session.exec(select(PublicNotice).where(PublicNotice.list_id == found.listed.id)).one_or_none()
        if notice is not None:
            yield Event(notice.published_at, f"公示 {notice.starts_on} 至 {notice.ends_on}", "系统")
    for objection in found.objections:
        yield Event(objection.received_at, f"收到异议 {objection.number}", objection.raised_by)
        if objection.answered_at is not None:
            yield Event(objection.answered_at, f"答复异议 {objection.number}：{objection.answer}", "")
    yield from _paid_events(session, found.shares)


def _paid_events(session: Session, shares: Sequence[Share]) -> Iterator[Event]:
    came_back = {share.bearer: returns_of(session, share.payment.id or 0) for share in shares}
    users = _names(session, (each.user_id for returns in came_back.values() for each in returns))
    for share in shares:
        reported, returns = share.payment.reported_at, came_back[share.bearer]
        for each in returns:
            how = f"于 {each.returned_on} 被银行退回" if each.returned_on else "登记有误，没有拨付"
            words = f"{share.bearer}负担部分（登记于 {each.paid_on} 拨付）{how}：{each.reason}"
            yield Event(each.recorded_at, words, users[each.user_id])
        if reported is not None and reported not in [each.recorded_at for each in returns]:
            again = any(was_taken_back(share.payment, each) for each in returns)
            paid = f"{'退回登记有误，仍' if again else ''}于 {share.payment.paid_on} 拨付"
            done = paid if share.payment.paid_on else f"拨付失败：{share.payment.failure}"
            yield Event(reported, f"{share.bearer}负担部分{done}", "")


def _names(session: Session, ids: Iterable[int]) -> Mapping[int, str]:
    rows = session.exec(select(User.id, User.name).where(col(User.id).in_(set(ids))))
    return {key: name for key, name in rows if key is not None}
