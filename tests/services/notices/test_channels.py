"""The office's group hears by a signed webhook what waits and what broke, and nothing of anybody's own matters."""

import base64
import hashlib
import hmac
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from sqlalchemy import Engine

from config.settings import Settings
from models import Channel, Message, MessageStatus
from services.clock import FixedClock
from services.notices.channels import GROUP, GroupWebhook, Note, group_of
from services.notices.claims import transaction
from services.notices.delivery import deliver_due
from services.notices.group_delivery import deliver_to_group
from services.notices.mailer import Reply
from services.notices.queueing import queue_to_all
from services.notices.samples import sample_context
from tests.services.notices.support import CYCLE_TIME, DOMAIN, WALL_TIME, messages

SECRET = "SEC-example"
OK = '{"errcode": 0, "errmsg": "ok"}'


class Robot:
    """What a group's robot was sent, and what it answers."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str]] = []
        self.queries: list[dict[str, list[str]]] = []
        self.bodies: list[dict[str, Any]] = []


@pytest.fixture
def robot() -> Iterator[tuple[Robot, str]]:
    """A real HTTP server; yields what it saw, and its address."""
    made = Robot()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            made.queries.append(parse_qs(urlsplit(self.path).query))
            made.bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            status, text = made.answers.pop(0) if made.answers else (200, OK)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as port:
        yield made, f"http://127.0.0.1:{port}/robot/send?access_token=t"


@contextmanager
def serving(server: HTTPServer) -> Iterator[int]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()


def with_group(settings: Settings, address: str, secret: str = SECRET) -> Settings:
    return settings.model_copy(update={"group_webhook": address, "group_secret": secret})


def post(settings: Settings, address: str, secret: str = SECRET) -> Reply:
    channel = GroupWebhook(with_group(settings, address, secret), FixedClock(WALL_TIME))
    return channel.send(Note("标题", "正文", "http://127.0.0.1/board"))


def queue_group(engine: Engine, kind: str) -> None:
    with transaction(engine) as session:
        at, context = FixedClock(CYCLE_TIME), sample_context(kind)
        assert queue_to_all(session, at, 1, kind, [GROUP], "x", context, domain=DOMAIN, channel=Channel.GROUP) == 1


def deliver(engine: Engine, settings: Settings) -> dict[str, Any]:
    return vars(deliver_to_group(engine, settings, FixedClock(CYCLE_TIME), FixedClock(WALL_TIME)))


def test_the_address_is_signed_with_the_time_and_the_secret(settings: Settings, robot: tuple[Robot, str]) -> None:
    seen, address = robot
    assert post(settings, address) == Reply(250, "ok")
    moment = str(int(WALL_TIME.timestamp() * 1000))
    mark = hmac.new(SECRET.encode(), f"{moment}\n{SECRET}".encode(), hashlib.sha256).digest()
    assert seen.queries == [{"access_token": ["t"], "timestamp": [moment], "sign": [base64.b64encode(mark).decode()]}]
    assert seen.bodies[0]["markdown"] == {
        "title": "标题",
        "text": "### 标题\n\n正文\n\n[打开工作台](http://127.0.0.1/board)",
    }
    post(settings, address, secret="")
    assert seen.queries[1] == {"access_token": ["t"]}, "a robot without a secret is known by its key words"


@pytest.mark.parametrize(
    ("status", "text", "reply"),
    [
        (200, '{"errcode": 310000, "errmsg": "sign not match"}', Reply(550, "310000 sign not match")),
        (200, '{"errcode": 130101, "errmsg": "send too fast"}', Reply(421, "130101 send too fast")),
        (500, "", Reply(421, "HTTP 500")),
        (404, "", Reply(550, "HTTP 404")),
        (200, "<html>", Reply(550, "看不懂的答复：<html>")),
    ],
)
def test_answers_mean_taken_later_or_refused(
    settings: Settings, robot: tuple[Robot, str], status: int, text: str, reply: Reply
) -> None:
    seen, address = robot
    seen.answers = [(status, text)]
    assert post(settings, address) == reply


def test_a_robot_that_is_not_there_is_tried_later_and_its_token_is_told_to_nobody(settings: Settings) -> None:
    reply = post(settings, "http://127.0.0.1:9/robot/send?access_token=secret-token")
    assert reply.code is None and "127.0.0.1 无法连接" in reply.text and "secret-token" not in reply.text


def test_what_waits_for_the_group_goes_there_once_and_not_by_mail(
    engine: Engine, settings: Settings, robot: tuple[Robot, str]
) -> None:
    seen, address = robot
    own = with_group(settings, address)
    queue_group(engine, "cycle_failed")
    queue_group(engine, "office_digest")
    assert deliver_due(engine, own, FixedClock(CYCLE_TIME), FixedClock(WALL_TIME)).left == 0, "no mail waits"
    seen.answers = [(200, OK), (500, "")]
    report = deliver(engine, own)
    assert (report["sent"], report["deferred"]) == (1, 1)
    first, second = (body["markdown"]["text"] for body in seen.bodies)
    assert "流程中断：2025年度部门联审未能完成" in first and "数据库暂时无法连接" not in first, "no details"
    assert "- 待审批 1 项\n- 部门联审还有 12 件未回复" in second
    assert deliver(engine, own)["sent"] == 0 and len(seen.bodies) == 2, "the other one is not due yet"
    rows: list[Message] = messages(engine)
    assert [row.status for row in rows] == [MessageStatus.SENT, MessageStatus.PENDING]
    assert rows[1].last_reply == "421 HTTP 500"


def test_without_a_group_nothing_is_sent(engine: Engine, settings: Settings) -> None:
    queue_group(engine, "cycle_failed")
    assert group_of(settings, FixedClock(WALL_TIME)) is None
    assert deliver(engine, settings)["sent"] == 0 and messages(engine)[0].attempts == 0
