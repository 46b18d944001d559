"""Hostile files and texts at the console's doors: a sentence in Chinese, never a broken page, nothing that runs."""

import io
import re
import zipfile
from collections.abc import Callable
from html.parser import HTMLParser
from typing import Any

import pytest
from fastapi.testclient import TestClient
from httpx import Response
from markupsafe import escape
from sqlmodel import col, func, select

from models import Application, Message, Registration, Role, User
from services.notices.addresses import one_line
from tests.hostile.conftest import Office
from tests.hostile.corpus import KNOWN, ROW, Case, csv, every_case
from tests.hostile.strings import MARK, TEXTS
from tests.hostile.test_files import chinese
from tests.web.conftest import House, send
from tests.web.test_api import API, HANDED
from tests.web.test_application_pages import HEADINGS
from tests.web.test_enterprise import wanted
from tests.web.test_invitation_pages import HEAD

pytestmark = pytest.mark.xdist_group("hostile doors")  # one house for them all
CASES = {case.name: case for case in every_case()}
BODIES = [case for case in CASES.values() if case.door == "body"]
SOME = [
    "csv/shape/empty",
    "csv/shape/100000-columns",
    "csv/shape/row-column",
    "csv/encoding/gb18030",
    "csv/encoding/utf-8-two-marks",
    "xlsx/laughs-in-sheet1.xml",
    "xlsx/target-outside",
    "xlsx/hostile-cells",
    "xlsx/encrypted",
    "xls/cut-6",
    "ods/both-repeated",
    "table/exe.xlsx",
]
"""What CI sends through every door for tables; `make hostile` sends all."""

Door = Callable[[Office, str, bytes], Response]


def post(browser: TestClient, path: str, name: str, data: bytes, field: str = "file", **fields: str) -> Response:
    """A form with a file."""
    key = browser.cookies.get("duixian_form", "")
    return browser.post(path, data={"form_key": key, **fields}, files=[(field, (name, data))])  # type: ignore[return-value]


TABLE_DOORS: dict[str, Door] = {
    "applications": lambda o, name, data: post(o.operator, "/applications/import", name, data, cycle_id="1"),
    "ledger": lambda o, name, data: post(o.operator, "/ledger", name, data, level="city"),
    "invitations": lambda o, name, data: post(
        o.operator, "/invitations/1", name, data, measure="revenue-milestone", given_by="市统计局"
    ),
}
EVIDENCE_DOORS: dict[str, Door] = {
    "console": lambda o, name, data: post(o.operator, "/applications/1/files", name, data, evidence="发票"),
    "interface": lambda o, name, data: o.platform.post(  # type: ignore[return-value]
        f"{API}/applications/1/files",
        data={"evidence": "发票"},
        files={"file": (name, data)},
        headers={"Idempotency-Key": f"key-{abs(hash((name, data)))}"},
    ),
}


class Page(HTMLParser):
    """What of a page would run."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.runs: list[str] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open = tag
        for name, value in attrs:
            if name.startswith("on") or (value or "").lower().lstrip().startswith(("javascript:", "data:text")):
                self.runs.append(f"{tag} {name}={value}")
        if MARK in tag or any(MARK in name for name, _ in attrs):
            self.runs.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open in ("script", "style") and MARK in data:
            self.runs.append(data)


def harmless(answer: Response) -> str:
    """The text of a page that is whole and in which nothing hostile runs."""
    assert answer.status_code in (200, 303, 400, 409, 411, 413, 422), (answer.status_code, answer.text[:500])
    assert "程序出错" not in answer.text
    if "html" in answer.headers.get("content-type", ""):
        assert not Page(answer.text).runs
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    return answer.text


@pytest.mark.parametrize("door", TABLE_DOORS)
@pytest.mark.parametrize("name", SOME)
def test_a_hostile_table_at_a_door(office: Office, door: str, name: str) -> None:
    case = CASES[name]
    assert chinese(harmless(TABLE_DOORS[door](office, case.filename, case.make())))


@pytest.mark.parametrize("door", EVIDENCE_DOORS)
@pytest.mark.parametrize(
    "name",
    [
        "svg.svg",
        "svg.png",
        "html.pdf",
        "pdf-and-zip.pdf",
        "xlsm.xlsx",
        "docm.docx",
        "png-bomb.png",
        "docx-overstated.docx",
    ],
)
def test_hostile_evidence_at_a_door_and_as_it_is_handed_out(office: Office, door: str, name: str) -> None:
    case = CASES[f"evidence/{name}"]
    harmless_or_problem(EVIDENCE_DOORS[door](office, case.filename, case.make()))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("evidence/name/")])
def test_a_hostile_name_is_no_path_and_no_header(office: Office, name: str) -> None:
    case = CASES[name]
    answer = EVIDENCE_DOORS["console"](office, case.filename, case.make() + name.encode())
    harmless(answer)
    page = office.operator.get("/applications/1").text
    newest = max((int(each) for each in re.findall(r"/applications/1/files/(\d+)", page)), default=None)
    if answer.status_code == 303 and newest is not None:
        file = office.operator.get(f"/applications/1/files/{newest}?download=1")
        assert file.status_code == 200
        assert "set-cookie" not in file.headers
        assert file.headers["content-disposition"].startswith("attachment; filename*=UTF-8''")
        assert "/" not in file.headers["content-disposition"].partition("''")[2]


@pytest.mark.parametrize(
    "name", ["laughs", "deep-list", "tag", "policy/zip/bomb", "policy/zip/traversal", "policy/zip/link"]
)
def test_a_hostile_policy_at_its_door(office: Office, name: str) -> None:
    case = CASES.get(name) or CASES[f"policy/yaml/{name}"]
    answer = post(office.operator, "/policies/drafts", case.filename, case.make(), "files", policy_id="hostile")
    if answer.status_code == 303:
        answer = office.operator.get(answer.headers["location"])
    assert chinese(harmless(answer))


@pytest.mark.parametrize("name", [name for name in CASES if name.startswith("calendar/")][:36:3])
def test_a_hostile_calendar_at_its_door(office: Office, name: str) -> None:
    case = CASES[name]
    answer = post(office.administrator, "/settings/calendar", case.filename, case.make())
    assert answer.status_code == 422
    assert chinese(harmless(answer))


def harmless_or_problem(answer: Response) -> None:
    """A page, or the interface's own answer, in Chinese when it refuses."""
    assert answer.status_code in (200, 201, 303, 400, 409, 422), (answer.status_code, answer.text[:300])
    if answer.status_code >= 400:
        assert re.search("[\u4e00-\u9fff]{4}", answer.text)


