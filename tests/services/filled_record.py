"""A small cycle whose outcomes are computed, for the services that come after: built by models, moved by services."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    Award,
    ComputationRun,
    Cycle,
    Enterprise,
    Message,
    PolicyVersion,
    Role,
    StageVisit,
    User,
    VisitResult,
)
from services.access.actors import Actor, actor_of, system_actor
from services.award import lists
from services.clock import FixedClock
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after
from services.cycle.stages import CyclePlan, load_plan
from tests.new_database import new_database
from tests.services.documents.small_cycle import ITEMS, POLICY, Item, digest

NOW = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)  # a Monday


@dataclass
class Record:
    """The database, a clock that is moved, and who acts."""

    session: Session
    settings: Settings
    clock: FixedClock
    plan: CyclePlan
    cycle: Cycle
    actors: dict[str, Actor]

    @property
    def cycle_id(self) -> int:
        """The cycle's id."""
        assert self.cycle.id
        return self.cycle.id

    @property
    def system(self) -> Actor:
        """The flows."""
        return system_actor(self.session)

    def application(self, place: int) -> Application:
        """The application of the item at this place, from 1."""
        return self.session.exec(select(Application).where(Application.number == f"SB2025-{place:05d}")).one()

    def messages(self, kind: str | None = None) -> list[Message]:
        """What was queued."""
        rows = self.session.exec(select(Message).order_by(col(Message.id)))
        return [row for row in rows if kind in (None, row.kind)]

    def days(self, count: int) -> None:
        """Move the clock on."""
        self.clock.advance(timedelta(days=count))


def build(session: Session, folder: Path, items: tuple[Item, ...] = ITEMS) -> Record:
    """A cycle of 2025 at its freeze, with one computation of these items."""
    engine = session.get_bind()
    new_database(engine)  # type: ignore[arg-type]
    settings = Settings(_env_file=None, data_dir=folder)
    people = [
        User(login="jing", name="经办人甲", role=Role.OPERATOR, email="jing@example.invalid"),
        User(login="ke", name="科长丙", role=Role.SECTION_HEAD, email="ke@example.invalid"),
        User(login="fen", name="分管丁", role=Role.BUREAU_LEADER, email="fen@example.invalid"),
        User(login="fu", name="府办戊", role=Role.GOVERNMENT_OFFICE, email="fu@example.invalid"),
        User(login="cai", name="财政己", role=Role.FINANCE),
        User(login="dong", name="东区财政庚", role=Role.FINANCE, county="east"),
        User(login="he", name="核验人乙", role=Role.BUREAU_VERIFIER, bureau="industry", email="he@example.invalid"),
        User(login="xian", name="县区辛", role=Role.COUNTY_REVIEWER, county="east", email="xian@example.invalid"),
    ]
    version = PolicyVersion(policy_id="example-2025", sha256=digest(POLICY), text=POLICY, stored_at=NOW)
    session.add_all([*people, version])
    session.flush()
    cycle = Cycle(
        policy_id="example-2025",
        year=2025,
        policy_version_id=version.id or 0,
        stage="freeze",
        opened_by=people[0].id or 0,
        opened_at=NOW,
    )
    session.add(cycle)
    session.flush()
    session.add(StageVisit(cycle_id=cycle.id or 0, stage="freeze", number=1, entered_at=NOW))
    for place, item in enumerate(items, 1):
        _apply(session, cycle, place, item)
    session.commit()
    actors = {user.login: actor_of(user) for user in people}
    record = Record(session, settings, FixedClock(NOW), load_plan(settings.cycle_file), cycle, actors)
    compute(record, items)
    return record


def _apply(session: Session, cycle: Cycle, place: int, item: Item) -> None:
    enterprise = Enterprise(uscc=f"91350600MA{place:08d}", name=item.name, kind="企业", county=item.county)
    session.add(enterprise)
    session.flush()
    session.add(
        Application(
            cycle_id=cycle.id or 0,
            number=f"SB2025-{place:05d}",
            enterprise_id=enterprise.id or 0,
            enterprise_name=item.name,
            kind=enterprise.kind,
            county=enterprise.county,
            measure=item.measure,
            project=item.project,
            item_digest=digest(place),
            status=ApplicationStatus.VERIFIED,
            source="门户",
            contact_email=f"unit{place}@example.invalid",
            bank_name="示例银行",
            bank_account="6222021001116245702",
            pledged=True,
            submitted_at=NOW,
        )
    )


def compute(record: Record, items: tuple[Item, ...], reason: str = "的理由") -> None:
    """Another computation, with these outcomes for the applications in their order."""
    session = record.session
    number = len(session.exec(select(ComputationRun)).all()) + 1
    run = ComputationRun(
        cycle_id=record.cycle_id,
        number=number,
        inputs_digest=digest("inputs", number),
        policy_sha256=digest(POLICY),
        code_version="0.1.0",
        computed_at=record.clock.now(),
    )
    session.add(run)
    session.flush()
    for place, item in enumerate(items, 1):
        session.add(
            Award(
                run_id=run.id or 0,
                application_id=record.application(place).id or 0,
                outcome=item.outcome,
                amount_fen=item.fen,
                reason=f"{item.outcome.value} {reason}",
                clause="一（二）",
                referral_to="省级算力补助" if item.outcome == "referral" else "",
                steps=list(item.steps),
            )
        )
    session.commit()


def changed(items: tuple[Item, ...], place: int, fen: int) -> tuple[Item, ...]:
    """The items with another amount at a place, from 1."""
    return tuple(replace(item, fen=fen) if at == place else item for at, item in enumerate(items, 1))


def stand_at(record: Record, stage: str) -> StageVisit:
    """Put the cycle into a stage, entered now, with the days that the plan sets."""
    session, cycle = record.session, record.cycle
    current = cycles.current_visit(session, cycle)
    current.left_at, current.result = record.clock.now(), VisitResult.PASSED
    session.flush()
    days = record.plan.stage(stage).working_days
    visits = session.exec(select(StageVisit).where(StageVisit.cycle_id == cycle.id, StageVisit.stage == stage)).all()
    visit = StageVisit(
        cycle_id=record.cycle_id,
        stage=stage,
        number=len(visits) + 1,
        entered_at=record.clock.now(),
        due_at=due_after(record.clock, Calendar(record.settings.calendar_dir), days) if days else None,
    )
    cycle.stage = stage
    session.add(visit)
    session.commit()
    return visit


def finish_work(record: Record) -> None:
    """The current stage's own work is done."""
    cycles.finish_work(record.session, record.clock, record.system, cycle_id=record.cycle_id, summary={})


def approve_funds(record: Record) -> None:
    """Freeze the list, have its money approved, and go on to payment."""
    if record.cycle.stage != "freeze":
        stand_at(record, "freeze")
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    stand_at(record, "funds")
    finish_work(record)
    digest = lists.current_list(record.session, record.cycle).digest
    gates.approve(
        record.session, record.clock, record.actors["fu"], plan=record.plan, cycle_id=record.cycle_id, digest=digest
    )
    assert leave(record, "funds") == "payment"


def leave(record: Record, stage: str) -> str:
    """Pass the gate of this stage if it is open; where the cycle stands now."""
    gates.pass_gate(
        record.session,
        record.clock,
        record.system,
        plan=record.plan,
        calendar=Calendar(record.settings.calendar_dir),
        cycle_id=record.cycle_id,
        stage=stage,
    )
    return record.cycle.stage
