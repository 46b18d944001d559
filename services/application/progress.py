"""What an enterprise may know of its own application: where it stands, what happened, and, once it is out, the result.

No outcome is shown before the stage of the result notices has done its work.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from sqlmodel import Session, col, select

from models import (
    Application,
    ApplicationStatus,
    Attachment,
    Award,
    AwardListEntry,
    Cycle,
    CycleStatus,
    Enterprise,
    FactKind,
    Objection,
    Payment,
    PaymentStatus,
    PublicNotice,
    RequestStatus,
    ReviewerKind,
    Role,
    Supplement,
    VerificationReply,
    VerificationRequest,
)
from policy import Fact, Measure, Policy
from services.access import sight
from services.access.actors import Actor
from services.application import accounts, completeness, facts
from services.application import contacts as reached
from services.application.completeness import Lack
from services.application.lifecycle import ALIVE, TOLD_APPLICANTS, TRANSITIONS
from services.application.particulars import CONTACTS
from services.award import lists
from services.award.sharing import CITY
from services.clock import Clock
from services.cycle import cycles, publication
from services.cycle.deadlines import due_day
from services.errors import NotFoundError
from services.law import policies

RESULTS = "results"
_LABEL = re.compile(r"“([^”]+)”")
_WITHDRAWABLE = TRANSITIONS["withdraw"].sources
_TOLD_WHY = frozenset({ApplicationStatus.WITHDRAWN, ApplicationStatus.LAPSED, ApplicationStatus.BARRED})


@dataclass(frozen=True)
class Line:
    """One of the enterprise's applications in its list."""

    application: Application
    title: str
    year: int
    words: str


@dataclass(frozen=True)
class Event:
    """Something that happened, in plain words."""

    at: datetime
    words: str
    detail: str = ""


@dataclass(frozen=True)
class Remark:
    """One thing that a 补正 request asks for, with what answers it.

    What the examination asked for has to be given as `lack` says; what the bureau wrote is answered in words or with
    files, and `contacts` are the columns that it names.
    """

    text: str
    fact: Fact | None = None
    declared: str = ""
    pledge: bool = False
    contacts: Mapping[str, str] = field(default_factory=dict)  # column → what it says now
    lack: Lack | None = None
    uploaded: Sequence[str] = ()  # names of the files of the evidence that it asks for


@dataclass(frozen=True)
class Result:
    """The outcome that was notified, with its arithmetic and the payments."""

    award: Award
    payments: list[tuple[str, Payment]]


@dataclass(frozen=True)
class Story:
    """Everything about one own application."""

    application: Application
    cycle: Cycle
    law: Policy
    measure: Measure
    enterprise: Enterprise
    words: str
    declared: list[tuple[Fact, str]]
    files: list[Attachment]
    events: list[Event]
    supplement: Supplement | None
    due: date | None  # the last day on which it can be answered
    remarks: list[Remark]
    result: Result | None
    objections: list[Objection]
    notice: publication.Running | None
    may_withdraw: bool
    reason: str
    may_correct_account: bool
    may_correct_contacts: bool
    failed: list[Payment]  # money that could not be paid, in a year under way


def lines(session: Session, actor: Actor) -> list[Line]:
    """The enterprise's applications, the newest first."""
    _check_applicant(actor)
    found = session.exec(sight.applications_of(actor).order_by(col(Application.id).desc()))
    return [_line(session, application) for application in found]


def own(session: Session, actor: Actor, application_id: int) -> Application:
    """An application of the actor's own enterprise. Raises NotFoundError."""
    _check_applicant(actor)
    return sight.application(session, actor, application_id)


