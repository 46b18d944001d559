"""Applications coming in: row by row out of a workbook, or one by one; and their withdrawal."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sqlmodel import Session, col, func, select

import policy
from config.settings import Settings
from matching import uscc
from models import Application, ApplicationStatus, Cycle, Enterprise, FactKind, ImportFile, ImportKind
from policy import Measure, Policy, ValueProblem
from services import cycles, enterprises, facts, imports, policies
from services.actors import Actor
from services.clock import CHINA, Clock
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.lifecycle import move
from services.notices.contexts import page_of
from services.notices.queueing import queue
from services.operation import operation
from services.tables import ROW, RowProblem, Sheet, duplicate_rows, match_columns, read_workbook

INTAKE = "intake"
HEADINGS: Mapping[str, Sequence[str]] = {
    "enterprise": ("企业名称", "单位名称", "申报单位"),
    "uscc": ("统一社会信用代码", "信用代码"),
    "kind": ("单位类型", "主体类型"),
    "county": ("县区", "所属县区"),
    "project": ("项目名称", "事项名称"),
    "contracts": ("合同号", "合同编号"),
    "invoices": ("发票号码", "发票号"),
    "contact_name": ("联系人",),
    "contact_phone": ("手机", "联系电话"),
    "contact_email": ("邮箱", "电子邮箱"),
    "bank_name": ("开户银行",),
    "bank_account": ("银行账号",),
    "pledged": ("承诺书(是/否)", "承诺书"),
}


@dataclass(frozen=True)
class Submission:
    """What an applicant hands in: who, which measure, the item, contacts, and declared values as canonical text."""

    enterprise: str
    uscc: str
    kind: str
    county: str
    measure: str
    project: str
    contracts: str
    invoices: str
    contact_name: str
    contact_phone: str
    contact_email: str
    bank_name: str
    bank_account: str
    pledged: bool
    declared: Mapping[str, str | None]
    source: str

    @property
    def item_digest(self) -> str:
        """What tells this item from others of the same enterprise under the same measure."""
        item = [self.project, self.contracts, self.invoices, sorted(self.declared.items())]
        return hashlib.sha256(json.dumps(item, ensure_ascii=False).encode()).hexdigest()


@dataclass
class _Reading:
    """The rows of a workbook that can be taken, and what has to be told of the others."""

    taken: list[Submission] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


@operation("application.import")
def import_applications(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, path: Path
) -> ImportFile:
    """Take in a workbook with a sheet a measure. Bad rows are listed, good ones go on; the same file adds nothing.

    Raises TableError when the file is no table at all, StateError outside of the intake window.
    """
    cycle = _receiving(session, clock, cycle_id)
    law = policies.policy_of(session, cycle)
    workbook = read_workbook(path, [heading for headings in HEADINGS.values() for heading in headings])
    known = imports.known_import(session, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    if known is not None:
        return known
    record = imports.start_import(session, clock, actor, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    reading = _Reading(problems=list(workbook.problems))
    for sheet in workbook.sheets:
        _read_sheet(law, sheet, reading)
    added = [_add(session, clock, actor, settings, cycle, law, submission) for submission in reading.taken]
    count = sum(application is not None for application in added)
    imports.finish_import(record, count, len(added) - count, reading.problems, reading.notes)
    return record


@operation("application.submit")
def submit(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, submission: Submission
) -> Application:
    """Submit one application. Raises StateError when the same one was submitted or the window is shut."""
    cycle = _receiving(session, clock, cycle_id)
    law = policies.policy_of(session, cycle)
    fault = uscc.fault(submission.uscc)
    if fault:
        raise InputError(f"统一社会信用代码“{submission.uscc}”{fault}；请核对。")
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


def letter(law: Policy, application: Application, year: int) -> dict[str, object]:
    """What every notice about this application says of it."""
    return {
        "policy": law.title,
        "year": year,
        "path": page_of(application),
        "number": application.number,
        "measure": facts.measure_of(law, application).title,
        "project": application.project,
    }


def _receiving(session: Session, clock: Clock, cycle_id: int) -> Cycle:
    cycle = cycles.open_one(session, cycle_id)
    visit = cycles.current_visit(session, cycle)
    if cycle.stage != INTAKE:
        raise StateError("现在不在申报受理阶段，不能提交或导入申报。")
    if visit.due_at is not None and clock.now() >= visit.due_at:
        due = visit.due_at.astimezone(CHINA)
        raise StateError(f"申报受理已于 {due:%Y-%m-%d %H:%M} 截止；确需补收的，请先办理延长期限。")
    return cycle


def _read_sheet(law: Policy, sheet: Sheet, reading: _Reading) -> None:
    measure = next((each for each in law.measures if sheet.name in (each.title, each.id)), None)
    if measure is None:
        titles = "、".join(each.title for each in law.measures)
        reading.problems.append(
            sheet.problem(sheet.header_row, "", sheet.name, "工作表名称不是本政策的措施", f"请改为下列之一：{titles}")
        )
        return
    declared = {fact.name: (fact.label, fact.name) for fact in facts.declared_facts(measure)}
    optional = {fact.name for fact in facts.declared_facts(measure) if not fact.must_be_given}
    found = match_columns(sheet, {**HEADINGS, **declared}, optional | {"contracts", "invoices", "project"})
    if found.problems:
        reading.problems.extend(found.problems)
        return
    repeated = set(duplicate_rows(sheet.frame, sheet.columns)[ROW])
    for row in sheet.frame.iter_rows(named=True):
        if row[ROW] in repeated:
            reading.problems.append(
                sheet.problem(
                    row[ROW], "", row[found.columns["enterprise"]], "与前面的行完全重复", "如是不同事项请写明项目"
                )
            )
        else:
            _read_row(law, measure, sheet, found.columns, row, reading)


def _read_row(
    law: Policy,
    measure: Measure,
    sheet: Sheet,
    columns: Mapping[str, str],
    row: Mapping[str, str],
    reading: _Reading,
) -> None:
    text = {name: row[heading].strip() for name, heading in columns.items()}
    place = int(row[ROW])
    counties = {key: county.id for county in law.counties for key in (county.name, county.id)}
    problems = [
        sheet.problem(place, columns[name], text[name], cause, remedy)
        for name, cause, remedy in _faults(measure, text, counties)
    ]
    declared: dict[str, str | None] = {}
    for fact in facts.declared_facts(measure):
        if fact.name not in columns:
            continue
        value = policy.read_value(fact, text[fact.name])
        if isinstance(value, ValueProblem):
            problems.append(_unreadable(sheet, place, columns[fact.name], text[fact.name], value))
            continue
        if value.note:
            reading.notes.append(sheet.problem(place, columns[fact.name], text[fact.name], value.note, "请核对"))
        declared[fact.name] = facts.canonical(fact, text[fact.name])
    if problems:
        reading.problems.extend(problems)
        return
    reading.taken.append(
        Submission(
            measure=measure.id,
            county=counties[text["county"]],
            pledged=text["pledged"] == "是",
            declared=declared,
            source=f"{sheet.file}「{sheet.name}」第 {place} 行",
            **{name: text.get(name, "") for name in HEADINGS if name not in ("county", "pledged")},
        )
    )


def _unreadable(sheet: Sheet, row: int, column: str, text: str, problem: ValueProblem) -> RowProblem:
    return sheet.problem(row, column, text, problem.message.removeprefix(f"“{text}”"), "请更正后重新导入该行")


def _faults(measure: Measure, text: Mapping[str, str], counties: Mapping[str, str]) -> list[tuple[str, str, str]]:
    faults = []
    if not text["enterprise"]:
        faults.append(("enterprise", "没有填写企业名称", "请补填"))
    fault = uscc.fault(text["uscc"])
    if fault:
        faults.append(("uscc", fault, "请按营业执照更正"))
    if text["county"] not in counties:
        names = "、".join(name for name in counties if not name.isascii())
        faults.append(("county", "不是本市的县区或开发区", f"请填下列之一：{names}"))
    if text["kind"] not in measure.applicants:
        faults.append(("kind", "不属于本措施的申报主体", f"本措施可由{'、'.join(measure.applicants)}申报"))
    if text["pledged"] not in ("是", "否", ""):
        faults.append(("pledged", "只能填“是”或“否”", "请更正"))
    return faults


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
    if _is_known(session, cycle, enterprise, submission):
        return None
    application = Application(
        cycle_id=cycle.id or 0,
        number=_next_number(session, cycle),
        enterprise_id=enterprise.id or 0,
        enterprise_name=submission.enterprise,
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
        domain=settings.mail_domain,
    )
    return application


def _is_known(session: Session, cycle: Cycle, enterprise: Enterprise, submission: Submission) -> bool:
    return (
        session.exec(
            select(Application.id).where(
                Application.cycle_id == cycle.id,
                Application.enterprise_id == enterprise.id,
                Application.measure == submission.measure,
                Application.item_digest == submission.item_digest,
            )
        ).first()
        is not None
    )


def _next_number(session: Session, cycle: Cycle) -> str:
    count = session.exec(select(func.count()).where(Application.cycle_id == cycle.id)).one()
    return f"{cycle.year}-{cycle.id:02d}-{count + 1:06d}"
