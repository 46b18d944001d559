"""The task that reminds whoever is due to do something in a cycle."""

from services import reminders
from tasks.context import acting
from tasks.step import step


@step("催办提醒")
def remind(cycle_id: int) -> int:
    """Queue the reminders of today. Returns how many were new."""
    with acting() as (parts, session, system):
        return reminders.remind(
            session, parts.clock, system, settings=parts.settings, plan=parts.plan, cycle_id=cycle_id
        )
