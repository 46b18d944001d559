"""What the people do at each stage, through the same services that the console and the command line use."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from sqlmodel import Session, col, func, select

from cli.demo.people import People
from cli.demo.story import Story, key_of
from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AwardListEntry,
    Cycle,
    Decision,
    DecisionKind,
    DutyReport,
    FindingVerdict,
    LedgerEntry,
    LedgerLevel,
    Objection,
    ObjectionStatus,
    Opinion,
    Payment,
    PaymentOrder,
    PaymentStatus,
    ReviewerKind,
    Supplement,
    VerificationRequest,
)
from policy import Policy
from services.after_payment import duties
from services.application import applications, completeness
from services.award import lists, public_notices
from services.clock import CHINA, Clock, today
from services.cycle import cycles, gates
from services.cycle.stages import CyclePlan, GateKind
from services.grants import findings, ledger
from services.law import policies
from services.payment import payments
from services.review import panel, reviews
from services.tables import write_csv

_LEDGERS = {
    LedgerLevel.PROVINCE: "ledger-province.xlsx",
    LedgerLevel.CENTRAL: "ledger-central.csv",
    LedgerLevel.CITY: "ledger-city.xlsx",
}
_RESULTS = ("拨付编号", "拨付结果", "拨付日期", "凭证号", "失败原因")


class MovableClock(Clock, Protocol):
    """A clock that the demo moves."""

    def set(self, instant: datetime) -> None:
        """Move it."""
        ...


@dataclass
class World:
    """Everything that the people need at hand. `folder` has the files of config.sample.write_sample."""

    settings: Settings
    session: Session
    clock: MovableClock
    plan: CyclePlan
    story: Story
    people: People
    folder: Path
    cycle_id: int

    @property
    def at(self) -> tuple[Session, MovableClock]:
        """The first two arguments of every operation."""
        return self.session, self.clock

    @property
    def cycle(self) -> Cycle:
        """The cycle, fresh from the record."""
        self.session.rollback()
        return cycles.get_cycle(self.session, self.cycle_id)

    @property
    def law(self) -> Policy:
        """The policy of the cycle."""
        return policies.policy_of(self.session, self.cycle)


def act(world: World) -> list[str]:
    """Do what is to be done at the present stage; Chinese lines of what was done. Doing it again does nothing."""
    stage = world.plan.stage(world.cycle.stage)
    if stage.gate.kind is GateKind.APPROVAL:
        return _approve(world, stage.id)
    acting = _STAGES.get(stage.id)
    return acting(world) if acting else []


def deadline(world: World) -> datetime | None:
    """When the present stage waits for nothing but time: the moment to which the clock must move."""
    cycle = world.cycle
    if cycle.stage == "completeness":
        waiting = world.session.exec(
            select(Supplement.due_at)
            .join(Application, col(Application.id) == Supplement.application_id)
            .where(Application.cycle_id == cycle.id, Application.status == ApplicationStatus.SUPPLEMENT)
        ).all()
        return max(waiting, default=None)
    if world.plan.stage(cycle.stage).gate.kind is GateKind.DEADLINE:
        due = cycles.current_visit(world.session, cycle).due_at
        return due if due is not None and due > world.clock.now() else None
    return None


def move_to(clock: MovableClock, day: date, hour: int = 9) -> None:
    """Move the clock forward to a day in China; never back."""
    instant = datetime.combine(day, time(hour), CHINA)
    if instant > clock.now():
        clock.set(instant)


def _approve(world: World, stage_id: str) -> list[str]:
    stage = world.plan.stage(stage_id)
    assert stage.gate.subject is not None
    digest = gates.subject_digest(world.session, world.cycle, stage.gate.subject)
    visit = cycles.current_visit(world.session, world.cycle)
    given = world.session.exec(
        select(Decision).where(
            Decision.visit_id == visit.id, Decision.kind == DecisionKind.APPROVE, Decision.digest == digest
        )
    ).all()
    told = []
    for role in stage.gate.chain[len(given) :]:
        world.clock.set(world.clock.now() + timedelta(hours=3))
        actor = world.people.approver(role)
        if stage_id == "guide" and role is stage.gate.chain[-1]:
            move_to(world.clock, world.story.cycle["intake_from"])
        gates.approve(*world.at, actor, plan=world.plan, cycle_id=world.cycle_id, digest=digest, opinion="同意")
        told.append(f"{actor.name}同意（校验码 {digest[:12]}）")
    return told


def _hand_in(world: World) -> list[str]:
    record = applications.import_applications(
        *world.at,
        world.people.operator,
        settings=world.settings,
        cycle_id=world.cycle_id,
        path=world.folder / "applications.xlsx",
    )
    told = [f"导入申报 {record.rows_added} 件，{len(record.problems)} 处有误已列出，{len(record.notes)} 处按读法提示"]
    for level, name in _LEDGERS.items():
        taken = ledger.import_ledger(*world.at, world.people.operator, path=world.folder / name, level=level)
        told.append(f"导入{name} {taken.rows_added} 条，{len(taken.problems)} 处有误已列出")
    return told


def _supply(world: World) -> list[str]:
    told = []
    for application in _in_state(world, ApplicationStatus.SUPPLEMENT):
        answer = world.story.supplement(application).get("answer")
        if answer is None:
            continue
        completeness.answer_supplement(
            *world.at,
            world.people.operator,
            settings=world.settings,
            application_id=application.id or 0,
            answer=answer["text"],
            facts_given=answer.get("facts"),
            pledged=answer.get("pledged"),
        )
        told.append(f"{application.enterprise_name}补正：{answer['text']}")
    return told


def _county(world: World) -> list[str]:
    asked = reviews.open_requests(world.session, world.cycle_id, ReviewerKind.COUNTY)
    for request in asked:
        application = applications.get_application(world.session, request.application_id)
        reason = world.story.county_refusal(application)
        reviews.reply(
            *world.at,
            world.people.counties[request.reviewer],
            request_id=request.id or 0,
            opinion=Opinion.REFUSE if reason else Opinion.AGREE,
            reason=reason,
        )
    return [f"县区回复 {len(asked)} 件"] if asked else []


def _bureaus(world: World) -> list[str]:
    asked = reviews.open_requests(world.session, world.cycle_id, ReviewerKind.BUREAU)
    silent = [request for request in asked if _bureau(world, request)]
    told = [f"部门回复 {len(asked) - len(silent)} 件"] if asked else []
    for request in silent:
        application = applications.get_application(world.session, request.application_id)
        reason = world.story.silence(application, request.reviewer)
        reviews.override_request(*world.at, world.people.operator, request_id=request.id or 0, reason=reason)
        told.append(f"经办人放行：{reason}")
    return told


def _bureau(world: World, request: VerificationRequest) -> bool:
    """Reply to one request. True when the bureau stays silent."""
    application = applications.get_application(world.session, request.application_id)
    if world.story.silence(application, request.reviewer) and request.round == 1:
        return True
    refusal = world.story.bureau_refusal(application, request.reviewer)
    values, reasons = world.story.verified(application, again=request.round > 1)
    reviews.reply(
        *world.at,
        world.people.bureaus[request.reviewer],
        request_id=request.id or 0,
        opinion=Opinion.REFUSE if refusal else Opinion.AGREE,
        reason=refusal,
        values={name: value for name, value in values.items() if name in request.facts},
        reasons=reasons,
    )
    return False


def _decide(world: World) -> list[str]:
    told = []
    for finding in findings.open_findings(world.session, world.cycle_id):
        application = applications.get_application(world.session, finding.application_id)
        entry = world.session.get(LedgerEntry, finding.ledger_entry_id) if finding.ledger_entry_id else None
        other = world.session.get(Application, finding.other_application_id) if finding.other_application_id else None
        verdict, reason = world.story.finding(application, entry.ledger_id if entry else None, other)
        findings.decide(
            *world.at,
            world.people.operator,
            finding_id=finding.id or 0,
            verdict=FindingVerdict(verdict),
            reason=reason,
        )
        told.append(f"认定 {application.number}：{reason}")
    return told


def _panel(world: World) -> list[str]:
    told = []
    for application in panel.undecided(world.session, world.cycle):
        yuan, reason = world.story.panel(application)
        panel.decide(
            *world.at,
            world.people.operator,
            application_id=application.id or 0,
            amount_fen=int(Decimal(yuan) * 100),
            reason=reason,
        )
        told.append(f"专家组核定 {application.enterprise_name} {yuan} 元：{reason}")
    return told


def _object(world: World) -> list[str]:
    """Everybody objects in the first notice; the second, after an upheld objection, passes quietly."""
    raised = set(world.session.exec(select(Objection.raised_by, Objection.grounds)))
    known = {key_of(each): each for each in _all(world)}
    told = []
    for entry in world.story.objections:
        if (entry["raised_by"], entry["grounds"]) in raised:
            continue
        about = entry["application"]
        application = known[about["enterprise"], about["measure"], about["project"]]
        objection = public_notices.raise_objection(
            *world.at,
            world.people.operator,
            settings=world.settings,
            cycle_id=world.cycle_id,
            raised_by=entry["raised_by"],
            contact=entry["contact"],
            grounds=entry["grounds"],
            application_id=application.id,
        )
        told.append(f"收到异议 {objection.number}：{entry['grounds']}")
    return told


def _answer(world: World) -> list[str]:
    told = []
    for objection in world.session.exec(select(Objection).where(Objection.status == ObjectionStatus.OPEN)).all():
        application = applications.get_application(world.session, objection.application_id or 0)
        entry = next(
            each for each in world.story.about("objections", application) if each["grounds"] == objection.grounds
        )
        public_notices.answer(
            *world.at,
            world.people.operator,
            settings=world.settings,
            objection_id=objection.id or 0,
            upheld=entry["upheld"],
            answer=entry["answer"],
        )
        told.append(f"答复异议 {objection.number}（{'成立' if entry['upheld'] else '不成立'}）：{entry['answer']}")
    return told


def _pay(world: World) -> list[str]:
    """The treasuries' results come as a file: at first all but the failures, then those as well."""
    told_before = set(world.session.exec(select(DutyReport.duty, DutyReport.bureau)))
    for report in world.story.duty_reports:
        if (report["duty"], report["bureau"]) not in told_before:
            _report_duty(world, report)
    told = []
    for _ in range(2):
        if not (unpaid := _unpaid(world)):
            break
        attempt = 2 if any(payment.status is PaymentStatus.FAILED for payment, _ in unpaid) else 1
        world.clock.set(_ordered_at(world) + attempt * timedelta(days=2))
        rows = [_result(world, payment, application, attempt) for payment, application in unpaid]
        path = world.folder / f"payment-results-{attempt}.csv"
        write_csv(path, _RESULTS, rows)
        record = payments.import_results(
            *world.at, world.people.operator, settings=world.settings, cycle_id=world.cycle_id, path=path
        )
        failed = sum(row[1] == "拨付失败" for row in rows)
        told.append(f"导入拨付结果 {record.rows_added} 笔，其中失败 {failed} 笔")
    return told


