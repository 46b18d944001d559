"""What will be sent, and when: the operator holds it, moves it, calls it off, and has it sent to himself alone."""

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, func, select

from models import (
    Application,
    AuditEntry,
    Bounce,
    Channel,
    Message,
    MessageStatus,
    Role,
    User,
    VerificationRequest,
)
from services.access.actors import system_actor
from services.clock import CHINA, SystemClock
from services.cycle import office_digest
from services.cycle.stages import load_plan
from services.notices import relays, upcoming
from services.notices.claims import transaction
from services.notices.delivery import deliver_due
from services.notices.queueing import queue
from services.notices.samples import sample_context
from tests.services.notices.support import Script, kept_mails, scripted
from tests.web.conftest import House, ask, send
from web import messages

NIGHT = datetime(2026, 6, 5, 21, 0, tzinfo=CHINA)  # a Friday


@pytest.fixture
def house(house_at: Callable[[str | None], House], monkeypatch: pytest.MonkeyPatch) -> House:
    """A year at its reviews on a Friday evening, with two notices that wait; nothing is delivered."""
    monkeypatch.setattr(messages.control, "trigger", lambda *_: "")
    house = house_at("verification")
    house.clock.set(NIGHT)
    with house.session() as session:
        for row in session.exec(select(Message)).all():
            row.status, row.sent_at = MessageStatus.SENT, NIGHT
        session.commit()
        for kind in ("receipt", "supplement_request"):
            context = sample_context(kind)
            queue(session, house.clock, 1, kind, "lin@example.invalid", "示例", "x", context, domain="duixian.invalid")
        session.commit()
    return house


@pytest.fixture
def operator(house: House) -> TestClient:
    return house.as_role(Role.OPERATOR)


def waiting(house: House) -> list[Message]:
    with house.session() as session:
        wanted = select(Message).where(Message.recipient == "lin@example.invalid").order_by(col(Message.id))
        return list(session.exec(wanted))


def states(house: House) -> list[str]:
    return [row.status.value for row in waiting(house)]


def test_each_with_its_time_and_rule(house: House, operator: TestClient) -> None:
    page = operator.get("/messages").text
    assert "将要发送 2 封" in page and "2026-06-05 21:00" in page and "马上" in page
    assert "2026-06-08 08:00" in page and "等到办公时间" in page


def test_what_holds_on_its_day_only_is_not_foreseen_for_another(house: House, operator: TestClient) -> None:
    with house.session() as session:
        context = sample_context("supplement_reminder")
        address = ("lin@example.invalid", "示例", "x")
        queue(session, house.clock, 1, "supplement_reminder", *address, context, domain="duixian.invalid")
        session.commit()
    number = waiting(house)[-1].id
    assert "只在产生的当天发" in operator.get(f"/messages/{number}").text
    house.clock.set(NIGHT + timedelta(days=3, hours=-11))  # Monday morning, nothing said it anew
    assert "只在产生的当天发" in operator.get(f"/messages/{number}").text
    with house.session() as session:
        assert upcoming.call_off_past(session, house.clock, system_actor(session)) == 1
    assert states(house)[-1] == "cancelled"
    assert "系统：撤销：当天没有发出，所说的情况已经过时" in operator.get(f"/messages/{number}").text


def test_hold_release_move_and_call_off(house: House, operator: TestClient) -> None:
    first, second = (row.id for row in waiting(house))
    both = {"cycle": "1", "chosen": [str(first), str(second)]}
    assert send(operator, "/messages/change", **both, action="hold").status_code == 303
    assert states(house) == ["held", "held"] and "已暂缓，恢复后才发" in operator.get("/messages").text
    send(operator, "/messages/change", **both, action="release")
    assert states(house) == ["pending", "pending"]
    send(operator, f"/messages/{second}/change", action="schedule", send_at="2026-06-06T10:00")
    assert waiting(house)[1].send_at == datetime(2026, 6, 6, 10, 0, tzinfo=CHINA)
    send(operator, f"/messages/{first}/change", action="cancel")
    assert states(house) == ["cancelled", "pending"]
    page = operator.get(f"/messages/{second}").text
    assert "2026-06-06 10:00" in page and "经办人定的时间" in page and "改发送时间，2026-06-06 10:00" in page
    send(operator, f"/messages/{second}/change", action="now")
    assert waiting(house)[1].send_at == NIGHT
    with house.session() as session:
        entries = session.exec(select(AuditEntry).where(AuditEntry.operation == "message.change")).all()
    assert len(entries) == 5 and {change["table"] for each in entries for change in each.changes} == {"messagechange"}