@pytest.mark.parametrize("case", BODIES, ids=[case.name for case in BODIES])
def test_a_hostile_body_is_a_problem_in_chinese(office: Office, case: Case) -> None:
    headers = {"Idempotency-Key": f"key-{case.name}", "Content-Type": "application/json"}
    answer = office.platform.post(f"{API}/cycles/1/applications", content=case.make(), headers=headers)
    assert answer.status_code in (400, 422), (answer.status_code, answer.text[:300])
    assert answer.headers["content-type"] == "application/problem+json"
    assert re.search("[\u4e00-\u9fff]{4}", answer.text) and "Traceback" not in answer.text
    assert len(answer.content) < 100_000


FREE = {
    "enterprise": 200,
    "legal_person": 64,
    "registered_address": 300,
    "project": 300,
    "contracts": 1000,
    "contact_name": 64,
    "bank_name": 200,
}
CODED = ("measure", "uscc", "kind", "county", "contact_email", "contact_phone", "bank_account", "invoices")


@pytest.mark.parametrize("name", TEXTS)
def test_a_hostile_text_in_every_free_field_is_refused_or_kept_as_it_is(office: Office, name: str) -> None:
    changed = {field: TEXTS[name][:most] for field, most in FREE.items()}
    answer = handed(office, f"free-{name}", changed)
    harmless_or_problem(answer)


@pytest.mark.parametrize("field", [*CODED, "values"])
@pytest.mark.parametrize(
    "name", [name for name in TEXTS if name.startswith(("like", "control", "number", "header"))][::6]
)
def test_a_hostile_text_in_a_coded_field_is_refused_in_chinese(office: Office, field: str, name: str) -> None:
    text = TEXTS[name]
    changed: dict[str, Any] = (
        {"values": {**HANDED["values"], "service_fee": text}} if field == "values" else {field: text}
    )
    changed["project"] = f"{field} {name}"
    answer = handed(office, f"{field}-{name}", changed)
    assert answer.status_code in (200, 201, 422), answer.text[:300]
    if answer.status_code == 422:
        assert re.search("[\u4e00-\u9fff]{4}", answer.text)
    elif field in ("measure", "kind", "county", "values", "contact_email"):
        assert field == "values" or field == "contact_email", answer.text[:300]


def handed(office: Office, key: str, changed: dict[str, Any]) -> Response:
    """Hand an application in by the interface."""
    body = {**HANDED, **changed}
    return office.platform.post(  # type: ignore[return-value]
        f"{API}/cycles/1/applications", json=body, headers={"Idempotency-Key": f"k-{key}"[:90]}
    )


HEADERS = {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "MIME-Version", "Content-Type"}
"""Of the mail that has a registration confirmed."""
STRANGE = [name for name in TEXTS if name.startswith(("markup", "header", "control"))]
UNSEEN = ["control-nul", "control-escape", "control-bell", "control-delete", "control-vertical-tab"]


