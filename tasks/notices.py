"""Tasks that queue the written notices whose time has come, send what is due in the outbox, and read what came back."""

from services.notices import dispatches
from services.notices.bounce_intake import BounceReport, read_bounces
from services.notices.delivery import DeliveryReport, deliver_due
from services.notices.group_delivery import deliver_to_group
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


@step("读取退信")
def bounces() -> BounceReport:
    """Read the delivery reports that came back. A mailbox that cannot be read is tried again at the next round."""
    parts = context()
    return read_bounces(parts.engine, parts.settings, parts.clock)


@step("发送到办公群")
def to_group() -> DeliveryReport:
    """Send what is due for the office's group, if there is one."""
    parts = context()
    return deliver_to_group(parts.engine, parts.settings, parts.clock, parts.wall)
