"""What other platforms hand in with their tokens, each request carried out once: applications, evidence, answers."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlmodel import Session, select

import policy
from config.settings import Settings
from models import ApiRequest, Application, ApplicationStatus, Attachment
from policy import Measure, Policy, ValueProblem
from services.access.actors import Actor
from services.application import applications, attachments, completeness, facts
from services.application.applications import get_application
from services.application.drafts import evidence_of
from services.application.lifecycle import STATUS_NAMES
from services.application.particulars import CONTACTS, doubts
from services.application.submissions import Submission
from services.clock import Clock
from services.cycle import cycles
from services.errors import InputError, StateError
from services.law import policies
from services.record.operation import operation

_OPEN_TO_EVIDENCE = (ApplicationStatus.SUBMITTED, ApplicationStatus.SUPPLEMENT)


@dataclass(frozen=True)
class Key:
    """An idempotency key as a token shows it, with the SHA-256 of what is asked for."""

    token_id: int
    text: str
    request_digest: str


@dataclass(frozen=True)
class Handed:
    """An application as another platform hands it in; every value is text as people write it."""

    measure: str
    enterprise: str
    uscc: str
    kind: str
    county: str
    values: Mapping[str, str]
    project: str = ""
    contracts: str = ""
    invoices: str = ""
    legal_person: str = ""
    registered_address: str = ""
    contact_name: str = ""
    contact_phone: str = ""
    contact_email: str = ""
    bank_name: str = ""
    bank_account: str = ""
    pledged: bool = False


@operation("application.submit")
def submit(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, handed: Handed, key: Key
) -> Application:
    """Submit an application once for a key: the same request again gives the same application.

    Raises InputError for values that cannot be read (all at once) and for a key that was used for something else,
    StateError outside of the window or when the same item is there already.
    """
    known = _carried_out(session, key)
    if known is not None:
        return known
    law = policies.policy_of(session, cycles.get_cycle(session, cycle_id))
    application = applications.submit(
        session, clock, actor, settings=settings, cycle_id=cycle_id, submission=_read(law, handed)
    )
    _keep(session, clock, key, application)
    return application


@operation("attachment.add")
def add_evidence(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    evidence: str,
    filename: str,
    data: bytes,
    key: Key,
) -> Attachment:
    """Add a file of evidence to an application that is not accepted yet, once for a key.

    Raises InputError for evidence that the measure does not ask for, and what `attachments.add` raises; StateError
    once the application is accepted or has ended.
    """
    known = _carried_out(session, key)
    application = known or get_application(session, application_id)
    if known is None:
        _check_wanted(session, application, evidence)
        _keep(session, clock, key, application)
    return attachments.add(
        session,
        clock,
        actor,
        settings=settings,
        application_id=application_id,
        evidence=evidence,
        filename=filename,
        data=data,
    )


@operation("supplement.answer")
def answer(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    application_id: int,
    sentence: str,
    values: Mapping[str, str],
    contacts: Mapping[str, str],
    pledged: bool,
    key: Key,
) -> Application:
    """Answer the waiting 补正 request, once for a key. Raises what `completeness.answer_supplement` raises."""
    known = _carried_out(session, key)
    if known is not None:
        return known
    if not sentence.strip():
        raise InputError("没有写补正说明；请写明补了什么。")
    completeness.answer_supplement(
        session,
        clock,
        actor,
        settings=settings,
        application_id=application_id,
        answer=sentence.strip(),
        facts_given=values,
        contacts=contacts,
        pledged=True if pledged else None,
    )
    application = get_application(session, application_id)
    _keep(session, clock, key, application)
    return application


@operation("application.withdraw")
def withdraw(
    session: Session, clock: Clock, actor: Actor, *, application_id: int, reason: str, key: Key
) -> Application:
    """Withdraw an application, once for a key. Raises what `applications.withdraw` raises."""
    known = _carried_out(session, key)
    if known is not None:
        return known
    application = applications.withdraw(session, clock, actor, application_id=application_id, reason=reason)
    _keep(session, clock, key, application)
    return application


def _check_wanted(session: Session, application: Application, evidence: str) -> None:
    if application.status not in _OPEN_TO_EVIDENCE:
        raise StateError(f"{application.number} {STATUS_NAMES[application.status]}，不能再补充材料。")
    law = policies.policy_of(session, cycles.open_one(session, application.cycle_id))
    asked = evidence_of(facts.measure_of(law, application.measure))
    if evidence not in asked:
        raise InputError(f"本措施没有要求材料“{evidence}”；要求的有：{'、'.join(asked)}。")


def _carried_out(session: Session, key: Key) -> Application | None:
    """The application of the request that had this key; None for a new one."""
    query = select(ApiRequest).where(ApiRequest.token_id == key.token_id, ApiRequest.key == key.text)
    known = session.exec(query).first()
    if known is None:
        return None
    if known.request_digest != key.request_digest:
        raise InputError(f"幂等键“{key.text}”已用于另一个请求；每个请求请用不同的键。")
    return session.get_one(Application, known.application_id)


def _keep(session: Session, clock: Clock, key: Key, application: Application) -> None:
    session.add(
        ApiRequest(
            token_id=key.token_id,
            key=key.text,
            request_digest=key.request_digest,
            application_id=application.id or 0,
            received_at=clock.now(),
        )
    )


def _read(law: Policy, handed: Handed) -> Submission:
    measure = law.measure(handed.measure)
    if measure is None:
        raise InputError(f"没有措施“{handed.measure}”；可用的有：{'、'.join(each.id for each in law.measures)}。")
    county = next((each.id for each in law.counties if handed.county in (each.id, each.name)), None)
    problems = [] if county else [f"县区“{handed.county}”不是本市的县区或开发区"]
    if handed.kind not in measure.applicants:
        problems.append(f"单位类型“{handed.kind}”不属于本措施的申报主体（{'、'.join(measure.applicants)}）")
    if not handed.enterprise.strip():
        problems.append("没有填写企业名称")
    shared = {name: getattr(handed, name).strip() for name in _TEXTS}
    problems += [f"{CONTACTS[name]}{doubt}" for name, doubt in doubts(shared).items()]
    declared, unreadable = _declared(measure, handed.values)
    if problems or unreadable:
        raise InputError("；".join([*problems, *unreadable]) + "。")
    return Submission(
        **shared,
        measure=measure.id,
        county=county or "",
        pledged=handed.pledged,
        declared=declared,
        source="平台对接",
    )


_TEXTS = (
    "enterprise",
    "uscc",
    "kind",
    "project",
    "contracts",
    "invoices",
    "legal_person",
    "registered_address",
    "contact_name",
    "contact_phone",
    "contact_email",
    "bank_name",
    "bank_account",
)


def _declared(measure: Measure, values: Mapping[str, str]) -> tuple[dict[str, str | None], list[str]]:
    asked = {fact.name: fact for fact in facts.declared_facts(measure)}
    problems = [f"本措施没有指标“{name}”" for name in values if name not in asked]
    problems += [
        f"没有填写“{fact.label}”" for fact in asked.values() if fact.must_be_given and not values.get(fact.name)
    ]
    declared: dict[str, str | None] = {}
    for name, fact in asked.items():
        if name not in values:
            continue
        found = policy.read_value(fact, values[name])
        if isinstance(found, ValueProblem):
            problems.append(f"“{fact.label}”：{found.message}")
        else:
            declared[name] = facts.canonical(fact, values[name])
    return declared, problems
