"""绩效自评: asked for once an award is paid in full, filled in by who was paid, marked by the office."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date

from sqlalchemy import ColumnElement
from sqlmodel import Session, and_, col, select
from sqlmodel.sql.expression import Select

from config.settings import Settings
from models import (
    Application,
    AssessmentState,
    AwardListEntry,
    Cycle,
    HandedIn,
    Payment,
    PaymentReturn,
    PaymentStatus,
    Role,
    SelfAssessment,
    User,
)
from policy import Fact
from services.access.actors import Actor
from services.after_payment.form import AssessmentForm, load_form
from services.application import facts
from services.application.applications import letter
from services.application.drafts import fact_trouble
from services.clock import Clock
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after, due_day
from services.errors import InputError, NotFoundError, StateError
from services.law import policies
from services.notices.queueing import queue
from services.record.operation import operation

STATE_NAMES = {
    AssessmentState.ASKED: "待填报",
    AssessmentState.HANDED_IN: "已提交",
    AssessmentState.GOOD: "合格",
    AssessmentState.LACKING: "需补充",
}
WAITING = (AssessmentState.ASKED, AssessmentState.LACKING)  # for the enterprise
_LONGEST = 4000
_Rows = Select[SelfAssessment, AwardListEntry, Application, str | None]


@dataclass(frozen=True)
class Shown:
    """A self-assessment with the award that it is about; `late`: the day passed before it was handed in.

    `told` are its hand-ins, the last first: what the office reads. What is being written is the enterprise's own.
    """

    assessment: SelfAssessment
    application: Application
    entry: AwardListEntry
    year: int
    measure: str
    late: bool
    marked_by: str
    told: tuple[HandedIn, ...]

    @property
    def waits(self) -> bool:
        """Whether the enterprise has something to do."""
        return self.assessment.state in WAITING

    @property
    def due(self) -> date:
        """The last day in time."""
        return due_day(self.assessment.due_at)

    @property
    def state(self) -> str:
        """Where it stands."""
        return STATE_NAMES[self.assessment.state]


class WrongAnswersError(InputError):
    """What was filled in cannot be handed in yet; `troubles` are sentences by field."""

    def __init__(self, troubles: Mapping[str, str]) -> None:
        super().__init__(f"还有 {len(troubles)} 项没有填好；请按各项下面的提示更正。")
        self.troubles = troubles


@operation("assessment.ask")
def ask(session: Session, clock: Clock, actor: Actor, *, settings: Settings) -> int:
    """Ask for the self-assessments of all awards that are paid in full and were not asked about. Returns how many.

    The days count from today: the record may learn of a payment some time after it was made. They count anew for who
    had not answered when the money came back, once it is paid again.
    """
    form, calendar = load_form(settings.self_assessment_file), Calendar(settings.calendar_dir)
    count = 0
    for entry, application in _to_ask(session):
        row = SelfAssessment(
            cycle_id=application.cycle_id,
            entry_id=entry.id or 0,
            due_at=due_after(clock, calendar, form.working_days),
            asked_at=clock.now(),
        )
        session.add(row)
        session.flush()
        tell(session, clock, settings, row, application)
        count += 1
    for row, application in _paid_again(session):
        row.due_at, row.asked_at = due_after(clock, calendar, form.working_days), clock.now()
        tell(session, clock, settings, row, application, about=f"/{due_day(row.due_at)}")
        count += 1
    return count


@operation("assessment.save")
def save(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, assessment_id: int, given: Mapping[str, str]
) -> SelfAssessment:
    """Keep what was typed so far, right or wrong. Raises NotFoundError, StateError once it is handed in."""
    row = _own(session, actor, assessment_id)
    row.given, row.saved_at = _known(load_form(settings.self_assessment_file), given), clock.now()
    return row


@operation("assessment.hand_in")
def hand_in(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, assessment_id: int, given: Mapping[str, str]
) -> SelfAssessment:
    """Hand in the answers, also after the day. Raises WrongAnswersError, and as `save`."""
    row, form = _own(session, actor, assessment_id), load_form(settings.self_assessment_file)
    kept = _known(form, given)
    troubles = {name: text for name, text in troubles_of(form, kept).items() if text}
    if troubles:
        raise WrongAnswersError(troubles)
    spelled = {field.name: facts.canonical(field, kept.get(field.name, "")) for field in form.fields}
    row.given = {name: text for name, text in spelled.items() if text is not None}
    row.state, row.saved_at, row.handed_in_at = AssessmentState.HANDED_IN, clock.now(), clock.now()
    session.add(
        HandedIn(
            assessment_id=assessment_id,
            round=row.round,
            given=row.given,
            fields=[field.model_dump(mode="json", by_alias=True, exclude_defaults=True) for field in form.fields],
            user_id=actor.user_id,
            handed_in_at=clock.now(),
        )
    )
    return row


@operation("assessment.mark")
def mark(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    assessment_id: int,
    good: bool,
    remarks: str = "",
) -> SelfAssessment:
    """Mark what was handed in as good, or as lacking with what is to be supplied; the enterprise is told the latter.

    Raises NotFoundError, StateError when nothing was handed in, InputError for lacking without a word what.
    """
    row = get(session, assessment_id)
    if row.state is not AssessmentState.HANDED_IN:
        raise StateError(f"这份自评现在是“{STATE_NAMES[row.state]}”，不能评定；请刷新后再看。")
    if not good and not remarks.strip():
        raise InputError("需补充的必须写明补充什么。")
    row.marked_by, row.marked_at, row.remarks = actor.user_id, clock.now(), remarks.strip()
    row.state = AssessmentState.GOOD if good else AssessmentState.LACKING
    if not good:
        row.round += 1
        days = load_form(settings.self_assessment_file).supplement_days
        row.due_at = due_after(clock, Calendar(settings.calendar_dir), days)
        entry = session.get_one(AwardListEntry, row.entry_id)
        tell(session, clock, settings, row, session.get_one(Application, entry.application_id))
    return row


def get(session: Session, assessment_id: int) -> SelfAssessment:
    """The self-assessment with this id. Raises NotFoundError."""
    found = session.get(SelfAssessment, assessment_id)
    if found is None:
        raise NotFoundError("没有这份绩效自评。")
    return found


def troubles_of(form: AssessmentForm, given: Mapping[str, str]) -> dict[str, str]:
    """What is wrong with each field; nothing where it can be handed in."""
    return {field.name: fact_trouble(field, given.get(field.name, "")) for field in form.fields}


def asked_fields(form: AssessmentForm, told: HandedIn) -> list[Fact]:
    """The fields that were asked when it was handed in; those of today where that is not known."""
    return [Fact.model_validate(each) for each in told.fields] or form.fields


def answers(form: AssessmentForm, told: HandedIn) -> list[tuple[Fact, str]]:
    """Each field that was asked with what was answered."""
    return [(field, told.given.get(field.name, "")) for field in asked_fields(form, told)]


def of_year(session: Session, clock: Clock, cycle_id: int) -> list[Shown]:
    """The self-assessments of a year's awards: what waits for the office first."""
    found = _shown(session, clock, _query().where(SelfAssessment.cycle_id == cycle_id))
    return sorted(found, key=lambda each: (each.assessment.state is not AssessmentState.HANDED_IN, not each.late))


