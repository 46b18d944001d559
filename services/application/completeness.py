"""形式审查: what an application lacks, 补正 and its deadline."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased
from sqlmodel import Session, col, select

from config.settings import Settings
from models import Application, ApplicationStatus, Attachment, FactKind, Supplement
from policy import Fact, Measure, Policy
from services.access.actors import Actor
from services.after_payment import bans
from services.application import facts
from services.application.applications import get_application, ids_in, letter
from services.application.lifecycle import move
from services.application.particulars import BANK, CONTACTS, doubts, pays
from services.clock import Clock
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after, due_day
from services.cycle.stages import load_plan
from services.errors import InputError, NotAllowedError, StateError
from services.law import policies
from services.notices.queueing import queue
from services.record.operation import operation
from services.record.parts import in_parts

STAGE = "completeness"


@dataclass(frozen=True)
class Lack:
    """One thing that an application lacks, in a sentence, and what of it answers: one of the others is given."""

    sentence: str
    fact: Fact | None = None
    contact: str = ""  # a column of `CONTACTS`
    evidence: str = ""  # a required paper to be uploaded
    pledge: bool = False
    papers: bool = False  # on paper, or as files


def pending(session: Session, cycle_id: int) -> list[int]:
    """Applications still to be examined, or waiting for their 补正."""
    return ids_in(session, cycle_id, ApplicationStatus.SUBMITTED, ApplicationStatus.SUPPLEMENT)


@operation("application.accept")
def examine(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, application_ids: list[int]
) -> dict[str, int]:
    """Accept what is complete, ask for what is missing, let lapse what was not supplied in time.

    Applications of enterprises that may not apply today end. Returns how many were accepted, asked, lapsed and
    barred. Doing it again changes nothing more.
    """
    cycle = cycles.open_one(session, cycle_id)
    law = policies.policy_of(session, cycle)
    counts = {"accepted": 0, "asked": 0, "lapsed": 0, "barred": 0}
    incomplete: list[tuple[int, str]] = []
    for some in in_parts(application_ids):
        declared, uploaded = facts.newest(session, some, FactKind.DECLARED), _uploaded(session, some)
        counts["barred"] += bans.bar(session, clock, col(Application.id).in_(some))
        for application in _load(session, some):
            if application.status is ApplicationStatus.SUPPLEMENT:
                counts["lapsed"] += _lapse_if_due(session, clock, application)
            elif application.status is ApplicationStatus.SUBMITTED:
                key = application.id or 0
                missing = lacking(law, application, declared.get(key, {}), uploaded.get(key, ()))
                if missing:
                    incomplete.append((key, "；".join(lack.sentence for lack in missing)))
                else:
                    move(application, "accept")
                    counts["accepted"] += 1
    for key, remarks in incomplete:  # after the others, which are then written many at once
        request_supplement(session, clock, actor, settings=settings, application_id=key, remarks=remarks)
        counts["asked"] += 1
    return counts


def lacking(
    law: Policy, application: Application, declared: Mapping[str, str | None], uploaded: Collection[str]
) -> list[Lack]:
    """All that is missing or unusable; empty when the application is complete. `uploaded`: evidence with a file."""
    measure = facts.measure_of(law, application.measure)
    missing = [
        Lack(f"没有填写“{fact.label}”，请补报", fact=fact)
        for fact in facts.declared_facts(measure)
        if fact.must_be_given and not declared.get(fact.name)
    ]
    if not application.pledged:
        missing.append(Lack("承诺书没有签署，请补签", pledge=True))
    needed = ("contact_email", *(BANK if pays(measure) else ()))
    missing += [
        Lack(f"没有填写{CONTACTS[name]}，请补填", contact=name)
        for name in needed
        if not getattr(application, name).strip()
    ]
    read = [name for name in CONTACTS if name not in BANK or pays(measure)]
    for name, doubt in doubts({name: getattr(application, name) for name in read}).items():
        missing.append(Lack(f"{CONTACTS[name]}{doubt.replace(';', '、').replace('；', '、')}，请更正", contact=name))
    if application.papers is False:
        missing.append(Lack("申报材料不齐全，请补齐", papers=True))
    if application.papers is None:
        missing += [
            Lack(f"没有上传“{name}”，请补传", evidence=name)
            for name in required_evidence(measure, declared)
            if name not in uploaded
        ]
    return missing


def required_evidence(measure: Measure, declared: Mapping[str, str | None]) -> list[str]:
    """The evidence of what was declared: of every value that was given, and of a yes-or-no only when it is yes."""
    given = [fact for fact in facts.declared_facts(measure) if declared.get(fact.name) not in (None, "", "否")]
    return list(dict.fromkeys(name for fact in given for name in fact.evidence))


@operation("supplement.request")
def request_supplement(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, application_id: int, remarks: str
) -> Supplement:
    """Ask the applicant to supply what is missing within the working days that cycle.yaml gives."""
    application = get_application(session, application_id)
    cycle = cycles.open_one(session, application.cycle_id)
    if not remarks.strip():
        raise InputError("补正要求不能为空，请写明缺什么、怎么补。")
    rounds = _supplements(session, application_id)
    days = load_plan(settings.cycle_file).stage(STAGE).working_days or 1
    supplement = Supplement(
        application_id=application_id,
        round=len(rounds) + 1,
        remarks=remarks.strip(),
        due_at=due_after(clock, Calendar(settings.calendar_dir), days),
        requested_by=actor.user_id,
        requested_at=clock.now(),
    )
    move(application, "ask_supplement", remarks.strip())
    session.add(supplement)
    law = policies.policy_of(session, cycle)
    context = letter(law, application, cycle.year) | {"remarks": remarks.strip(), "due": due_day(supplement.due_at)}
    queue(
        session,
        clock,
        application.cycle_id,
        "supplement_request",
        application.contact_email,
        application.enterprise_name,
        f"{application.number}/{supplement.round}",
        context,
        domain=settings.message_domain,
    )
    return supplement


@operation("supplement.answer")
def answer_supplement(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    answer: str,
    facts_given: Mapping[str, str] | None = None,
    contacts: Mapping[str, str] | None = None,
    pledged: bool | None = None,
    papers: bool | None = None,
) -> Supplement:
    """Supply what was asked for; the application is examined again. `contacts` are columns of `CONTACTS`.

    `papers`: the evidence was supplied on paper. Raises StateError after the deadline or when nothing was asked,
    InputError for a value that cannot be read.
    """
    application = get_application(session, application_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能补正本企业的申报。")
    supplement = _waiting(session, application)
    if clock.now() >= supplement.due_at:
        raise StateError(f"补正期限 {due_day(supplement.due_at)} 已过，不能再补正。")
    law = policies.policy_of(session, cycles.open_one(session, application.cycle_id))
    measure = facts.measure_of(law, application.measure)
    declared = {fact.name: fact for fact in facts.declared_facts(measure)}
    values = {}
    for name, text in (facts_given or {}).items():
        if name not in declared:
            raise InputError(f"“{name}”不是本措施由申报单位填报的内容。")
        values[name] = facts.canonical(declared[name], text)
    reasons = dict.fromkeys(values, f"补正：{answer}")
    facts.store(session, clock, actor, application_id, FactKind.DECLARED, values, reasons=reasons)
    for name, text in _readable(contacts or {}):
        setattr(application, name, text)
    if pledged is not None:
        application.pledged = pledged
    if papers is not None:
        application.papers = papers
    supplement.answered_at, supplement.answer = clock.now(), answer
    move(application, "supplement")
    return supplement


def _readable(contacts: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The contacts that were given. Raises InputError for one that is unknown or of no use."""
    wrong = doubts(contacts)
    for name, text in contacts.items():
        if name not in CONTACTS:
            raise InputError(f"“{name}”不是可以补正的联系、账户内容；可补正的有：{'、'.join(CONTACTS.values())}。")
        if name in wrong:
            raise InputError(f"{CONTACTS[name]}{wrong[name]}；请更正。")
        if text.strip():
            yield name, text.strip()


