"""Delivery to the office's group: the same outbox, claims and records as mail, one message after the other."""

from sqlalchemy import Engine

from config.settings import Settings
from models import Channel, MessageStatus
from services.clock import CHINA, Clock
from services.notices import channels
from services.notices.channels import Note
from services.notices.claims import Claimed, Verdict, claim, due_again, record
from services.notices.delivery import DeliveryReport, office_open, status_after
from services.notices.mailer import Reply
from services.notices.rendering import Letters, TemplateProblemError

_MOST = 15  # in one round; a robot takes 20 a minute


def deliver_to_group(engine: Engine, settings: Settings, clock: Clock, wall: Clock) -> DeliveryReport:
    """Send what is due for the group. Without a group nothing is done."""
    group = channels.group_of(settings, wall)
    if group is None:
        return DeliveryReport()
    in_hours, unknown = office_open(settings, clock.now())
    now, letters = clock.now(), Letters(settings)
    found: list[MessageStatus] = []
    for message in claim(engine, wall.now(), _MOST, channel=Channel.GROUP, now=now, in_hours=in_hours):
        verdict = _verdict(group, letters, clock, wall, message)
        record(engine, [verdict], clock.now())
        found.append(verdict.status)
    return DeliveryReport(
        sent=found.count(MessageStatus.SENT),
        deferred=found.count(MessageStatus.PENDING),
        failed=found.count(MessageStatus.FAILED),
        trouble=unknown,
    )


def _verdict(group: channels.Channel, letters: Letters, clock: Clock, wall: Clock, message: Claimed) -> Verdict:
    try:
        note = note_of(letters, message, clock)
    except TemplateProblemError as error:
        return Verdict(message, MessageStatus.FAILED, str(error), wall.now())
    reply: Reply = group.send(note)
    text = f"{reply.code} {reply.text}" if reply.code else reply.text
    status = status_after(reply, message.attempts)
    return Verdict(message, status, text, due_again(message, status, wall.now()), reply)


def note_of(letters: Letters, message: Claimed, clock: Clock) -> Note:
    """What the group reads. Raises TemplateProblemError."""
    return letters.note(message.kind, message.context, clock.now().astimezone(CHINA).date())
