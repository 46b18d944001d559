"""Coming in, staying in, and being put out."""

import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta

import pyotp
import pytest
from sqlmodel import Session, col, select

from models import AuditEntry, Credential, Role, Sighting, SignIn, SignInEnd, User
from services.access import codes, credentials, passwords, permissions, signin, tries
from services.access.actors import find_actor
from services.access.operation_names import OPERATIONS
from services.clock import FixedClock, SystemClock
from services.errors import InputError, NotAllowedError, NotFoundError
from services.record import chain
from services.record.database import WRITE
from tests.desk import CODE, Desk, make_desk
from tests.web.conftest import PASSWORD, QUICK, House, send

Houses = Callable[[str | None], House]
IDLE = timedelta(minutes=30)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Some tests try hundreds of passwords; the dear ones are for test_users.py."""
    monkeypatch.setattr(passwords, "_HASHER", QUICK)


@pytest.fixture
def desk(tmp_path):  # type: ignore[no-untyped-def]
    made = make_desk(tmp_path / "data")
    yield made
    made.session.close()
    made.engine.dispose()


@pytest.fixture
def wall() -> FixedClock:
    return FixedClock(SystemClock().now())


def enter(desk: Desk, wall: FixedClock, login: str, *, password: str = PASSWORD, **where: str) -> str:
    """Try to sign in."""
    return signin.sign_in(desk.session, wall, login=login, password=password, **where)


def full_width(text: str) -> str:
    """As a Chinese keyboard types it."""
    return "".join(chr(ord(each) + 0xFEE0) for each in text)


def elsewhere(desk: Desk, wall: FixedClock) -> tries.Place:
    """Where nobody has tried yet."""
    return tries.place_of(desk.session, wall.now(), login=desk.operator.login, address="203.0.113.1", browser="")


def entries(desk: Desk) -> list[AuditEntry]:
    return list(desk.session.exec(select(AuditEntry).order_by(col(AuditEntry.seq))))


def write(desk: Desk) -> None:
    """Somebody else writes; SQLite would wait for whoever holds the write lock."""
    with Session(desk.engine) as other:
        other.connection(execution_options=WRITE)
        other.add(Sighting(user_id=desk.operator.user_id, subject="application:1", seen_at=SystemClock().now()))
        other.commit()


class Door:
    """Does something each time that somebody comes through."""

    def __init__(self, act: Callable[[], None]) -> None:
        self.act = act

    def __enter__(self) -> None:
        self.act()

    def __exit__(self, *_: object) -> None:
        """Nothing to close."""


def test_who_is_not_known_is_not_let_in(house_at: Houses) -> None:
    browser = house_at("guide").browser()
    browser.get("/signin")
    answer = send(browser, "/signin", login="nobody", password="x")
    assert answer.status_code == 422
    assert "登录名或密码不对" in answer.text


@pytest.mark.parametrize("typed", [CODE.lower(), f" {CODE[:6]} {CODE[6:]} ", full_width(CODE)])
def test_an_enterprise_signs_in_with_its_code_however_it_types_it(house_at: Houses, typed: str) -> None:
    house = house_at("guide")
    with house.session() as session:
        session.exec(select(User).where(User.role == Role.APPLICANT)).one().login = CODE
        session.commit()
    browser = house.browser()
    assert 'autocapitalize="none"' in browser.get("/signin").text
    assert send(browser, "/signin", login=typed, password=PASSWORD).status_code == 303
    assert f">{CODE}<" in house.as_role(Role.AUDITOR).get("/audit/visits", params={"login": typed}).text


def test_wrong_tries_are_counted_together_however_the_code_is_typed(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    spellings = (CODE, CODE.lower(), f"{CODE[:9]} {CODE[9:]}")
    for typed in (spellings * 2)[: tries.AT_ONE_PLACE]:
        with pytest.raises(signin.SignInError, match="不对"):
            enter(desk, wall, typed, password="wrong")
    for typed in spellings:
        with pytest.raises(signin.SignInError, match="请 15 分钟后再试"):
            enter(desk, wall, typed, password="wrong")


def test_each_role_lands_on_a_page_of_its_own_and_can_leave(house_at: Houses) -> None:
    house = house_at("guide")
    for role in (Role.OPERATOR, Role.AUDITOR):
        browser = house.as_role(role)
        assert browser.get("/account").status_code == 200
        assert send(browser, "/signout").status_code == 303
        assert browser.get("/account").status_code == 303


def test_a_sign_in_leads_nowhere_else(house_at: Houses) -> None:
    house = house_at("guide")
    with house.session() as session:
        login = session.exec(select(User.login).where(User.role == Role.OPERATOR)).first()
    for target in ("https://elsewhere.invalid/", "//elsewhere.invalid", "/\\elsewhere.invalid"):
        browser = house.browser()
        browser.get("/signin")
        answer = send(browser, "/signin", login=login, password=PASSWORD, next=target)
        assert answer.headers["location"].startswith("/") and "elsewhere" not in answer.headers["location"]
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie and "SameSite=lax" in cookie


def test_five_wrong_passwords_lock_the_account_for_a_while(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    actor = desk.operator
    credentials.set_password(desk.session, wall, actor, user_id=actor.user_id, password=PASSWORD)
    for _ in range(tries.AT_ONE_PLACE):
        with pytest.raises(signin.SignInError, match="不对"):
            signin.sign_in(desk.session, wall, login=actor.login, password="wrong")
    with pytest.raises(signin.SignInError, match="请 15 分钟后再试"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)
    wall.advance(tries.LOCKED_FOR)
    assert signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)


def test_an_unknown_login_is_told_the_same_as_a_wrong_password(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    sentences = set()
    for login in (desk.operator.login, "nobody-at-all"):
        with pytest.raises(signin.SignInError) as error:
            signin.sign_in(desk.session, wall, login=login, password="wrong")
        sentences.add(str(error.value))
    assert len(sentences) == 1


def test_a_strangers_tries_do_not_lock_out_the_browser_that_is_known(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    actor = desk.operator
    credentials.set_password(desk.session, wall, actor, user_id=actor.user_id, password=PASSWORD)
    mark = signin.mark_of(enter(desk, wall, actor.login, address="10.0.0.1"))
    for number in range(40):
        with pytest.raises(signin.SignInError):
            enter(desk, wall, actor.login, password="wrong", address=f"192.0.2.{number}", browser="forged")
    with pytest.raises(signin.SignInError, match="次数过多"):
        enter(desk, wall, actor.login, address="192.0.2.200")
    assert enter(desk, wall, actor.login, address="10.0.0.1", browser=mark)
    other = desk.section_head
    credentials.set_password(desk.session, wall, other, user_id=other.user_id, password=PASSWORD)
    for _ in range(tries.AT_ONE_PLACE):
        with pytest.raises(signin.SignInError, match="不对"):
            enter(desk, wall, other.login, password="wrong", address="10.0.0.1", browser=mark)
    with pytest.raises(signin.SignInError, match="次数过多"):
        enter(desk, wall, other.login, address="10.0.0.1", browser=mark)  # the mark is another's


def test_strangers_are_slowed_down_together_and_never_for_more_than_a_minute(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    waits = []
    for number in range(tries.FREE + 8):
        with pytest.raises(signin.SignInError, match="不对"):
            enter(desk, wall, desk.operator.login, password="wrong", address=f"192.0.2.{number}")
        started = wall.now()
        while tries.patience(desk.session, wall.now(), elsewhere(desk, wall)):
            wall.advance(timedelta(seconds=1))
        waits.append((wall.now() - started).total_seconds())
    assert waits == [0] * tries.FREE + [2, 4, 8, 16, 32, 60, 60, 60]
    assert enter(desk, wall, desk.operator.login, address="192.0.2.250"), "and then the owner comes in from anywhere"


def test_whether_there_is_such_a_login_is_never_told(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    said = {login: [] for login in (desk.operator.login, "nobody-at-all")}
    for login, sentences in said.items():
        for number in range(30):
            with pytest.raises(signin.SignInError) as error:
                enter(desk, wall, login, password="wrong", address=f"192.0.2.{number // 7}")
            sentences.append(str(error.value))
    assert said[desk.operator.login] == said["nobody-at-all"]
    assert len(set(said["nobody-at-all"])) > 1


def test_no_write_waits_while_a_password_is_hashed(desk, wall: FixedClock, monkeypatch: pytest.MonkeyPatch) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    monkeypatch.setattr(passwords, "_ROOM", Door(lambda: write(desk)))
    for login, password in ((desk.operator.login, PASSWORD), (desk.operator.login, "wrong"), ("nobody", "wrong")):
        with suppress(signin.SignInError):
            enter(desk, wall, login, password=password)
    credentials.set_password(desk.session, wall, desk.system, user_id=desk.leader.user_id, password=PASSWORD)
    assert desk.session.exec(select(Sighting)).all()


def test_no_more_passwords_are_hashed_at_once_than_there_is_room_for() -> None:
    assert passwords.AT_ONCE <= 4
    held = [passwords._ROOM.acquire(timeout=1) for _ in range(passwords.AT_ONCE)]
    assert all(held)
    one_more = threading.Thread(target=passwords.hash_of, args=(PASSWORD,))
    one_more.start()
    one_more.join(0.3)
    assert one_more.is_alive()
    for _ in held:
        passwords._ROOM.release()
    one_more.join(10)
    assert not one_more.is_alive()


def test_what_changes_how_somebody_comes_in_is_in_the_audit_chain_without_secrets(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    leader, seen = find_actor(desk.session, desk.leader.login), len(entries(desk))
    credentials.set_password(desk.session, wall, desk.system, user_id=leader.user_id, password=PASSWORD)
    credentials.set_password(desk.session, wall, leader, user_id=leader.user_id, password="one of my own")
    secret = codes.new_secret()
    credentials.set_totp(desk.session, wall, leader, secret=secret, code=pyotp.TOTP(secret).at(wall.now()))
    credentials.drop_totp(desk.session, wall, desk.system, user_id=leader.user_id)
    with pytest.raises(NotFoundError):
        credentials.drop_totp(desk.session, wall, desk.section_head, user_id=desk.section_head.user_id)
    for _ in range(tries.AT_ONE_PLACE):
        with pytest.raises(signin.SignInError):
            enter(desk, wall, leader.login, password="wrong", address="192.0.2.7")
    with pytest.raises(signin.SignInError):
        enter(desk, wall, "nobody", password="wrong")
    found = entries(desk)[seen:]
    assert [(each.actor, each.operation) for each in found] == [
        ("system", "password.issue"),
        ("leader", "password.change"),
        ("leader", "codes.start"),
        ("system", "codes.reset"),
        ("system", "signin.fail"),
    ]
    assert all(each.operation in OPERATIONS for each in found)
    kept = desk.session.get_one(Credential, leader.user_id)
    told = str([each.changes for each in found])
    assert secret not in told and kept.password_hash not in told and "argon2" not in told
    assert found[-1].changes[0]["values"]["address"] == "192.0.2.7"
    assert chain.verify(desk.session) == []


def test_a_right_password_that_nobody_locks_leaves_no_entry(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    seen = len(entries(desk))
    with pytest.raises(signin.SignInError):
        enter(desk, wall, desk.operator.login, password="wrong")
    enter(desk, wall, desk.operator.login)
    assert len(entries(desk)) == seen


def test_a_visit_ends_after_half_a_day_however_busy(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    token = enter(desk, wall, desk.operator.login)
    for _ in range(12 * 3):
        wall.advance(timedelta(minutes=20))
        assert signin.visitor(desk.session, wall, token, idle=IDLE)
    wall.advance(timedelta(minutes=1))
    assert signin.visitor(desk.session, wall, token, idle=IDLE) is None
    assert desk.session.exec(select(SignIn.end)).one() is SignInEnd.EXPIRED


def test_an_open_page_does_not_let_anybody_try_the_password_or_drop_the_codes(house_at: Houses) -> None:
    browser = house_at("guide").as_role(Role.OPERATOR)
    secret = codes.new_secret()
    code = pyotp.TOTP(secret).at(SystemClock().now())
    assert send(browser, "/account/totp", secret=secret, code=code).status_code == 422
    assert send(browser, "/account/totp", secret=secret, code=code, password=PASSWORD).status_code == 303
    assert send(browser, "/account/totp/drop").status_code == 422
    for _ in range(tries.AT_ONE_PLACE):
        send(browser, "/account/password", old="wrong", new="a new pass phrase", again="a new pass phrase")
    answer = send(browser, "/account/totp/drop", password=PASSWORD)
    assert answer.status_code == 422 and "尝试次数过多" in answer.text


def test_an_empty_form_key_is_replaced_and_a_sign_in_brings_a_new_one(house_at: Houses) -> None:
    house = house_at("guide")
    browser = house.browser()
    browser.cookies.set("duixian_form", "", domain="testserver.local")
    browser.get("/signin")
    keys = [browser.cookies["duixian_form"]]
    assert keys[0]
    with house.session() as session:
        login = session.exec(select(User.login).where(User.role == Role.OPERATOR)).first()
    assert send(browser, "/signin", login=login, password=PASSWORD).status_code == 303
    keys.append(browser.cookies["duixian_form"])
    assert keys[0] != keys[1]
    assert browser.post("/signout", data={"form_key": keys[0]}).status_code == 403
    assert send(browser, "/signout").status_code == 303


def test_an_idle_visit_ends(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    token = signin.sign_in(desk.session, wall, login=desk.operator.login, password=PASSWORD)
    for _ in range(3):
        wall.advance(IDLE - timedelta(minutes=1))
        assert signin.visitor(desk.session, wall, token, idle=IDLE)
    wall.advance(IDLE + timedelta(seconds=1))
    assert signin.visitor(desk.session, wall, token, idle=IDLE) is None
    wall.advance(-IDLE)
    assert signin.visitor(desk.session, wall, token, idle=IDLE) is None, "an ended visit stays ended"
    assert token not in {visit.token_digest for visit in desk.session.exec(select(SignIn))}


def test_a_new_password_ends_every_visit_and_a_lent_one_must_be_changed(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    head = desk.section_head
    credentials.set_password(desk.session, wall, desk.system, user_id=head.user_id, password=PASSWORD)
    token = signin.sign_in(desk.session, wall, login=head.login, password=PASSWORD)
    visitor = signin.visitor(desk.session, wall, token, idle=IDLE)
    assert visitor is not None and visitor.must_change
    credentials.set_password(desk.session, wall, head, user_id=head.user_id, password="one of my own")
    assert signin.visitor(desk.session, wall, token, idle=IDLE) is None
    token = signin.sign_in(desk.session, wall, login=head.login, password="one of my own")
    visitor = signin.visitor(desk.session, wall, token, idle=IDLE)
    assert visitor is not None and not visitor.must_change


@pytest.mark.parametrize(("password", "told"), [("short", "至少 10 个"), ("aaaaaaaaaaaaa", "太简单")])
def test_a_plain_password_is_refused(desk, wall: FixedClock, password: str, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=told):
        credentials.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=password)


def test_nobody_but_the_administrator_touches_what_another_comes_in_with(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    credentials.set_password(desk.session, wall, desk.leader, user_id=desk.leader.user_id, password=PASSWORD)
    for role, allowed in permissions.ALLOWED.items():
        assert role not in ("password.issue", "codes.reset") or allowed == {Role.ADMINISTRATOR, Role.SYSTEM}
    for actor in (desk.operator, desk.section_head):
        with pytest.raises(NotAllowedError):
            credentials.set_password(desk.session, wall, actor, user_id=desk.leader.user_id, password="another one")
        with pytest.raises(NotAllowedError):
            credentials.drop_totp(desk.session, wall, actor, user_id=desk.leader.user_id)


def test_a_code_is_asked_for_once_set_up_and_works_once(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    actor = find_actor(desk.session, desk.operator.login)
    credentials.set_password(desk.session, wall, actor, user_id=actor.user_id, password=PASSWORD)
    secret = codes.new_secret()
    with pytest.raises(InputError, match="验证码不对"):
        credentials.set_totp(desk.session, wall, actor, secret=secret, code="000000x")
    credentials.set_totp(desk.session, wall, actor, secret=secret, code=pyotp.TOTP(secret).at(wall.now()))
    with pytest.raises(signin.CodeNeededError, match="请输入"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)
    used = pyotp.TOTP(secret).at(wall.now())
    with pytest.raises(signin.CodeNeededError, match="已用过"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD, code=used)
    wall.advance(timedelta(seconds=30))
    code = pyotp.TOTP(secret).at(wall.now())
    assert signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD, code=code)
