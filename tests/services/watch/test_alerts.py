"""What the operator has to look at: each matter is seen when it is there, and told once a day."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlmodel import select

from models import (
    AnchorStamp,
    AuditAnchor,
    Channel,
    CycleLease,
    DeliveryAttempt,
    Message,
    MessageStatus,
    Relay,
    Role,
    User,
)
from services import backups
from services.access import people
from services.access.actors import find_actor
from services.clock import FixedClock, SystemClock
from services.cycle import cancelling, cycles, lease
from services.notices import backlog, relays
from services.notices.queueing import AT_ONCE
from services.record import anchoring, retention
from services.record.sealing import keyring
from services.watch import alerts
from tests.desk import OPENED, Desk


def ids(desk: Desk, *, thorough: bool = False, **changes: object) -> list[str]:
    settings = desk.settings.model_copy(update={"free_megabytes": 0, "backup_days": 0, **changes})
    wall = FixedClock(desk.clock.now())
    desk.session.rollback()
    desk.session.expire_all()
    found = alerts.current(desk.session, desk.clock, wall, settings=settings, plan=desk.plan, thorough=thorough)
    return [alert.id for alert in found]


def settled(desk: Desk) -> None:
    """The stage's work is done: nothing is amiss."""
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})


def hold(desk: Desk) -> None:
    lease.acquire(desk.session, desk.clock, cycle_id=desk.cycle_id, holder="run", seconds=120)


def message(desk: Desk, number: int, **changes: object) -> Message:
    row = Message(
        **{
            "cycle_id": desk.cycle_id,
            "kind": "receipt",
            "recipient": f"a{number}@example.invalid",
            "about_digest": str(number),
            "message_id": f"<{number}@x>",
            "queued_at": desk.clock.now(),
            "not_before": AT_ONCE,
            **changes,
        }
    )
    desk.session.add(row)
    desk.session.commit()
    return row


def test_a_house_in_order_has_no_alerts(desk: Desk) -> None:
    settled(desk)
    assert ids(desk, thorough=True) == []


def test_a_stage_whose_work_nobody_does(desk: Desk) -> None:
    assert ids(desk) == []
    desk.clock.advance(timedelta(minutes=31))
    assert ids(desk) == ["idle/1"]
    hold(desk)
    assert ids(desk) == []
    settled(desk)
    lease.release(desk.session, cycle_id=1, holder="run")
    assert ids(desk) == []


def test_a_lease_that_ran_out_and_was_not_taken_over(desk: Desk) -> None:
    hold(desk)
    desk.clock.advance(timedelta(minutes=11))
    assert ids(desk) == [], "the watchdog still has time"
    desk.clock.advance(timedelta(minutes=2))
    assert ids(desk) == ["lease/1"]
    desk.session.get_one(CycleLease, 1)
    hold(desk)
    assert ids(desk) == []


def test_a_stage_that_failed_is_shown_and_told_by_its_own_notice(desk: Desk) -> None:
    cycles.note_failure(*desk.at, desk.system, cycle_id=1, failure="指南编制：磁盘已满")
    assert ids(desk) == ["failed/1"]
    found = alerts.current(desk.session, desk.clock, desk.clock, settings=desk.settings, plan=desk.plan)
    assert tell(desk, [each for each in found if each.id == "failed/1"]) == 0


def test_a_gate_past_its_day(desk: Desk) -> None:
    desk.open_intake()
    settled(desk)
    due = cycles.current_visit(desk.session, desk.cycle).due_at
    assert due is not None
    desk.clock.set(due + timedelta(hours=23))
    assert ids(desk) == []
    desk.clock.set(due + timedelta(hours=25))
    assert ids(desk) == ["overdue/1/intake"]


def test_an_approval_that_nobody_can_give(desk: Desk) -> None:
    def shut_out(login: str, *, active: bool) -> None:
        user = desk.session.exec(select(User).where(User.login == login)).one()
        user.active = active
        desk.session.commit()

    shut_out("leader", active=False)
    settled(desk)
    assert ids(desk) == [], "it is another's turn"
    desk.approve(desk.section_head)
    assert ids(desk) == ["approver/1/guide"]
    (found,) = alerts.current(
        desk.session,
        desk.clock,
        desk.clock,
        settings=desk.settings.model_copy(update={"free_megabytes": 0, "backup_days": 0}),
        plan=desk.plan,
    )
    assert found.title == "2025 年度“指南编制”没有人可以审批" and "现在应由分管领导审批" in found.detail
    assert tell(desk, [found]) == 1
    shut_out("leader", active=True)
    assert ids(desk) == []
    desk.approve(desk.leader)
    shut_out("leader", active=False)
    assert ids(desk) == [], "all have approved"


def test_a_list_that_only_its_preparer_could_approve(desk: Desk) -> None:
    settled(desk)
    head = desk.session.exec(select(User).where(User.login == "head")).one()
    desk.cycle.opened_by = head.id or 0
    desk.session.commit()
    assert ids(desk) == ["approver/1/guide"]


