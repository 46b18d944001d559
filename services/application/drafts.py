"""Drafts: what an enterprise fills in before it submits, kept as it was typed, with the evidence uploaded so far.

A draft is no application: nobody but its enterprise sees it, and it is gone once it was submitted or thrown away.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from sqlmodel import Session, col, select

import policy
from config.settings import Settings
from models import Application, Cycle, CycleStatus, Draft, DraftFile, Enterprise, User
from policy import Fact, Measure, Policy, ValueProblem
from services.access.actors import Actor
from services.access.permissions import require
from services.after_payment import bans
from services.application import applications, attachments, facts, file_kinds
from services.application.applications import INTAKE
from services.application.particulars import BANK, doubts, pays
from services.application.submissions import Submission
from services.clock import Clock
from services.cycle import cycles
from services.cycle.deadlines import due_day
from services.errors import InputError, NotFoundError, StateError
from services.files import file_store
from services.law import policies
from services.record.database import take_turn, writing
from services.record.operation import operation
from services.record.parts import in_parts

FACT = "fact_"  # before the name of a fact in `Draft.given`
PLEDGED = "pledged"
SOURCE = "在线申报"
MOST = 30
_LONGEST: Mapping[str, tuple[str, int]] = {
    "project": ("项目（事项）名称", 300),
    "contracts": ("合同编号", 1000),
    "invoices": ("发票号码", 4000),
    "legal_person": ("法定代表人", 64),
    "registered_address": ("住所", 300),
    "contact_name": ("联系人", 64),
    "contact_phone": ("联系电话", 32),
    "contact_email": ("联系邮箱", 254),
    "bank_name": ("开户银行", 200),
    "bank_account": ("银行账号", 64),
}
_NEEDED = ("contact_name", "contact_phone", "contact_email")
_LONGEST_FACT = 4000


@dataclass(frozen=True)
class Form:
    """A draft with what its page needs."""

    draft: Draft
    cycle: Cycle
    law: Policy
    measure: Measure
    enterprise: Enterprise
    files: list[DraftFile]

    @property
    def facts(self) -> list[Fact]:
        """What the applicant declares."""
        return facts.declared_facts(self.measure)

    @property
    def evidence(self) -> list[str]:
        """What has to be shown, each named once."""
        return evidence_of(self.measure)

    @property
    def pays(self) -> bool:
        """Whether money may follow, so that a bank account is needed."""
        return pays(self.measure)


def closes_on(session: Session, clock: Clock, cycle: Cycle) -> date | None:
    """The last day on which applications are taken; None when none are taken now."""
    if cycle.status is not CycleStatus.OPEN or cycle.stage != INTAKE:
        return None
    due_at = cycles.current_visit(session, cycle).due_at
    return due_day(due_at) if due_at is not None and clock.now() < due_at else None


def evidence_of(measure: Measure) -> list[str]:
    """The evidence that a measure's facts ask for, each named once."""
    return list(dict.fromkeys(name for fact in measure.all_facts for name in fact.evidence))


def enterprise_of(session: Session, actor: Actor) -> Enterprise:
    """The enterprise that the actor acts for. Raises NotFoundError."""
    found = session.get(Enterprise, actor.enterprise_id) if actor.enterprise_id is not None else None
    if found is None:
        raise NotFoundError("您的账号没有对应的申报单位；请联系管理员。")
    return found


def own(session: Session, actor: Actor) -> list[Draft]:
    """The enterprise's drafts, the newest first."""
    query = select(Draft).where(Draft.enterprise_id == actor.enterprise_id).order_by(col(Draft.saved_at).desc())
    return list(session.exec(query))


def form(session: Session, actor: Actor, draft_id: int) -> Form:
    """One of the enterprise's own drafts. Raises NotFoundError, the same for none as for somebody else's."""
    found = session.get(Draft, draft_id)
    if found is None or actor.enterprise_id is None or found.enterprise_id != actor.enterprise_id:
        raise NotFoundError("没有这份草稿；可能已经提交或删除。")
    cycle = cycles.get_cycle(session, found.cycle_id)
    law = policies.policy_of(session, cycle)
    files = session.exec(select(DraftFile).where(DraftFile.draft_id == draft_id).order_by(col(DraftFile.id)))
    return Form(found, cycle, law, measure_of(law, found.measure), enterprise_of(session, actor), list(files))


def measure_of(law: Policy, measure_id: str) -> Measure:
    """The measure. Raises NotFoundError."""
    found = law.measure(measure_id)
    if found is None:
        raise NotFoundError("没有这项措施。")
    return found