def story(session: Session, clock: Clock, actor: Actor, application_id: int) -> Story:
    """One own application. Raises NotFoundError."""
    application = own(session, actor, application_id)
    cycle = cycles.get_cycle(session, application.cycle_id)
    law = policies.policy_of(session, cycle)
    measure = facts.measure_of(law, application.measure)
    values = facts.newest(session, [application_id], FactKind.DECLARED).get(application_id, {})
    declared = [(fact, values.get(fact.name) or "") for fact in facts.declared_facts(measure)]
    rounds = _rounds(session, application_id)
    asked = application.status is ApplicationStatus.SUPPLEMENT and cycle.status is CycleStatus.OPEN
    waiting = rounds[-1] if asked and rounds else None
    result = _result(session, law, cycle, application_id)
    files = _files(session, application_id)
    failed = _failed(session, cycle, application_id)
    running = publication.notices(session, clock)
    return Story(
        application=application,
        cycle=cycle,
        law=law,
        measure=measure,
        enterprise=session.get_one(Enterprise, application.enterprise_id),
        words=_words(cycle, application, result, failed),
        declared=declared,
        files=files,
        events=sorted(_events(session, cycle, application, rounds, result), key=lambda event: event.at),
        supplement=waiting,
        due=due_day(waiting.due_at) if waiting else None,
        remarks=_remarks(law, application, waiting, values, files) if waiting else [],
        result=result,
        objections=_objections(session, application),
        notice=next((each for each in running if each.cycle_id == cycle.id), None),
        may_withdraw=application.status in _WITHDRAWABLE and cycle.status is CycleStatus.OPEN,
        reason=reason_for(actor, application),
        may_correct_account=not accounts.why_settled(session, cycle, application),
        may_correct_contacts=not reached.why_settled(session, cycle),
        failed=failed,
    )


def reason_for(actor: Actor, application: Application) -> str:
    """Why an application stands where it does, as far as the actor may know: what reviewers wrote is the bureau's."""
    shown = actor.role is not Role.APPLICANT or application.status in _TOLD_WHY
    return application.status_reason if shown else ""


def file(session: Session, actor: Actor, application_id: int, attachment_id: int) -> Attachment:
    """A file of an own application. Raises NotFoundError."""
    own(session, actor, application_id)
    found = session.get(Attachment, attachment_id)
    if found is None or found.application_id != application_id:
        raise NotFoundError("没有这份材料。")
    return found


def _check_applicant(actor: Actor) -> None:
    if actor.role is not Role.APPLICANT or actor.enterprise_id is None:
        raise NotFoundError("没有这件申报，或者不属于您可以查看的范围。")


def _line(session: Session, application: Application) -> Line:
    cycle = cycles.get_cycle(session, application.cycle_id)
    law = policies.policy_of(session, cycle)
    result = _result(session, law, cycle, application.id or 0)
    words = _words(cycle, application, result, _failed(session, cycle, application.id or 0))
    return Line(application, facts.measure_of(law, application.measure).title, cycle.year, words)


def _words(cycle: Cycle, application: Application, result: Result | None, failed: Sequence[Payment]) -> str:
    if failed:
        return "资金没有拨付成功，请核对收款账户"
    if result is not None:
        return "结果已通知"
    if cycle.status is CycleStatus.CANCELLED and application.status in ALIVE:
        return "本年度已终止，不再办理"
    return TOLD_APPLICANTS[application.status]


def _failed(session: Session, cycle: Cycle, application_id: int) -> list[Payment]:
    """Its payments that failed and can still be made: the enterprise is told, or it could not correct the account."""
    if cycle.status is not CycleStatus.OPEN:
        return []
    query = select(Payment).join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
    failed = (AwardListEntry.application_id == application_id, Payment.status == PaymentStatus.FAILED)
    return list(session.exec(query.where(*failed).order_by(col(Payment.id))))


def _rounds(session: Session, application_id: int) -> list[Supplement]:
    query = select(Supplement).where(Supplement.application_id == application_id).order_by(col(Supplement.round))
    return list(session.exec(query))


def _files(session: Session, application_id: int) -> list[Attachment]:
    query = select(Attachment).where(Attachment.application_id == application_id).order_by(col(Attachment.id))
    return list(session.exec(query))


def _objections(session: Session, application: Application) -> list[Objection]:
    """Those that the enterprise raised itself."""
    query = select(Objection).where(
        Objection.application_id == application.id, Objection.raised_by == application.enterprise_name
    )
    return list(session.exec(query.order_by(col(Objection.id))))


def _remarks(
    law: Policy,
    application: Application,
    asked: Supplement,
    declared: Mapping[str, str | None],
    files: Sequence[Attachment],
) -> list[Remark]:
    """The sentences of a request; those of the examination are known again by what is lacking, but for new files."""
    lacks = completeness.lacking(law, application, declared, ())
    known = {lack.sentence: lack for lack in lacks}
    labels = {fact.label: fact for fact in facts.declared_facts(facts.measure_of(law, application.measure))}
    found = []
    for text in filter(None, (part.strip() for part in re.split(r"[；;\n]", asked.remarks))):
        lack = known.get(text)
        named = [labels[label] for label in _LABEL.findall(text) if label in labels]
        fact = lack.fact if lack else named[0] if len(named) == 1 else None
        plain = lack is None and fact is None
        columns = [lack.contact] if lack and lack.contact else _columns_named(text) if plain else []
        found.append(
            Remark(
                text,
                fact,
                (declared.get(fact.name) or "") if fact else "",
                pledge=lack.pledge if lack else plain and "承诺书" in text,
                contacts={column: getattr(application, column) for column in columns},
                lack=lack,
                uploaded=[file.filename for file in files if lack and lack.evidence == file.evidence],
            )
        )
    return found


