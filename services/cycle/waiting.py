"""What waits for approval, and everything that somebody needs to see before deciding."""

from dataclasses import dataclass
from datetime import datetime

from sqlmodel import Session, col, func, select

from models import (
    AwardList,
    AwardListEntry,
    Cycle,
    CycleStatus,
    Decision,
    DecisionKind,
    Document,
    LedgerEntry,
    LedgerLevel,
    Outcome,
    Role,
    StageVisit,
    User,
)
from policy import Policy
from services.after_payment import awards
from services.award import lists
from services.clock import Clock
from services.cycle import cycles, gates
from services.cycle.stages import CyclePlan, GateKind, StagePlan, Subject
from services.errors import NotFoundError
from services.law import policies


@dataclass(frozen=True)
class Link:
    """One step of the chain, with its approval once it is given."""

    role: Role
    by: str = ""
    at: datetime | None = None
    opinion: str = ""

    @property
    def done(self) -> bool:
        """Whether this step is approved."""
        return self.at is not None


@dataclass(frozen=True)
class Past:
    """An earlier decision in this year, about this subject or another."""

    title: str
    by: str
    role: Role
    decision: Decision

    @property
    def approved(self) -> bool:
        """Whether it was an approval."""
        return self.decision.kind is DecisionKind.APPROVE


@dataclass(frozen=True)
class Matter:
    """One subject that waits for approval, exactly as it stands."""

    cycle: Cycle
    policy: str
    stage: str
    title: str
    subject: Subject
    digest: str
    preparer: str
    since: datetime
    chain: tuple[Link, ...]

    @property
    def turn(self) -> Role:
        """Whose turn it is."""
        return next(link.role for link in self.chain if not link.done)

    @property
    def is_list(self) -> bool:
        """Whether a list is approved (else the guide)."""
        return self.subject is Subject.LIST


@dataclass(frozen=True)
class Share:
    """What goes to a measure or a county, and how that compares with the year before (None: not known)."""

    name: str
    applications: int
    awards: int
    amount_fen: int
    before_fen: int | None = None


@dataclass(frozen=True)
class Brief:
    """A list in figures. `previous` is the version before, `changes` what differs from it."""

    current: AwardList
    awards: int
    outcomes: dict[Outcome, int]
    enterprises: int
    measures: list[Share]
    counties: list[Share]
    measure_names: dict[str, str]
    county_names: dict[str, str]
    last_year_fen: int | None
    previous: AwardList | None
    changes: list[lists.Change]


def matters(session: Session, clock: Clock, plan: CyclePlan) -> list[Matter]:
    """Everything that waits for somebody's approval in the cycles under way, the oldest first."""
    found = [_matter(session, clock, plan, cycle) for cycle in cycles.open_cycles(session)]
    return sorted((matter for matter in found if matter is not None), key=lambda matter: matter.since)


def matter_of(session: Session, clock: Clock, plan: CyclePlan, cycle_id: int) -> Matter:
    """What waits for approval in a cycle. Raises NotFoundError when nothing does."""
    cycle = cycles.get_cycle(session, cycle_id)
    found = _matter(session, clock, plan, cycle) if cycle.status is CycleStatus.OPEN else None
    if found is None:
        raise NotFoundError(f"{cycle.year} 年度现在没有等待审批的内容。")
    return found


def past(session: Session, plan: CyclePlan, cycle_id: int) -> list[Past]:
    """All approvals and returns of a year, the newest first."""
    rows = session.exec(
        select(Decision, StageVisit, User)
        .join(StageVisit, col(StageVisit.id) == Decision.visit_id)
        .join(User, col(User.id) == Decision.user_id)
        .where(Decision.cycle_id == cycle_id, col(Decision.kind).in_((DecisionKind.APPROVE, DecisionKind.RETURN)))
        .order_by(col(Decision.id).desc())
    )
    return [Past(plan.stage(visit.stage).title, user.name, user.role, decision) for decision, visit, user in rows]


def brief(session: Session, cycle: Cycle) -> Brief:
    """The current list in figures. Raises StateError when nothing is frozen yet."""
    law, current = policies.policy_of(session, cycle), lists.current_list(session, cycle)
    key = current.id or 0
    earlier = last_year(session, cycle)
    measures = {measure.id: measure.title for measure in law.measures}
    counties = {county.id: county.name for county in law.counties}
    previous = _previous(session, current)
    outcomes = lists.totals(session, key, AwardListEntry.outcome)
    return Brief(
        current=current,
        awards=sum(total.awards for total in outcomes.values()),
        outcomes={outcome: outcomes[outcome].lines for outcome in Outcome if outcome in outcomes},
        enterprises=lists.enterprises_of(session, key),
        measures=_shares(measures, lists.totals(session, key), earlier),
        counties=_shares(counties, lists.totals(session, key, AwardListEntry.county), None),
        measure_names=measures,
        county_names=counties,
        last_year_fen=sum(earlier.values()) if earlier is not None else None,
        previous=previous,
        changes=lists.diff(session, cycle.id or 0, previous.version, current.version) if previous else [],
    )


