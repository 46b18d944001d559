"""Tasks that keep watch over the record: the audit chain's anchors, and what is amiss."""

from services.errors import InputError, TransientError
from services.record import anchoring
from services.watch import alerts
from tasks.context import acting
from tasks.step import step


@step("留存校验点")
def take_anchor() -> int:
    """Keep where the audit chain stands today. Returns the number of its last entry, 0 before the first."""
    with acting() as (parts, session, system):
        kept = anchoring.take(session, parts.clock, system, settings=parts.settings)
        return kept.seq if kept else 0


@step("加盖时间戳")
def stamp_anchors() -> str:
    """Have the anchors stamped that were not. Returns why that could not be, empty when it was or is not wanted."""
    with acting() as (parts, session, system):
        try:
            anchoring.stamp(session, parts.clock, system, settings=parts.settings)
        except (TransientError, InputError) as error:  # the anchor is kept; the next run stamps it late
            return str(error)
    return ""


@step("运行告警")
def alert() -> int:
    """Queue what the operator has to look at, each matter once a day. Returns how many notices were new."""
    with acting() as (parts, session, system):
        found = alerts.current(
            session, parts.clock, parts.wall, settings=parts.settings, plan=parts.plan, thorough=True
        )
        return alerts.tell(session, parts.clock, system, settings=parts.settings, found=found)
