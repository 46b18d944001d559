"""What each year waits for, told to the office's group once a working day: counts and offices, nothing personal."""

from collections.abc import Iterator

from sqlmodel import Session, col, func, select

from config.settings import Settings
from models import Channel, Cycle, Message, MessageStatus
from services.access.actors import Actor
from services.clock import Clock
from services.cycle import cycles, overview
from services.cycle.stages import CyclePlan
from services.law import policies
from services.notices.channels import GROUP
from services.notices.contexts import about_cycle
from services.notices.queueing import queue_to_all
from services.record.operation import operation

KIND = "office_digest"
_MOST = 12  # lines that a group reads


@operation("message.queue")
def tell(session: Session, clock: Clock, actor: Actor, *, settings: Settings, plan: CyclePlan) -> int:
    """Queue today's digest of every open year for the group, if there is one. Returns how many were new."""
    new = 0
    for cycle in cycles.open_cycles(session) if settings.group_webhook else ():
        matters = list(_matters(session, clock, plan, cycle))
        if matters:
            context = about_cycle(session, cycle, "status") | {"matters": matters[:_MOST]}
            new += queue_to_all(
                session,
                clock,
                cycle.id or 0,
                KIND,
                [GROUP],
                "",
                context,
                domain=settings.message_domain,
                channel=Channel.GROUP,
            )
    return new


def _matters(session: Session, clock: Clock, plan: CyclePlan, cycle: Cycle) -> Iterator[str]:
    stage = plan.stage(cycle.stage).title
    if cycle.failure is not None:
        yield f"“{stage}”流程中断，待经办人处理"
    for wait in overview.waits(session, clock, plan, cycle):
        yield f"{stage}：{wait.who}，{wait.what}" + (f"，{wait.due} 到期" if wait.due else "")
    for late in overview.late(session, clock, policies.policy_of(session, cycle), cycle.id or 0):
        yield f"已逾期：{late.who}，{late.what}"
    failed = session.exec(
        select(func.count()).where(Message.cycle_id == cycle.id, col(Message.status) == MessageStatus.FAILED)
    ).one()
    if failed:
        yield f"发送失败或退回的通知 {failed} 封"