def last_year(session: Session, cycle: Cycle) -> dict[str, int] | None:
    """Fen by measure of the year before: of our own list, else of the city's ledger; None when neither has it.

    Of a year that was cancelled: what was paid.
    """
    before = session.exec(
        select(AwardList, Cycle.status)
        .join(Cycle, col(Cycle.id) == AwardList.cycle_id)
        .where(Cycle.policy_id == cycle.policy_id, Cycle.year == cycle.year - 1, cycles.counts())
        .order_by(col(AwardList.version).desc())
    ).first()
    if before is not None:
        own, status = before
        if status is CycleStatus.CANCELLED:
            return awards.paid(session, own.cycle_id, AwardListEntry.measure)
        return {measure: total.amount_fen for measure, total in lists.totals(session, own.id or 0).items()}
    measure = func.coalesce(LedgerEntry.measure, "")
    ledger = session.exec(
        select(measure, func.sum(LedgerEntry.amount_fen))
        .where(
            LedgerEntry.level == LedgerLevel.CITY,
            LedgerEntry.policy_id == cycle.policy_id,
            LedgerEntry.year == cycle.year - 1,
        )
        .group_by(measure)
    ).all()
    return {key: int(fen) for key, fen in ledger} or None


def guide_draft(session: Session, cycle_id: int) -> Document | None:
    """The newest draft of a cycle's guide as a page, if it was written."""
    return session.exec(
        select(Document)
        .where(Document.cycle_id == cycle_id, Document.kind == "guide", Document.format == "html")
        .order_by(col(Document.written_at).desc(), col(Document.id).desc())
    ).first()


def law_of(session: Session, cycle: Cycle) -> Policy:
    """The exact policy that the guide promises."""
    return policies.policy_of(session, cycle)


def _matter(session: Session, clock: Clock, plan: CyclePlan, cycle: Cycle) -> Matter | None:
    stage, visit = plan.stage(cycle.stage), cycles.current_visit(session, cycle)
    if stage.gate.kind is not GateKind.APPROVAL or visit.work_done_at is None:
        return None
    if gates.read_gate(session, clock, plan, cycle).open:  # all approved, or returned: nothing waits
        return None
    assert stage.gate.subject is not None
    digest = gates.subject_digest(session, cycle, stage.gate.subject)
    preparer = session.get_one(User, gates.subject_preparer(session, cycle, stage.gate.subject))
    return Matter(
        cycle=cycle,
        policy=policies.policy_of(session, cycle).title,
        stage=stage.id,
        title=stage.title,
        subject=stage.gate.subject,
        digest=digest,
        preparer=preparer.name,
        since=visit.work_done_at,
        chain=_chain(session, stage, visit, digest),
    )


def _chain(session: Session, stage: StagePlan, visit: StageVisit, digest: str) -> tuple[Link, ...]:
    rows = session.exec(
        select(Decision, User)
        .join(User, col(User.id) == Decision.user_id)
        .where(Decision.visit_id == visit.id, Decision.kind == DecisionKind.APPROVE, Decision.digest == digest)
    )
    given = {decision.step: Link(user.role, user.name, decision.decided_at, decision.reason) for decision, user in rows}
    return tuple(given.get(step, Link(role)) for step, role in enumerate(stage.gate.chain))


def _previous(session: Session, current: AwardList) -> AwardList | None:
    return session.exec(
        select(AwardList)
        .where(AwardList.cycle_id == current.cycle_id, AwardList.version < current.version)
        .order_by(col(AwardList.version).desc())
    ).first()


def _shares(names: dict[str, str], totals: dict[str, lists.Total], before: dict[str, int] | None) -> list[Share]:
    """One line each, in the policy's order; what the policy does not name comes last."""
    keys = totals.keys() | (before or {}).keys()
    order = [*(key for key in names if key in keys), *sorted(keys - names.keys())]
    none = lists.Total(0, 0, 0)
    return [
        Share(
            names.get(key, key or "未注明"),
            (total := totals.get(key, none)).lines,
            total.awards,
            total.amount_fen,
            before.get(key, 0) if before is not None else None,
        )
        for key in order
    ]
