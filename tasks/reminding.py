"""The tasks that remind whoever is due to do something, in a cycle or beside it."""

from services.after_payment import following
from services.clock import today
from services.cycle import desk_reminders, office_digest, reminders
from services.notices import upcoming
from tasks.context import acting, context
from tasks.step import step


@step("今天是否上班")
def is_working_day() -> bool:
    """Whether offices work today; a year without a calendar raises CalendarError, which names the missing file."""
    parts = context()
    return parts.calendar.is_working_day(today(parts.clock))


@step("催办提醒")
def remind(cycle_id: int) -> int:
    """Queue the reminders of today. Returns how many were new."""
    with acting() as (parts, session, system):
        return reminders.remind(
            session, parts.clock, system, settings=parts.settings, plan=parts.plan, cycle_id=cycle_id
        )


@step("绩效自评")
def follow_up() -> int:
    """Ask for self-assessments of what was paid, remind who has not answered. Returns how many notices were new."""
    with acting() as (parts, session, system):
        return following.follow_up(session, parts.clock, system, settings=parts.settings)


@step("汇总待办")
def remind_desk() -> int:
    """Queue what waits for the office beside the cycles. Returns how many were new."""
    with acting() as (parts, session, system):
        return desk_reminders.remind(session, parts.clock, system, settings=parts.settings)


@step("每日办理情况")
def tell_group() -> int:
    """Queue what the years wait for, for the office's group. Returns how many were new."""
    with acting() as (parts, session, system):
        return office_digest.tell(session, parts.clock, system, settings=parts.settings, plan=parts.plan)


@step("撤销过时的提醒")
def call_off_past() -> int:
    """Call off what should have gone on an earlier day and holds no more. Returns how many."""
    with acting() as (parts, session, system):
        return upcoming.call_off_past(session, parts.clock, system)