def of_enterprise(session: Session, clock: Clock, actor: Actor) -> list[Shown]:
    """The self-assessments of the applicant's own enterprise, those that wait for it first."""
    found = _shown(session, clock, _query().where(Application.enterprise_id == actor.enterprise_id))
    return sorted(found, key=lambda each: not each.waits)


def one(session: Session, clock: Clock, actor: Actor, assessment_id: int) -> Shown:
    """One self-assessment. Raises NotFoundError, to an applicant the same when it is another's."""
    query = _query().where(SelfAssessment.id == assessment_id)
    if actor.role is Role.APPLICANT:
        query = query.where(Application.enterprise_id == actor.enterprise_id)
    found = _shown(session, clock, query)
    if not found:
        raise NotFoundError("没有这份绩效自评。")
    return found[0]


def waiting(session: Session) -> list[tuple[SelfAssessment, Application]]:
    """Those that wait for an enterprise which has its money, with the application that each is about."""
    rows = session.exec(_query().where(col(SelfAssessment.state).in_(WAITING), _is_paid()))
    return [(row, application) for row, _, application, _ in rows]


def tell(
    session: Session,
    clock: Clock,
    settings: Settings,
    row: SelfAssessment,
    application: Application,
    kind: str = "assessment_request",
    about: str = "",
    more: Mapping[str, object] | None = None,
) -> bool:
    """Queue a notice about a self-assessment to who has to answer; False when the same one was queued before."""
    cycle = session.get_one(Cycle, application.cycle_id)
    context = letter(policies.policy_of(session, cycle), application, cycle.year)
    context |= {"path": f"/my/assessments/{row.id}", "due": due_day(row.due_at), **(more or {})}
    if row.remarks:
        context["remarks"] = row.remarks
    return queue(
        session,
        clock,
        application.cycle_id,
        kind,
        application.contact_email,
        application.enterprise_name,
        f"{application.number}/{row.round}{about}",
        context,
        domain=settings.message_domain,
    )


