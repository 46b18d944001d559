"""Applications and gates after any history of what people and flows may try, allowed or not, in any order.

Nobody keeps a second copy of the rules here: what is checked holds whatever was done. A refusal changes nothing; a
state changes only by a way of the table; nothing that was said is overwritten; a stage is left only through its gate;
the audit chain is whole.
"""

from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from hypothesis import settings, strategies
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlmodel import Session, SQLModel, col, func, select

from models import (
    Application,
    ApplicationStatus,
    AuditEntry,
    Ban,
    Barring,
    Clawback,
    ClawbackGround,
    CycleStatus,
    Decision,
    DecisionKind,
    FactValue,
    Objection,
    Opinion,
    Payment,
    ReviewerKind,
    StageVisit,
    Supplement,
    VerificationRequest,
    VisitResult,
)
from services.access.actors import Actor
from services.after_payment import bans, clawbacks, overview
from services.after_payment.clawbacks import Proposal
from services.application import applications, completeness
from services.application.lifecycle import TRANSITIONS
from services.award import computation, lists, public_notices
from services.clock import today
from services.cycle import cancelling, cycles, gates
from services.cycle.stages import GateKind, Subject
from services.errors import ServiceError
from services.grants import overlaps
from services.payment import payments
from services.record import chain
from services.review import reviews
from tests.desk import CODE, OTHER_CODE, Desk, make_desk

ONE = strategies.integers(0, 3)
WAYS = {(source, way.target) for way in TRANSITIONS.values() for source in way.sources}
# Several steps of one operation: what a bureau refuses while others are asked, what lapses when it is examined.
_MOST_STEPS = 3
STARTS = ("intake", "completeness", "county_review", "verification", "computation", "approval", "objections", "payment")
Row = TypeVar("Row", bound=SQLModel)


