"""What the board shows of a year: stages with their dates, what waits and is late, counts, and money."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from sqlmodel import Session, col, func, select

import policy
from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Cycle,
    CycleStatus,
    PaymentStatus,
    RequestStatus,
    ReviewerKind,
    StageVisit,
    Supplement,
    VerificationRequest,
)
from policy import Policy
from policy.environment import environment
from policy.parameters import adjustable, version_of
from policy.schema import Parameter, Pool
from policy.yearly import budgets_of, year_settings
from services.application import completeness
from services.award import computation, lists
from services.clock import Clock
from services.cycle import cycles, gates, stage_counts
from services.cycle.deadlines import due_day
from services.cycle.gate_facts import Wait
from services.cycle.stages import CyclePlan
from services.errors import InputError
from services.law import policies
from services.payment import payment_overview
from services.review import reviews


@dataclass(frozen=True)
class StageShown:
    """One stage on the line of the year. `state`: done, now, to-come; `counts` what it has dealt with, in words."""

    id: str
    title: str
    state: str
    visits: int
    entered_at: datetime | None
    left_at: datetime | None
    due: date | None
    overdue: bool
    counts: str


@dataclass(frozen=True)
class MeasureSum:
    """One measure: how many applied, how many are awarded, and how much."""

    id: str
    title: str
    applications: int
    awards: int
    amount_fen: int


@dataclass(frozen=True)
class PoolUse:
    """A fixed sum of the policy, and how much of it the awards use."""

    label: str
    clause: str
    used_fen: int
    whole_fen: int


@dataclass(frozen=True)
class Late:
    """Something that was due and is not done: by whom, what, how many, since which day."""

    who: str
    what: str
    count: int
    due: date


@dataclass(frozen=True)
class Money:
    """The year's sums in fen; `version` is the newest frozen list, None before there is one."""

    computed_fen: int
    listed_fen: int
    version: int | None
    ordered_fen: int
    paid_fen: int
    failed: int


@dataclass(frozen=True)
class Adjustable:
    """A parameter that the year's guide may set; `owner` is its measure's id, or policy.

    `choices` are the only values it takes, with their words; empty when it takes a figure. `table`: it has rows, and
    the year's value names the rows that change.
    """

    owner: str
    title: str
    name: str
    label: str
    value: str
    choices: dict[str, str]
    table: bool

    @property
    def words(self) -> str:
        """The policy's value as people read it."""
        return self.choices.get(self.value, self.value)


@dataclass(frozen=True)
class AdjustableGroup:
    """What may be set for one measure, or for all of them together."""

    title: str
    settings: tuple[Adjustable, ...]


def all_cycles(session: Session) -> list[Cycle]:
    """Every cycle, the newest first."""
    return list(session.exec(select(Cycle).order_by(col(Cycle.id).desc())))


def stages(session: Session, clock: Clock, plan: CyclePlan, cycle: Cycle) -> list[StageShown]:
    """The stages in order with their latest visit."""
    visits: dict[str, list[StageVisit]] = {}
    for visit in session.exec(select(StageVisit).where(StageVisit.cycle_id == cycle.id).order_by(col(StageVisit.id))):
        visits.setdefault(visit.stage, []).append(visit)
    place = [stage.id for stage in plan.stages].index(cycle.stage)
    shown = []
    for index, stage in enumerate(plan.stages):
        made = visits.get(stage.id, [])
        last = made[-1] if made and index <= place else None
        done = index < place or cycle.status is CycleStatus.CLOSED
        due_at = last.due_at if last else None
        shown.append(
            StageShown(
                id=stage.id,
                title=stage.title,
                state="done" if done else "now" if index == place else "to-come",
                visits=len(made),
                entered_at=last.entered_at if last else None,
                left_at=last.left_at if last else None,
                due=due_day(due_at) if due_at else None,
                overdue=due_at is not None and not done and clock.now() >= due_at,
                counts=stage_counts.of_stage(session, cycle, stage.id) if index <= place else "",
            )
        )
    return shown


def waits(session: Session, clock: Clock, plan: CyclePlan, cycle: Cycle) -> list[Wait]:
    """What the current gate waits for; the stage's own work comes first. Empty when the gate is open."""
    if cycle.status is not CycleStatus.OPEN:
        return []
    if cycles.current_visit(session, cycle).work_done_at is None:
        return [Wait("系统", "本阶段的工作还没有做完")]
    return list(gates.read_gate(session, clock, plan, cycle).waits)


def statuses(session: Session, cycle_id: int) -> list[tuple[ApplicationStatus, int]]:
    """How many applications are in each state, in the order of their life; drafts are nobody else's business."""
    rows = session.exec(
        select(Application.status, func.count()).where(Application.cycle_id == cycle_id).group_by(Application.status)
    )
    counts = dict(rows.all())
    return [(status, counts[status]) for status in ApplicationStatus if status in counts and status != "draft"]


