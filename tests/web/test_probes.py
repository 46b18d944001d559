"""What machines ask of the console, and how little strangers hear."""

import json
import logging
from collections.abc import Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import pytest
from fastapi.testclient import TestClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from models import AuditAnchor, Role
from services.clock import FileClock
from services.cycle import cycles
from services.record.sealing import Keyring
from tests.desk import Desk
from tests.web.conftest import House, decide, equip
from web.app import create_app
from web.probes import _FRESH, PATHS


@pytest.fixture
def house(desk: Desk, tmp_path: Path) -> House:
    """The console of a bureau whose year was just opened."""
    equip(desk.session)
    clock = FileClock(tmp_path / "clock")
    clock.set(desk.clock.now())
    changes = {"console_url": "http://testserver", "engine_port": 9, "clock_file": tmp_path / "clock"}
    settings = desk.settings.model_copy(update=changes | {"free_megabytes": 0})
    return House(settings, clock, create_app(settings))


@pytest.fixture
def desk(tmp_path: Path):  # type: ignore[no-untyped-def]
    """A bureau on SQLite."""
    from tests.desk import make_desk

    made = make_desk(tmp_path / "data")
    yield made
    made.session.close()
    made.engine.dispose()


@pytest.fixture
def engine_answers(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """Something that answers as the engine does when asked for its health and for what it has planned: yields a list
    of that.
    """
    planned = ["a run of the tick"]

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200 if self.path == "/api/health" else 404)
            self.end_headers()

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200 if self.path == "/api/flow_runs/count" else 404)
            self.end_headers()
            self.wfile.write(str(len(planned) if "tick" in json.dumps(asked) else 0).encode())

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{server.server_port}/api")
    yield planned
    server.shutdown()
    server.server_close()


def again(house: House) -> None:
    """Let the kept answer be old."""
    house.app.state.probes.checked -= _FRESH + 1  # type: ignore[attr-defined]


def test_a_process_that_answers_is_alive_whatever_became_of_the_rest(house: House) -> None:
    house.settings.data_dir.joinpath("duixian.db").rename(house.settings.data_dir / "gone.db")
    answer = house.browser().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


def test_a_house_in_order_is_ready(house: House, engine_answers: list[str]) -> None:
    answer = house.browser().get("/readyz")
    names = ("database", "schema", "keys", "disk", "outbox", "engine", "schedule")
    assert (answer.status_code, answer.json()) == (200, {"status": "ready", "checks": dict.fromkeys(names, "ok")})