class Life(RuleBasedStateMachine):
    """A small bureau to which anything is done."""

    @initialize(stage=strategies.sampled_from(STARTS))
    def begin(self, stage: str) -> None:
        """Some have applied, and the year has come to one of its stages."""
        self.folder = TemporaryDirectory()
        self.desk: Desk = make_desk(Path(self.folder.name))
        self.desk.open_intake()
        self.states: dict[int, ApplicationStatus] = {}
        self.said = 0
        self.asked_anew = Counter[int | None]()
        for number, pledged in enumerate((True, True, False)):
            self.desk.submit(**_application(number, pledged))
        while self.desk.cycle.stage != stage:
            self.go_on(approved=True)
            self.desk.clock.instant += timedelta(days=10)
        self.states = dict(self.desk.session.exec(select(Application.id, Application.status)).all())

    def attempt(self, work: Callable[[], object]) -> None:
        """Do it, or be refused and have changed nothing."""
        before = _everything(self.desk.session)
        try:
            work()
        except ServiceError as error:
            assert str(error) and not str(error).isascii()
            self.desk.session.rollback()
            assert _everything(self.desk.session) == before

    @rule(which=ONE, pledged=strategies.booleans())
    def submit(self, which: int, pledged: bool) -> None:
        """One of two enterprises applies, for one thing or another; some forget to sign."""
        self.attempt(lambda: self.desk.submit(**_application(which, pledged)))

    @rule(which=ONE)
    def withdraw(self, which: int) -> None:
        """The operator takes one back for its applicant."""
        at, who = self.desk.at, self.desk.operator
        if which == 0:
            self.with_one(which, lambda key: applications.withdraw(*at, who, application_id=key, reason="单位申请撤回"))

    @rule()
    def examine(self) -> None:
        """The machine part of the completeness check."""
        self.attempt(self.desk.examine)

    @rule(which=ONE, pledged=strategies.booleans())
    def answer(self, which: int, pledged: bool) -> None:
        """What was missing is supplied, or not."""
        at, who, own = self.desk.at, self.desk.operator, self.desk.settings
        self.with_one(
            which,
            lambda key: completeness.answer_supplement(
                *at, who, settings=own, application_id=key, answer="已补", pledged=pledged
            ),
        )

    @rule(kind=strategies.sampled_from(ReviewerKind), all_agree=strategies.booleans())
    def ask(self, kind: ReviewerKind, all_agree: bool) -> None:
        """Reviewers are asked about what waits for them; sometimes all agree at once."""
        self.attempt(lambda: self.desk.request(kind))
        if all_agree:
            with suppress(ServiceError):
                self.desk.agree_all(kind)

    @rule(which=ONE, opinion=strategies.sampled_from(Opinion), known=strategies.booleans(), right=strategies.booleans())
    def reply(self, which: int, opinion: Opinion, known: bool, right: bool) -> None:
        """A reviewer answers a request of their own or of somebody else, with or without what is asked."""
        found = self.desk.session.exec(select(VerificationRequest).order_by(col(VerificationRequest.id))).all()
        self.desk.session.rollback()
        if not found:
            return
        asked = found[which % len(found)]
        people = self.desk.counties if asked.kind is ReviewerKind.COUNTY else self.desk.bureaus
        others = [actor for key, actor in people.items() if key != asked.reviewer]
        actor: Actor = people[asked.reviewer] if right else others[which % len(others)]
        values = {fact: "否" if "refused" in fact or "record" in fact else "150000" for fact in asked.facts}
        self.attempt(
            lambda: reviews.reply(
                *self.desk.at,
                actor,
                request_id=asked.id or 0,
                opinion=opinion,
                reason="按台账核对" if known else "",
                values=values if known else {},
                reasons=dict.fromkeys(values, "按台账核对") if known else {},
            )
        )

    @rule(who=ONE, stale=strategies.booleans(), agrees=strategies.booleans())
    def decide(self, who: int, stale: bool, agrees: bool) -> None:
        """Somebody approves or returns what stands at a gate, as it is or as it once was."""
        desk = self.desk
        actor = (desk.operator, desk.section_head, desk.leader, desk.meeting)[who]
        plan, cycle_id = desk.plan, desk.cycle_id

        def act() -> None:
            subject = desk.plan.stage(desk.cycle.stage).gate.subject or Subject.GUIDE
            digest = "0" * 64 if stale else gates.subject_digest(desk.session, desk.cycle, subject)
            if agrees:
                gates.approve(*desk.at, actor, plan=plan, cycle_id=cycle_id, digest=digest)
            else:
                gates.send_back(*desk.at, actor, plan=plan, cycle_id=cycle_id, digest=digest, reason="请再核对")

        self.attempt(act)

    @rule(which=ONE, again=strategies.booleans())
    def put_right(self, which: int, again: bool) -> None:
        """The operator puts right what was returned, or has something verified again."""
        at, who = self.desk.at, self.desk.operator
        if again:
            self.with_one(which, lambda key: reviews.verify_again(*at, who, application_id=key, reason="再核"))
        else:
            self.attempt(self.desk.correct)

    @rule(approved=strategies.booleans())
    def go_on(self, approved: bool) -> None:
        """The flow comes by, does its stage's work, and leaves if the gate is open; sometimes all agree before."""
        desk = self.desk
        work = _WORK.get(desk.cycle.stage)
        if work is not None:
            self.attempt(lambda: work(desk))
        if approved and desk.cycle.stage in _ASKED:
            with suppress(ServiceError):
                desk.agree_all(_ASKED[desk.cycle.stage])
        if approved and desk.plan.stage(desk.cycle.stage).gate.subject is not None:
            chain = {"guide": (desk.section_head, desk.leader), "funds": (desk.government,)}
            with suppress(ServiceError):
                desk.approve(*chain.get(desk.cycle.stage, (desk.section_head, desk.leader, desk.meeting)))
        with suppress(ServiceError):
            desk.pass_gate()

    @rule(which=ONE, upheld=strategies.booleans())
    def object(self, which: int, upheld: bool) -> None:
        """Somebody objects to what is on notice, and is answered."""
        at, who, own = self.desk.at, self.desk.operator, {"settings": self.desk.settings}
        self.with_one(
            which,
            lambda key: public_notices.raise_objection(
                *at,
                who,
                cycle_id=self.desk.cycle_id,
                raised_by="示例群众",
                contact="13000000001",
                grounds=f"发票有误 {key}",
                application_id=key,
                **own,
            ),
        )
        for objection in self.rows(Objection):
            self.attempt(
                lambda objection=objection: public_notices.answer(  # type: ignore[misc]
                    *at, who, objection_id=objection.id or 0, upheld=upheld, answer="经复核", **own
                )
            )

    @rule(which=ONE, paid=strategies.booleans(), off=strategies.sampled_from([0, 0, 0, 40]))
    def report(self, which: int, paid: bool, off: int) -> None:
        """A treasury reports one payment, made or failed, on that day or on one that cannot be."""
        payments_made = self.rows(Payment)
        if payments_made:
            key = payments_made[which % len(payments_made)].id or 0
            said = {"on": today(self.desk.clock) + timedelta(days=off), "reference": "PZ1"}
            failed = {"on": None, "failure": "账号不符"}
            self.attempt(
                lambda: payments.report(
                    *self.desk.at, self.desk.operator, payment_id=key, paid=paid, **(said if paid else failed)
                )
            )

    @rule(which=ONE, days=strategies.sampled_from([3, 365]))
    def ban(self, which: int, days: int) -> None:
        """One of the enterprises may not apply for a while."""
        first = today(self.desk.clock)
        self.attempt(
            lambda: bans.impose(
                *(*self.desk.at, self.desk.operator),
                uscc=(CODE, OTHER_CODE)[which % 2],
                name="示例单位",
                starts_on=first,
                until=first + timedelta(days=days),
                reason="列入失信名单",
                clause="信用条例第八条",
            )
        )

    @rule(which=ONE)
    def lift(self, which: int) -> None:
        """A ban is lifted, or was already."""
        made = self.rows(Ban)
        if made:
            key = made[which % len(made)].id or 0
            self.attempt(lambda: bans.lift(*self.desk.at, self.desk.leader, ban_id=key, reason="登记有误"))

    @rule(which=ONE)
    def begin_anew(self, which: int) -> None:
        """The year is cancelled and opened again; neither is done often."""
        desk, year = self.desk, {"policy_id": self.desk.cycle.policy_id, "year": self.desk.cycle.year}
        if which == 0:
            self.attempt(
                lambda: cancelling.cancel(
                    *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="重来"
                )
            )
        if which <= 1:
            more = {"settings": desk.settings, "plan": desk.plan, "cost_sharing": desk.cycle.cost_sharing}
            waited = [each for each in self.rows(Application) if each.status is ApplicationStatus.SUPPLEMENT]
            self.attempt(lambda: cycles.open_cycle(*desk.at, desk.operator, **year, **more))
            self.asked_anew.update(each.id for each in waited if each.status is ApplicationStatus.SUBMITTED)

    @rule(which=ONE, amount_fen=strategies.sampled_from([1, 3333333, 7500000]), agree=strategies.booleans())
    def claim_back(self, which: int, amount_fen: int, agree: bool) -> None:
        """A part of what was paid is to be claimed back, and it is decided; more than that is refused."""
        desk, numbers = self.desk, [each.number for each in self.rows(Application)]
        why = Proposal(ground=ClawbackGround.AUDIT, reason="重复列支", clause="二（一）", amount_fen=amount_fen)
        said = {"cycle_id": desk.cycle_id, "number": numbers[which % len(numbers)], "proposal": why}
        self.attempt(lambda: clawbacks.propose(*desk.at, desk.operator, **said))
        own = {"settings": desk.settings, "agree": agree, "opinion": "已核实"}
        for case in self.rows(Clawback):
            self.attempt(
                lambda case=case: clawbacks.decide(*desk.at, desk.leader, clawback_id=case.id or 0, **own)  # type: ignore[misc]
            )

    def rows(self, model: type[Row]) -> list[Row]:
        """All of a table."""
        found = list(self.desk.session.exec(select(model)))
        self.desk.session.rollback()
        return found

    @rule(days=strategies.sampled_from([1, 7, 40, -7]))
    def wait(self, days: int) -> None:
        """Days go by, or the clock is set back."""
        self.desk.clock.instant += timedelta(days=days)

    def with_one(self, which: int, work: Callable[[int], object]) -> None:
        """Try something with an application, if there is one."""
        keys = sorted(self.states)
        if keys:
            self.attempt(lambda: work(keys[which % len(keys)]))

    @invariant()
    def states_change_by_the_table(self) -> None:
        """An application is new, or where it was, or where a few steps of the table lead."""
        now = dict(self.desk.session.exec(select(Application.id, Application.status)).all())
        self.desk.session.rollback()
        assert self.states.keys() <= now.keys(), "an application is gone"
        for key, status in now.items():
            before = self.states.get(key or 0, ApplicationStatus.DRAFT)
            assert status in _within(before, _MOST_STEPS), f"{before} → {status}"
        self.states = {key or 0: status for key, status in now.items()}

    @invariant()
    def what_was_said_stays(self) -> None:
        """Values are only added."""
        count = self.desk.session.exec(select(func.count()).select_from(FactValue)).one()
        self.desk.session.rollback()
        assert count >= self.said
        self.said = count

    @invariant()
    def stages_are_left_through_their_gates(self) -> None:
        """An approval stage that was passed has its whole chain, each step by another person, none by the preparer."""
        session, plan = self.desk.session, self.desk.plan
        for visit in session.exec(select(StageVisit).where(StageVisit.result == VisitResult.PASSED)):
            gate = plan.stage(visit.stage).gate
            given = session.exec(
                select(Decision).where(Decision.visit_id == visit.id, Decision.kind == DecisionKind.APPROVE)
            ).all()
            if gate.kind is GateKind.APPROVAL:
                by = {each.user_id for each in given}
                assert len(by) >= len(gate.chain) and self.desk.operator.user_id not in by
            if gate.kind is GateKind.DEADLINE:
                assert visit.due_at is not None and visit.left_at is not None and visit.left_at >= visit.due_at
        session.rollback()

    @invariant()
    def what_waits_has_been_asked(self) -> None:
        """Who waits for a supplement was told what is missing, and once more after each ban or end of the year."""
        session = self.desk.session
        for key in session.exec(select(Application.id).where(Application.status == ApplicationStatus.SUPPLEMENT)):
            asked = select(Supplement).where(Supplement.application_id == key).order_by(col(Supplement.round))
            answered = [each.answered_at for each in session.exec(asked)]
            ended = session.exec(
                select(Barring).where(Barring.application_id == key, Barring.stood_at == ApplicationStatus.SUPPLEMENT)
            ).all()
            assert answered[-1:] == [None] and answered.count(None) == 1 + len(ended) + self.asked_anew[key]
        session.rollback()

    @invariant()
    def what_is_computed_was_matched(self) -> None:
        """No application is computed that the last search for what was paid before did not look at."""
        desk = self.desk
        if desk.cycle.stage in ("freeze", "approval") and desk.cycle.status is CycleStatus.OPEN:
            assert not overlaps.is_missing_any(desk.session, desk.cycle_id)
        desk.session.rollback()

    @invariant()
    def the_money_adds_up(self) -> None:
        """Awarded = paid + to be paid + claimed back, by county and bearer, to the fen."""
        found = overview.balances(self.desk.session, self.desk.operator, self.desk.cycle_id)
        self.desk.session.rollback()
        if found is not None and self.rows(Payment):
            assert found.faults == () and all(row.balanced for row in (*found.rows, found.whole))

    @invariant()
    def the_chain_is_whole(self) -> None:
        """Nothing of the audit is missing or changed."""
        assert chain.verify(self.desk.session) == []
        self.desk.session.rollback()

    def teardown(self) -> None:
        """Leave nothing."""
        if hasattr(self, "desk"):
            self.desk.session.close()
            self.desk.engine.dispose()
            self.folder.cleanup()


