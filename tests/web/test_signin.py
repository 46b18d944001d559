"""Coming in, staying in, and being put out."""

from collections.abc import Callable
from datetime import timedelta

import pyotp
import pytest
from sqlmodel import select

from models import Credential, Role, SignIn, User
from services import signin
from services.actors import find_actor
from services.clock import FixedClock, SystemClock
from services.errors import InputError, NotAllowedError
from tests.desk import make_desk
from tests.web.conftest import PASSWORD, House, send

Houses = Callable[[str | None], House]
IDLE = timedelta(minutes=30)


@pytest.fixture
def desk(tmp_path):  # type: ignore[no-untyped-def]
    made = make_desk(tmp_path / "data")
    yield made
    made.session.close()
    made.engine.dispose()


@pytest.fixture
def wall() -> FixedClock:
    return FixedClock(SystemClock().now())


def test_who_is_not_known_is_not_let_in(house_at: Houses) -> None:
    browser = house_at("guide").browser()
    browser.get("/signin")
    answer = send(browser, "/signin", login="nobody", password="x")
    assert answer.status_code == 422
    assert "登录名或密码不对" in answer.text


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
    signin.set_password(desk.session, wall, actor, user_id=actor.user_id, password=PASSWORD)
    for _ in range(signin.ATTEMPTS):
        with pytest.raises(signin.SignInError, match="不对"):
            signin.sign_in(desk.session, wall, login=actor.login, password="wrong")
    with pytest.raises(signin.SignInError, match="已锁定，请 15 分钟后再试"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)
    wall.advance(signin.LOCKED_FOR)
    assert signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)


def test_an_unknown_login_is_told_the_same_as_a_wrong_password(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    signin.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
    sentences = set()
    for login in (desk.operator.login, "nobody-at-all"):
        with pytest.raises(signin.SignInError) as error:
            signin.sign_in(desk.session, wall, login=login, password="wrong")
        sentences.add(str(error.value))
    assert len(sentences) == 1


def test_an_idle_visit_ends(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    signin.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=PASSWORD)
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
    signin.set_password(desk.session, wall, desk.operator, user_id=head.user_id, password=PASSWORD)
    token = signin.sign_in(desk.session, wall, login=head.login, password=PASSWORD)
    visitor = signin.visitor(desk.session, wall, token, idle=IDLE)
    assert visitor is not None and visitor.must_change
    signin.set_password(desk.session, wall, head, user_id=head.user_id, password="one of my own")
    assert signin.visitor(desk.session, wall, token, idle=IDLE) is None
    token = signin.sign_in(desk.session, wall, login=head.login, password="one of my own")
    visitor = signin.visitor(desk.session, wall, token, idle=IDLE)
    assert visitor is not None and not visitor.must_change


@pytest.mark.parametrize(("password", "told"), [("short", "至少 10 个"), ("aaaaaaaaaaaaa", "太简单")])
def test_a_plain_password_is_refused(desk, wall: FixedClock, password: str, told: str) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(InputError, match=told):
        signin.set_password(desk.session, wall, desk.operator, user_id=desk.operator.user_id, password=password)


def test_nobody_but_those_who_add_users_sets_the_password_of_another(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(NotAllowedError):
        signin.set_password(desk.session, wall, desk.section_head, user_id=desk.operator.user_id, password=PASSWORD)


def test_a_code_is_asked_for_once_set_up_and_works_once(desk, wall: FixedClock) -> None:  # type: ignore[no-untyped-def]
    actor = find_actor(desk.session, desk.operator.login)
    signin.set_password(desk.session, wall, actor, user_id=actor.user_id, password=PASSWORD)
    secret = signin.new_totp_secret()
    with pytest.raises(InputError, match="验证码不对"):
        signin.set_totp(desk.session, wall, actor, secret=secret, code="000000x")
    signin.set_totp(desk.session, wall, actor, secret=secret, code=pyotp.TOTP(secret).at(wall.now()))
    with pytest.raises(signin.CodeNeededError, match="请输入"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD)
    used = pyotp.TOTP(secret).at(wall.now())
    with pytest.raises(signin.CodeNeededError, match="已用过"):
        signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD, code=used)
    wall.advance(timedelta(seconds=30))
    code = pyotp.TOTP(secret).at(wall.now())
    assert signin.sign_in(desk.session, wall, login=actor.login, password=PASSWORD, code=code)
    kept = desk.session.get_one(Credential, actor.user_id)
    assert kept.failures == 0
