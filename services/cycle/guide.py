"""The guide of a cycle (申报指南): the digest that is approved, and telling the enterprises that it is out."""

import hashlib
from datetime import date

from sqlmodel import Session

from config.settings import Settings
from models import Cycle, PolicyVersion
from services.access.actors import Actor
from services.clock import CHINA, Clock, today
from services.cycle import cycles
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day
from services.cycle.stages import load_plan
from services.errors import StateError
from services.notices.contacts import known_contacts
from services.notices.contexts import about_cycle
from services.notices.queueing import queue_to_all
from services.record.chain import canonical
from services.record.operation import operation


def digest(session: Session, cycle: Cycle) -> str:
    """SHA-256 of what the guide promises: the exact policy, the year, its yearly settings and the cost sharing."""
    version = session.get_one(PolicyVersion, cycle.policy_version_id)
    promised = [version.policy_id, version.sha256, cycle.year, cycle.overrides, cycle.cost_sharing]
    return hashlib.sha256(canonical(promised).encode()).hexdigest()


@operation("notice.publish")
def publish(session: Session, clock: Clock, actor: Actor, *, settings: Settings, cycle_id: int) -> int:
    """Tell every known applicant that the guide is out, once in each opening. Returns how many notices were new."""
    cycle = cycles.open_one(session, cycle_id)
    starts, ends = _window(session, clock, settings, cycle)
    context = {**about_cycle(session, cycle, "guide"), "starts": starts, "ends": ends}
    about = f"{digest(session, cycle)}/{cycles.opening(cycle)}"
    to = known_contacts(session).items()
    return queue_to_all(session, clock, cycle_id, "guide_published", to, about, context, domain=settings.message_domain)


def _window(session: Session, clock: Clock, settings: Settings, cycle: Cycle) -> tuple[date, date]:
    """First and last day of the intake: as it stands, or as it will be when it begins today."""
    intake = cycles.newest_visit(session, cycle, "intake")
    if intake is not None and intake.due_at is not None:
        return intake.entered_at.astimezone(CHINA).date(), due_day(intake.due_at)
    days = load_plan(settings.cycle_file).stage("intake").working_days
    if days is None:
        raise StateError("流程文件没有写明申报受理的工作日数；请在 intake 阶段补写 working_days。")
    return today(clock), Calendar(settings.calendar_dir).add_working_days(today(clock), days)
