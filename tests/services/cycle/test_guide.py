"""The guide is approved by its digest, and told to every known applicant once."""

from datetime import date

import pytest

from models import Role, User
from services.cycle import extensions, guide
from services.errors import NotAllowedError
from tests.services.filled_record import Record, stand_at


def publish(record: Record, who: str = "jing") -> int:
    return guide.publish(
        record.session, record.clock, record.actors[who], settings=record.settings, cycle_id=record.cycle_id
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [("overrides", {"computing": {"rates": "1=40%"}}), ("cost_sharing", {"east": "10%"}), ("year", 2026)],
)
def test_the_digest_changes_with_what_the_guide_promises(record: Record, name: str, value: object) -> None:
    before = guide.digest(record.session, record.cycle)
    assert guide.digest(record.session, record.cycle) == before
    setattr(record.cycle, name, value)
    assert guide.digest(record.session, record.cycle) != before


def test_users_and_earlier_contacts_are_told_once(record: Record) -> None:
    for login, email in (("qi1", "unit1@example.invalid"), ("qi2", "new@example.invalid"), ("qi3", None)):
        record.session.add(
            User(login=login, name=login, role=Role.APPLICANT, email=email, enterprise_id=1 if login == "qi1" else None)
        )
    record.session.commit()
    stand_at(record, "publication")
    assert publish(record) == 6
    assert publish(record) == 0
    told = record.messages("guide_published")
    assert {message.recipient for message in told} == {
        "new@example.invalid",
        *(f"unit{place}@example.invalid" for place in range(1, 6)),
    }
    # twenty working days after Monday 2 March 2026; the 清明 holiday comes later
    assert told[0].context["starts"] == "2026-03-02" and told[0].context["ends"] == "2026-03-30"


def test_a_rerun_on_a_later_day_tells_nobody_again(record: Record) -> None:
    stand_at(record, "publication")
    publish(record)
    record.days(1)
    assert publish(record) == 0


def test_the_intake_that_is_open_gives_the_dates(record: Record) -> None:
    stand_at(record, "intake")
    extensions.extend(
        record.session,
        record.clock,
        record.actors["jing"],
        settings=record.settings,
        cycle_id=record.cycle_id,
        working_days=1,
        reason="系统维护",
    )
    publish(record)
    assert record.messages()[0].context["ends"] == date(2026, 3, 31).isoformat()


def test_others_may_not_publish(record: Record) -> None:
    with pytest.raises(NotAllowedError):
        publish(record, "he")
