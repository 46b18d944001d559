"""What the operator's case pages show: findings with both sides, the panel's cases, list versions, objections."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement
from sqlmodel import Session, case, col, func, select

from models import (
    Application,
    ApplicationStatus,
    AwardList,
    AwardListEntry,
    Cycle,
    Enterprise,
    Finding,
    FindingKind,
    FindingVerdict,
    LedgerEntry,
    Objection,
    ObjectionFile,
    ObjectionStatus,
    Outcome,
    PanelDecision,
    PublicNotice,
    User,
)
from policy import Fact
from services.access.actors import Actor
from services.access.sight import treasury_of
from services.access.sightings import Slice, sliced
from services.application import facts
from services.application.state_names import LEVELS
from services.award import lists, objection_files
from services.enterprise import enterprises
from services.errors import InputError, NotFoundError
from services.grants import findings
from services.law import policies

_LINES = 100  # of a list on a page
_CASES = 20  # of the panel, with a form each


@dataclass(frozen=True)
class Side:
    """One side of a finding: an application of this year or another, or a line of a ledger."""

    title: str
    enterprise: str
    uscc: str
    project: str
    contracts: Sequence[str]
    invoices: Sequence[str]
    year: int
    amount_fen: int | None = None  # what was paid, on a ledger's side
    application_id: int | None = None


@dataclass(frozen=True)
class Pair:
    """A finding with both sides, who decided it, and all names that are known of the applicant."""

    finding: Finding
    ours: Side
    theirs: Side
    decided_by: str
    names: frozenset[str]

    @property
    def other_name(self) -> str:
        """The name that a ledger has, where it is not the applicant's own nor one known of it."""
        theirs = self.theirs
        return theirs.enterprise if theirs.amount_fen is not None and theirs.enterprise not in self.names else ""

    @property
    def shared(self) -> frozenset[str]:
        """Contract and invoice numbers on both sides."""
        return frozenset({*self.ours.contracts, *self.ours.invoices} & {*self.theirs.contracts, *self.theirs.invoices})


@dataclass(frozen=True)
class Case:
    """A case-by-case application and the panel's figures for it, the newest first."""

    application: Application
    measure: str
    decisions: Sequence[tuple[PanelDecision, str]]


@dataclass(frozen=True)
class Version:
    """A frozen list with how many of each outcome it has for its reader, what these come to, and its public notice."""

    frozen: AwardList
    prepared_by: str
    counts: Counter[Outcome]
    fens: Counter[Outcome]
    notice: PublicNotice | None

    @property
    def total_fen(self) -> int:
        """What all of it comes to."""
        return self.fens.total()


@dataclass(frozen=True)
class Objected:
    """An objection with what it is about."""

    objection: Objection
    list_version: int
    application: Application | None
    answered_by: str
    files: Sequence[ObjectionFile]


def verdict_counts(session: Session, cycle_id: int) -> Counter[FindingVerdict]:
    """How many findings of the same item wait, and how many were decided which way."""
    rows = session.exec(
        select(Finding.verdict, func.count())
        .where(Finding.cycle_id == cycle_id, Finding.kind == FindingKind.SAME_ITEM)
        .group_by(col(Finding.verdict))
    )
    return Counter({FindingVerdict(verdict): number for verdict, number in rows})


def pairs(session: Session, cycle_id: int, *, waiting: bool, page: int = 1) -> Slice[Pair]:
    """Findings that wait for a person, or those that are settled, the same item before the same enterprise."""
    settled = col(Finding.verdict) != FindingVerdict.OPEN
    query = select(Finding).where(Finding.cycle_id == cycle_id, ~settled if waiting else settled)
    cut = sliced(session, query.order_by(col(Finding.kind).desc()), page, 50, col(Finding.id))
    return Slice([_pair(session, each) for each in cut.rows], cut.number, cut.pages, cut.total)


def pair(session: Session, finding_id: int) -> Pair:
    """One finding. Raises NotFoundError."""
    found = session.get(Finding, finding_id)
    if found is None:
        raise NotFoundError(f"没有编号为 {finding_id} 的疑似重复。")
    return _pair(session, found)


