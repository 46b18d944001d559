"""What strangers try at the door: forged hosts and headers, planted cookies, ways round, too much, too slow."""

import re
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from urllib.parse import quote

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from sqlmodel import select

from models import Role, SignIn, User
from services.access.signin import mark_of
from tests.web.conftest import PASSWORD, House, Mails, send
from tests.web.test_access import ROUTES, address_of
from tests.web.test_bounds import every_route
from tests.web.test_rush import served
from web.app import create_app

Houses = Callable[[str | None], House]
ELSEWHERE = "elsewhere.invalid"
FORGED = {
    "Host": ELSEWHERE,
    "X-Forwarded-Host": ELSEWHERE,
    "X-Forwarded-Proto": "gopher",
    "X-Original-URL": "/users",
    "Forwarded": f"host={ELSEWHERE}",
    "Referer": f"https://{ELSEWHERE}//{ELSEWHERE}/",
    "Origin": f"https://{ELSEWHERE}",
}
TARGETS = (
    f"https://{ELSEWHERE}/",
    f"//{ELSEWHERE}",
    f"/\\{ELSEWHERE}",
    f"/\t/{ELSEWHERE}",
    f"\\\\{ELSEWHERE}",
    f"@{ELSEWHERE}",
    f"javascript:alert('{ELSEWHERE}')",
    f"/%0d%0aLocation: https://{ELSEWHERE}",
)


def in_bounds(answer: httpx.Response) -> bool:
    """Whether the answer has the headers that every answer must have."""
    headers = answer.headers
    kept, rules = headers.get("cache-control", ""), headers.get("content-security-policy", "")
    return (
        "default-src 'none'" in rules
        and (("script-src 'self'" in rules and "frame-ancestors 'self'" in rules) or "sandbox" in rules)
        and "unsafe" not in rules.replace("style-src 'unsafe-inline'", "" if "sandbox" in rules else "unsafe")
        and headers.get("x-frame-options") == "SAMEORIGIN"
        and headers.get("x-content-type-options") == "nosniff"
        and headers.get("referrer-policy") == "same-origin"
        and headers.get("cross-origin-opener-policy") == "same-origin"
        and "server" not in headers
        and "access-control-allow-origin" not in headers
        and ("no-store" in kept or (answer.status_code == 200 and answer.request.url.path.startswith("/static/")))
    )


def login_of(house: House, role: Role) -> str:
    """The login of the first user of a role."""
    with house.session() as session:
        return session.exec(select(User.login).where(User.role == role).order_by(User.id)).first() or ""  # type: ignore[arg-type]


def test_every_answer_is_in_bounds_and_no_forged_host_gets_into_one(house_at: Houses) -> None:
    house = house_at("verification")
    wrong = []
    for browser, route in every_route(house):
        if route.methods == {"GET"}:
            answer = browser.get(address_of(route), headers=FORGED)
            told = answer.text if answer.headers.get("content-type", "").startswith("text") else ""
            if not in_bounds(answer) or ELSEWHERE in told + str(answer.headers):
                wrong.append((route.path, answer.status_code, dict(answer.headers)))
    assert wrong == []


def test_also_refusals_and_defects_and_files_are_in_bounds(house_at: Houses) -> None:
    house = house_at("guide")
    assert isinstance(house.app, FastAPI)

    def broken() -> None:
        raise RuntimeError("a defect")

    house.app.add_api_route("/broken", broken)
    browser = house.browser(raises=False)
    browser.get("/")
    answers = {
        500: browser.get("/broken"),
        200: browser.get("/static/console.css"),
        404: browser.get("/static/nothing.css"),
        405: browser.put("/board", content=b"x"),
        403: browser.post("/signin", data={"form_key": "x"}),
        413: browser.post("/signin", headers={"Content-Length": str(10**12)}),
        411: browser.post("/signin", headers={"Content-Length": "many"}),
        401: browser.get("/api/v1/cycles"),
    }
    assert {status: answer.status_code for status, answer in answers.items()} == {status: status for status in answers}
    assert [status for status, answer in answers.items() if not in_bounds(answer)] == []
    assert "超过一次 50 兆字节的上限" in answers[413].text and "请求没有写明长度" in answers[411].text
    assert "<h1>不能接收</h1>" in answers[413].text
    assert "a defect" not in answers[500].text and "Traceback" not in answers[500].text
    assert "immutable" in answers[200].headers["cache-control"]


