"""A whole year without the engine: each stage's machine part by its services, the people's part by the demo's story."""

from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path

from sqlmodel import Session, col, select

from cli.demo.acting import World, act, deadline
from cli.demo.people import People, invite
from cli.demo.story import Story
from config.sample import write_sample
from config.settings import Settings
from models import Cycle, ReviewerKind, User
from services.access.actors import find_actor, system_actor
from services.application import completeness
from services.award import computation, lists, public_notices, results
from services.clock import CHINA, FileClock, FixedClock
from services.cycle import cycles, gates, guide
from services.cycle.calendar import Calendar
from services.cycle.stages import load_plan
from services.grants import overlaps
from services.law import policies
from services.payment import payments, treasuries
from services.record.database import engine_of
from services.review import reviews
from tests.new_database import new_database


def make_world(folder: Path, database_url: str = "") -> World:
    """The sample's bureau with its cycle opened, as the demo has it."""
    settings = Settings(data_dir=folder, database_url=database_url)
    engine = engine_of(settings)
    new_database(engine)
    write_sample(folder / "in")
    session, story, plan = Session(engine, expire_on_commit=False), Story(), load_plan(settings.cycle_file)
    clock = FixedClock(datetime.combine(story.cycle["guide_on"], time(9), CHINA))
    law = policies.load(settings, story.cycle["policy"])
    people = invite(session, clock, law)
    cycle = cycles.open_cycle(
        session,
        clock,
        people.operator,
        settings=settings,
        plan=plan,
        policy_id=story.cycle["policy"],
        year=story.cycle["year"],
        overrides=story.cycle["overrides"],
        cost_sharing=story.cost_sharing,
    )
    return World(settings, session, clock, plan, story, people, folder / "in", cycle.id or 0)


def open_world(folder: Path) -> World:
    """The same bureau in a folder in which its cycle was opened before; its clock is the file there."""
    settings = Settings(data_dir=folder, clock_file=folder / "clock", database_url="")
    session = Session(engine_of(settings), expire_on_commit=False)
    cycle = session.exec(select(Cycle)).one()
    actors = [find_actor(session, login) for login in session.exec(select(User.login).order_by(col(User.id)))]
    people = People(
        system_actor(session),
        {each.login: each for each in actors if each.bureau is None and each.county is None},
        {each.bureau: each for each in actors if each.bureau is not None},
        {each.county: each for each in actors if each.county is not None},
    )
    clock, plan = FileClock(folder / "clock"), load_plan(settings.cycle_file)
    return World(settings, session, clock, plan, Story(), people, folder / "in", cycle.id or 0)


def run_year(world: World, until: str | None = None, past: str | None = None) -> list[str]:
    """Run until the cycle has ended, has come to a stage, or has left one. Returns the stages in order of leaving."""
    left: list[str] = []
    while True:
        position = cycles.position(world.session, world.plan, world.cycle_id)
        if position.finished or position.stage == until or past in left:
            return left
        if _work(world, position.stage).open:
            left.append(position.stage)
            continue
        told = act(world)
        moment = deadline(world)
        if moment is not None:
            world.clock.set(moment)
        assert told or moment is not None, f"nobody acts at {position.stage}"


def _work(world: World, stage: str) -> gates.Gate:
    system = system_actor(world.session)
    work = _MACHINE.get(stage)
    if work is not None:
        work(world)
    cycles.finish_work(*world.at, system, cycle_id=world.cycle_id, summary={})
    return gates.pass_gate(
        *world.at,
        system,
        plan=world.plan,
        calendar=Calendar(world.settings.calendar_dir),
        cycle_id=world.cycle_id,
        stage=stage,
    )


def _examine(world: World) -> None:
    completeness.examine(
        *world.at,
        world.people.system,
        settings=world.settings,
        cycle_id=world.cycle_id,
        application_ids=completeness.pending(world.session, world.cycle_id),
    )


def _ask(kind: ReviewerKind) -> Callable[[World], object]:
    def ask(world: World) -> None:
        who, own = (*world.at, world.people.system), {"settings": world.settings}
        ids = reviews.to_request(world.session, world.cycle_id, kind)
        reviews.request(*who, plan=world.plan, cycle_id=world.cycle_id, kind=kind, application_ids=ids, **own)
        reviews.tell(*who, cycle_id=world.cycle_id, kind=kind, **own)

    return ask


def _publish(world: World) -> None:
    public_notices.publish(*world.at, world.people.system, settings=world.settings, cycle_id=world.cycle_id)


def _guide(world: World) -> None:
    guide.publish(*world.at, world.people.system, settings=world.settings, cycle_id=world.cycle_id)


def _order(world: World) -> None:
    payments.order(*world.at, world.people.system, cycle_id=world.cycle_id)
    treasuries.tell(*world.at, world.people.system, settings=world.settings, cycle_id=world.cycle_id)


def _results(world: World) -> None:
    results.notify(*world.at, world.people.system, settings=world.settings, cycle_id=world.cycle_id)


_MACHINE: dict[str, Callable[[World], object]] = {
    "publication": _guide,
    "completeness": _examine,
    "county_review": _ask(ReviewerKind.COUNTY),
    "verification": _ask(ReviewerKind.BUREAU),
    "matching": lambda world: overlaps.find(*world.at, world.people.system, cycle_id=world.cycle_id),
    "computation": lambda world: computation.compute(*world.at, world.people.system, cycle_id=world.cycle_id),
    "freeze": lambda world: lists.freeze(*world.at, world.people.system, cycle_id=world.cycle_id),
    "public_notice": _publish,
    "payment": _order,
    "results": _results,
}
