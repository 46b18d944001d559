"""The outbox takes each notice once, whatever runs again."""

from collections import Counter
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlmodel import Session

from config.settings import Settings
from models import MessageStatus, OptOut
from services.clock import FixedClock
from services.errors import NotFoundError
from services.notices.claims import transaction
from services.notices.queueing import Notice, queue, queue_all, queue_to_all
from services.notices.samples import sample_context
from services.record.database import engine_of
from tests.services.notices.support import CYCLE_TIME, DOMAIN, addresses, messages, queue_one


def test_the_same_notice_is_queued_once_on_either_database(either: Settings) -> None:
    engine = engine_of(either)
    with transaction(engine) as session:
        assert queue_one(session)
        assert not queue_one(session)
    with transaction(engine) as session:
        assert not queue_one(session, recipient_name="改了名字的同一收件人")
    assert [message.recipient_name for message in messages(engine)] == ["示例公司"]


def test_a_notice_to_thousands_is_queued_once_for_each_on_either_database(either: Settings) -> None:
    engine, recipients = engine_of(either), [(address, "示例公司") for address in addresses(3000)]

    def queue_them() -> int:
        with transaction(engine) as session:
            at = session, FixedClock(CYCLE_TIME), 1, "receipt"
            return queue_to_all(*at, [*recipients, recipients[0]], "all", sample_context("receipt"), domain=DOMAIN)

    with transaction(engine) as session:
        assert queue_one(session, recipient=recipients[1][0], about="all")
    assert queue_them() == 2999 and queue_them() == 0
    assert len(messages(engine)) == len({message.message_id for message in messages(engine)}) == 3000


def test_notices_of_several_kinds_are_queued_together_each_by_its_own_rule(either: Settings) -> None:
    engine, clock = engine_of(either), FixedClock(CYCLE_TIME)
    optional, digest = "intake_reminder", "approval_waiting"

    def notice(kind: str, recipient: str, about: str) -> Notice:
        return Notice(1, kind, recipient, "示例公司", about, sample_context(kind))

    notices = [
        *(notice("receipt", address, "1") for address in addresses(1200)),  # more than one statement takes
        notice(optional, "no-more@example.invalid", "2"),
        notice("receipt", "no-more@example.invalid", "2"),  # its own matter is told
        *(notice(digest, "lead@example.invalid", about) for about in ("3", "4")),  # one a day
        notice("receipt", "no address", "5"),
    ]
    with transaction(engine) as session:
        session.add(OptOut(email="no-more@example.invalid", opted_out_at=CYCLE_TIME))
        session.flush()
        assert queue_all(session, clock, iter(notices), domain=DOMAIN) == 1203
        assert queue_all(session, clock, iter(notices), domain=DOMAIN) == 0
    kept = messages(engine)
    assert Counter(message.kind for message in kept) == {"receipt": 1202, digest: 1}
    assert [message.recipient for message in kept if message.status is MessageStatus.FAILED] == ["no address"]
    assert {message.optional for message in kept} == {False}


@pytest.mark.parametrize(
    "change", [{"about": "application 2"}, {"recipient": "b@example.invalid"}, {"kind": "payment_made"}]
)
def test_another_matter_recipient_or_kind_is_another_notice(engine: Engine, change: dict[str, str]) -> None:
    with transaction(engine) as session:
        assert queue_one(session)
        assert queue_one(session, **change)
    assert len({message.message_id for message in messages(engine)}) == 2


def test_queueing_belongs_to_the_callers_transaction(engine: Engine) -> None:
    with Session(engine) as session:
        queue_one(session)
        session.rollback()
    assert messages(engine) == []


def test_the_message_id_depends_on_the_notice_alone(tmp_path: Path, engine: Engine) -> None:
    with transaction(engine) as session:
        queue_one(session)
    first = messages(engine)[0]
    with transaction(engine) as session:
        session.delete(session.merge(first))
    with transaction(engine) as session:
        queue_one(session, context={**sample_context("receipt"), "project": "另一个说法"})
    assert messages(engine)[0].message_id == first.message_id
    assert first.message_id.endswith(f"@{DOMAIN}>") and len(first.message_id) == 43 + len(DOMAIN)


def test_the_daily_digest_goes_out_at_most_once_a_day(engine: Engine) -> None:
    clock = FixedClock(CYCLE_TIME)
    context = sample_context("approval_waiting")

    def ask(session: Session, about: str) -> bool:
        return queue(
            session, clock, 1, "approval_waiting", "lead@example.invalid", "分管领导", about, context, domain=DOMAIN
        )

    with transaction(engine) as session:
        assert ask(session, "list 1")
        assert not ask(session, "list 2")
        clock.advance(timedelta(days=1))
        assert ask(session, "list 2")


@pytest.mark.parametrize(
    "address",
    [
        "",
        "no-at-sign",
        "a@b",
        "a b@example.invalid",
        "a@example.invalid\r\nBcc: x@example.invalid",
        "a@example.invalid,b@example.invalid",
        "<a@example.invalid>",
        "张三@example.invalid",
        f"{'x' * 65}@example.invalid",
        f"a@{'x' * 60}.{'y' * 60}.{'z' * 60}.{'u' * 60}.{'v' * 60}.invalid",
    ],
)
def test_an_unusable_address_is_kept_as_failed_and_stops_nobody(engine: Engine, address: str) -> None:
    with transaction(engine) as session:
        assert queue_one(session, recipient=address)
        assert queue_one(session, recipient="good@example.invalid")
    bad, good = messages(engine)
    assert (bad.status, good.status) == (MessageStatus.FAILED, MessageStatus.PENDING)
    assert "收件地址" in bad.last_reply and "\n" not in bad.recipient


def test_a_context_has_the_keys_of_its_kind_and_no_others(engine: Engine) -> None:
    context = sample_context("result_award")
    with Session(engine) as session:
        with pytest.raises(ValueError, match=r"unknown \['amount'\]"):
            queue_one(session, kind="result_award", context={**context, "amount": "75000.00"})
        del context["clause"]
        with pytest.raises(ValueError, match=r"missing \['clause'\]"):
            queue_one(session, kind="result_award", context=context)
        with pytest.raises(ValueError, match="path"):
            queue_one(session, context={**sample_context("receipt"), "path": "https://elsewhere.invalid/"})


def test_an_unknown_kind_is_refused_with_the_known_ones(engine: Engine) -> None:
    with Session(engine) as session, pytest.raises(NotFoundError, match=r"recipt.*receipt"):
        queue_one(session, kind="recipt", context=sample_context("receipt"))
