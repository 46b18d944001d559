"""Applications coming in: many out of a workbook, or one by one; and their withdrawal."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from sqlmodel import Session, col, func, select

from config.settings import Settings
from matching import uscc
from models import Application, ApplicationStatus, Ban, Cycle, Enterprise, FactKind, ImportFile, ImportKind, Role
from policy import Policy
from services.access.actors import Actor
from services.after_payment import bans
from services.application import facts, repeats
from services.application.application_rows import TakenRow, known_headings, read_applications
from services.application.lifecycle import move
from services.application.submissions import Submission
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.enterprise import enterprises
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.files import imports
from services.law import policies
from services.notices.contexts import page_of
from services.notices.queueing import queue
from services.record.operation import operation
from services.tables import RowProblem, read_workbook

INTAKE = "intake"
_HOW_TO_CORRECT = (
    "该行没有导入；是更正的，请先撤回那一件再导入，或者等形式审查时补正；"
    "是另一事项的，请用项目名称、合同号或发票号码区别"
)


@operation("application.import")
def import_applications(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, path: Path
) -> ImportFile:
    """Take in a workbook with a sheet a measure, or a CSV file. Bad rows are listed, good ones go on.

    The same file adds nothing. Raises TableError when the file is no table at all, StateError outside of the intake
    window.
    """
    cycle = _receiving(session, clock, cycle_id)
    law = policies.policy_of(session, cycle)
    workbook = read_workbook(path, known_headings())
    known = imports.known_import(session, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    if known is not None:
        return known
    record = imports.start_import(session, clock, actor, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    read, count = read_applications(law, workbook), 0
    banned = bans.holding(session, today(clock))
    takable = [each for each in read.taken if each.submission.uscc not in banned]
    read.problems += [_barred(each, ban) for each in read.taken if (ban := banned.get(each.submission.uscc))]
    refused = 0
    for taken in takable:
        if before := _earlier(session, cycle, taken.submission):
            changed = list(_changed(session, law, before, taken))
            read.problems += changed
            refused += len(changed)
            continue
        notes = [*_unlike_the_register(session, law, taken), *_withdrawn_before(session, cycle, taken)]
        if _add(session, clock, actor, settings, cycle, law, taken.submission) is not None:
            count, read.notes = count + 1, read.notes + notes
    imports.finish_import(record, count, len(takable) - count - refused, read.problems, read.notes)
    return record


@operation("application.submit")
def submit(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, submission: Submission
) -> Application:
    """Submit one application. Raises StateError when the same one was submitted, the window is shut, or the enterprise
    may not apply.

    An applicant submits for its own enterprise only; NotAllowedError otherwise.
    """
    _check_own(session, actor, submission)
    cycle = _receiving(session, clock, cycle_id)
    law = policies.policy_of(session, cycle)
    fault = uscc.fault(submission.uscc)
    if fault:
        raise InputError(f"统一社会信用代码“{submission.uscc}”{fault}；请核对。")
    bans.refuse_banned(session, clock, submission.uscc)
    application = _add(session, clock, actor, settings, cycle, law, submission)
    if application is None:
        raise StateError("同一事项已经提交过，不需要重复提交。")
    return application


@operation("application.withdraw")
def withdraw(session: Session, clock: Clock, actor: Actor, *, application_id: int, reason: str) -> Application:
    """Withdraw an application, by the operator or by the enterprise whose it is, for a reason."""
    application = get_application(session, application_id)
    if actor.enterprise_id is not None and actor.enterprise_id != application.enterprise_id:
        raise NotAllowedError("只能撤回本企业的申报。")
    if not reason.strip():
        raise InputError("撤回申报必须写明理由。")
    move(application, "withdraw", reason.strip())
    return application


def get_application(session: Session, application_id: int) -> Application:
    """The application with this id. Raises NotFoundError."""
    application = session.get(Application, application_id)
    if application is None:
        raise NotFoundError(f"没有编号为 {application_id} 的申报。")
    return application


def ids_in(session: Session, cycle_id: int, *statuses: ApplicationStatus) -> list[int]:
    """Applications of a cycle in these states, in the order in which they came in."""
    rows = session.exec(
        select(Application.id)
        .where(Application.cycle_id == cycle_id, col(Application.status).in_(statuses))
        .order_by(col(Application.id))
    )
    return [row for row in rows if row is not None]


class Item(Protocol):
    """What names an application: the record itself, or these columns where there are many."""

    @property
    def id(self) -> int | None:
        """Its id."""

    @property
    def number(self) -> str:
        """受理编号."""

    @property
    def measure(self) -> str:
        """Under which measure it is."""

    @property
    def project(self) -> str:
        """The project's name."""