def _uploaded(session: Session, application_ids: Sequence[int]) -> dict[int, set[str]]:
    """For each application the evidence that has a file."""
    found: dict[int, set[str]] = {}
    rows = session.exec(
        select(Attachment.application_id, Attachment.evidence).where(
            col(Attachment.application_id).in_(application_ids)
        )
    )
    for key, evidence in rows:
        found.setdefault(key, set()).add(evidence)
    return found


def _lapse_if_due(session: Session, clock: Clock, application: Application) -> bool:
    if clock.now() < _waiting(session, application).due_at:
        return False
    move(application, "lapse", f"逾期未补正：{application.status_reason}")
    return True


def waiting(session: Session, application: Application) -> Supplement | None:
    """The 补正 request that waits for an answer; None when nothing is asked."""
    rounds = _supplements(session, application.id or 0)
    return rounds[-1] if rounds and application.status is ApplicationStatus.SUPPLEMENT else None


def waits(cycle_id: int) -> tuple[ColumnElement[bool], ...]:
    """Of applications joined with their 补正 requests, those that wait for an answer: of each the last.

    One before it may have no answer either: a ban that was lifted later, or the year's end before its time, had ended
    the application.
    """
    later = aliased(Supplement)
    of_the_same = (col(later.application_id) == Supplement.application_id, col(later.round) > Supplement.round)
    return (
        col(Application.cycle_id) == cycle_id,
        col(Application.status) == ApplicationStatus.SUPPLEMENT,
        col(Supplement.answered_at).is_(None),
        ~exists().where(*of_the_same),
    )


def _waiting(session: Session, application: Application) -> Supplement:
    found = waiting(session, application)
    if found is None:
        raise StateError(f"{application.number} 没有待补正的要求。")
    return found


def _supplements(session: Session, application_id: int) -> list[Supplement]:
    return list(
        session.exec(
            select(Supplement).where(Supplement.application_id == application_id).order_by(col(Supplement.round))
        )
    )


def _load(session: Session, application_ids: Iterable[int]) -> list[Application]:
    return list(
        session.exec(select(Application).where(col(Application.id).in_(application_ids)).order_by(col(Application.id)))
    )