def begin(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    cycle_id: int,
    measure_id: str,
    known: Mapping[str, str] | None = None,
) -> Draft:
    """Begin a draft with the contacts and bank data of the enterprise's last application.

    `known` are texts of facts by name that a bureau has given already; the applicant looks them over. Raises StateError
    outside of the intake window and for an enterprise that may not apply, InputError when the measure is not for this
    kind of enterprise.
    """
    require(actor, "draft.save")
    cycle = cycles.get_cycle(session, cycle_id)
    measure = measure_of(policies.policy_of(session, cycle), measure_id)
    enterprise = enterprise_of(session, actor)
    _check_open(session, clock, cycle)
    bans.refuse_banned(session, clock, enterprise.uscc)
    if enterprise.kind not in measure.applicants:
        raise InputError(f"“{measure.title}”只能由{'、'.join(measure.applicants)}申报，本单位登记为{enterprise.kind}。")
    if len(own(session, actor)) >= MOST:
        raise InputError(f"草稿最多 {MOST} 份；请先提交或删除不用的草稿。")
    declared = {fact.name for fact in facts.declared_facts(measure)}
    given = _usual(session, actor) | {FACT + name: text for name, text in (known or {}).items() if name in declared}
    with writing(session):
        take_turn(session)  # a rotation of the keys must not have read between what is sealed here and its commit
        draft = Draft(
            cycle_id=cycle_id,
            enterprise_id=enterprise.id or 0,
            measure=measure.id,
            given=given,
            saved_at=clock.now(),
        )
        session.add(draft)
    return draft


def save(session: Session, clock: Clock, actor: Actor, *, draft_id: int, given: Mapping[str, str]) -> Draft:
    """Keep what was typed, right or wrong; fields that the form does not have are dropped."""
    require(actor, "draft.save")
    found = form(session, actor, draft_id)
    known = {*_LONGEST, PLEDGED, *(FACT + fact.name for fact in found.facts)}
    kept = {name: text.strip()[:20000] for name, text in given.items() if name in known and text.strip()}
    with writing(session):
        take_turn(session)  # nor seal what it read before over what is saved here
        found.draft.given, found.draft.saved_at = kept, clock.now()
    return found.draft


def discard(session: Session, actor: Actor, *, settings: Settings, draft_id: int) -> None:
    """Throw a draft and its files away."""
    require(actor, "draft.save")
    found = form(session, actor, draft_id)
    digests = {file.sha256 for file in found.files}
    with writing(session):
        for file in found.files:
            session.delete(file)
        session.flush()
        session.delete(found.draft)
    sweep(session, settings, digests)


def add_file(
    session: Session,
    clock: Clock,
    actor: Actor,
    *,
    settings: Settings,
    draft_id: int,
    evidence: str,
    filename: str,
    data: bytes,
) -> None:
    """Keep a file with a draft; the same file for the same evidence is kept once. Raises InputError, see file_kinds."""
    require(actor, "draft.save")
    found = form(session, actor, draft_id)
    if evidence not in found.evidence:
        raise InputError(f"本措施的材料清单里没有“{evidence}”。")
    name = file_kinds.check_file(settings, filename, data)
    sha256 = hashlib.sha256(data).hexdigest()
    if any(file.evidence == evidence and file.sha256 == sha256 for file in found.files):
        return
    file_kinds.check_room([file.size for file in found.files], name, len(data))
    with writing(session):
        take_turn(session)
        file_store.keep(_place(settings, sha256), data)
        session.add(
            DraftFile(
                draft_id=draft_id,
                evidence=evidence,
                filename=name,
                sha256=sha256,
                size=len(data),
                added_at=clock.now(),
            )
        )


def drop_file(session: Session, actor: Actor, *, settings: Settings, draft_id: int, file_id: int) -> None:
    """Take a file away from a draft."""
    require(actor, "draft.save")
    file = draft_file(session, actor, draft_id, file_id)
    digests = {file.sha256}
    with writing(session):
        session.delete(file)
    sweep(session, settings, digests)


def draft_file(session: Session, actor: Actor, draft_id: int, file_id: int) -> DraftFile:
    """A file of an own draft. Raises NotFoundError."""
    found = next((file for file in form(session, actor, draft_id).files if file.id == file_id), None)
    if found is None:
        raise NotFoundError("没有这份材料；可能已经删除。")
    return found


def read_file(settings: Settings, file: DraftFile) -> bytes:
    """The file's bytes. Raises NotFoundError when they are gone."""
    path = _place(settings, file.sha256)
    if not path.is_file():
        raise NotFoundError(f"材料“{file.filename}”的文件已不在；请删除后重新上传。")
    return path.read_bytes()