def letter(law: Policy, application: Item, year: int) -> dict[str, object]:
    """What every notice about this application says of it."""
    return {
        "policy": law.title,
        "year": year,
        "path": page_of(application.id),
        "number": application.number,
        "measure": facts.measure_of(law, application.measure).title,
        "project": application.project,
    }


def _check_own(session: Session, actor: Actor, submission: Submission) -> None:
    if actor.role is not Role.APPLICANT and actor.enterprise_id is None:
        return
    own = session.get(Enterprise, actor.enterprise_id) if actor.enterprise_id is not None else None
    if own is None or own.uscc != uscc.normalised(submission.uscc):
        raise NotAllowedError(
            f"只能为本单位申报：填写的统一社会信用代码是“{submission.uscc}”，"
            f"本账号的单位是“{own.uscc if own else '未登记'}”；请核对。"
        )


def _receiving(session: Session, clock: Clock, cycle_id: int) -> Cycle:
    cycle = cycles.open_one(session, cycle_id)
    visit = cycles.current_visit(session, cycle)
    if cycle.stage != INTAKE:
        raise StateError("现在不在申报受理阶段，不能提交或导入申报。")
    if visit.due_at is not None and clock.now() >= visit.due_at:
        due = visit.due_at.astimezone(CHINA)
        raise StateError(f"申报受理已于 {due:%Y-%m-%d %H:%M} 截止；确需补收的，请先办理延长期限。")
    return cycle


def _barred(taken: TakenRow, ban: Ban) -> RowProblem:
    """That the enterprise of a row may not apply now."""
    cause = f"该单位自 {ban.starts_on} 至 {ban.until} 不得申报：{ban.reason}（依据：{ban.clause}）"
    return taken.note("uscc", taken.submission.uscc, cause, "该行没有导入；认为不应禁止的，请先办理解除")


def _unlike_the_register(session: Session, law: Policy, taken: TakenRow) -> Iterator[RowProblem]:
    """That an enterprise is registered in another county or as another kind: only this application says otherwise."""
    given = taken.submission
    known = enterprises.by_code(session, given.uscc)
    if known is None:
        return
    remedy = "请核对；这件申报以本表为准，单位登记和其他申报不变，确已变更的请更正单位登记"
    names = {county.id: county.name for county in law.counties}
    if known.county != given.county:
        seen, stands = names[given.county], names.get(known.county, known.county)
        yield taken.note("county", seen, f"与登记的县区不同，看到“{seen}”，登记为“{stands}”", remedy)
    if known.kind != given.kind:
        cause = f"与登记的单位类型不同，看到“{given.kind}”，登记为“{known.kind}”"
        yield taken.note("kind", given.kind, cause, remedy)


def _earlier(session: Session, cycle: Cycle, given: Submission) -> Application | None:
    """The application that stands for the same item, if it came with other figures than these."""
    enterprise = enterprises.by_code(session, given.uscc)
    if enterprise is None or _is_in(_same_items(session, cycle, enterprise, given)):
        return None
    return repeats.earlier(session, cycle, enterprise, given)