def test_what_is_not_among_the_files_is_kept_by_nobody_for_it_names_who_is_signed_in(house_at: Houses) -> None:
    answer = house_at("guide").as_role(Role.OPERATOR).get("/static/nothing.css")
    assert answer.status_code == 404 and answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("where", ["https://duixian.invalid", "http://testserver"])
def test_every_cookie_is_out_of_reach_of_scripts_and_of_other_sites(house_at: Houses, where: str) -> None:
    house = house_at("guide")
    settings = house.settings.model_copy(update={"console_url": where})
    browser = TestClient(create_app(settings), base_url=where, follow_redirects=False)
    answers = [
        browser.get("/signin"),
        send(browser, "/signin", login=login_of(house, Role.OPERATOR), password=PASSWORD),
        browser.get("/board"),
        send(browser, "/applications/views", name="x", query="status=draft"),
        send(browser, "/signout"),
        browser.get("/board"),
    ]
    cookies = [each for answer in answers for each in answer.headers.get_list("set-cookie")]
    assert len(cookies) > 4
    for cookie in cookies:
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie and "Domain" not in cookie, cookie
        assert ("Secure" in cookie) == where.startswith("https"), cookie
    assert all(("strict-transport-security" in each.headers) == where.startswith("https") for each in answers)


def test_a_planted_visit_is_not_taken_over_by_who_signs_in(house_at: Houses) -> None:
    house = house_at("guide")
    browser = house.browser()
    browser.cookies.set("duixian_session", "planted", domain="testserver.local")
    browser.get("/signin")
    planted_key = browser.cookies["duixian_form"]
    answer = send(browser, "/signin", login=login_of(house, Role.OPERATOR), password=PASSWORD)
    token = re.search(r"duixian_session=([^;]+)", str(answer.headers.get_list("set-cookie")))
    assert token is not None and token[1] != "planted" and len(token[1]) > 40
    with house.session() as session:
        kept = set(session.exec(select(SignIn.token_digest)))
    assert mark_of(token[1]) in kept and mark_of("planted") not in kept and token[1] not in kept
    stranger = house.browser()
    stranger.cookies.set("duixian_session", "planted", domain="testserver.local")
    stranger.cookies.set("duixian_form", planted_key, domain="testserver.local")
    assert stranger.get("/board").headers["location"].startswith("/signin")


def test_the_interface_does_not_take_a_browsers_visit(house_at: Houses) -> None:
    browser = house_at("guide").as_role(Role.ADMINISTRATOR)
    assert browser.get("/api/v1/cycles").status_code == 401


@pytest.mark.parametrize("target", TARGETS)
def test_no_way_in_leads_out(house_at: Houses, target: str) -> None:
    house = house_at("guide")
    browser = house.browser()
    first = browser.get("/signin", params={"next": target})
    assert not re.search(rf'(?:href|action)="[^"]*{ELSEWHERE}', first.text)
    answers = [
        send(browser, "/signin", login=login_of(house, Role.OPERATOR), password=PASSWORD, next=target),
        browser.get("/signin", params={"next": target}),
        house.browser().get(quote(target if target.startswith("/") else f"/{target}"), headers=FORGED),
        house.browser().get(f"/board?next={quote(target)}", headers=FORGED),
        send(house.browser(), "/signout", next=target),
        house.browser().get("/board/", headers=FORGED),
    ]
    for answer in answers:
        location = answer.headers.get("location", "/")
        assert re.match(r"/(?![/\\\t])", location), location
        assert answer.status_code < 500