def _columns_named(text: str) -> list[str]:
    words = {name: label.removeprefix("联系") if name == "contact_email" else label for name, label in CONTACTS.items()}
    return [name for name, word in words.items() if word in text]


def _events(
    session: Session, cycle: Cycle, application: Application, rounds: list[Supplement], result: Result | None
) -> list[Event]:
    events = [Event(application.submitted_at, "提交申报")] if application.submitted_at else []
    for each in rounds:
        until = f"请在 {due_day(each.due_at)} 前补正：{each.remarks}"
        events.append(Event(each.requested_at, "形式审查要求补正", until))
        if each.answered_at is not None:
            events.append(Event(each.answered_at, "已补正", each.answer))
    events += _review_events(session, application)
    if application.status not in (ApplicationStatus.WITHDRAWN, ApplicationStatus.LAPSED, ApplicationStatus.BARRED):
        events += _notice_events(session, cycle)
    if result is not None:
        events += _result_events(session, cycle, result)
    return events


def _review_events(session: Session, application: Application) -> list[Event]:
    """That reviewers were asked and have replied; what they said is not told here."""
    requests = session.exec(
        select(VerificationRequest)
        .where(
            VerificationRequest.application_id == application.id,
            VerificationRequest.status != RequestStatus.CANCELLED,
        )
        .order_by(col(VerificationRequest.id))
    ).all()
    events = []
    for kind, name in ((ReviewerKind.COUNTY, "县区初审"), (ReviewerKind.BUREAU, "部门联审")):
        for number in sorted({each.round for each in requests if each.kind is kind}):
            asked = [each for each in requests if each.kind is kind and each.round == number]
            again = "重新" if number > 1 else ""
            events.append(Event(asked[0].sent_at, f"{again}转{name}", f"共 {len(asked)} 个单位审核"))
            replies = session.exec(
                select(VerificationReply.replied_at).where(
                    col(VerificationReply.request_id).in_([each.id for each in asked])
                )
            ).all()
            if replies and not any(each.status is RequestStatus.OPEN for each in asked):
                events.append(Event(max(replies), f"{name}已全部回复"))
    return events


def _notice_events(session: Session, cycle: Cycle) -> list[Event]:
    query = select(PublicNotice).where(PublicNotice.cycle_id == cycle.id).order_by(col(PublicNotice.id))
    return [
        Event(each.published_at, "拟奖补名单公示", f"公示期 {each.starts_on} 至 {each.ends_on}")
        for each in session.exec(query)
    ]


def _result_events(session: Session, cycle: Cycle, result: Result) -> list[Event]:
    told = _told_at(session, cycle)
    events = [Event(told, "结果通知", "见本页“办理结果”")] if told else []
    for bearer, each in result.payments:
        if each.paid_on is not None and each.reported_at is not None:
            events.append(Event(each.reported_at, f"{bearer}资金已拨付", f"拨付日期 {each.paid_on}"))
    return events


def _told_at(session: Session, cycle: Cycle) -> datetime | None:
    visit = cycles.newest_visit(session, cycle, RESULTS)
    return visit.work_done_at if visit is not None else None


def _result(session: Session, law: Policy, cycle: Cycle, application_id: int) -> Result | None:
    """The outcome on the current list, once the result notices went out."""
    if _told_at(session, cycle) is None:
        return None
    row = session.exec(
        select(AwardListEntry, Award)
        .join(Award, col(Award.id) == AwardListEntry.award_id)
        .where(
            AwardListEntry.list_id == lists.current_list(session, cycle).id,
            AwardListEntry.application_id == application_id,
        )
    ).one_or_none()
    if row is None:
        return None
    entry, award = row
    names = {county.id: county.name for county in law.counties} | {CITY: "市级"}
    payments = session.exec(select(Payment).where(Payment.entry_id == entry.id).order_by(col(Payment.id)))
    return Result(award, [(names.get(each.bearer, each.bearer), each) for each in payments])
