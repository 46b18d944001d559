"""Log lines carry their case and nothing that must not be in a log."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from pathlib import Path

import pytest

from config.settings import Settings
from models import Role
from services.access import people
from services.clock import SystemClock
from services.notices.queueing import plain
from services.notices.samples import sample_context
from services.watch import logs
from services.watch.logs import Clean, JsonLines
from tests.desk import Desk
from tests.services.watch.test_alerts import message

SETTINGS = Settings(
    _env_file=None,
    smtp_password="open-sesame",
    metrics_token="tok-123456",
    group_webhook="https://robot.invalid/send?access_token=abcdef0123",
    database_url="postgresql://duixian:p4ss-word@db/duixian",
)


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("账号 6222021234567890123 不对", "6222021234567890123"),
        ("account 6222 0212 3456 7890 123", "3456"),
        ("account 6222-0212-3456-7890", "3456"),
        ("账号6222021234567890123。", "622202"),
        ("身份证 350600199001011234", "350600199001011234"),
        ("身份证 35060019900101123X", "35060019900101123X"),
        ("电话13800138000", "13800138000"),
        ("to lin.shi+x@example.invalid", "lin.shi"),
        ("login with open-sesame failed", "open-sesame"),
        ("GET https://robot.invalid/send?access_token=abcdef0123", "abcdef0123"),
        ("postgresql://duixian:p4ss-word@db/duixian", "p4ss-word"),
        ("postgresql://other:elsewhere@db/x", "elsewhere"),
        ("Authorization: Bearer abc.def.ghi", "abc.def"),
        ("authorization=Basic bGluOnB3", "bGluOnB3"),
        ("Cookie: duixian_session=zZzZ; duixian_form=yYyY", "zZzZ"),
        ("Cookie: a=zZzZ; other=yYyY", "yYyY"),
        ("{'cookie': 'a=zZzZ; other=yYyY', 'host': 'x'}", "yYyY"),
        ("(b'cookie', b'a=zZzZ; other=yYyY')", "yYyY"),
        (r"{\"set-cookie\": \"a=zZzZ; other=yYyY\"}", "yYyY"),
        ('{"accessToken": "eyJhbGci"}', "eyJhbGci"),
        ("clientSecret=hunter2", "hunter2"),
        ("userPassword: hunter2", "hunter2"),
        ("apiKey=hunter2", "hunter2"),
        ("wxApiKey=hunter2", "hunter2"),
        ("{'password': 'hunter2', 'login': 'lin'}", "hunter2"),
        ('{"totp_secret": "JBSWY3DP"}', "JBSWY3DP"),
        ("POST /token access_token=eyJhbGci", "eyJhbGci"),
        ("id_token: eyJhbGci", "eyJhbGci"),
        ('{"client_secret": "two words", "login": "lin"}', "words"),
        ("new_password=hunter2", "hunter2"),
        ("DUIXIAN_OTHER_PASSWORD='two words'", "words"),
        ("password='it\\'s two words'", "words"),
        ("password='cut off words", "words"),
        (r'"{\"refresh_token\": \"two words\"}"', "words"),
        ("x-api-key=abc", "abc"),
        ("Idempotency-Key: 0123-4567", "0123"),
        ("curl -H bearer tok-123456", "tok-123456"),
    ],
)
def test_secrets_and_personal_data_are_left_out(text: str, gone: str) -> None:
    cleaned = Clean(SETTINGS).text(text)
    assert gone not in cleaned and logs.HIDDEN in cleaned


@pytest.mark.parametrize(
    "text",
    [
        "2025 年度第 3 号，SB2025-00042，一（二）",
        "2026-11-26 21:48:36 took 12345 ms",
        "0596-2021234",
        "secretary: 林, cookies: 2",
        "run 1c9d6a3e-5b1f-4f1c-9f3a-0123456789ab",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "91350600MA2XXXXX0X",
    ],
)
def test_what_helps_to_find_a_case_stays(text: str) -> None:
    assert Clean(SETTINGS).text(text) == text


@pytest.fixture
def lines() -> Iterator[StringIO]:
    """What a handler of a process that logs JSON writes."""
    stream = StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(Clean(SETTINGS))
    handler.setFormatter(JsonLines("test"))
    logger = logging.getLogger("services")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


def read(stream: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_case_goes_through_to_what_is_logged_inside(lines: StringIO) -> None:
    logger = logging.getLogger("services.x")
    with logs.case(request="r1", cycle=None):
        with logs.case(cycle=3):
            logger.info("inner %s", 1)
        logger.info("outer")
    logger.info("after")
    first, second, third = read(lines)
    assert (first["request"], first["cycle"], first["message"], first["part"]) == ("r1", 3, "inner 1", "test")
    assert second["request"] == "r1" and "cycle" not in second
    assert "request" not in third


class Unspeakable:
    def __repr__(self) -> str:
        raise RuntimeError("no words")


@pytest.mark.parametrize(
    ("said", "values"),
    [("%d things", ("x",)), ("%s %s", ("x",)), ("%s", (Unspeakable(),)), (Unspeakable(), ("x",))],
)
def test_a_wrong_call_of_a_library_is_logged_and_stops_no_work(
    lines: StringIO, said: object, values: tuple[object, ...]
) -> None:
    logging.getLogger("services.x").warning(said, *values)
    (line,) = read(lines)
    assert line["level"] == "WARNING" and line["message"]


def test_the_values_of_a_wrong_call_are_cleaned(lines: StringIO) -> None:
    logging.getLogger("services.x").warning("%d things", "password=hunter2")
    assert "%d things" in lines.getvalue() and "hunter2" not in lines.getvalue()


def test_a_traceback_is_cleaned_too(lines: StringIO) -> None:
    try:
        raise ValueError("account 6222021234567890123, password=open-sesame")
    except ValueError:
        logging.getLogger("services.x").exception("failed for %s", "lin@example.invalid")
    (line,) = read(lines)
    assert "ValueError" in str(line["error"])
    for gone in ("6222021234567890123", "open-sesame", "lin@"):
        assert gone not in lines.getvalue()


def test_an_operation_logs_who_did_what_to_which_application(desk: Desk, lines: StringIO) -> None:
    from services.application import applications

    desk.open_intake()
    application_id = desk.submit()
    with logs.case(request="r2"):
        applications.withdraw(*desk.at, desk.operator, application_id=application_id, reason="单位来函")
    last = read(lines)[-1]
    assert (last["operation"], last["actor"], last["request"]) == ("application.withdraw", "operator", "r2")
    assert last["application"] == applications.get_application(desk.session, application_id).number
    assert "6200000000000000001" not in lines.getvalue() and "13000000001" not in lines.getvalue()


def test_a_mail_is_logged_by_its_number_and_never_by_its_recipient(desk: Desk, lines: StringIO) -> None:
    from services.notices.delivery import deliver_due
    from tests.services.notices.support import Script, scripted

    row = message(desk, 1, context=plain(sample_context("receipt")))
    with scripted(Script()) as port:
        settings = desk.settings.model_copy(update={"smtp_port": port})
        assert deliver_due(desk.engine, settings, desk.clock, SystemClock()).sent == 1
    (line,) = [line for line in read(lines) if "mail" in line]
    assert (line["mail"], line["cycle"], line["kind"], line["message"]) == (row.id, 1, "receipt", "mail sent")
    assert "example.invalid" not in lines.getvalue()


def test_without_the_setting_nothing_is_logged_of_operations(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    people.add_user(*desk.at, desk.system, login="x", name="x", role=Role.AUDITOR)
    assert caplog.records == []


def test_a_process_is_set_to_clean_lines(tmp_path: Path) -> None:
    """In a process of its own, as the console and the flows start it."""
    import subprocess
    import sys

    code = (
        "import logging; from config.settings import Settings; from services.watch import logs; "
        "s = Settings(_env_file=None, log_json=True); logs.start(s, 'flow'); logs.start(s, 'flow')\n"
        "with logs.case(cycle=7): logging.getLogger('services.a').info('账号 6222021234567890123')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    (line,) = [json.loads(each) for each in done.stderr.splitlines()]
    assert (line["cycle"], line["part"], line["message"]) == (7, "flow", "账号 （略）")
