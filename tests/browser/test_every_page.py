"""Every page in a real browser at desktop and phone width: nothing sticks out, nothing fails, axe-core is content."""

import hashlib
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.routing import APIRoute
from playwright.sync_api import Page
from sqlmodel import col, select

from models import (
    Application,
    AwardList,
    AwardListEntry,
    Bounce,
    Finding,
    ImportFile,
    ImportKind,
    Message,
    MessageStatus,
    Objection,
    Payment,
    Registration,
    Relay,
    ReviewerKind,
    Role,
    SelfAssessment,
    User,
)
from services.access.actors import actor_of, system_actor
from services.access.interface import Scope
from services.access.permissions import may
from services.clock import SystemClock, today
from services.cycle.calendar import Calendar
from services.cycle.stages import load_plan
from services.notices import opting_out
from services.notices.relays import server_of
from services.review import review_inbox, reviews
from tests.browser.conftest import Site, look, sign_in
from tests.desk import CODE
from tests.web.conftest import House, back_to_the_notice, send
from tests.web.test_access import PEOPLE, ROUTES, right_of
from tests.web.test_after_payment_pages import paid
from tests.web.test_decisions import ready
from tests.web.test_invitation_pages import INVITED, SHORT, UNREADABLE, invite

# Downloads, letters as documents of their own, where no script runs, not even axe-core, and the way to a directory.
NOT_PAGES = (
    ".xlsx",
    ".csv",
    ".docx",
    "/files/",
    ".{form}",
    "}/letter",
    "/sample",
    "/guide.html",
    "/signin/directory",
)
# When a page has something to show; all others while the public notice runs.
SCENES: dict[str | None, tuple[str, ...]] = {
    "intake": ("/my/eligibility", "/my/apply", "/my/drafts", "/invitations"),
    "verification": ("/requests", "/reviews"),
    "approval": ("/decisions", "/policies"),
    None: ("/lists", "/payments", "/tracking", "/my/assessments", "/duties"),
    "objections": ("/",),
}
LOGINS = {"/requests": "bureau-gxj"}
# Who looks, where it is not the first that may: who decides sees the most.
LOOKERS = {
    "/tracking/clawbacks/{clawback_id}": Role.BUREAU_LEADER,
    "/policies/drafts": Role.SECTION_HEAD,
    "/users": Role.ADMINISTRATOR,
    "/tokens": Role.ADMINISTRATOR,
}
pytestmark = pytest.mark.xdist_group("pictures")  # the scenes are those of test_pictures.py
MEASURE = "compute-purchase"
TOKEN = "example-of-a-link"
WHAT_IF = (
    "what=compute-purchase.minimum_fee&value=15万元&what=dataset-trade.budget&value=100万元"
    "&along=dataset-trade.rate&first=10%25&last=40%25&step=10%25"
)


def pages(scene: str | None) -> list[APIRoute]:
    """The routes that answer with a page, as far as they are looked at in this scene."""
    found = [r for r in ROUTES if r.methods == {"GET"} and not any(mark in r.path for mark in NOT_PAGES)]
    return [route for route in found if _scene(route) == scene]


def _scene(route: APIRoute) -> str | None:
    return next(scene for scene, starts in SCENES.items() if route.path.startswith(starts))


@pytest.mark.parametrize("scene", SCENES)
def test_every_page_is_whole_and_accessible(
    scene: str | None, site_at: Callable[[str | None], Site], open_page: Callable[..., Page]
) -> None:
    site = site_at(scene)
    known = _prepare(site.house, scene)
    wrong = []
    for role in [None, *PEOPLE]:
        routes = [route for route in pages(scene) if _shown_to(route) == role]
        if not routes:
            continue
        page = open_page()
        if role is not None:
            sign_in(page, site, _login(site.house, routes[0], role))
        for route in routes:
            troubles = _open(page, site.address + _address(route, known), f"{right_of(route)}-{route.name}")
            wrong += [f"{route.path} ({role}): {each}" for each in troubles]
    assert not wrong, "\n".join(wrong)


def _open(page: Page, address: str, name: str) -> list[str]:
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: said.append(str(error)))
    answer = page.goto(address)
    assert answer is not None
    return [f"answered {answer.status}"] if answer.status != 200 else said + look(page, name)


def _shown_to(route: APIRoute) -> Role | None:
    """The first role that may open it; nobody for public pages."""
    right = right_of(route)
    for start, looker in LOOKERS.items():
        if route.path.startswith(start):
            return looker
    return None if may(None, right) else next(role for role in PEOPLE if may(role, right))