def _result(world: World, payment: Payment, application: Application, attempt: int) -> tuple[str, ...]:
    failure = world.story.failure(application) if attempt == 1 else ""
    if failure:
        return payment.number, "拨付失败", "", "", failure
    return payment.number, "已拨付", today(world.clock).isoformat(), f"PZ{payment.id:05d}", ""


def _ordered_at(world: World) -> datetime:
    current = lists.current_list(world.session, world.cycle)
    orders = select(func.max(PaymentOrder.ordered_at)).where(PaymentOrder.list_id == current.id)
    return world.session.exec(orders).one()


def _unpaid(world: World) -> list[tuple[Payment, Application]]:
    current = lists.current_list(world.session, world.cycle)
    rows = world.session.exec(
        select(Payment, Application)
        .join(PaymentOrder, col(PaymentOrder.id) == Payment.order_id)
        .join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        .join(Application, col(Application.id) == AwardListEntry.application_id)
        .where(PaymentOrder.list_id == current.id, Payment.status != PaymentStatus.PAID)
        .order_by(col(Payment.number))
    )
    return [(payment, application) for payment, application in rows]


def _report_duty(world: World, report: dict[str, str]) -> None:
    duties.report(
        *world.at,
        world.people.bureaus[report["bureau"]],
        cycle_id=world.cycle_id,
        duty=report["duty"],
        bureau=report["bureau"],
        progress=report["progress"],
    )


def _all(world: World) -> list[Application]:
    query = select(Application).where(Application.cycle_id == world.cycle_id).order_by(col(Application.id))
    return list(world.session.exec(query))


def _in_state(world: World, status: ApplicationStatus) -> list[Application]:
    return [application for application in _all(world) if application.status is status]


_STAGES: dict[str, Callable[[World], list[str]]] = {
    "intake": _hand_in,
    "completeness": _supply,
    "county_review": _county,
    "verification": _bureaus,
    "matching": _decide,
    "panel": _panel,
    "public_notice": _object,
    "objections": _answer,
    "payment": _pay,
}