def test_a_year_whose_working_days_nobody_knows(desk: Desk, tmp_path: Path) -> None:
    settled(desk)
    nowhere = tmp_path / "calendar"
    nowhere.mkdir()
    assert ids(desk, calendar_dir=nowhere) == [], "the program brings 2026"
    desk.clock.set(datetime(2026, 12, 1, 1, tzinfo=UTC))
    assert ids(desk, calendar_dir=nowhere) == ["calendar/2027"]
    desk.clock.set(datetime(2027, 1, 1, 1, tzinfo=UTC))
    assert ids(desk, calendar_dir=nowhere) == ["calendar/2027"]
    shutil.copy(desk.settings.calendar_dir / "2027.yaml", nowhere)
    assert ids(desk, calendar_dir=nowhere) == []


def test_a_mail_server_that_is_left_alone(desk: Desk) -> None:
    settled(desk)
    for _ in range(relays.OPENS_AFTER - 1):
        relays.refused(desk.engine, desk.settings, "连不上", desk.clock.now())
    assert ids(desk) == []
    relays.refused(desk.engine, desk.settings, "连不上", desk.clock.now())
    assert ids(desk) == ["mail/server"]
    assert desk.session.exec(select(Relay)).one().failures == relays.OPENS_AFTER
    relays.answered(desk.engine, desk.settings)
    assert ids(desk) == []


@pytest.mark.parametrize(("refused", "expected"), [(6, []), (7, ["mail/refused"])])
def test_a_share_of_mails_that_is_not_taken(desk: Desk, refused: int, expected: list[str]) -> None:
    settled(desk)
    row = message(desk, 1, status=MessageStatus.SENT)
    for number in range(20):
        code = 550 if number < refused - 1 else None if number < refused else 250
        desk.session.add(DeliveryAttempt(message_id=row.id or 0, number=number, code=code, tried_at=desk.clock.now()))
    desk.session.commit()
    assert ids(desk) == expected
    desk.clock.advance(timedelta(hours=25))
    assert ids(desk) == []


def test_mails_that_nobody_sends(desk: Desk) -> None:
    settled(desk)
    message(desk, 1)
    waits = message(desk, 2, kind="supplement_request")
    desk.clock.set(OPENED.replace(hour=20))  # in the evening what can wait does
    assert ids(desk) == ["mail/stuck"]
    assert ids(desk, clock_file=desk.settings.data_dir / "clock") == [], "a clock that is moved tells no age"
    desk.session.delete(desk.session.get_one(Message, waits.id - 1 if waits.id else 0))
    desk.session.commit()
    assert ids(desk) == []
    desk.clock.set(OPENED + timedelta(days=1, hours=1))  # 10:00
    assert ids(desk) == ["mail/stuck"]


def test_a_mail_that_waits_on_purpose_makes_no_other_old(desk: Desk) -> None:
    settled(desk)
    month = timedelta(days=30)
    message(desk, 1, send_at=desk.clock.now() + 2 * month)
    desk.clock.advance(month)
    settings = desk.settings.model_copy(update={"free_megabytes": 0, "backup_days": 0})
    assert backlog.oldest(desk.session, settings, desk.clock, desk.clock) is None
    queued = desk.clock.now()
    message(desk, 2)
    desk.clock.advance(timedelta(minutes=31))
    (found,) = alerts.current(desk.session, desk.clock, desk.clock, settings=settings, plan=desk.plan)
    assert (found.id, found.since) == ("mail/stuck", queued)
    desk.clock.advance(month)
    scheduled = backlog.oldest(desk.session, settings, desk.clock, desk.clock)
    assert scheduled == queued, "the one that was scheduled waits since its day only"


def test_a_broken_chain(desk: Desk) -> None:
    settled(desk)
    desk.session.execute(text("DROP TRIGGER auditentry_no_update"))
    desk.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = 5"))
    desk.session.commit()
    assert ids(desk) == ["chain"]


@pytest.mark.parametrize("bound", ["_TAIL", "_LONGEST"])
def test_of_a_long_chain_a_page_has_the_end_checked(desk: Desk, monkeypatch: pytest.MonkeyPatch, bound: str) -> None:
    settled(desk)
    monkeypatch.setattr(alerts, bound, 3)
    desk.session.execute(text("DROP TRIGGER auditentry_no_update"))
    desk.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = 5"))
    desk.session.commit()
    assert ids(desk) == []
    assert ids(desk, thorough=True) == ["chain"]
    desk.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = (SELECT max(seq) FROM auditentry)"))
    desk.session.commit()
    assert ids(desk) == ["chain"]


def test_what_the_daily_check_found_stays_an_alert(desk: Desk) -> None:
    settled(desk)
    take(desk)
    desk.session.execute(text("DROP TRIGGER auditentry_no_update"))
    desk.session.execute(text("UPDATE auditentry SET actor = 'x' WHERE seq = 5"))
    desk.session.commit()
    assert ids(desk, thorough=True) == [], "what lies before the anchor is read once a day"
    desk.clock.advance(timedelta(days=1))
    take(desk)
    assert ids(desk) == ["chain"]


