"""Correcting whom the notices about an application reach: by whom, and until when."""

import pytest

from models import Erasure
from services.access.actors import Actor
from services.application import contacts
from services.errors import NotAllowedError, StateError
from tests.services.application.test_accounts import enterprise
from tests.services.filled_record import Record

GIVEN = {"contact_name": "林新", "contact_phone": "0596-0000002", "contact_email": "new@example.invalid"}


def correct(record: Record, actor: Actor) -> None:
    contacts.correct(record.session, record.clock, actor, application_id=1, **GIVEN)


def test_only_the_operator_and_the_enterprise_itself_correct_them(record: Record) -> None:
    with pytest.raises(NotAllowedError, match="只能更正本企业"):
        correct(record, enterprise(record, 2))
    assert record.application(1).contact_email != GIVEN["contact_email"]
    correct(record, enterprise(record, 1))
    assert record.application(1).contact_email == GIVEN["contact_email"]


def test_nothing_is_put_in_the_place_of_what_was_erased(record: Record) -> None:
    done = {
        "cycle_id": record.cycle_id,
        "user_id": record.actors["jing"].user_id,
        "reason": "届满",
        "digest": "-",
        "applications": 1,
        "files": 0,
    }
    record.session.add(Erasure(**done, erased_at=record.clock.now()))
    record.session.commit()
    with pytest.raises(StateError, match="个人信息已经清除"):
        correct(record, record.actors["jing"])
