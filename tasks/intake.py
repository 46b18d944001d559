"""Tasks from the guide to accepted applications."""

from collections import Counter

from sqlmodel import col, func, select

from models import Application, ApplicationStatus
from services.application import completeness
from services.cycle import guide
from services.enterprise import invitations
from tasks.context import acting
from tasks.step import step


@step("告知申报单位")
def tell_guide(cycle_id: int) -> int:
    """Tell the known applicants that the guide is out. Returns how many notices were new."""
    with acting() as (parts, session, system):
        return guide.publish(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id)


@step("免申即享邀请")
def invite(cycle_id: int) -> int:
    """Mail those who qualify by the bureaus' lists. Returns how many mails were new."""
    with acting() as (parts, session, system):
        return invitations.announce(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id)


@step("待审查申报")
def to_examine(cycle_id: int) -> list[int]:
    """Applications still to be examined, or waiting for their 补正."""
    with acting() as (_, session, _system):
        return completeness.pending(session, cycle_id)


@step("形式审查")
def examine(cycle_id: int, application_ids: list[int]) -> Counter[str]:
    """Accept what is complete, ask for what is missing, let lapse what came too late. Returns how many of each."""
    with acting() as (parts, session, system):
        return Counter(
            completeness.examine(
                session,
                parts.clock,
                system,
                settings=parts.settings,
                cycle_id=cycle_id,
                application_ids=application_ids,
            )
        )


@step("统计申报")
def by_status(cycle_id: int) -> dict[ApplicationStatus, int]:
    """How many applications are in each state."""
    with acting() as (_, session, _system):
        rows = session.exec(
            select(Application.status, func.count())
            .where(Application.cycle_id == cycle_id)
            .group_by(col(Application.status))
        ).all()
        return {ApplicationStatus(status): count for status, count in rows}