def test_words_are_added_to_what_waits_and_taken_out_again(house: House, operator: TestClient, tmp_path: Path) -> None:
    first, second = waiting(house)
    both = {"cycle": "1", "chosen": [str(first.id), str(second.id)]}
    words = "窗口本周搬到 3 楼\r\n<b>请带原件</b>，补贴 5000 元"
    assert send(operator, "/messages/change", **both, action="remark", remark=words).status_code == 303
    assert states(house) == ["pending", "pending"], "when they go is not changed"
    page = operator.get(f"/messages/{second.id}").text
    assert "附加说明：窗口本周搬到 3 楼" in page and "<b>请带原件" not in page
    send(operator, f"/messages/{first.id}/change", action="remark", remark=" ")
    script = Script()
    with scripted(script) as port:
        settings = house.settings.model_copy(update={"smtp_port": port})
        house.clock.set(NIGHT + timedelta(days=3, hours=-11))  # Monday morning
        assert deliver_due(messages_engine(house), settings, house.clock, SystemClock()).sent == 2
    for number, content in enumerate(script.taken):
        (tmp_path / f"{number}.eml").write_bytes(content)
    texts = {str(mail["Subject"]): mail for mail in kept_mails(tmp_path)}
    (plain,) = [mail.get_body(("plain",)) for subject, mail in texts.items() if "补正" in subject]
    (other,) = [mail.get_body(("html",)) for subject, mail in texts.items() if "补正" not in subject]
    assert plain is not None and "窗口本周搬到 3 楼\r\n<b>请带原件</b>，补贴 ××元\r\n" in plain.get_content()
    assert other is not None and "窗口" not in other.get_content()
    refused = send(operator, f"/messages/{second.id}/change", action="remark", remark="太晚了")
    assert refused.status_code == 422 and "不能附加说明" in refused.text


def test_what_was_called_off_stays_so_and_can_be_sent_after_all(house: House, operator: TestClient) -> None:
    first = waiting(house)[0]
    send(operator, f"/messages/{first.id}/change", action="cancel")
    with transaction(messages_engine(house)) as session:
        context = sample_context("receipt")
        again = queue(
            session, house.clock, 1, "receipt", first.recipient, "示例", "x", context, domain="duixian.invalid"
        )
    assert not again, "the flow does not queue it once more"
    assert send(operator, f"/messages/{first.id}/resend").status_code == 303
    assert states(house)[0] == "pending"


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"action": "hold"}, "没有选择通知"),
        ({"action": "burn", "chosen": "{id}"}, "请选择要做什么"),
        ({"action": "schedule", "chosen": "{id}"}, "请选择改到什么时间发送"),
        ({"action": "schedule", "chosen": "{id}", "send_at": "明天"}, "请选择发送的日期和时间"),
        ({"action": "schedule", "chosen": "{id}", "send_at": "2036-01-01T09:00"}, "在一年以后"),
        ({"action": "release", "chosen": "{id}"}, "状态变了，不能恢复"),
        ({"action": "cancel", "chosen": "1"}, "不能撤销"),
        ({"action": "remark", "chosen": "{id}", "remark": "长" * 501}, "说明最多 500 个字；看到的有 501 个字"),
    ],
)
def test_what_cannot_be_done_is_said(house: House, operator: TestClient, fields: dict[str, str], said: str) -> None:
    filled = {name: text.format(id=waiting(house)[0].id) for name, text in fields.items()}
    refused = send(operator, "/messages/change", cycle="1", **filled)
    assert refused.status_code == 422 and said in refused.text
    assert states(house) == ["pending", "pending"]