def _login(house: House, route: APIRoute, role: Role) -> str:
    for start, login in LOGINS.items():
        if route.path.startswith(start):
            return login
    with house.session() as session:
        login = session.exec(select(User.login).where(User.role == role).order_by(col(User.id))).first()
    assert login is not None
    return login


def _prepare(house: House, scene: str | None) -> dict[str, object]:
    """Bring the year to where there is something to see; returns the ids for the routes' paths."""
    if scene == "approval":
        ready(house)
    if scene == "objections":
        back_to_the_notice(house)
    known = _ids(house)
    if scene == "approval":
        known["draft_id"] = _hand_policy_in(house)
    if scene == "objections":
        known |= _write(house)
        _knock(house)
    if scene is None:
        known |= _look_after(house)
    if scene == "verification":
        known |= _ask_bureaus(house)
    if scene == "intake":
        begun = send(house.signed_in("applicant"), f"/my/apply/{MEASURE}")
        known["draft_id"] = begun.headers["location"].rsplit("/", 1)[1]
        invite(house.as_role(Role.OPERATOR), INVITED, SHORT, UNREADABLE)
    return known


def _ids(house: House) -> dict[str, object]:
    with house.session() as session:
        mine = select(Application.id).join(User, col(User.enterprise_id) == Application.enterprise_id)
        return {
            "application_id": session.exec(mine.order_by(col(Application.id))).first(),
            "finding_id": session.exec(select(Finding.id)).first(),
            "import_id": session.exec(select(ImportFile.id).where(ImportFile.kind == ImportKind.LEDGER)).first(),
            "record_id": session.exec(select(ImportFile.id).where(ImportFile.kind == ImportKind.PAYMENTS)).first(),
            "reviewer_kind": "bureau",
            "reviewer": "gxj",
            "list_id": session.exec(select(AwardList.id).order_by(col(AwardList.id).desc())).first(),
            "objection_id": session.exec(select(Objection.id)).first(),
            "payment_id": session.exec(select(Payment.id)).first(),
            "user_id": session.exec(select(User.id).where(User.role == Role.OPERATOR)).first(),
            "measure_id": MEASURE,
            "kind": "receipt",
            "risk": "capped",
            "policy_id": "zhangzhou-ai-2024",
            "message_id": session.exec(select(Message.id)).first(),
            "token": TOKEN,
            "refusal": opting_out.link(house.settings, "lin@example.invalid").rsplit("/", 1)[1],
        }


def _look_after(house: House) -> dict[str, object]:
    """After payment: an inspection, a clawback on which money came back, another to decide, a self-assessment."""
    application, fen = paid(house)
    operator, leader = house.as_role(Role.OPERATOR), house.as_role(Role.BUREAU_LEADER)
    on, about = today(house.clock).isoformat(), {"cycle": "1", "number": application.number}
    look = {"kind": "audit", "inspector": "市审计局", "on": on, "finding": "抽查的发票中有 2 张重复列支。"}
    looked = send(operator, "/tracking/inspections/new", **about, **look)
    wanted = {"ground": "audit", "reason": "抽查的发票中有 2 张重复列支。", "clause": "申报承诺书", "untrue": "yes"}
    ban = {"ban_from": on, "ban_until": "2030-12-31"}
    half = {"amount": f"{fen // 2 / 100:.2f}"}
    owed = send(operator, "/tracking/clawbacks/new", **about, **wanted, **half, **ban).headers["location"]
    send(leader, f"{owed}/decide", agree="yes", opinion="同意追回")
    came = send(operator, f"{owed}/receipts", on=on, amount="100", reference="PZ-1").status_code
    assert came == 303
    send(operator, "/tracking/clawbacks/new", **about, **wanted, amount="0.01")
    send(operator, "/tracking/assessments/ask")
    with house.session() as session:
        entry = select(AwardListEntry.id).where(AwardListEntry.application_id == application.id)
        asked = session.exec(select(SelfAssessment.id).where(col(SelfAssessment.entry_id).in_(entry))).one()
    ids = {"inspection_id": looked.headers["location"], "clawback_id": owed}
    return {name: path.rsplit("/", 1)[1] for name, path in ids.items()} | {
        "assessment_id": asked,
        "application_number": application.number,
    }


def _ask_bureaus(house: House) -> dict[str, object]:
    with house.session() as session:
        reviews.request(
            session,
            house.clock,
            system_actor(session),
            settings=house.settings,
            plan=load_plan(house.settings.cycle_file),
            cycle_id=1,
            kind=ReviewerKind.BUREAU,
            application_ids=reviews.to_request(session, 1, ReviewerKind.BUREAU),
        )
        user = session.exec(select(User).where(User.login == LOGINS["/requests"])).one()
        asked = review_inbox.waiting(session, house.clock, Calendar(house.settings.calendar_dir), actor_of(user))
        several = next(each for each in asked if sum(other.group == each.group for other in asked) > 1)
        return {"request_id": several.id, "group": several.group}