def test_each_thing_that_fails_is_named_and_nothing_else_is_told(
    house: House, desk: Desk, engine_answers: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing() -> set[str]:
        again(house)
        answer = house.browser().get("/readyz")
        checks = answer.json()["checks"]
        assert set(checks.values()) <= {"ok", "failed"} and answer.json().keys() == {"status", "checks"}
        assert answer.status_code == (503 if "failed" in checks.values() else 200)
        return {name for name, said in checks.items() if said == "failed"}

    assert failing() == set()
    house.settings.free_megabytes = 10**9
    assert failing() == {"disk"}
    house.settings.free_megabytes = 0
    desk.open_intake()
    desk.submit()
    keys, aside = house.settings.keys_file, house.settings.keys_file.with_suffix(".away")
    keys.rename(aside)
    assert failing() == {"keys"}
    Keyring(keys).make_first()
    assert failing() == {"keys"}, "these are the keys of another record"
    aside.replace(keys)
    planned = engine_answers.pop()
    assert failing() == {"schedule"}, "a server that answers, and begins nothing by itself any more"
    engine_answers.append(planned)
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert failing() == {"engine", "schedule"}
    desk.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    desk.session.commit()
    assert failing() == {"engine", "schedule", "schema"}
    from tests.services.watch.test_alerts import message

    message(desk, 1)
    house.clock.set(desk.clock.now().replace(hour=9))
    assert failing() == {"engine", "schedule", "schema", "outbox"}
    desk.session.execute(text("DROP TABLE message"))
    desk.session.commit()
    assert failing() == {"engine", "schedule", "schema", "outbox"}


def test_an_unreachable_database_is_a_503_and_no_error_page(tmp_path: Path, house: House) -> None:
    from sqlalchemy import create_engine

    elsewhere = create_engine(f"sqlite:///{tmp_path}/none/none.db")
    object.__setattr__(house.app.state.console, "engine", elsewhere)  # type: ignore[attr-defined]
    answer = house.browser().get("/readyz")
    assert answer.status_code == 503 and answer.json()["checks"]["database"] == "failed"


def test_asking_often_costs_one_check(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    from services.watch import readiness

    asked: list[int] = []
    real = readiness.checks
    monkeypatch.setattr(readiness, "checks", lambda *args: asked.append(1) or real(*args))
    browser = house.browser()
    for _ in range(20):
        browser.get("/readyz")
    assert len(asked) == 1


def test_probes_set_no_cookies_and_take_no_place(house: House) -> None:
    for path in PATHS:
        answer = house.browser().get(path)
        assert "set-cookie" not in answer.headers, path


def test_figures_are_for_this_machine_or_who_shows_the_token(house: House) -> None:
    def status(host: str, settings: str = "", **headers: str) -> int:
        house.settings.metrics_token = settings
        client = TestClient(house.app, client=(host, 1))  # type: ignore[arg-type]
        return client.get("/metrics", headers=headers).status_code

    assert status("127.0.0.1") == status("::1") == 200
    assert status("10.0.0.7") == status("testclient") == 404
    assert status("127.0.0.1", "s3cret") == 404, "a proxy on this machine may bring strangers"
    assert status("10.0.0.7", "s3cret", Authorization="Bearer wrong") == 404
    assert status("10.0.0.7", "s3cret", Authorization="Bearer s3cret") == 200


def test_figures_are_what_the_record_says(house: House, desk: Desk) -> None:
    from tests.services.watch.test_alerts import message

    desk.open_intake()
    desk.submit()
    message(desk, 1)
    client = TestClient(house.app, client=("127.0.0.1", 1), follow_redirects=False)  # type: ignore[arg-type]
    for path in ("/healthz", "/applications/1", "/applications/2", "/nothing/6222021234567890123"):
        client.get(path)
    page = client.get("/metrics").text
    found = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(page)
        for sample in family.samples
    }
    assert found["duixian_outbox_messages", ("status", "pending")] >= 1
    assert found["duixian_stage", ("cycle", "1"), ("stage", "intake"), ("year", "2025")] == 1
    assert found["duixian_applications", ("cycle", "1"), ("status", "submitted")] == 1
    assert found["duixian_audit_entries",] > 10
    assert found["duixian_requests_total", ("method", "GET"), ("route", "/healthz"), ("status", "200")] == 1
    assert "6222021234567890123" not in page and 'route="other"' in page
    assert 'route="/applications/{application_id}"' in page and "/applications/1" not in page


def test_figures_name_nobody(house: House, desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    page = TestClient(house.app, client=("127.0.0.1", 1)).get("/metrics").text  # type: ignore[arg-type]
    for gone in ("云帆", "91350699MA7XW0001X", "@", "6200000000000000001", "经办人"):
        assert gone not in page


def test_words_of_strangers_make_no_figures(house: House) -> None:
    client = TestClient(house.app, client=("127.0.0.1", 1))  # type: ignore[arg-type]
    for number in range(50):
        client.request(f"WORD{number}", "/healthz", content=b"x")
    page = client.get("/metrics").text
    assert "WORD" not in page and 'duixian_requests_total{method="other",route="/healthz",status="405"} 50.0' in page


def test_every_answer_has_a_number_of_its_own(house: House) -> None:
    first, second = (house.browser().get("/").headers["x-request-id"] for _ in range(2))
    assert len(first) == 16 and first != second


@pytest.mark.parametrize("path", ["/boom", "/api/v1/boom"])
def test_a_defect_is_counted_and_its_log_line_has_the_number_of_its_answer(house: House, path: str) -> None:
    from services.watch import logs

    seen: list[object] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(logs.current_case().get("request"))

    def boom() -> None:
        raise RuntimeError("a defect")

    app = house.app
    if path.startswith("/api"):
        app = next(each.app for each in app.routes if getattr(each, "path", "") == "/api/v1")  # type: ignore[attr-defined]
    app.get("/boom")(boom)  # type: ignore[attr-defined]
    client = TestClient(house.app, client=("127.0.0.1", 1), raise_server_exceptions=False)  # type: ignore[arg-type]
    logger, listener = logging.getLogger("web"), Listener()
    logger.addHandler(listener)
    try:
        answer = client.get(path)
    finally:
        logger.removeHandler(listener)
    assert answer.status_code == 500
    assert seen and set(seen) == {answer.headers["x-request-id"]}
    page = client.get("/metrics").text
    assert 'duixian_requests_total{method="GET",route="/boom",status="500"} 1.0' in page
    assert 'duixian_request_seconds_count{route="/boom"} 1.0' in page


def test_what_a_request_does_is_logged_under_its_number(house: House, caplog: pytest.LogCaptureFixture) -> None:
    from services.watch import logs

    seen: list[object] = []

    class Listener(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            seen.append(dict(logs.current_case()))

    browser, logger, listener = house.as_role(Role.OPERATOR), logging.getLogger("services.record.operation"), Listener()
    logger.addHandler(listener)
    try:
        with caplog.at_level(logging.INFO, "services.record.operation"):
            answer = decide(browser, "/board/1/cancel", sure="yes", reason="重新开立")
    finally:
        logger.removeHandler(listener)
    assert answer.status_code == 303
    assert seen == [
        {
            "request": answer.headers["x-request-id"],
            "operation": "cycle.cancel",
            "actor": "operator",
            "cycle": 1,
        }
    ]


def test_alerts_stand_on_the_first_page_of_who_sees_to_them(house: House, desk: Desk) -> None:
    house.settings.free_megabytes = 10**9
    for role, path in ((Role.OPERATOR, "/board"), (Role.ADMINISTRATOR, "/users")):
        page = house.as_role(role).get(path).text
        assert "运行告警（1 项）" in page and "磁盘快满了" in page
    cycles.note_failure(*desk.at, desk.system, cycle_id=1, failure="指南编制：磁盘已满")
    assert house.as_role(Role.OPERATOR).get("/board").text.count("指南编制：磁盘已满") == 1
    assert "指南编制：磁盘已满" in house.as_role(Role.ADMINISTRATOR).get("/users").text
    assert "运行告警" not in house.as_role(Role.BUREAU_LEADER).get("/board").text


def test_the_sheet_is_for_who_files_it(house: House, desk: Desk) -> None:
    from services.record import anchoring

    head = house.as_role(Role.SECTION_HEAD)
    assert "还没有留存" in head.get("/audit/sheet").text
    kept = anchoring.take(*desk.at, desk.system, settings=house.settings)
    assert kept is not None
    page = head.get("/audit/sheet").text
    assert f"{kept.seq}:{kept.hash[:16]}" in page and kept.hash[56:] in page
    assert head.get("/audit/sheet?on=2026-03-02").status_code == 200
    assert head.get("/audit/sheet?on=2020-01-01").status_code == 422
    assert head.get("/audit/check").status_code == 403
    assert "留存的校验点" in house.as_role(Role.AUDITOR).get("/audit/check").text


def test_a_sheet_of_years_ago_is_still_found(house: House, desk: Desk) -> None:
    first = desk.clock.now()
    for number in range(400):
        at = first + timedelta(days=number)
        desk.session.add(AuditAnchor(day=at.date(), seq=1, hash=f"{number:064}", entries=1, taken_at=at))
    desk.session.commit()
    page = house.as_role(Role.SECTION_HEAD).get(f"/audit/sheet?on={first.date()}")
    assert page.status_code == 200 and f"1:{0:016}" in page.text


def test_who_files_the_sheet_finds_it_in_the_menu(house: House) -> None:
    for role in (Role.SECTION_HEAD, Role.BUREAU_LEADER, Role.ADMINISTRATOR, Role.AUDITOR):
        page = house.as_role(role).get("/audit/sheet").text
        assert '<a href="/audit/sheet" aria-current="page">校验单</a>' in page
        assert page.count('aria-current="page"') == 1, "the longer address is the one that is open"
    assert "校验单" not in house.as_role(Role.OPERATOR).get("/board").text


def test_the_probes_answer_in_json(house: House) -> None:
    assert json.loads(house.browser().get("/readyz").content)["status"] == "failed"


def test_figures_of_the_whole_year(house_at: Callable[[str | None], House]) -> None:
    house = house_at("verification")
    client = TestClient(house.app, client=("127.0.0.1", 1))  # type: ignore[arg-type]
    assert client.get("/metrics").status_code == 200