def test_a_notice_is_sent_to_the_operator_alone_to_look_at(house: House, tmp_path: Path) -> None:
    with house.session() as session:
        user = session.exec(select(User).where(User.role == Role.OPERATOR).order_by(col(User.id))).first()
        assert user is not None and user.email
        own = user.email
    operator, second = house.as_role(Role.OPERATOR), waiting(house)[1].id
    script = Script()
    with scripted(script) as port:
        house.app.state.console.settings.smtp_port = port  # type: ignore[attr-defined]
        assert send(operator, f"/messages/{second}/try").status_code == 303
        assert send(operator, "/letters/notice_started/try").status_code == 303
    (tmp_path / "1.eml").write_bytes(script.taken[0])
    (mail,) = kept_mails(tmp_path)
    assert mail["To"].addresses[0].addr_spec == own and mail["Subject"].startswith("【试看】请补正申报材料")
    assert [part.get_content_type() for part in mail.iter_attachments()] == ["text/calendar"]
    assert states(house) == ["pending", "pending"], "nothing else has changed"
    assert "没有发出" in send(operator, f"/messages/{second}/try").text, "the server is gone now"


def test_a_server_that_is_left_alone_is_told_and_tried_when_mended(house: House, operator: TestClient) -> None:
    engine, wall = messages_engine(house), SystemClock().now()
    for _ in range(3):
        relays.refused(engine, house.settings, "发信服务器无法使用：拒绝连接", wall)
    page = operator.get("/messages").text
    assert "已连续 3 次" in page and "修好了，现在再试" in page
    assert send(operator, "/messages/retry").status_code == 303
    assert "已连续" not in operator.get("/messages").text


def test_addresses_that_mail_comes_back_from_are_listed(house: House, operator: TestClient) -> None:
    row = waiting(house)[0]
    with house.session() as session:
        back = {"final": True, "code": "5.1.1", "text": "User unknown", "read_at": NIGHT}
        session.add(Bounce(message_id=row.id or 0, sha256="0" * 64, recipient=row.recipient, **back))
        session.commit()
    page = operator.get("/messages").text
    assert "收不到邮件的邮箱 1 个" in page and "User unknown" in page
    assert "退回 5.1.1 User unknown" in operator.get(f"/messages/{row.id}").text


def test_the_application_and_the_enterprise_itself_tell_of_mail_that_comes_back(house: House) -> None:
    with house.session() as session:
        user = session.exec(select(User).where(User.login == "applicant")).one()
        own = select(Application).where(Application.enterprise_id == user.enterprise_id)
        application = session.exec(own).first()
        assert application is not None
        row = session.exec(select(Message).where(Message.recipient == application.contact_email)).first()
        assert row is not None
        back = {"final": True, "code": "5.1.1", "text": "User unknown", "read_at": NIGHT}
        session.add(Bounce(message_id=row.id or 0, sha256="0" * 64, recipient=row.recipient, **back))
        session.commit()
    for browser, path in (
        (house.as_role(Role.OPERATOR), f"/applications/{application.id}"),
        (house.signed_in("applicant"), f"/my/{application.id}"),
    ):
        assert "退信" in browser.get(path).text and "User unknown" in browser.get(path).text, path


def test_the_reminders_of_the_next_days_are_foreseen(house: House, operator: TestClient) -> None:
    ask(house)
    page = operator.get("/messages").text
    assert "以后几天的提醒" not in page, "nothing is due soon"
    with house.session() as session:
        due = session.exec(select(func.max(VerificationRequest.due_at))).one()
        before = len(session.exec(select(Message)).all())
    assert due is not None
    house.clock.set(due - timedelta(days=6))
    page = operator.get("/messages").text
    assert "以后几天的提醒" in page and ">审核催办</a>" in page
    with house.session() as session:
        assert len(session.exec(select(Message)).all()) == before, "nothing is queued by looking"


def test_the_group_hears_once_a_day_what_waits(house: House) -> None:
    ask(house)
    plan = load_plan(house.settings.cycle_file)
    with house.session() as session:
        at, system = (session, house.clock), system_actor(session)
        assert office_digest.tell(*at, system, settings=house.settings, plan=plan) == 0, "there is no group"
        own = house.settings.model_copy(update={"group_webhook": "http://127.0.0.1:9"})
        assert office_digest.tell(*at, system, settings=own, plan=plan) == 1
        assert office_digest.tell(*at, system, settings=own, plan=plan) == 0
        row = session.exec(select(Message).where(Message.kind == "office_digest")).one()
    matters = row.context["matters"]
    assert row.channel is Channel.GROUP and matters and all("部门联审" in matter for matter in matters[:1])


def messages_engine(house: House):  # type: ignore[no-untyped-def]
    from services.record.database import engine_of

    return engine_of(house.settings)