def _changed(session: Session, law: Policy, before: Application, taken: TakenRow) -> Iterator[RowProblem]:
    """That its figures are others now, if they are: taken as well, the row would be a second application."""
    given = taken.submission
    differences = list(repeats.differences(session, facts.measure_of(law, given.measure), before, given.declared))
    if differences:
        name = differences[0][0]
        told = "，".join(words for _, words in differences)
        cause = f"同一事项已经申报（受理编号 {before.number}），{told}"
        yield taken.note(name, given.declared[name] or "", cause, _HOW_TO_CORRECT)


def _is_in(same: Sequence[Application]) -> bool:
    """Whether one of the very same applications stands."""
    return any(each.status is not ApplicationStatus.WITHDRAWN for each in same)


def _withdrawn_before(session: Session, cycle: Cycle, taken: TakenRow) -> Iterator[RowProblem]:
    """That the same item was withdrawn, so that nobody brings it back unawares."""
    known = enterprises.by_code(session, taken.submission.uscc)
    for before in _same_items(session, cycle, known, taken.submission) if known else ():
        if before.status is ApplicationStatus.WITHDRAWN:
            cause = f"同一事项此前已撤回（{before.number}，理由：{before.status_reason}），本次作为新的申报受理"
            yield taken.note("enterprise", taken.submission.enterprise, cause, "如不应再次申报，请撤回这一件")


def _add(
    session: Session,
    clock: Clock,
    actor: Actor,
    settings: Settings,
    cycle: Cycle,
    law: Policy,
    submission: Submission,
) -> Application | None:
    """Store an application as submitted and tell the applicant; None when the same one is there already."""
    enterprise = enterprises.find_or_add(
        session,
        clock,
        uscc=submission.uscc,
        name=submission.enterprise,
        kind=submission.kind,
        county=submission.county,
        source=submission.source,
    )
    if _is_in(_same_items(session, cycle, enterprise, submission)):
        return None
    application = Application(
        cycle_id=cycle.id or 0,
        number=_next_number(session, cycle),
        enterprise_id=enterprise.id or 0,
        enterprise_name=submission.enterprise,
        legal_person=submission.legal_person,
        registered_address=submission.registered_address,
        kind=submission.kind,
        county=submission.county,
        measure=submission.measure,
        project=submission.project,
        contracts=submission.contracts,
        invoices=submission.invoices,
        item_digest=submission.item_digest,
        status=ApplicationStatus.DRAFT,
        source=submission.source,
        contact_name=submission.contact_name,
        contact_phone=submission.contact_phone,
        contact_email=submission.contact_email,
        bank_name=submission.bank_name,
        bank_account=submission.bank_account,
        pledged=submission.pledged,
        papers=submission.papers,
        submitted_at=clock.now(),
    )
    move(application, "submit")
    session.add(application)
    session.flush()
    facts.store(session, clock, actor, application.id or 0, FactKind.DECLARED, submission.declared)
    context = letter(law, application, cycle.year) | {"received_at": clock.now()}
    queue(
        session,
        clock,
        cycle.id or 0,
        "receipt",
        application.contact_email,
        application.enterprise_name,
        application.number,
        context,
        domain=settings.message_domain,
    )
    return application


def _same_items(
    session: Session, cycle: Cycle, enterprise: Enterprise, submission: Submission
) -> Sequence[Application]:
    """Applications of the enterprise for the very same item, withdrawn ones too."""
    return session.exec(
        select(Application).where(
            Application.cycle_id == cycle.id,
            Application.enterprise_id == enterprise.id,
            Application.measure == submission.measure,
            Application.item_digest == submission.item_digest,
        )
    ).all()


def _next_number(session: Session, cycle: Cycle) -> str:
    """The number after the last; operations take turns, so nobody else has it (services/record/operation.py)."""
    count = session.exec(select(func.count()).where(Application.cycle_id == cycle.id)).one()
    return f"{cycle.year}-{cycle.id:02d}-{count + 1:06d}"
