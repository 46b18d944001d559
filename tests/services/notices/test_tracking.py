"""The operator sees how the outbox stands and sends again what failed."""

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from models import MessageStatus, Role
from services.access.actors import Actor, find_actor
from services.clock import FixedClock
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.notices.claims import Verdict, record, transaction
from services.notices.tracking import counts, failures, resend
from tests.services.notices.support import CYCLE_TIME, DOMAIN, WALL_TIME, claimed, messages, queue_one

CLOCK = FixedClock(CYCLE_TIME)


@pytest.fixture
def failed(engine: Engine) -> Engine:
    """Message 1 failed after an attempt; message 2 waits."""
    with transaction(engine) as session:
        queue_one(session, recipient="wrong@example.invalid")
        queue_one(session, recipient="b@example.invalid", kind="payment_made")
    verdicts = [
        Verdict(row, MessageStatus.FAILED, "550 no such user", WALL_TIME) for row in claimed(engine, WALL_TIME, 1)
    ]
    record(engine, verdicts, CYCLE_TIME)
    return engine


def again(engine: Engine, number: int, recipient: str = "", actor: Actor | None = None) -> None:
    with Session(engine) as session:
        resend(session, CLOCK, actor or find_actor(session, "jingban"), number, domain=DOMAIN, recipient=recipient)


def test_counts_and_failures_by_kind_and_cycle(failed: Engine) -> None:
    with Session(failed) as session:
        found = {count.kind: (count.name, dict(count.by_status)) for count in counts(session)}
        assert found == {
            "receipt": ("申报接收回执", {MessageStatus.FAILED: 1}),
            "payment_made": ("资金拨付", {MessageStatus.PENDING: 1}),
        }
        assert [(row.recipient, row.last_reply) for row in failures(session, 1)] == [
            ("wrong@example.invalid", "550 no such user")
        ]
        assert counts(session, 2) == [] and failures(session, 2) == []


def test_a_failed_notice_is_due_again_with_all_its_attempts(failed: Engine) -> None:
    again(failed, 1)
    first = claimed(failed, WALL_TIME, 1)[0]
    assert (first.id, first.attempts) == (1, 1) and messages(failed)[0].status is MessageStatus.SENDING


def test_a_corrected_address_is_another_mail(failed: Engine) -> None:
    before = messages(failed)[0].message_id
    again(failed, 1, "right@example.invalid")
    message = messages(failed)[0]
    assert message.recipient == "right@example.invalid" and message.message_id != before
    with transaction(failed) as session:
        assert not queue_one(session, recipient="right@example.invalid"), "the flow does not queue it once more"


def test_who_was_told_already_is_not_told_twice(failed: Engine) -> None:
    with transaction(failed) as session:
        queue_one(session, recipient="right@example.invalid")
    with pytest.raises(StateError, match="已经通知过"):
        again(failed, 1, "right@example.invalid")
    assert messages(failed)[0].status is MessageStatus.FAILED


def test_only_what_failed_can_be_sent_again(failed: Engine) -> None:
    with pytest.raises(StateError, match="编号 2 的通知待发送"):
        again(failed, 2)
    with pytest.raises(NotFoundError, match="99"):
        again(failed, 99)
    with pytest.raises(InputError, match="不是有效的邮箱"):
        again(failed, 1, "x\r\nBcc: y@example.invalid")


def test_only_the_operator_sends_again(failed: Engine) -> None:
    with pytest.raises(NotAllowedError):
        again(failed, 1, actor=Actor(2, "kezhang", "科长", Role.SECTION_HEAD))
