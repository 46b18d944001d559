"""Applications coming in: row by row out of a workbook, or one by one; and their withdrawal."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from sqlmodel import Session, col, func, select

import policy
from config.settings import Settings
from matching import uscc
from models import Application, ApplicationStatus, Cycle, Enterprise, FactKind, ImportFile, ImportKind, Role
from policy import Measure, Policy, ValueProblem
from services import cycles, enterprises, facts, fitting, imports, policies
from services.actors import Actor
from services.clock import CHINA, Clock
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.lifecycle import move
from services.notices.contexts import page_of
from services.notices.queueing import queue
from services.operation import operation
from services.particulars import doubts
from services.tables import ROW, RowProblem, Sheet, duplicate_rows, match_columns, read_workbook
from services.tables.headers import fold_heading
from services.tables.problems import shortened

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
    "papers": ("材料齐全(是/否)", "材料齐全"),
}
MEASURE_HEADINGS = ("措施", "措施名称", "措施编号", "申报措施", "measure")
_OPTIONAL = frozenset({"contracts", "invoices", "project", "papers"})
_CHOSEN = ("uscc", "kind", "county", "pledged", "papers")  # read against what they may be
_COLUMNS = {"enterprise": "enterprise_name"}


@dataclass(frozen=True)
class Submission:
    """What an applicant hands in: who, which measure, the item, contacts, and declared values as canonical text.

    `papers`: whether the evidence on paper is complete; None when the evidence is uploaded.
    """

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
    papers: bool | None = True

    @property
    def item_digest(self) -> str:
        """What tells this item from others of the same enterprise under the same measure."""
        item = [self.project, self.contracts, self.invoices, sorted(self.declared.items())]
        return hashlib.sha256(json.dumps(item, ensure_ascii=False).encode()).hexdigest()


@dataclass(frozen=True)
class _Taken:
    """A row that can be taken."""

    submission: Submission
    sheet: Sheet
    row: int
    columns: Mapping[str, str]

    def note(self, name: str, value: str, cause: str, remedy: str) -> RowProblem:
        """Something to be told of a column of this row."""
        return self.sheet.problem(self.row, self.columns[name], value, cause, remedy)


@dataclass
class _Reading:
    """The rows of a workbook that can be taken, and what has to be told of them and of the others."""

    taken: list[_Taken] = field(default_factory=list)
    problems: list[RowProblem] = field(default_factory=list)
    notes: list[RowProblem] = field(default_factory=list)


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
    headings = [heading for headings in HEADINGS.values() for heading in headings]
    workbook = read_workbook(path, [*headings, *MEASURE_HEADINGS])
    known = imports.known_import(session, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    if known is not None:
        return known
    record = imports.start_import(session, clock, actor, ImportKind.APPLICATIONS, str(cycle_id), workbook)
    reading = _Reading(problems=list(workbook.problems))
    for sheet in workbook.sheets:
        _read_sheet(law, sheet, reading)
    count = 0
    for taken in reading.taken:
        notes = [*_unlike_the_register(session, law, taken), *_withdrawn_before(session, cycle, taken)]
        if _add(session, clock, actor, settings, cycle, law, taken.submission) is not None:
            count, reading.notes = count + 1, reading.notes + notes
    imports.finish_import(record, count, len(reading.taken) - count, reading.problems, reading.notes)
    return record


@operation("application.submit")
def submit(
    session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int, submission: Submission
) -> Application:
    """Submit one application. Raises StateError when the same one was submitted or the window is shut.

    An applicant submits for its own enterprise only; NotAllowedError otherwise.
    """
    _check_own(session, actor, submission)
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


def _read_sheet(law: Policy, sheet: Sheet, reading: _Reading) -> None:
    """A sheet is of the measure that it is named after, or else of those that its column of measures names.

    A CSV file has one sheet without a name: there the column comes first, then the name of the file.
    """
    column = next((each for each in sheet.columns if fold_heading(each) in MEASURE_HEADINGS), None)
    name = sheet.name or Path(sheet.file).stem.strip()
    measure = _measure_named(law, name)
    titles = "、".join(each.title for each in law.measures)
    if column is not None and (measure is None or not sheet.name):
        for value, part in _by_measure(sheet, column):
            found = _measure_named(law, value)
            if found is not None:
                _read_measure(law, found, part, reading)
                continue
            cause = "不是本政策的措施" if value else "没有填写措施"
            reading.problems += [
                sheet.problem(row, column, value, cause, f"请填下列之一：{titles}") for row in part.frame[ROW]
            ]
    elif measure is not None:
        _read_measure(law, measure, sheet, reading)
    elif sheet.name:
        reading.problems.append(
            sheet.problem(sheet.header_row, "", name, "工作表名称不是本政策的措施", f"请改为下列之一：{titles}")
        )
    else:
        cause = "没有“措施”列，文件名也不是本政策的措施，不知道申报的是哪条措施"
        remedy = f"请加一列“措施”，或把文件名改为下列之一：{titles}"
        reading.problems.append(sheet.problem(sheet.header_row, "", name, cause, remedy))


def _measure_named(law: Policy, name: str) -> Measure | None:
    return next((each for each in law.measures if name.strip() in (each.title, each.id)), None)


def _by_measure(sheet: Sheet, column: str) -> list[tuple[str, Sheet]]:
    """The sheet's rows by what stands in a column, without that column."""
    columns = [each for each in sheet.columns if each != column]
    return [
        (str(key[0]).strip(), replace(sheet, columns=columns, frame=rows.drop(column)))
        for key, rows in sheet.frame.group_by(column, maintain_order=True)
    ]


