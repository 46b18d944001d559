"""The operator writes a notice: form, preview, confirmation, list; scheduled, called off, sent again."""

import re
from collections.abc import Callable
from datetime import datetime

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from sqlmodel import col, select

from models import Dispatch, Message, MessageStatus, Role
from services.access.actors import find_actor, system_actor
from services.clock import CHINA
from services.errors import StateError
from services.notices import dispatches, proofs
from tests.web.conftest import House, send
from web import messages

SUBJECT, BODY = "关于召开宣讲会的通知", "定于下周召开宣讲会。\n请派人参加。"
TYPED = "林某 <lin@example.invalid>\nchen@example.invalid\nLIN@example.invalid"


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    """A year at its reviews."""
    return house_at("verification")


@pytest.fixture
def operator(house: House) -> TestClient:
    return house.as_role(Role.OPERATOR)


@pytest.fixture
def delivered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Which runs were triggered."""
    triggered: list[str] = []
    monkeypatch.setattr(messages.control, "trigger", lambda _settings, name: triggered.append(name))
    return triggered


def preview(browser: TestClient, **changes: object) -> Response:
    fields = {"cycle": "1", "subject": SUBJECT, "body": BODY, "typed": TYPED, "when": "now", **changes}
    return send(browser, "/messages/new", **fields)  # type: ignore[no-any-return]


def proof_of(browser: TestClient, **changes: object) -> str:
    """Write a notice; the address of its preview."""
    answer = preview(browser, **changes)
    assert answer.status_code == 303, answer.text
    return str(answer.headers["location"])


def kept(house: House) -> list[Dispatch]:
    with house.session() as session:
        return list(session.exec(select(Dispatch).order_by(col(Dispatch.id))))


def mails(house: House) -> list[Message]:
    with house.session() as session:
        return list(session.exec(select(Message).where(Message.kind == "written").order_by(col(Message.id))))


def test_write_preview_confirm_and_find_it_in_the_list(
    house: House, operator: TestClient, delivered: list[str]
) -> None:
    assert 'href="/messages/new?cycle=1"' in operator.get("/messages").text
    form = operator.get("/messages/new").text
    assert 'value="counties"' in form and "县区审核人" in form and "个邮箱" in form
    proof = proof_of(operator)
    page = operator.get(proof).text
    assert "还没有保存" in page and "<strong>立即</strong>发给下面 <strong>2</strong> 个收件人" in page
    assert f'src="{proof}/letter"' in page and 'value="lin@example.invalid"' in page
    assert kept(house) == [] and mails(house) == [], "nothing is saved yet"
    letter = operator.get(f"{proof}/letter")
    assert "林某：" in letter.text and "请派人参加。" in letter.text and SUBJECT in letter.text
    assert "sandbox" in letter.headers["content-security-policy"]
    saved = send(operator, proof)
    assert saved.status_code == 303 and saved.headers["location"] == "/messages/written/1"
    assert delivered == ["notices"]
    assert [each.recipient for each in mails(house)] == ["lin@example.invalid", "chen@example.invalid"]
    page = operator.get("/messages/written/1").text
    assert "正在发给 2 个收件人" in page and "已发出" in page and "待发送" in page and "lin@example.invalid" in page
    assert "撤销，不发送" not in page
    listed = operator.get("/messages/written").text
    assert f'<a href="/messages/written/1">{SUBJECT}</a>' in listed and "已发出" in listed
    assert "工作通知" in operator.get("/messages").text


def test_groups_and_struck_recipients(house: House, operator: TestClient, delivered: list[str]) -> None:
    proof = proof_of(operator, group=["counties", "bureaus"], typed=TYPED)
    offered = re.findall(r'name="without" value="([^"]+)"', operator.get(proof).text)
    assert len(offered) > 4 and len(set(offered)) == len(offered)
    send(operator, proof, without=[offered[0], "lin@example.invalid", "nobody@example.invalid"])
    assert {each.recipient for each in mails(house)} == set(offered) - {offered[0], "lin@example.invalid"}


def test_striking_everybody_is_refused_and_the_preview_stays(house: House, operator: TestClient) -> None:
    proof = proof_of(operator, typed="lin@example.invalid")
    refused = send(operator, proof, without="lin@example.invalid")
    assert refused.status_code == 422 and "没有可以收到邮件的收件人" in refused.text
    assert re.search(r'value="lin@example.invalid"[^>]* checked', refused.text)
    assert send(operator, proof).status_code == 303


def test_a_notice_is_confirmed_once(house: House, operator: TestClient) -> None:
    proof = proof_of(operator)
    send(operator, proof)
    again = send(operator, proof)
    assert again.status_code == 409 and "已经确认过" in again.text
    assert operator.get(proof).status_code == 409
    assert len(kept(house)) == 1


def test_a_preview_is_its_writers_alone(house: House, operator: TestClient) -> None:
    digest = proof_of(operator).rsplit("/", 1)[1]
    with house.session() as session:
        writer, other = find_actor(session, "operator"), system_actor(session)
    assert proofs.read(house.settings, writer, digest).draft.subject == SUBJECT
    for actor, name in ((other, digest), (other, f"../{writer.user_id}/{digest}"), (writer, ".."), (writer, "0" * 64)):
        with pytest.raises(StateError, match="已经过期"):
            proofs.read(house.settings, actor, name)


def test_only_the_latest_previews_are_kept(house: House, operator: TestClient) -> None:
    first, *_ = [proof_of(operator, subject=f"第 {number} 稿") for number in range(21)]
    assert operator.get(first).status_code == 409
    assert len(list((house.settings.data_dir / "proofs").glob("*/*"))) == 20


def test_scheduled_in_beijings_time_and_called_off(house: House, operator: TestClient, delivered: list[str]) -> None:
    house.clock.set(datetime(2026, 6, 1, 9, 0, tzinfo=CHINA))
    proof = proof_of(operator, when="later", send_at="2026-06-02T08:30")
    assert "<strong>2026-06-02 08:30</strong>（北京时间）" in operator.get(proof).text
    send(operator, proof)
    (saved,) = kept(house)
    assert saved.send_at == datetime(2026, 6, 2, 8, 30, tzinfo=CHINA) and mails(house) == [] and delivered == []
    page = operator.get("/messages/written/1").text
    assert "定于 2026-06-02 08:30 发给 2 个收件人" in page and ">定时<" in page and "lin@example.invalid" in page
    assert "另有 1 份定时的工作通知" in operator.get("/messages").text
    done = send(operator, "/messages/written/1/call-off")
    assert done.status_code == 303
    house.clock.set(datetime(2026, 6, 3, 9, 0, tzinfo=CHINA))
    with house.session() as session:
        assert dispatches.queue_due(session, house.clock, system_actor(session), settings=house.settings) == 0
    page = operator.get("/messages/written/1").text
    assert "已撤销" in page and "撤销，不发送" not in page
    assert "照这份再写一份" in page
    refused = send(operator, "/messages/written/1/call-off")
    assert refused.status_code == 409 and "不需要再撤销" in refused.text
    again = operator.get("/messages/new?again=1").text
    assert SUBJECT in again and "林某 &lt;lin@example.invalid&gt;\nchen@example.invalid</textarea>" in again


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"when": "later", "send_at": ""}, "请选择发送的日期和时间"),
        ({"when": "later", "send_at": "明天"}, "看到的是“明天”"),
        ({"when": "later", "send_at": "2020-01-01T09:00"}, "2020-01-01 09:00 已经过去"),
        ({"typed": "lin@example.invalid\n林某"}, "第 2 行“林某”不是有效的收件人"),
        ({"typed": ""}, "没有可以收到邮件的收件人"),
        ({"subject": ""}, "请写标题"),
        ({"group": ["everybody"]}, "没有“everybody”这一组收件人"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_typed_is_lost(
    operator: TestClient, changes: dict[str, object], said: str
) -> None:
    answer = preview(operator, **changes)
    assert answer.status_code == 422 and said in answer.text
    assert "请派人参加。" in answer.text


def test_a_time_that_passes_during_the_preview_is_refused_then(house: House, operator: TestClient) -> None:
    house.clock.set(datetime(2026, 6, 1, 9, 0, tzinfo=CHINA))
    proof = proof_of(operator, when="later", send_at="2026-06-01T09:05")
    house.clock.set(datetime(2026, 6, 1, 9, 6, tzinfo=CHINA))
    refused = send(operator, proof)
    assert refused.status_code == 422 and "09:05 已经过去" in refused.text and kept(house) == []
    form = operator.get(f"/messages/new?proof={proof.rsplit('/', 1)[1]}").text
    assert 'value="2026-06-01T09:05"' in form and "请派人参加。</textarea>" in form and SUBJECT in form


def test_an_amount_is_said_to_be_left_out(operator: TestClient) -> None:
    page = operator.get(proof_of(operator, body="补助50万元。")).text
    assert "正文里的金额或账号不写进邮件" in page and "补助××元" in page
    assert "金额或账号不写进邮件" not in operator.get(proof_of(operator)).text


def test_failed_mails_are_shown_and_sent_again(house: House, operator: TestClient, delivered: list[str]) -> None:
    send(operator, proof_of(operator))
    with house.session() as session:
        for message in session.exec(select(Message).where(Message.kind == "written")):
            message.status, message.last_reply = MessageStatus.FAILED, "550 no such user"
        session.commit()
    page = operator.get("/messages/written/1").text
    assert "发送失败 2 封" in page and "550 no such user" in page
    assert "没有这种状态的邮件" in operator.get("/messages/written/1?state=sent").text
    assert send(operator, "/messages/written/1/resend").status_code == 303
    assert delivered == ["notices", "notices"] and {each.status for each in mails(house)} == {MessageStatus.PENDING}
    refused = send(operator, "/messages/written/1/resend")
    assert refused.status_code == 409 and "没有发送失败的邮件" in refused.text


def test_failed_mails_of_all_kinds_are_sent_again_together(
    house: House, operator: TestClient, delivered: list[str]
) -> None:
    with house.session() as session:
        failed = list(session.exec(select(Message).order_by(col(Message.id)).limit(3)))
        for message in failed:
            message.status, message.last_reply, message.sent_at = MessageStatus.FAILED, "451 later", None
        session.commit()
        numbers = [message.id or 0 for message in failed]
    page = operator.get("/messages").text
    assert "发送失败 3 封" in page and all(f'value="{number}"' in page for number in numbers)
    refused = send(operator, "/messages/resend", cycle="1")
    assert refused.status_code == 422 and "没有选择发送失败的通知" in refused.text
    assert (
        send(operator, "/messages/resend", cycle="1", chosen=[*map(str, numbers[:2]), "999999", "x"]).status_code == 303
    )
    with house.session() as session:
        states = [session.get_one(Message, number).status for number in numbers]
    assert states == [MessageStatus.PENDING, MessageStatus.PENDING, MessageStatus.FAILED] and delivered == ["notices"]
    auditor = house.as_role(Role.AUDITOR)
    assert "重发所选" not in auditor.get("/messages").text
    assert send(auditor, "/messages/resend", cycle="1", chosen=[str(numbers[2])]).status_code == 403


def test_the_auditor_looks_and_does_nothing(house: House, operator: TestClient) -> None:
    house.clock.set(datetime(2026, 6, 1, 9, 0, tzinfo=CHINA))
    send(operator, proof_of(operator, when="later", send_at="2026-06-02T08:30"))
    auditor = house.as_role(Role.AUDITOR)
    for path in ("/messages", "/messages/written", "/messages/written/1"):
        page = auditor.get(path)
        assert page.status_code == 200
        assert "/messages/new" not in page.text and "call-off" not in page.text
    assert auditor.get("/messages/new").status_code == 403
    assert preview(auditor).status_code == 403
    assert send(auditor, "/messages/written/1/call-off").status_code == 403
    assert house.as_role(Role.SECTION_HEAD).get("/messages/written").status_code == 403


def test_the_kind_has_a_sample(operator: TestClient) -> None:
    assert "预览工作通知" in operator.get("/letters").text
    assert "关于召开政策宣讲会的通知" in operator.get("/letters/written").text