def cases(session: Session, cycle: Cycle, page: int) -> Slice[Case]:
    """The verified applications whose amount the panel sets, by number; those without a figure first."""
    titles = _case_by_case(session, cycle)
    decided = select(PanelDecision.id).where(PanelDecision.application_id == Application.id).exists()
    query = select(Application).where(
        Application.cycle_id == cycle.id,
        Application.status == ApplicationStatus.VERIFIED,
        col(Application.measure).in_(titles),
    )
    cut = sliced(session, query.order_by(case((decided, 1), else_=0)), page, _CASES, col(Application.number))
    return Slice([_case(session, each, titles) for each in cut.rows], cut.number, cut.pages, cut.total)


def one_case(session: Session, cycle: Cycle, application_id: int) -> Case:
    """One of them. Raises NotFoundError."""
    return _case(session, case_application(session, application_id), _case_by_case(session, cycle))


def _case_by_case(session: Session, cycle: Cycle) -> dict[str, str]:
    """The titles of the measures whose amount the panel sets, by id."""
    law = policies.policy_of(session, cycle)
    return {measure.id: measure.title for measure in law.measures if measure.decided_by is not None}


def case_application(session: Session, application_id: int) -> Application:
    """An application by its id. Raises NotFoundError."""
    found = session.get(Application, application_id)
    if found is None or found.status is ApplicationStatus.DRAFT:
        raise NotFoundError("没有这件申报。")
    return found


def read_amount(text: str, label: str = "核定金额") -> int:
    """An amount that somebody typed (250000.00, 25万) in fen; `label` says what it is. Raises InputError."""
    value = facts.read(Fact(name="amount", label=label, type="money", unit="元"), text)
    if not isinstance(value, int):
        raise InputError(f"{label}没有填写。")
    return value


def versions(session: Session, actor: Actor, cycle_id: int) -> list[Version]:
    """The frozen lists of a cycle as the actor sees them, the newest first."""
    query = select(AwardList).where(AwardList.cycle_id == cycle_id).order_by(col(AwardList.version).desc())
    return [_version(session, actor, each) for each in session.exec(query)]


def version(session: Session, actor: Actor, list_id: int) -> Version:
    """One frozen list as the actor sees it. Raises NotFoundError."""
    found = session.get(AwardList, list_id)
    if found is None:
        raise NotFoundError("没有这一版名单。")
    return _version(session, actor, found)


def entries(session: Session, actor: Actor, list_id: int) -> list[AwardListEntry]:
    """The lines of a list that the actor may see."""
    return lists.entries(session, list_id, county=treasury_of(actor))


def lines(session: Session, actor: Actor, list_id: int, outcome: Outcome | None, page: int) -> Slice[AwardListEntry]:
    """The same one page at a time, of one outcome when named."""
    query = select(AwardListEntry).where(*_seen_by(actor, list_id))
    if outcome is not None:
        query = query.where(AwardListEntry.outcome == outcome)
    return sliced(session, query, page, _LINES, col(AwardListEntry.number))


def objections(session: Session, cycle_id: int) -> list[Objected]:
    """The objections of a cycle, those without an answer first."""
    query = (
        select(Objection)
        .join(PublicNotice, col(PublicNotice.id) == Objection.notice_id)
        .where(PublicNotice.cycle_id == cycle_id)
        .order_by(col(Objection.id))
    )
    found = [_objection(session, each) for each in session.exec(query)]
    return sorted(found, key=lambda each: each.objection.status is not ObjectionStatus.OPEN)


def objection(session: Session, objection_id: int) -> tuple[Objected, int]:
    """One objection and its cycle's id. Raises NotFoundError."""
    found = session.get(Objection, objection_id)
    if found is None:
        raise NotFoundError("没有这件异议。")
    return _objection(session, found), session.get_one(PublicNotice, found.notice_id).cycle_id


