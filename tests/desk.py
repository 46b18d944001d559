"""A bureau for tests: a migrated database, its people, a clock that stands still, each stage's machine part."""

import shutil
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import Engine
from sqlmodel import Session, col, select

from config.sample.generator import load
from config.settings import Settings
from models import Cycle, Opinion, ReviewerKind, Role, User
from services.access import people
from services.access.actors import Actor, actor_of, find_actor, system_actor
from services.application import applications, completeness
from services.application.submissions import Submission
from services.award import computation, lists
from services.clock import FixedClock
from services.cycle import cycles, gates
from services.cycle.calendar import Calendar
from services.cycle.gates import Gate
from services.cycle.stages import CyclePlan, Subject, load_plan
from services.grants import overlaps
from services.law import policies
from services.record.database import engine_of
from services.review import reviews
from tests.new_database import new_database, put_into, statements

POLICY = "zhangzhou-ai-2024"
OPENED = datetime(2026, 3, 2, 1, tzinfo=UTC)
AFTER_INTAKE = datetime(2026, 5, 1, 1, tzinfo=UTC)
CODE = "91350699MA7XW0001X"
OTHER_CODE = "91350699MA7XW00021"
STAFF = {
    "operator": Role.OPERATOR,
    "head": Role.SECTION_HEAD,
    "leader": Role.BUREAU_LEADER,
    "meeting": Role.BUREAU_MEETING,
    "government": Role.GOVERNMENT_OFFICE,
}


@dataclass
class Desk:
    """Everything at hand. `session` is one for the whole test."""

    settings: Settings
    engine: Engine
    session: Session
    clock: FixedClock
    plan: CyclePlan
    calendar: Calendar
    system: Actor
    operator: Actor
    section_head: Actor
    leader: Actor
    meeting: Actor
    government: Actor
    cycle_id: int = 0
    bureaus: dict[str, Actor] = field(default_factory=dict)
    counties: dict[str, Actor] = field(default_factory=dict)

    @property
    def at(self) -> tuple[Session, FixedClock]:
        """The first two arguments of every operation."""
        return self.session, self.clock

    @property
    def cycle(self) -> Cycle:
        """The cycle, fresh from the record."""
        self.session.rollback()
        return self.session.get_one(Cycle, self.cycle_id)

    def pass_gate(self) -> Gate:
        """End the stage's work and leave it if its gate is open."""
        cycles.finish_work(*self.at, self.system, cycle_id=self.cycle_id, summary={})
        return gates.pass_gate(
            *self.at,
            self.system,
            plan=self.plan,
            calendar=self.calendar,
            cycle_id=self.cycle_id,
            stage=self.cycle.stage,
        )

    def approve(self, *actors: Actor) -> None:
        """Approve what waits, one after the other."""
        cycles.finish_work(*self.at, self.system, cycle_id=self.cycle_id, summary={})
        subject = self.plan.stage(self.cycle.stage).gate.subject
        assert subject is not None
        digest = gates.subject_digest(self.session, self.cycle, subject)
        for actor in actors:
            gates.approve(*self.at, actor, plan=self.plan, cycle_id=self.cycle_id, digest=digest)

    def open_intake(self) -> None:
        """Bring the cycle to the intake."""
        self.approve(self.section_head, self.leader)
        self.pass_gate()
        self.pass_gate()

    def submit(self, **changes: Any) -> int:
        """Submit one application; a purchase of computing services unless told otherwise."""
        submission = Submission(**({**PURCHASE, **changes}))
        application = applications.submit(
            *self.at, self.operator, settings=self.settings, cycle_id=self.cycle_id, submission=submission
        )
        assert application.id is not None
        return application.id

    def examine(self) -> dict[str, int]:
        """The machine part of the completeness check."""
        return completeness.examine(
            *self.at,
            self.system,
            settings=self.settings,
            cycle_id=self.cycle_id,
            application_ids=completeness.pending(self.session, self.cycle_id),
        )

    def request(self, kind: ReviewerKind) -> int:
        """Ask the reviewers of one kind, and tell them. Returns how many requests were made."""
        made = reviews.request(
            *self.at,
            self.system,
            settings=self.settings,
            plan=self.plan,
            cycle_id=self.cycle_id,
            kind=kind,
            application_ids=reviews.to_request(self.session, self.cycle_id, kind),
        )
        reviews.tell(*self.at, self.system, settings=self.settings, cycle_id=self.cycle_id, kind=kind)
        return made

    def agree_all(self, kind: ReviewerKind) -> None:
        """Everybody who was asked agrees with what was declared, and gives the usual values of the rest."""
        actors = self.counties if kind is ReviewerKind.COUNTY else self.bureaus
        usual = load("story")["verified_defaults"]
        for asked in reviews.open_requests(self.session, self.cycle_id, kind):
            measure = applications.get_application(self.session, asked.application_id).measure
            values = {name: str(text) for name, text in usual.get(measure, {}).items() if name in asked.facts}
            reviews.reply(
                *self.at, actors[asked.reviewer], request_id=asked.id or 0, opinion=Opinion.AGREE, values=values
            )

    def to_bureaus(self) -> None:
        """From the intake, the counties agreed, to the stage in which the bureaus are asked; they have just been."""
        self.clock.instant = AFTER_INTAKE
        self.pass_gate()
        self.examine()
        self.pass_gate()
        self.request(ReviewerKind.COUNTY)
        self.agree_all(ReviewerKind.COUNTY)
        self.pass_gate()
        self.request(ReviewerKind.BUREAU)

    def to_matching(self) -> None:
        """From the intake, everything agreed, to the stage of matching."""
        self.to_bureaus()
        self.agree_all(ReviewerKind.BUREAU)
        self.pass_gate()

    def to_approval(self) -> None:
        """From matching, to the list that waits for approval."""
        overlaps.find(*self.at, self.system, cycle_id=self.cycle_id)
        for _ in ("matching", "panel"):
            self.pass_gate()
        computation.compute(*self.at, self.system, cycle_id=self.cycle_id)
        self.pass_gate()
        lists.freeze(*self.at, self.system, cycle_id=self.cycle_id)
        self.pass_gate()
        assert self.cycle.stage == "approval"
        cycles.finish_work(*self.at, self.system, cycle_id=self.cycle_id, summary={})

    def return_list(self, actor: Actor, reason: str) -> None:
        """The one whose turn it is returns the list."""
        digest = gates.subject_digest(self.session, self.cycle, Subject.LIST)
        gates.send_back(*self.at, actor, plan=self.plan, cycle_id=self.cycle_id, digest=digest, reason=reason)

    def correct(self, reason: str = "核对无误") -> None:
        """The operator says what was put right of it."""
        gates.corrected(*self.at, self.operator, plan=self.plan, cycle_id=self.cycle_id, reason=reason)