def _application(which: int, pledged: bool) -> dict[str, object]:
    return {
        "uscc": (CODE, OTHER_CODE)[which % 2],
        "enterprise": ("漳州示例云帆科技有限公司", "漳州示例启明数据有限公司")[which % 2],
        "invoices": f"2535200000000000{which:04}",
        "project": f"示例算力{which}",
        "pledged": pledged,
    }


_ASKED = {"county_review": ReviewerKind.COUNTY, "verification": ReviewerKind.BUREAU}
_WORK: dict[str, Callable[[Desk], object]] = {
    "completeness": lambda desk: desk.examine(),
    "county_review": lambda desk: desk.request(ReviewerKind.COUNTY),
    "verification": lambda desk: desk.request(ReviewerKind.BUREAU),
    "matching": lambda desk: overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id),
    "computation": lambda desk: computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id),
    "freeze": lambda desk: lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id),
    "public_notice": lambda desk: public_notices.publish(
        *desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id
    ),
    "payment": lambda desk: payments.order(*desk.at, desk.system, cycle_id=desk.cycle_id),
}


def _within(status: ApplicationStatus, steps: int) -> set[ApplicationStatus]:
    """Where so many steps of the table lead at most."""
    reached = {status}
    for _ in range(steps):
        reached |= {target for source, target in WAYS if source in reached}
    return reached


def _everything(session: Session) -> dict[str, int]:
    """How much there is of everything, and the states: what a refused act must leave alone."""
    session.rollback()
    counts = {
        table.name: session.execute(select(func.count()).select_from(table)).scalar_one()
        for table in SQLModel.metadata.sorted_tables
    }
    last = session.exec(select(func.max(AuditEntry.seq))).one()
    session.rollback()
    return counts | {"last of the audit": last or 0}


TestLife = Life.TestCase
TestLife.settings = settings(
    max_examples=max(6, settings.default.max_examples // 16),  # type: ignore[union-attr]
    stateful_step_count=40,
    deadline=None,
)