def listed_application(session: Session, cycle_id: int, number: str) -> int | None:
    """The id of the application with this number in the cycle; None for an empty number. Raises InputError."""
    if not number.strip():
        return None
    found = session.exec(
        select(Application.id).where(Application.cycle_id == cycle_id, Application.number == number.strip())
    ).one_or_none()
    if found is None:
        raise InputError(f"本年度没有受理编号为“{number.strip()}”的申报；请核对。")
    return found


def _pair(session: Session, finding: Finding) -> Pair:
    own = session.get_one(Application, finding.application_id)
    ours = _application_side(session, own, f"本年度申报 {own.number}")
    if finding.ledger_entry_id is not None:
        theirs = _ledger_side(session.get_one(LedgerEntry, finding.ledger_entry_id))
    else:
        other = session.get_one(Application, finding.other_application_id)
        title = f"本年度另一件申报 {other.number}"
        if other.cycle_id != own.cycle_id:
            title = findings.told_of_other_year(session, other, session.get_one(Cycle, own.cycle_id))
        theirs = _application_side(session, other, title)
    applicant = enterprises.known(session, ours.uscc)
    names = {applicant.name, ours.enterprise, *enterprises.former_names(session, applicant), ""}
    return Pair(finding, ours, theirs, _name(session, finding.decided_by), frozenset(names))


def _application_side(session: Session, application: Application, title: str) -> Side:
    return Side(
        title=title,
        enterprise=application.enterprise_name,
        uscc=session.get_one(Enterprise, application.enterprise_id).uscc,
        project=application.project,
        contracts=_parts(application.contracts),
        invoices=_parts(application.invoices),
        year=session.get_one(Cycle, application.cycle_id).year,
        application_id=application.id,
    )


def _ledger_side(entry: LedgerEntry) -> Side:
    return Side(
        title=f"{LEVELS[entry.level]}台账 {entry.ledger_id}",
        enterprise=entry.enterprise,
        uscc=entry.uscc,
        project=entry.project,
        contracts=_parts(entry.contracts),
        invoices=_parts(entry.invoices),
        year=entry.year,
        amount_fen=entry.amount_fen,
    )


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.replace("；", ";").split(";") if part.strip()]


def _case(session: Session, application: Application, titles: Mapping[str, str]) -> Case:
    query = select(PanelDecision).where(PanelDecision.application_id == application.id)
    decided = session.exec(query.order_by(col(PanelDecision.seq).desc())).all()
    measure = titles.get(application.measure, application.measure)
    return Case(application, measure, [(each, _name(session, each.user_id)) for each in decided])


def _version(session: Session, actor: Actor, frozen: AwardList) -> Version:
    rows = session.exec(
        select(AwardListEntry.outcome, func.count(), func.sum(AwardListEntry.amount_fen))
        .where(*_seen_by(actor, frozen.id or 0))
        .group_by(col(AwardListEntry.outcome))
    ).all()
    counts = Counter({Outcome(outcome): count for outcome, count, _ in rows})
    fens = Counter({Outcome(outcome): int(fen) for outcome, _, fen in rows})
    notice = session.exec(select(PublicNotice).where(PublicNotice.list_id == frozen.id)).one_or_none()
    return Version(frozen, _name(session, frozen.prepared_by), counts, fens, notice)


def _seen_by(actor: Actor, list_id: int) -> list[ColumnElement[bool]]:
    """Which lines of a list the actor may see."""
    county = treasury_of(actor)
    own = [] if county is None else [col(AwardListEntry.county) == county]
    return [col(AwardListEntry.list_id) == list_id, *own]


def _objection(session: Session, found: Objection) -> Objected:
    notice = session.get_one(PublicNotice, found.notice_id)
    published = session.get_one(AwardList, notice.list_id)
    about = session.get_one(Application, found.application_id) if found.application_id is not None else None
    files = objection_files.files_of(session, found.id or 0)
    return Objected(found, published.version, about, _name(session, found.answered_by), files)


def _name(session: Session, user_id: int | None) -> str:
    return session.get_one(User, user_id).name if user_id is not None else ""