PURCHASE: dict[str, Any] = {
    "enterprise": "漳州示例云帆科技有限公司",
    "uscc": CODE,
    "kind": "企业",
    "county": "xiangcheng",
    "measure": "compute-purchase",
    "project": "示例算力",
    "contracts": "",
    "invoices": "25352000000000000017",
    "contact_name": "林示例",
    "contact_phone": "13000000001",
    "contact_email": "yunfan@example.invalid",
    "bank_name": "示例银行",
    "bank_account": "6200000000000000001",
    "pledged": True,
    "declared": {"service_fee": "200000.00", "item_date": "2025-06-30", "province_refused": "否"},
    "source": "test",
}


def make_desk(folder: Path, database_url: str = "") -> Desk:
    """A bureau with its 2025 cycle opened; it is made once in this process, and each test gets a copy."""
    settings = Settings(data_dir=folder, database_url=database_url)
    if database_url:
        return _on_postgresql(settings)
    shutil.copytree(_furnished().name, folder, dirs_exist_ok=True)
    return _at(settings)


def desk_of(settings: Settings, policy_id: str = POLICY) -> Desk:
    """The desk of these settings, with a database of its own and the policy's 2025 cycle opened."""
    new_database(engine_of(settings))
    _furnish(settings, policy_id)
    return _at(settings)


_ON_POSTGRESQL: list[tuple[str, TemporaryDirectory[str]]] = []  # what is in the database, and beside it


def _on_postgresql(settings: Settings) -> Desk:
    """The desk in an empty database."""
    if not _ON_POSTGRESQL:
        made, beside = desk_of(settings), TemporaryDirectory()
        shutil.copytree(settings.data_dir, beside.name, dirs_exist_ok=True)
        _ON_POSTGRESQL.append((statements(made.engine), beside))
        return made
    inside, kept = _ON_POSTGRESQL[0]
    shutil.copytree(kept.name, settings.data_dir, dirs_exist_ok=True)
    put_into(engine_of(settings), inside)
    return _at(settings)


@cache
def _furnished() -> TemporaryDirectory[str]:
    kept = TemporaryDirectory()
    settings = Settings(data_dir=Path(kept.name), database_url="")
    engine = engine_of(settings)
    new_database(engine)
    _furnish(settings)
    with engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    engine.dispose()
    return kept


def _furnish(settings: Settings, policy_id: str = POLICY) -> None:
    """Add the people, and open the cycle."""
    engine = engine_of(settings)
    with Session(engine, expire_on_commit=False) as session:
        clock, plan = FixedClock(OPENED), load_plan(settings.cycle_file)
        system = system_actor(session)

        def user(login: str, role: Role, **place: Any) -> None:
            people.add_user(
                session, clock, system, login=login, name=login, role=role, email=f"{login}@example.invalid", **place
            )

        for login, role in STAFF.items():
            user(login, role)
        operator = find_actor(session, "operator")
        opening: dict[str, Any] = {"settings": settings, "plan": plan, "policy_id": policy_id, "year": 2025}
        cycle = cycles.open_cycle(session, clock, operator, **opening)
        law = policies.policy_of(session, cycle)
        for bureau in law.bureaus:
            user(f"bureau-{bureau.id}", Role.BUREAU_VERIFIER, bureau=bureau.id)
        for county in law.counties:
            user(f"county-{county.id}", Role.COUNTY_REVIEWER, county=county.id)
    engine.dispose()


def _at(settings: Settings) -> Desk:
    """The desk of a bureau that is furnished."""
    engine = engine_of(settings)
    session = Session(engine, expire_on_commit=False)
    users = session.exec(select(User).order_by(col(User.id))).all()
    actors = {each.login: actor_of(each) for each in users}
    cycle = session.exec(select(Cycle)).one()
    operator, head, leader, meeting, government = (actors[login] for login in STAFF)
    return Desk(
        settings=settings,
        engine=engine,
        session=session,
        clock=FixedClock(OPENED),
        plan=load_plan(settings.cycle_file),
        calendar=Calendar(settings.calendar_dir),
        system=system_actor(session),
        operator=operator,
        section_head=head,
        leader=leader,
        meeting=meeting,
        government=government,
        cycle_id=cycle.id or 0,
        bureaus={each.bureau: actors[each.login] for each in users if each.bureau is not None},
        counties={each.county: actors[each.login] for each in users if each.county is not None},
    )
