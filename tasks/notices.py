"""Tasks that queue the written notices whose time has come, and send out what is due in the outbox."""

from services.notices import dispatches
from services.notices.delivery import DeliveryReport, deliver_due
from tasks.context import acting, context
from tasks.step import step


@step("安排定时通知")
def queue_dispatches() -> int:
    """Queue the mails of the notices that were written for now or before. Returns how many were new."""
    with acting() as (parts, session, actor):
        return dispatches.queue_due(session, parts.clock, actor, settings=parts.settings)


@step("发送通知")
def deliver() -> DeliveryReport:
    """Send what is due. What the mail server does not take now stays in the outbox for a later round."""
    parts = context()
    return deliver_due(parts.engine, parts.settings, parts.clock, parts.wall)