def _read_measure(law: Policy, measure: Measure, sheet: Sheet, reading: _Reading) -> None:
    declared = {fact.name: (fact.label, fact.name) for fact in facts.declared_facts(measure)}
    optional = {fact.name for fact in facts.declared_facts(measure) if not fact.must_be_given}
    found = match_columns(sheet, {**HEADINGS, **declared}, optional | _OPTIONAL)
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
    reading.notes += [
        sheet.problem(place, columns[name], text[name], cause, remedy) for name, cause, remedy in _remarks(text)
    ]
    submission = Submission(
        uscc=uscc.normalised(text["uscc"]),
        measure=measure.id,
        county=counties[text["county"]],
        pledged=text["pledged"] == "是",
        papers=text.get("papers") != "否",
        declared=declared,
        source=f"{shortened(sheet.file, 100)}{f'「{sheet.name}」' if sheet.name else ''}第 {place} 行",
        **{name: text.get(name, "") for name in HEADINGS if name not in ("uscc", "county", "pledged", "papers")},
    )
    reading.taken.append(_Taken(submission, sheet, place, columns))


def _remarks(text: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """What is told of a row that is taken: column, cause, remedy."""
    code = uscc.normalised(text["uscc"])
    if code != text["uscc"]:
        yield "uscc", f"读作“{code}”", "如不对请按营业执照更正"
    for name, cause in doubts(text).items():
        yield name, cause, "请核对；该行照常受理，形式审查时会要求补正"


def _unlike_the_register(session: Session, law: Policy, taken: _Taken) -> Iterator[RowProblem]:
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


def _withdrawn_before(session: Session, cycle: Cycle, taken: _Taken) -> Iterator[RowProblem]:
    """That the same item was withdrawn, so that nobody brings it back unawares."""
    known = enterprises.by_code(session, taken.submission.uscc)
    for before in _same_items(session, cycle, known, taken.submission) if known else ():
        if before.status is ApplicationStatus.WITHDRAWN:
            cause = f"同一事项此前已撤回（{before.number}，理由：{before.status_reason}），本次作为新的申报受理"
            yield taken.note("enterprise", taken.submission.enterprise, cause, "如不应再次申报，请撤回这一件")


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
    faults += [
        (name, "只能填“是”或“否”", "请更正")
        for name in ("pledged", "papers")
        if text.get(name, "") not in ("是", "否", "")
    ]
    columns = {name: _COLUMNS.get(name, name) for name in text if name in HEADINGS and name not in _CHOSEN}
    unfit = {name: fitting.fault(Application, column, text[name]) for name, column in columns.items()}
    return faults + [(name, cause, "请更正") for name, cause in unfit.items() if cause]


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
    same = _same_items(session, cycle, enterprise, submission)
    if any(each.status is not ApplicationStatus.WITHDRAWN for each in same):
        return None
    application = Application(
        cycle_id=cycle.id or 0,
        number=_next_number(session, cycle),
        enterprise_id=enterprise.id or 0,
        enterprise_name=submission.enterprise,
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
        domain=settings.mail_domain,
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
    """The number after the last; operations take turns, so nobody else has it (services/operation.py)."""
    count = session.exec(select(func.count()).where(Application.cycle_id == cycle.id)).one()
    return f"{cycle.year}-{cycle.id:02d}-{count + 1:06d}"
