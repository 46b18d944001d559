"""What the operator writes goes to those chosen, when it was meant to, once, and not after being called off."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from threading import Barrier, Thread
from typing import Any

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AuditEntry,
    Dispatch,
    MessageStatus,
    RequestStatus,
    ReviewerKind,
    Role,
    User,
    VerificationRequest,
)
from services.access.actors import system_actor
from services.clock import FixedClock
from services.cycle.calendar import Calendar
from services.errors import InputError, NotAllowedError, NotFoundError, StateError
from services.law import policies
from services.notices import dispatches, written
from services.notices.delivery import deliver_due
from services.notices.dispatches import LONGEST_BODY, LONGEST_SUBJECT, MOST_RECIPIENTS, Draft
from services.notices.groups import gather, groups_of, sections
from services.notices.recipients import Recipient, distinct, read_lines
from services.notices.written import State
from services.record.database import engine_of
from tasks import context as task_context
from tasks import notices as task_notices
from tests.services.filled_record import NOW, Record, build
from tests.services.notices.support import WALL_TIME, Script, scripted

A, B = Recipient("甲公司", "a@example.invalid"), Recipient("乙公司", "b@example.invalid")
HOUR = timedelta(hours=1)


@pytest.fixture(params=["sqlite", "postgresql"])
def each_record(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Record]:
    """The same record on each database."""
    settings = Settings(_env_file=None, data_dir=tmp_path)
    if request.param == "postgresql":
        settings = Settings(_env_file=None, data_dir=tmp_path, database_url=request.getfixturevalue("postgres"))
    engine = engine_of(settings)
    if request.param == "postgresql":
        with engine.begin() as connection:
            connection.execute(text("DROP SCHEMA public CASCADE"))
            connection.execute(text("CREATE SCHEMA public"))
    with Session(engine, expire_on_commit=False) as session:
        yield build(session, tmp_path)
    engine.dispose()


def draft(**changes: Any) -> Draft:
    return replace(Draft(1, "关于召开宣讲会的通知", "第一段。\n第二段。", (A, B)), **changes)


def write(record: Record, login: str = "jing", **changes: Any) -> Dispatch:
    actor = record.actors[login]
    return dispatches.write(record.session, record.clock, actor, settings=record.settings, draft=draft(**changes))


def queue_due(record: Record) -> int:
    return dispatches.queue_due(record.session, record.clock, record.system, settings=record.settings)


def call_off(record: Record, dispatch: Dispatch) -> Dispatch:
    at = record.session, record.clock, record.actors["jing"]
    return dispatches.call_off(*at, dispatch_id=dispatch.id or 0)


def told(record: Record) -> list[str]:
    """The addresses that mails are queued for."""
    return [message.recipient for message in record.messages("written")]


def test_at_once_is_queued_in_the_same_operation(record: Record) -> None:
    dispatch = write(record)
    assert told(record) == [A.address, B.address]
    assert dispatch.queued_at == dispatch.send_at == dispatch.written_at == NOW
    assert queue_due(record) == 0
    entry = record.session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    assert entry is not None and (entry.actor, entry.operation) == ("jing", "message.write")
    assert {change["table"] for change in entry.changes} == {"dispatch"}


def test_a_scheduled_notice_is_queued_when_its_time_comes_and_only_then(record: Record) -> None:
    dispatch = write(record, send_at=NOW + HOUR)
    assert queue_due(record) == 0 and told(record) == []
    record.clock.advance(HOUR - timedelta(seconds=1))
    assert queue_due(record) == 0 and told(record) == []
    record.clock.advance(timedelta(seconds=1))
    assert queue_due(record) == 2 and told(record) == [A.address, B.address]
    assert dispatch.queued_at == NOW + HOUR
    record.days(30)
    assert queue_due(record) == 0 and len(told(record)) == 2


def test_two_that_queue_at_once_queue_each_mail_once(each_record: Record) -> None:
    recipients = tuple(Recipient("", f"unit{number:03}@example.invalid") for number in range(200))
    for _ in range(3):
        write(each_record, send_at=NOW + HOUR, recipients=recipients)
    each_record.clock.advance(HOUR)
    engine, both, new = each_record.session.get_bind(), Barrier(2), list[int]()

    def queue(seconds: int) -> None:
        with Session(engine, expire_on_commit=False) as session:
            actor = system_actor(session)
            both.wait()
            clock = FixedClock(each_record.clock.now() + timedelta(seconds=seconds))
            new.append(dispatches.queue_due(session, clock, actor, settings=each_record.settings))

    threads = [Thread(target=queue, args=(seconds,)) for seconds in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    each_record.session.expire_all()
    assert sum(new) == len(told(each_record)) == 600
    entries = each_record.session.exec(select(AuditEntry).where(AuditEntry.operation == "message.queue")).all()
    assert len(entries) == 3, "each notice was queued in one operation"


def test_what_was_called_off_is_never_queued(record: Record) -> None:
    kept, dropped = write(record, send_at=NOW + HOUR), write(record, send_at=NOW + HOUR)
    assert call_off(record, dropped).called_off_at == NOW
    record.days(1)
    assert queue_due(record) == 2
    assert kept.queued_at is not None and dropped.queued_at is None
    with pytest.raises(StateError, match=r"已于 2026-03-02 09:00 撤销"):
        call_off(record, dropped)
    with pytest.raises(StateError, match=r"已于 2026-03-03 09:00 发出，不能撤销"):
        call_off(record, kept)
    with pytest.raises(NotFoundError):
        dispatches.call_off(record.session, record.clock, record.actors["jing"], dispatch_id=99)


def test_calling_off_sees_what_another_session_has_queued(record: Record) -> None:
    dispatch = write(record, send_at=NOW + HOUR)
    record.clock.advance(HOUR)
    with Session(record.session.get_bind()) as other:
        dispatches.queue_due(other, record.clock, record.system, settings=record.settings)
    assert dispatch.queued_at is None, "this session has not looked again"
    with pytest.raises(StateError, match="不能撤销"):
        call_off(record, dispatch)


def test_a_time_in_the_past_or_far_away_is_refused(record: Record) -> None:
    with pytest.raises(InputError, match=r"2026-03-02 08:59 已经过去（现在是 2026-03-02 09:00）"):
        write(record, send_at=NOW - timedelta(minutes=1))
    with pytest.raises(InputError, match=r"2062-02-21 09:00 在一年以后"):
        write(record, send_at=NOW + timedelta(days=36 * 365))
    assert record.session.exec(select(Dispatch)).all() == []


def test_each_address_gets_one_mail_whatever_its_case(record: Record) -> None:
    again = Recipient("甲公司（又）", "A@Example.Invalid")
    assert write(record, recipients=(A, again, B)).recipients == [
        {"name": "甲公司", "address": A.address},
        {"name": "乙公司", "address": B.address},
    ]
    assert distinct([again, A]) == [again]


def test_only_the_operator_writes_and_only_rules_queue(record: Record) -> None:
    for login in ("ke", "fen", "he", "xian", "cai"):
        with pytest.raises(NotAllowedError, match="经办人"):
            write(record, login)
    write(record, send_at=NOW)
    with pytest.raises(NotAllowedError):
        dispatches.queue_due(record.session, record.clock, record.actors["ke"], settings=record.settings)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"subject": " \r\n "}, "请写标题，最多 100 个字；看到的有 0 个字"),
        ({"subject": "长" * (LONGEST_SUBJECT + 1)}, "看到的有 101 个字"),
        ({"body": "\n \n"}, "请写正文"),
        ({"body": "长" * (LONGEST_BODY + 1)}, "最多 5000 个字；看到的有 5001 个字"),
        ({"recipients": ()}, "没有可以收到邮件的收件人"),
        ({"recipients": (Recipient("丙公司", "丙@例子"),)}, r"收件人“丙公司”：收件地址“丙@例子”不是有效的邮箱"),
        (
            {"recipients": tuple(Recipient("", f"u{n}@example.invalid") for n in range(MOST_RECIPIENTS + 1))},
            "共 5001 个，一份通知最多 5000 个",
        ),
        ({"cycle_id": 9}, "没有编号为 9 的年度流程"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(record: Record, changes: dict[str, Any], said: str) -> None:
    with pytest.raises((InputError, NotFoundError), match=said):
        write(record, **changes)


def test_the_subject_is_one_line_and_the_body_clean_paragraphs(record: Record) -> None:
    dispatch = write(record, subject="关于\r\nBcc: x@example.invalid\n的通知", body="　　甲\x00乙\r\n\r\n\r\n  丙  ")
    assert dispatch.subject == "关于 Bcc: x@example.invalid 的通知"
    assert dispatch.body == "甲 乙\n丙"


def test_mails_arrive_with_the_text_and_nothing_more(record: Record) -> None:
    write(
        record,
        subject="关于\r\nBcc: x@example.invalid\r\n的通知",
        body="请于3月6日前补报。\n补助50万元，账号6222021001116245702。\n<b>谢谢</b>",
        recipients=(A, Recipient("", "c@example.invalid")),
    )
    script = Script(rcpt={"c@example.invalid": ["550 5.1.1 no such user"]})
    report = deliver(record, script)
    assert (report.sent, report.failed) == (1, 1)
    mail = message_from_bytes(script.taken[0], policy=default)
    assert mail["Subject"] == "关于 Bcc: x@example.invalid 的通知" and mail["Bcc"] is None
    assert mail["To"].addresses[0].display_name == "甲公司"
    plain, html = (part.get_content().replace("\r\n", "\n") for part in mail.iter_parts())
    assert "甲公司：\n\n　　请于3月6日前补报。\n\n　　补助××元，账号（账号略）。\n\n　　<b>谢谢</b>\n" in plain
    assert html.count("text-indent:2em;") == 3 and "&lt;b&gt;谢谢&lt;/b&gt;" in html and "6222" not in html


def test_the_tasks_queue_what_is_due_and_then_send_it(record: Record, monkeypatch: pytest.MonkeyPatch) -> None:
    write(record, send_at=NOW + HOUR)
    record.clock.advance(HOUR)
    script, engine = Script(), record.session.get_bind()
    with scripted(script) as port:
        settings = record.settings.model_copy(update={"smtp_port": port})
        parts = (settings, engine, record.clock, FixedClock(WALL_TIME), record.plan, Calendar(settings.calendar_dir))
        for module in (task_context, task_notices):
            monkeypatch.setattr(module, "context", lambda: task_context.Context(*parts))  # type: ignore[arg-type]
        assert task_notices.queue_dispatches.fn() == 2
        assert task_notices.deliver.fn().sent == 2
        assert task_notices.queue_dispatches.fn() == 0
    assert len(script.taken) == 2


def test_failed_mails_of_a_notice_are_sent_again_together(record: Record) -> None:
    dispatch = write(record)
    deliver(record, Script(rcpt={A.address: ["550 later"], B.address: ["550 later"]}))
    assert written.told(record.session, dispatch).mails == {MessageStatus.FAILED: 2}
    at = record.session, record.clock, record.actors["jing"]
    again = {"settings": record.settings, "dispatch_id": dispatch.id or 0}
    assert dispatches.resend_failed(*at, **again) == 2
    assert deliver(record, Script()).sent == 2
    record.session.expire_all()
    assert written.told(record.session, dispatch).mails == {MessageStatus.SENT: 2}
    with pytest.raises(StateError, match="没有发送失败"):
        dispatches.resend_failed(*at, **again)


def test_the_list_tells_each_notice_with_its_state_and_counts(record: Record) -> None:
    write(record)
    write(record, send_at=NOW + HOUR)
    call_off(record, write(record, send_at=NOW + HOUR))
    found = written.listing(record.session, 1)
    assert [(each.dispatch.id, each.state, each.waiting, each.by) for each in found.rows] == [
        (3, State.CALLED_OFF, 0, "经办人甲"),
        (2, State.SCHEDULED, 0, "经办人甲"),
        (1, State.QUEUED, 2, "经办人甲"),
    ]


def test_typed_recipients_are_read_and_every_bad_line_is_named() -> None:
    typed = (
        "林某 <lin@example.invalid>\r\n\n  chen@example.invalid \n陈 某＜chen2@example.invalid＞\n<d@example.invalid>"
    )
    assert read_lines(typed) == [
        Recipient("林某", "lin@example.invalid"),
        Recipient("", "chen@example.invalid"),
        Recipient("陈 某", "chen2@example.invalid"),
        Recipient("", "d@example.invalid"),
    ]
    assert read_lines("\n".join(each.line for each in read_lines(typed))) == read_lines(typed)
    with pytest.raises(
        InputError, match=r"^第 2 行“林某 lin@example.invalid”、第 3 行“a@b”不是有效的收件人；请每行写一个"
    ):
        read_lines("a@example.invalid\n林某 lin@example.invalid\na@b")
    with pytest.raises(InputError, match=r"第 10 行“x”等 12 行不是有效的收件人"):
        read_lines("x\n" * 12)


class TestGroups:
    """The groups hold those whom their names say."""

    def test_enterprises(self, record: Record) -> None:
        _move(record, 1, ApplicationStatus.DRAFT)
        _move(record, 2, ApplicationStatus.WITHDRAWN)
        _move(record, 3, ApplicationStatus.SUPPLEMENT)
        everybody = {f"unit{place}@example.invalid" for place in range(1, len(_applications(record)) + 1)}
        absent = {"unit1@example.invalid", "unit2@example.invalid"}
        assert found(record, "known") == everybody
        assert found(record, "applicants") == everybody - absent
        assert found(record, "absent") == absent
        assert found(record, "status:supplement") == {"unit3@example.invalid"}
        assert found(record, "status:withdrawn") == {"unit2@example.invalid"}
        assert "status:draft" not in groups_of(policies.policy_of(record.session, record.cycle))
        for measure in {each.measure for each in _applications(record)}:
            assert (
                found(record, f"measure:{measure}")
                == {each.contact_email for each in _applications(record) if each.measure == measure} - absent
            )

    def test_people(self, record: Record) -> None:
        record.session.add(
            User(
                login="lao",
                name="离任",
                role=Role.COUNTY_REVIEWER,
                county="east",
                email="l@example.invalid",
                active=False,
            )
        )
        record.session.commit()
        assert found(record, "counties") == {"xian@example.invalid"}
        assert found(record, "bureaus") == {"he@example.invalid"}
        assert found(record, "approvers") == {"ke@example.invalid", "fen@example.invalid", "fu@example.invalid"}

    def test_those_with_open_requests(self, record: Record) -> None:
        second = User(
            login="he2", name="核验人二", role=Role.BUREAU_VERIFIER, bureau="industry", email="he2@example.invalid"
        )
        record.session.add(second)
        record.session.commit()
        assert found(record, "asked") == set()
        _ask(record, 1, ReviewerKind.BUREAU, "industry", assigned_to=second.id)
        assert found(record, "asked") == {"he2@example.invalid"}
        _ask(record, 2, ReviewerKind.BUREAU, "industry")
        assert found(record, "asked") == {"he@example.invalid", "he2@example.invalid"}
        _ask(record, 3, ReviewerKind.COUNTY, "east", status=RequestStatus.ANSWERED)
        assert found(record, "asked") == {"he@example.invalid", "he2@example.invalid"}
        _ask(record, 4, ReviewerKind.COUNTY, "east")
        assert "xian@example.invalid" in found(record, "asked")

    def test_who_has_no_usable_address_is_told_and_left_out(self, record: Record) -> None:
        record.session.add_all(
            [
                User(login="wu", name="无邮箱", role=Role.COUNTY_REVIEWER, county="east"),
                User(login="huai", name="坏邮箱", role=Role.COUNTY_REVIEWER, county="east", email="坏"),
            ]
        )
        record.session.commit()
        law = policies.policy_of(record.session, record.cycle)
        gathered = gather(record.session, record.cycle, law, ["counties", "approvers"], [A, replace(A, name="又")])
        assert gathered.unreachable == ("无邮箱", "坏邮箱")
        assert [each.name for each in gathered.recipients] == ["县区辛", "科长丙", "分管丁", "府办戊", "甲公司"]

    def test_only_groups_with_somebody_in_them_are_offered(self, record: Record) -> None:
        offered = sections(record.session, record.cycle, policies.policy_of(record.session, record.cycle))
        sizes = {group.id: size for groups in offered.values() for group, size in groups}
        assert sizes["counties"] == 1 and sizes["approvers"] == 3 and sizes["known"] == len(_applications(record))
        assert "absent" not in sizes and "asked" not in sizes and "status:supplement" not in sizes

    def test_an_unknown_group_is_refused(self, record: Record) -> None:
        with pytest.raises(InputError, match="没有“everybody”这一组"):
            found(record, "everybody")


def deliver(record: Record, script: Script) -> Any:
    """Deliver what is due to a real server."""
    engine, wall = record.session.get_bind(), FixedClock(WALL_TIME)
    record.session.rollback()
    with scripted(script) as port:
        settings = record.settings.model_copy(update={"smtp_port": port})
        return deliver_due(engine, settings, record.clock, wall)  # type: ignore[arg-type]


def found(record: Record, group: str) -> set[str]:
    law = policies.policy_of(record.session, record.cycle)
    return {each.address for each in gather(record.session, record.cycle, law, [group]).recipients}


def _applications(record: Record) -> list[Application]:
    return list(record.session.exec(select(Application)))


def _move(record: Record, place: int, status: ApplicationStatus) -> None:
    record.application(place).status = status
    record.session.commit()


def _ask(record: Record, place: int, kind: ReviewerKind, reviewer: str, **more: Any) -> None:
    request = VerificationRequest(
        cycle_id=1,
        application_id=record.application(place).id or 0,
        kind=kind,
        reviewer=reviewer,
        sent_at=NOW,
        due_at=NOW + timedelta(days=10),
        **more,
    )
    record.session.add(request)
    record.session.commit()