def test_a_day_without_an_anchor(desk: Desk) -> None:
    settled(desk)
    take(desk)
    desk.clock.advance(timedelta(days=3))
    assert ids(desk) == ["anchor"]
    assert ids(desk, clock_file=desk.settings.data_dir / "clock") == []


def test_an_anchor_that_nobody_stamps(desk: Desk) -> None:
    settled(desk)
    take(desk)
    desk.clock.advance(timedelta(days=1, hours=23))
    assert ids(desk, tsa_url="https://tsa.invalid/") == []
    desk.clock.advance(timedelta(hours=2))
    take(desk)
    assert ids(desk) == [], "no authority is set"
    assert ids(desk, tsa_url="https://tsa.invalid/") == ["stamp"]
    for anchor in desk.session.exec(select(AuditAnchor)).all():
        desk.session.add(AnchorStamp(anchor_id=anchor.id, authority="x", token="x", stamped_at=desk.clock.now()))
    desk.session.commit()
    assert ids(desk, tsa_url="https://tsa.invalid/") == []


def test_a_backup_that_is_too_old(desk: Desk) -> None:
    settled(desk)
    desk.clock.advance(timedelta(days=8))
    assert ids(desk, backup_days=7) == ["backup"]
    assert ids(desk, backup_days=0) == []
    backups.make(desk.settings, desk.clock)
    assert ids(desk, backup_days=7) == []
    desk.clock.advance(timedelta(days=8))
    assert ids(desk, backup_days=7) == ["backup"]


def test_a_disk_that_is_nearly_full(desk: Desk) -> None:
    settled(desk)
    assert ids(desk, free_megabytes=10**9) == ["disk"]


def take(desk: Desk) -> None:
    """An anchor, whose mails have gone."""
    anchoring.take(*desk.at, desk.system, settings=desk.settings)
    desk.session.execute(text("UPDATE message SET status = 'sent'"))
    desk.session.commit()


def tell(desk: Desk, found: list[alerts.Alert], **changes: object) -> int:
    settings = desk.settings.model_copy(update=changes)
    return alerts.tell(*desk.at, desk.system, settings=settings, found=found)


def test_each_matter_is_told_once_a_day_to_those_who_see_to_it(desk: Desk) -> None:
    people.add_user(*desk.at, desk.system, login="gly", name="管", role=Role.ADMINISTRATOR, email="gly@example.invalid")
    found = [alerts.Alert(name, name, "情况", desk.clock.now()) for name in ("disk", "backup")]
    assert tell(desk, found) == 4
    assert tell(desk, found) == 0
    desk.clock.advance(timedelta(days=1))
    assert tell(desk, found[:1]) == 2
    rows = desk.session.exec(select(Message).where(Message.kind == alerts.KIND)).all()
    assert {row.recipient for row in rows} == {"operator@example.invalid", "gly@example.invalid"}
    assert tell(desk, found, group_webhook="https://robot.invalid/x") == 4
    group = desk.session.exec(select(Message).where(Message.channel == Channel.GROUP)).all()
    assert len(group) == 2


def test_keys_that_are_not_there_or_of_another_record(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    settled(desk)
    assert ids(desk) == []
    desk.settings.keys_file.unlink()
    assert ids(desk) == ["keys"]
    keyring(desk.session).make_first()
    assert ids(desk) == ["keys"]


def test_a_year_whose_personal_data_is_due(desk: Desk) -> None:
    people.add_user(*desk.at, desk.system, login="gly", name="管", role=Role.ADMINISTRATOR)

    def seen() -> list[str]:
        return [each for each in ids(desk) if each != "calendar/2031"]

    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=1, reason="机构改革")
    desk.clock.instant = OPENED.replace(year=2031) - timedelta(days=1)
    assert seen() == []
    desk.clock.advance(timedelta(days=1))
    message(desk, 1)
    assert seen() == [], "mail is on its way"
    desk.session.execute(text("UPDATE message SET status = 'sent'"))
    desk.session.commit()
    assert seen() == ["retention/1"]
    retention.erase(*desk.at, find_actor(desk.session, "gly"), settings=desk.settings, cycle_id=1, reason="届满")
    assert seen() == []


def test_every_alert_says_what_to_do(desk: Desk) -> None:
    desk.clock.advance(timedelta(days=60))
    settings = desk.settings.model_copy(update={"free_megabytes": 10**9})
    wall: Callable[[], SystemClock] = SystemClock
    found = alerts.current(desk.session, desk.clock, wall(), settings=settings, plan=desk.plan)
    assert {alert.id.partition("/")[0] for alert in found} >= {"idle", "disk", "backup"}
    assert all("请" in alert.detail for alert in found)
