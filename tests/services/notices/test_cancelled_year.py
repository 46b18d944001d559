"""A year is cancelled: what asks for something in it goes out no more; what is told of it still does."""

from datetime import timedelta

from sqlmodel import col, select

from models import Message, MessageAction, MessageChange, MessageStatus
from services.cycle import cancelling
from services.notices import dispatches, upcoming
from services.notices.claims import CLAIM
from services.notices.queueing import queue
from services.notices.samples import sample_context
from tests.services.filled_record import NOW, Record
from tests.services.notices.support import WALL_TIME
from tests.services.notices.test_dispatches import write
from tests.services.paid_year import next_year

ASKING = (
    *("guide_published", "intake_reminder", "invitation", "supplement_request", "supplement_reminder"),
    *("review_request", "review_handed_on", "review_reminder", "review_escalation", "approval_waiting"),
    *("notice_started", "bank_data_missing", "duty_reminder"),
)
TELLING = (
    *("receipt", "objection_received", "objection_answered", "result_award", "result_rejection", "payment_made"),
    *("assessment_request", "clawback_decided", "clawback_revoked", "cycle_failed", "operator_alert"),
)


def queued(record: Record, cycle_id: int, *kinds: str) -> None:
    for kind in kinds:
        to = (f"{kind}@example.invalid", "示例")
        queue(record.session, record.clock, cycle_id, kind, *to, "x", sample_context(kind), domain="x.invalid")
    record.session.commit()


def cancel(record: Record) -> None:
    given = {"settings": record.settings, "cycle_id": record.cycle_id, "reason": "政策暂停执行"}
    cancelling.cancel(record.session, record.clock, record.actors["jing"], **given)


def with_status(record: Record, cycle_id: int, status: MessageStatus) -> set[str]:
    found = select(Message.kind).where(Message.cycle_id == cycle_id, Message.status == status)
    return set(record.session.exec(found))


def test_what_asks_for_something_is_called_off_and_what_tells_still_goes(record: Record) -> None:
    other = next_year(record).id or 0
    for cycle_id in (record.cycle_id, other):
        queued(record, cycle_id, *ASKING, *TELLING)
    cancel(record)
    assert with_status(record, record.cycle_id, MessageStatus.CANCELLED) == set(ASKING)
    assert with_status(record, record.cycle_id, MessageStatus.PENDING) == {*TELLING, "cycle_cancelled"}
    assert with_status(record, other, MessageStatus.PENDING) == {*ASKING, *TELLING}
    message = record.messages("guide_published")[0]
    (done,) = upcoming.changes(record.session, message.id or 0)
    assert (done.change.action, done.by) == (MessageAction.CANCEL, record.actors["jing"].name)


def test_what_is_held_or_being_sent_is_called_off_and_what_has_gone_is_left(record: Record) -> None:
    queued(record, record.cycle_id, "guide_published", "invitation", "review_request", "supplement_request")
    states = (MessageStatus.HELD, MessageStatus.SENDING, MessageStatus.SENT, MessageStatus.FAILED)
    for message, status in zip(record.session.exec(select(Message).order_by(col(Message.id))), states, strict=True):
        message.status, message.claimed_until = status, WALL_TIME + CLAIM
    record.session.commit()
    cancel(record)
    assert with_status(record, record.cycle_id, MessageStatus.CANCELLED) == {"guide_published", "invitation"}
    assert len(record.session.exec(select(MessageChange)).all()) == 2


def test_what_the_operator_wrote_for_later_is_called_off_and_may_be_written_anew(record: Record) -> None:
    waiting = write(record, send_at=NOW + timedelta(hours=2))
    cancel(record)
    assert waiting.called_off_at == NOW
    record.days(1)
    at = record.session, record.clock, record.system
    assert dispatches.queue_due(*at, settings=record.settings) == 0 and record.messages("written") == []
    write(record)
    assert len(record.messages("written")) == 2, "of a year that has ended something may still have to be said"