def registered(office: Office, name: str) -> tuple[TestClient, Response, str]:
    """A stranger's browser that sent the form with a hostile name, the answer, and the mail address that it gave."""
    office.house.app.state.console.limiter.storage.reset()  # type: ignore[attr-defined]
    browser = office.house.browser()
    browser.get("/register")
    text, email = TEXTS[name][:100], f"stranger-{STRANGE.index(name)}@example.invalid"
    return browser, send(browser, "/register", **wanted(name=text, contact=text[:30], email=email)), email


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.hostile] if place % 3 else [])  # CI takes every third
        for place, name in enumerate(name for name in STRANGE if name not in UNSEEN)
    ],
)
def test_a_stranger_registers_with_a_hostile_name(office: Office, name: str) -> None:
    """It is kept as it is, shown harmlessly where it is confirmed, and becomes no header of the mail."""
    before = len(office.mails)
    browser, answer, email = registered(office, name)
    assert email in harmless(answer) and answer.status_code == 200
    assert len(office.mails) == before + 1
    assert set(office.mails.last()) == HEADERS
    with office.house.session() as session:
        kept = session.exec(select(Registration).where(Registration.email == email)).one()
        assert session.exec(select(func.count()).select_from(User).where(User.role == Role.ADMINISTRATOR)).one() == 1
    assert kept.name == one_line(TEXTS[name][:100])
    page = harmless(browser.get(office.mails.page()))
    assert "1337" not in page and escape(kept.name) in page


@pytest.mark.parametrize("name", UNSEEN)
def test_a_stranger_registers_with_a_name_that_cannot_be_seen(office: Office, name: str) -> None:
    before = len(office.mails)
    _, answer, _ = registered(office, name)
    assert answer.status_code == 422 and "看不见的控制字符" in harmless(answer)
    assert len(office.mails) == before


# everything at every door


# one cell at a time, and one byte at a time, is for the reader (test_files); here each text comes by `test_z_…`
_ONE_BY_ONE = ("csv/cell/", "xls/changed-", "xls/cut-", "xlsx/changed-", "xlsx/cut-")
TABLES = [
    case for case in CASES.values() if case.door == "table" and not case.big and not case.name.startswith(_ONE_BY_ONE)
]


@pytest.mark.hostile
@pytest.mark.parametrize("door", TABLE_DOORS)
@pytest.mark.parametrize("case", TABLES, ids=[case.name for case in TABLES])
def test_every_table_at_every_door(office: Office, door: str, case: Case) -> None:
    assert chinese(harmless(TABLE_DOORS[door](office, case.filename, case.make())))


@pytest.mark.hostile
def test_every_table_as_a_report_of_payments(paying: House) -> None:
    browser = paying.as_role(Role.FINANCE)
    for case in TABLES:
        assert chinese(harmless(post(browser, "/payments/1/results", case.filename, case.make()))), case.name


@pytest.mark.hostile
def test_every_table_as_answers_of_a_bureau(asking: House) -> None:
    browser = asking.signed_in("bureau-gxj")
    for case in TABLES:
        assert chinese(harmless(post(browser, "/requests/workbook", case.filename, case.make()))), case.name


@pytest.mark.hostile
@pytest.mark.parametrize("door", EVIDENCE_DOORS)
def test_all_evidence_at_every_door(office: Office, door: str) -> None:
    for case in CASES.values():
        if case.door == "evidence" and not case.big:
            harmless_or_problem(EVIDENCE_DOORS[door](office, case.filename, case.make()))


def test_z_everything_kept_is_shown_harmlessly(office: Office) -> None:
    """The last of this house: what was kept is looked at on every page that shows it, and in what is handed out."""
    imported = csv(
        [
            ["措施", *HEADINGS],
            *(["compute-purchase", text[:150], *["x"] * (len(HEADINGS) - 1)] for text in TEXTS.values()),
        ]
    )
    harmless(TABLE_DOORS["applications"](office, "申报.csv", imported.encode("utf-8", "replace")))
    harmless(
        TABLE_DOORS["ledger"](
            office, "台账.csv", csv([KNOWN, *([text[:150], *ROW[1:]] for text in TEXTS.values())]).encode()
        )
    )
    harmless(
        TABLE_DOORS["invitations"](
            office, "名单.csv", (HEAD + "\n" + csv([[text[:150], *["x"] * 6] for text in TEXTS.values()])).encode()
        )
    )
    with office.house.session() as session:
        ids = session.exec(select(Application.id).order_by(col(Application.id))).all()
    assert len(ids) > 40
    for path in [
        "/",
        "/applications",
        "/applications?page=2",
        "/ledger",
        "/messages",
        *(f"/applications/{each}" for each in ids),
    ]:
        text = harmless(office.operator.get(path))
        assert "1337" not in text
    book = office.operator.get("/applications/export.xlsx")
    with zipfile.ZipFile(io.BytesIO(book.content)) as parts:
        sheets = b"".join(parts.read(name) for name in parts.namelist() if "worksheets/" in name)
    assert b"<f>" not in sheets and b"<hyperlink" not in sheets


def test_z_no_mail_carries_markup_of_somebody_else(office: Office) -> None:
    """What a mail looks like, on the page that shows it; that nobody's text becomes a header: test_building.py."""
    with office.house.session() as session:
        mails = [(mail.id or 0, mail.recipient) for mail in session.exec(select(Message))]
    assert len(mails) > 40
    assert not [recipient for _, recipient in mails if set(recipient) & set("\r\n\0, ")]
    for number, _ in mails:
        if number % 5 == 0:  # the page around each is the same
            assert "1337" not in harmless(office.operator.get(f"/messages/{number}"))
        assert "1337" not in harmless(office.operator.get(f"/messages/{number}/letter"))
