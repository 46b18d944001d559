"""The task that writes down why a stage failed and tells the operators."""

from sqlmodel import Session

from config.settings import Settings
from models import Channel, Role
from services.access import people
from services.access.actors import Actor
from services.clock import Clock, today
from services.cycle import cycles
from services.notices.channels import GROUP
from services.notices.contexts import about_cycle
from services.notices.queueing import queue, queue_to_all
from services.record.operation import operation
from tasks.context import acting
from tasks.step import step


@step("登记中断原因")
def note(cycle_id: int, stage: str, reason: str) -> None:
    """Keep the reason with the cycle, which stays where it is, and queue a notice to every operator and the group."""
    with acting() as (parts, session, system):
        cycles.note_failure(session, parts.clock, system, cycle_id=cycle_id, failure=reason)
        _tell(session, parts.clock, system, settings=parts.settings, cycle_id=cycle_id, stage=stage, reason=reason)


@operation("message.queue")
def _tell(
    session: Session, clock: Clock, _actor: Actor, *, settings: Settings, cycle_id: int, stage: str, reason: str
) -> None:
    cycle = cycles.get_cycle(session, cycle_id)
    about = f"{cycles.current_visit(session, cycle).id}/{today(clock)}"  # as the daily reminder of it
    context = about_cycle(session, cycle, "status") | {"stage": stage, "failed_at": clock.now(), "reason": reason}
    for user in people.active_users(session, Role.OPERATOR):
        if user.email:
            queue(
                session,
                clock,
                cycle_id,
                "cycle_failed",
                user.email,
                user.name,
                about,
                context,
                domain=settings.message_domain,
            )
    if settings.group_webhook:
        queue_to_all(
            session,
            clock,
            cycle_id,
            "cycle_failed",
            [GROUP],
            about,
            context,
            domain=settings.message_domain,
            channel=Channel.GROUP,
        )