def _write(house: House) -> dict[str, object]:
    """A notice that went out, with a mail that arrived and one that did not, and one that is only looked at."""
    operator = house.as_role(Role.OPERATOR)
    notice = {
        "cycle": "1",
        "subject": "关于召开政策宣讲会的通知",
        "body": "定于下周召开政策宣讲会。\n请各单位派人参加。",
    }
    sent = send(operator, "/messages/new", **notice, group=["applicants", "counties"])
    saved = send(operator, sent.headers["location"])
    with house.session() as session:
        mails = session.exec(select(Message).where(Message.kind == "written").order_by(col(Message.id))).all()
        mails[0].status, mails[0].sent_at, mails[0].last_reply = MessageStatus.SENT, house.clock.now(), "250 OK"
        mails[1].status, mails[1].last_reply = MessageStatus.FAILED, "550 5.1.1 no such user"
        mails[2].status = MessageStatus.HELD
        words = "550 5.1.1 <lin@example.invalid>: Recipient address rejected: User unknown in virtual mailbox table"
        back = {"final": True, "code": "5.1.1", "text": words, "read_at": house.clock.now()}
        session.add(Bounce(message_id=mails[1].id or 0, sha256="0" * 64, recipient=mails[1].recipient, **back))
        words = "发信服务器 127.0.0.1:8025 无法使用：拒绝连接"
        session.add(Relay(server=server_of(house.settings), failures=2, reason=words))
        session.commit()
    looked_at = send(operator, "/messages/new", **notice, group=["counties", "bureaus", "approvers"])
    ids = {"dispatch_id": saved.headers["location"], "proof_id": looked_at.headers["location"]}
    return {name: path.rsplit("/", 1)[1] for name, path in ids.items()}


def _knock(house: House) -> None:
    """Three that register: one has the link still, one the record knows, and one waits; and a platform with a token."""
    now = SystemClock().now()
    link = hashlib.sha256(TOKEN.encode()).hexdigest()
    wanting = (
        ("91350699MA7XW0100G", "漳州新来示例科技有限公司", "first", now),
        (CODE, "漳州示例云帆科技有限公司", "second", now),
        ("91350600MA0000001H", "漳州另来示例科技有限公司", link, None),
    )
    with house.session() as session:
        for code, name, digest, confirmed_at in wanting:
            session.add(
                Registration(
                    token_digest=digest,
                    uscc=code,
                    name=name,
                    kind="企业",
                    county="xiangcheng",
                    contact="陈示例",
                    email="chen.shili.of.a.long.name@example.invalid",
                    password_hash="x",
                    requested_at=now,
                    expires_at=now + timedelta(days=2),
                    confirmed_at=confirmed_at,
                )
            )
        session.commit()
    wanted = {"name": "省惠企政策平台", "login": "operator", "scope": list(Scope), "days": "180"}
    assert send(house.as_role(Role.ADMINISTRATOR), "/tokens", **wanted).status_code == 200


def _hand_policy_in(house: House) -> str:
    """A draft of the policy in use with some lines changed, whose cases hold."""
    folder = house.settings.policies_dir / "zhangzhou-ai-2024"
    text = (folder / "policy.yaml").read_text(encoding="utf-8")
    for before, after in (
        ("number: 漳政办规〔2024〕2号", "number: 漳政办规〔2027〕1号"),
        ("市教育局", "市教育和体育局"),
    ):
        assert before in text
        text = text.replace(before, after)
    files = [("files", ("policy.yaml", text.encode())), ("files", ("cases.yaml", (folder / "cases.yaml").read_bytes()))]
    operator = house.as_role(Role.OPERATOR)
    key = operator.cookies.get("duixian_form", "")
    saved = operator.post("/policies/drafts", data={"form_key": key}, files=files)
    return saved.headers["location"].rsplit("/", 1)[1]


def _address(route: APIRoute, known: dict[str, object]) -> str:
    """The route's path with real ids."""
    path = route.path
    for name in route.param_convertors:
        path = path.replace(f"{{{name}}}", str(known.get(name) or 1))
    asked = {"/requests/table": f"group={known.get('group')}", "/simulation": WHAT_IF}
    asked["/tracking/clawbacks/new"] = f"application={known.get('application_number')}"
    return f"{path}?{asked[path]}" if path in asked else path
