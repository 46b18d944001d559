"""Tasks that send out what is due in the outbox."""

from services.notices.delivery import DeliveryReport, deliver_due
from tasks.context import context
from tasks.step import step


@step("发送通知")
def deliver() -> DeliveryReport:
    """Send what is due. What the mail server does not take now stays in the outbox for a later round."""
    parts = context()
    return deliver_due(parts.engine, parts.settings, parts.clock, parts.wall)