def test_mails_lead_where_the_settings_say_whatever_host_was_asked(mails: Mails, house_at: Houses) -> None:
    browser = house_at("intake").browser()
    browser.get("/register")
    answer = browser.post(
        "/register",
        data={
            "form_key": browser.cookies["duixian_form"],
            "name": "漳州敲门科技有限公司",
            "uscc": "91350699MA7XW0100G",
            "county": "xiangcheng",
            "kind": "企业",
            "contact": "林示例",
            "phone": "13000000001",
            "email": "knock@example.invalid",
            "password": PASSWORD,
            "again": PASSWORD,
        },
        headers=FORGED,
    )
    assert answer.status_code < 400, answer.text
    assert len(mails) == 1
    assert "http://testserver/confirm/" in mails.text() and ELSEWHERE not in mails.last().as_string()


def test_no_route_answers_to_a_method_that_it_does_not_have(house_at: Houses) -> None:
    browser = house_at("guide").as_role(Role.OPERATOR)
    by_path: dict[str, set[str]] = {}
    for route in ROUTES:
        by_path.setdefault(address_of(route), set()).update(route.methods)
    for path in list(by_path)[::7]:
        for method in {"PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "GET", "POST", "X-ODD"} - by_path[path]:
            answer = browser.request(method, path, headers={"X-HTTP-Method-Override": "POST", "Content-Length": "0"})
            assert answer.status_code in (303, 403, 404, 405), (method, path, answer.status_code)


@pytest.mark.parametrize(
    "path",
    [
        "/static/../web/app.py",
        "/static/..%2f..%2fconfig/settings.py",
        "/static/%2e%2e/%2e%2e/config/settings.py",
        "/static/%2fetc/passwd",
        "/static/....//....//etc/passwd",
        "/static/..\\..\\config\\settings.py",
        "/static/",
        "/%2e%2e/etc/passwd",
        "/USERS",
        "/users/",
        "/./users/.",
        "/users%20",
        "/users;x=1",
        "//users",
        "/lists/1/../../users",
        "/applications/1%2f..%2f..%2fusers",
    ],
)
def test_no_way_round_leads_to_a_page_or_a_file(house_at: Houses, path: str) -> None:
    house = house_at("guide")
    with served(house.app) as port, socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(f"GET {path} HTTP/1.1\r\nHost: testserver\r\nConnection: close\r\n\r\n".encode())
        answer = b"".join(iter(lambda: line.recv(65536), b"")).decode()
    status = int(answer.split()[1])
    assert status in (404, 405), answer[:200]
    assert "root:" not in answer and "BaseSettings" not in answer


@pytest.fixture
def port(house_at: Houses) -> Iterator[int]:
    """The console on a port of its own."""
    with served(house_at("guide").app) as number:
        yield number


def test_headers_and_forms_that_are_too_large_are_refused_and_the_next_is_served(port: int) -> None:
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=20) as browser:
        with suppress(httpx.TransportError):  # the server hangs up, perhaps before its answer was read
            assert browser.get("/", headers={"X-Long": "x" * 200_000}).status_code in (400, 431)
        browser.get("/signin")
        key = {"form_key": browser.cookies["duixian_form"]}
        many = browser.post("/signin", data={**key, **{f"f{number}": "x" for number in range(20_000)}})
        long = browser.post("/signin", files={"login": (None, "x" * 3_000_000)}, data=key)
        assert {many.status_code, long.status_code} <= {400, 403, 413, 422}
        assert browser.get("/").status_code == 200


def test_who_sends_slowly_holds_up_nobody(port: int) -> None:
    begun = b"POST /signin HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    with ExitStack() as lines:
        for number in range(100):
            line = lines.enter_context(socket.create_connection(("127.0.0.1", port), timeout=10))
            line.sendall(begun if number % 2 else begun + b"Content-Length: 1000000\r\n\r\nform_key=")
        started = time.monotonic()
        assert httpx.get(f"http://127.0.0.1:{port}/", timeout=20).status_code == 200
        assert time.monotonic() - started < 10