def troubles(found: Form) -> dict[str, str]:
    """Chinese sentences by field for what keeps the draft from being submitted; empty when nothing does."""
    given = found.draft.given
    trouble = {
        name: f"最多 {most} 个字，现在是 {len(given[name])} 个"
        for name, (_, most) in _LONGEST.items()
        if len(given.get(name, "")) > most
    }
    for name in (*_NEEDED, *(BANK if found.pays else ())):
        if not given.get(name):
            trouble[name] = f"没有填写{_LONGEST[name][0]}"
    trouble |= doubts(given)
    for fact in found.facts:
        sentence = fact_trouble(fact, given.get(FACT + fact.name, ""))
        if sentence:
            trouble[FACT + fact.name] = sentence
    if not given.get(PLEDGED):
        trouble[PLEDGED] = "提交前须签署承诺书"
    return trouble


def fact_trouble(fact: Fact, text: str) -> str:
    """What is wrong with the text of a declared fact; nothing when it can be submitted."""
    if not text.strip():
        return f"没有填写“{fact.label}”" if fact.must_be_given else ""
    if len(text) > _LONGEST_FACT:
        return f"最多 {_LONGEST_FACT} 个字"
    read = policy.read_value(fact, text)
    return read.message if isinstance(read, ValueProblem) else ""


def submit(session: Session, clock: Clock, actor: Actor, *, settings: Settings, draft_id: int) -> Application:
    """Make the draft an application with its evidence; the draft is gone then.

    Raises InputError when something is missing, StateError outside of the intake window or for an item that was
    submitted before.
    """
    digests = {file.sha256 for file in form(session, actor, draft_id).files}
    application = _submit(session, clock, actor, settings=settings, draft_id=draft_id)
    sweep(session, settings, digests)
    return application


@operation("application.submit")
def _submit(session: Session, clock: Clock, actor: Actor, *, settings: Settings, draft_id: int) -> Application:
    found = form(session, actor, draft_id)
    trouble = troubles(found)
    if trouble:
        raise InputError(f"还有 {len(trouble)} 处没有填好，不能提交；请按提示修改。")
    application = applications.submit(
        session,
        clock,
        actor,
        settings=settings,
        cycle_id=found.draft.cycle_id,
        submission=_submission(found),
    )
    for file in found.files:
        attachments.add(
            session,
            clock,
            actor,
            settings=settings,
            application_id=application.id or 0,
            evidence=file.evidence,
            filename=file.filename,
            data=read_file(settings, file),
        )
        session.delete(file)
    session.flush()
    session.delete(found.draft)
    return application


def _check_open(session: Session, clock: Clock, cycle: Cycle) -> None:
    if closes_on(session, clock, cycle) is None:
        raise StateError("现在不是申报受理时间，不能新填申报；请留意申报指南。")


def _usual(session: Session, actor: Actor) -> dict[str, str]:
    last = session.exec(
        select(Application).where(Application.enterprise_id == actor.enterprise_id).order_by(col(Application.id).desc())
    ).first()
    names = (*_NEEDED, *BANK, "legal_person", "registered_address")
    if last is None:
        user = session.get_one(User, actor.user_id)
        return {"contact_name": user.name, **({"contact_email": user.email} if user.email else {})}
    return {name: getattr(last, name) for name in names if getattr(last, name)}


def _submission(found: Form) -> Submission:
    given, enterprise = found.draft.given, found.enterprise
    return Submission(
        enterprise=enterprise.name,
        uscc=enterprise.uscc,
        kind=enterprise.kind,
        county=enterprise.county,
        measure=found.measure.id,
        pledged=bool(given.get(PLEDGED)),
        declared={fact.name: facts.canonical(fact, given.get(FACT + fact.name, "")) for fact in found.facts},
        source=SOURCE,
        papers=None,
        **{name: given.get(name, "") for name in _LONGEST},
    )


def sweep(session: Session, settings: Settings, digests: set[str] | None = None) -> None:
    """Remove the bytes that no draft names any more, of these or of all, while nobody is about to name them."""
    with writing(session):
        take_turn(session)
        if digests is None:
            digests = {path.name for path in _place(settings, "").glob("?" * 64)}
        query = select(DraftFile.sha256)
        parts = [query.where(col(DraftFile.sha256).in_(some)) for some in in_parts(sorted(digests))]
        named = {sha256 for part in parts for sha256 in session.exec(part)}
        for sha256 in digests - named:
            _place(settings, sha256).unlink(missing_ok=True)


def _place(settings: Settings, sha256: str) -> Path:
    return settings.data_dir / "drafts" / sha256