def _to_ask(session: Session) -> Iterable[tuple[AwardListEntry, Application]]:
    asked = select(SelfAssessment.id).where(col(SelfAssessment.entry_id) == col(AwardListEntry.id))
    return session.exec(
        select(AwardListEntry, Application)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .where(_is_paid(), ~asked.exists())
        .order_by(col(AwardListEntry.id))
    ).all()


def _paid_again(session: Session) -> list[tuple[SelfAssessment, Application]]:
    """Those of `waiting` whose money had come back since they were asked."""
    back = (
        select(PaymentReturn.id)
        .join(Payment, col(Payment.id) == PaymentReturn.payment_id)
        .where(Payment.entry_id == SelfAssessment.entry_id, PaymentReturn.recorded_at > SelfAssessment.asked_at)
    )
    again = set(session.exec(select(SelfAssessment.id).where(back.exists())))
    return [each for each in waiting(session) if each[0].id in again]


def _is_paid() -> ColumnElement[bool]:
    """Whether all of a line of a list was paid."""
    ordered = select(Payment.id).where(col(Payment.entry_id) == col(AwardListEntry.id))
    return and_(ordered.exists(), ~ordered.where(Payment.status != PaymentStatus.PAID).exists())


def _own(session: Session, actor: Actor, assessment_id: int) -> SelfAssessment:
    """One that the actor may fill in: an applicant its own, the operator any. Raises NotFoundError, StateError."""
    row = get(session, assessment_id)
    entry = session.get_one(AwardListEntry, row.entry_id)
    application = session.get_one(Application, entry.application_id)
    if actor.role is Role.APPLICANT and application.enterprise_id != actor.enterprise_id:
        raise NotFoundError("没有这份绩效自评。")
    if row.state not in WAITING:
        raise StateError(f"这份自评{STATE_NAMES[row.state]}，不能再改；需要更正的请与主办单位联系。")
    return row


def _known(form: AssessmentForm, given: Mapping[str, str]) -> dict[str, str]:
    names = [field.name for field in form.fields]
    return {name: given[name].strip()[: _LONGEST * 2] for name in names if given.get(name, "").strip()}


def _query() -> _Rows:
    return (
        select(SelfAssessment, AwardListEntry, Application, User.name)
        .join(AwardListEntry, col(AwardListEntry.id) == SelfAssessment.entry_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .outerjoin(User, col(User.id) == SelfAssessment.marked_by)
        .order_by(col(AwardListEntry.number))
    )


def _shown(session: Session, clock: Clock, query: _Rows) -> list[Shown]:
    rows = session.exec(query).all()
    told, found = _told(session, query), []
    for row, entry, application, marked_by in rows:
        cycle = session.get_one(Cycle, row.cycle_id)
        measure = policies.policy_of(session, cycle).measure(entry.measure)
        title = measure.title if measure else entry.measure
        moment = clock.now() if row.state in WAITING else row.handed_in_at
        late = moment is not None and moment >= row.due_at
        told_so_far = tuple(told.get(row.id or 0, ()))
        found.append(Shown(row, application, entry, cycle.year, title, late, marked_by or "", told_so_far))
    return found


def _told(session: Session, query: _Rows) -> dict[int, list[HandedIn]]:
    """The hand-ins of the self-assessments of a query, by their ids, the last first."""
    wanted = query.with_only_columns(col(SelfAssessment.id)).order_by(None)
    rows = session.exec(
        select(HandedIn).where(col(HandedIn.assessment_id).in_(wanted)).order_by(col(HandedIn.round).desc())
    )
    found: dict[int, list[HandedIn]] = {}
    for row in rows:
        found.setdefault(row.assessment_id, []).append(row)
    return found