def measures(session: Session, law: Policy, cycle_id: int) -> list[MeasureSum]:
    """Every measure of the policy with its applications and, once computed, its awards."""
    applied = dict(
        session.exec(
            select(Application.measure, func.count())
            .where(Application.cycle_id == cycle_id, Application.status != ApplicationStatus.DRAFT)
            .group_by(Application.measure)
        ).all()
    )
    awarded = computation.awarded(session, cycle_id)
    return [
        MeasureSum(each.id, each.title, applied.get(each.id, 0), *awarded.get(each.id, (0, 0))) for each in law.measures
    ]


def pools(law: Policy, cycle: Cycle, sums: Iterable[MeasureSum]) -> list[PoolUse]:
    """The fixed sums that the policy shares out and the year's budgets, with what the awards of their measures use."""
    used = {each.id: each.amount_fen for each in sums}
    groups = [group for group in law.groups if isinstance(group, Pool)]
    budgets = [
        PoolUse(f"{measure.title}：年度预算", measure.clause, used.get(measure.id, 0), whole)
        for measure in law.measures
        if (whole := budgets_of(cycle.overrides).get(measure.id)) is not None
    ]
    if not groups:
        return budgets
    scalars = environment(law, None, cycle.year, cycle.overrides).scalars
    return budgets + [
        PoolUse(
            group.label,
            group.clause,
            sum(used.get(measure, 0) for measure in group.measures),
            int(str(scalars[group.amount])),
        )
        for group in groups
    ]


def late(session: Session, clock: Clock, law: Policy, cycle_id: int) -> list[Late]:
    """Requests and 补正 that are past their day, by whoever owes them."""
    requests = session.exec(
        select(
            VerificationRequest.kind,
            VerificationRequest.reviewer,
            func.count(),
            func.min(VerificationRequest.due_at),
        )
        .where(
            VerificationRequest.cycle_id == cycle_id,
            VerificationRequest.status == RequestStatus.OPEN,
            col(VerificationRequest.due_at) <= clock.now(),
        )
        .group_by(VerificationRequest.kind, VerificationRequest.reviewer)
        .order_by(func.min(VerificationRequest.due_at), VerificationRequest.reviewer)
    )
    words = {ReviewerKind.COUNTY: "初审", ReviewerKind.BUREAU: "核验"}
    found = []
    for asked, reviewer, count, due in requests:
        kind = ReviewerKind(asked)
        name = reviews.reviewer_name(law, kind, reviewer)
        found.append(Late(name, f"{count} 件{words[kind]}未回复", count, due_day(due)))
    count, since = session.exec(
        select(func.count(), func.min(Supplement.due_at))
        .join(Application, col(Application.id) == Supplement.application_id)
        .where(*completeness.waits(cycle_id), col(Supplement.due_at) <= clock.now())
    ).one()
    return [*found, Late("申报单位", f"{count} 件逾期未补正", count, due_day(since))] if count else found


def money(session: Session, cycle_id: int) -> Money:
    """What was computed, listed, ordered and paid."""
    newest, paid = lists.newest(session, cycle_id), payment_overview.sums(session, cycle_id)
    return Money(
        computed_fen=sum(amount for _, amount in computation.awarded(session, cycle_id).values()),
        listed_fen=newest.total_fen if newest else 0,
        version=newest.version if newest else None,
        ordered_fen=sum(amount for _, amount in paid.values()),
        paid_fen=paid[PaymentStatus.PAID][1],
        failed=paid[PaymentStatus.FAILED][0],
    )


def known_policies(settings: Settings) -> tuple[list[Policy], list[str]]:
    """The policies of the installation under which a year can be opened, and the ids of those that have errors."""
    usable, wrong = [], []
    for policy_id in policy.listed(settings.policies_dir):
        try:
            usable.append(policies.load(settings, policy_id))
        except InputError:
            wrong.append(policy_id)
    return usable, wrong


def adjustables(law: Policy, year: int) -> list[AdjustableGroup]:
    """What a year's guide may set otherwise than the policy, in the policy's order; groups without any are left out."""
    common = [*law.parameters, *year_settings(law, None)]
    owners: list[tuple[str, str, list[Parameter]]] = [("policy", "各项措施", common)]
    owners += [(each.id, each.title, [*each.parameters, *year_settings(law, each)]) for each in law.measures]
    groups = [
        AdjustableGroup(
            title,
            tuple(
                _adjustable(owner, title, each, year)
                for each in parameters
                if adjustable(each, law.provisions.percentages_are_maxima) != "none"
            ),
        )
        for owner, title, parameters in owners
    ]
    return [group for group in groups if group.settings]


def _adjustable(owner: str, title: str, parameter: Parameter, year: int) -> Adjustable:
    version = version_of(parameter, year)
    rows = ";".join(f"{row.key or row.band}={row.value}" for row in version.rows)
    yes_or_no = {"true": "是", "false": "否"} if parameter.type == "boolean" else {}
    return Adjustable(
        owner=owner,
        title=title,
        name=parameter.name,
        label=parameter.label,
        value=version.value or rows,
        choices=yes_or_no or {choice: choice for choice in parameter.choices if parameter.type == "choice"},
        table=parameter.type == "table",
    )
