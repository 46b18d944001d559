"""Registrations that a mail address does not prove: the bureau confirms or refuses them, and the registrant is told."""

from collections.abc import Callable
from datetime import date

import pytest
from fastapi.testclient import TestClient
from sqlmodel import select

from models import AuditEntry, Ban, Enterprise, FormerName, LedgerEntry, LedgerLevel, Registration, Role, User
from services.clock import SystemClock
from services.enterprise import registration_mail
from tests.web.conftest import House, Mails, send
from tests.web.test_enterprise import NEW_CODE, wanted
from tests.web.test_invitation_pages import invite

Houses = Callable[[str | None], House]
CODE = NEW_CODE
INVITED = f"漳州受邀示例有限公司,{CODE},invited@example.invalid,60000000,20000000,20000000,5"
PASSWORD = "a good long secret"


@pytest.fixture
def house(house_at: Houses, mails: Mails) -> House:
    """A house whose record knows an enterprise without any address: it was imported."""
    made = house_at("intake")
    with made.session() as session:
        session.add(Enterprise(uscc=CODE, name="漳州导入示例有限公司", kind="企业", county="longhai"))
        session.commit()
    return made


def asks(house: House, mails: Mails, **changes: str) -> TestClient:
    """Register and open the link in the mail."""
    browser = house.browser()
    browser.get("/register")
    assert send(browser, "/register", **wanted(**changes)).status_code == 200
    assert "等待核实" in send(browser, mails.page()).text
    return browser


def comes_in(browser: TestClient) -> bool:
    return send(browser, "/signin", login=CODE, password=PASSWORD).status_code == 303


def test_an_imported_enterprise_is_not_taken_by_who_registers_its_code_first(house: House, mails: Mails) -> None:
    browser = asks(house, mails)
    assert not comes_in(browser)
    operator = house.as_role(Role.OPERATOR)
    page = operator.get("/registrations").text
    assert "漳州导入示例有限公司" in page and "名称不同" in page and "没有留过" in page and "陈示例" in page
    assert "县区不同" in page and "龙海区" in page and "类型不同" not in page
    with house.session() as session:
        number = session.exec(select(Registration.id)).one()
    assert send(operator, f"/registrations/{number}/accept").status_code == 303
    assert "注册已核实" in mails.text() or "已经核实" in mails.text()
    assert comes_in(browser)
    assert "龙海区" in browser.get("/my").text and "不对的，请联系我们更正" in browser.get("/my").text
    assert "没有待核实的注册" in operator.get("/registrations").text
    with house.session() as session:
        user = session.exec(select(User).where(User.login == CODE)).one()
        assert session.get_one(Enterprise, user.enterprise_id).name == "漳州导入示例有限公司"
        done = session.exec(select(AuditEntry).where(AuditEntry.operation == "registration.accept")).one()
        assert done.actor == "operator" and "argon2" not in str(done.changes)


def test_what_a_bureau_gave_of_an_invited_enterprise_is_not_read_by_who_registers_its_code(
    house_at: Houses, mails: Mails
) -> None:
    house = house_at("intake")
    operator = house.as_role(Role.OPERATOR)
    invite(operator, INVITED)
    browser = asks(house, mails)
    assert not comes_in(browser)
    page = operator.get("/registrations").text
    assert "免申即享名单（漳州受邀示例有限公司）" in page and "invited@example.invalid" in page
    with house.session() as session:
        assert session.exec(select(Enterprise).where(Enterprise.uscc == CODE)).first() is None


def test_the_mail_address_on_a_list_proves_the_invited_enterprise(house_at: Houses, mails: Mails) -> None:
    house = house_at("intake")
    invite(house.as_role(Role.OPERATOR), INVITED)
    browser = house.browser()
    browser.get("/register")
    send(browser, "/register", **wanted(email="Invited@example.invalid"))
    assert send(browser, mails.page()).status_code == 303
    assert comes_in(browser)
    assert "60000000.00 元" in browser.get("/my").text


@pytest.mark.parametrize(
    ("name", "is_known"),
    [("漳州导入（示例）有限公司", True), ("漳州旧名示例有限公司", True), ("漳州更名示例有限公司", False)],
)
def test_another_name_of_a_known_enterprise_is_looked_at_also_where_its_address_is_known(
    house: House, mails: Mails, name: str, *, is_known: bool
) -> None:
    with house.session() as session:
        known = session.exec(select(Enterprise).where(Enterprise.uscc == CODE)).one()
        known.name = "漳州导入(示例)有限公司"
        before = {"name": "漳州旧名示例有限公司", "source": "测试", "learned_at": house.clock.now()}
        session.add(FormerName(enterprise_id=known.id or 0, **before))
        session.commit()
    invite(house.as_role(Role.OPERATOR), INVITED)
    browser = house.browser()
    browser.get("/register")
    send(browser, "/register", **wanted(name=name, email="invited@example.invalid"))
    told = send(browser, mails.page())
    assert comes_in(browser) is is_known
    if not is_known:
        assert "等待核实" in told.text and "名称不同" in house.as_role(Role.OPERATOR).get("/registrations").text


def test_a_code_that_only_a_ban_or_the_ledger_names_waits_for_the_bureau(house_at: Houses, mails: Mails) -> None:
    house = house_at("intake")
    with house.session() as session:
        term = {"starts_on": date(2026, 1, 1), "until": date(2027, 12, 31)}
        cause = {"reason": "列入失信名单", "clause": "十一", "imposed_by": 1, "imposed_at": SystemClock().now()}
        ban = Ban(uscc=CODE, name="漳州失信示例有限公司", **term, **cause)
        session.add(ban)
        session.commit()
        assert not comes_in(asks(house, mails))
        assert "禁止申报（漳州失信示例有限公司）" in house.as_role(Role.OPERATOR).get("/registrations").text
        session.delete(ban)
        grant = {"level": LedgerLevel.CITY, "ledger_id": "SJ-1", "enterprise": "漳州旧奖示例有限公司", "year": 2024}
        session.add(LedgerEntry(uscc=CODE, **grant, amount_fen=100))
        session.commit()
        assert not comes_in(asks(house, mails))
        assert "市级台账（漳州旧奖示例有限公司）" in house.as_role(Role.OPERATOR).get("/registrations").text


def test_a_refusal_needs_a_reason_and_the_registrant_is_told_it(house: House, mails: Mails) -> None:
    browser = asks(house, mails)
    operator = house.as_role(Role.OPERATOR)
    with house.session() as session:
        number = session.exec(select(Registration.id)).one()
    refused = send(operator, f"/registrations/{number}/refuse", reason=" ")
    assert refused.status_code == 422 and "没有填写退回理由" in refused.text
    sent = len(mails)
    assert send(operator, f"/registrations/{number}/refuse", reason="电话核实不是本单位人员").status_code == 303
    assert len(mails) == sent + 1 and "电话核实不是本单位人员" in mails.text()
    assert not comes_in(browser)
    assert send(operator, f"/registrations/{number}/accept").status_code == 404, "decided once"
    with house.session() as session:
        kept = session.exec(select(Registration)).one()
        assert kept.reason == "电话核实不是本单位人员" and kept.password_hash == ""


def test_a_second_account_cannot_be_accepted(house: House, mails: Mails) -> None:
    first, second = asks(house, mails), asks(house, mails, email="other@example.invalid")
    operator = house.as_role(Role.OPERATOR)
    with house.session() as session:
        numbers = session.exec(select(Registration.id)).all()
    assert send(operator, f"/registrations/{numbers[0]}/accept").status_code == 303
    assert f"该单位已有账号“{CODE}”" in operator.get("/registrations").text
    refused = send(operator, f"/registrations/{numbers[1]}/accept")
    assert refused.status_code == 422 and "一个单位只能有一个" in refused.text
    assert comes_in(first) and comes_in(second), "the same password of the one account"


def test_what_is_decided_stands_when_the_mail_server_is_away(house: House, mails: Mails) -> None:
    browser = asks(house, mails)
    house.settings.smtp_port = 9  # nobody listens
    operator = house.as_role(Role.OPERATOR)
    with house.session() as session:
        number = session.exec(select(Registration.id)).one()
    send(operator, f"/registrations/{number}/accept")
    assert "邮件没有发出，请另行告知 chen@example.invalid" in operator.get("/registrations").text
    assert comes_in(browser)


def test_the_auditor_sees_what_waits_and_decides_nothing(house: House, mails: Mails) -> None:
    asks(house, mails)
    auditor = house.as_role(Role.AUDITOR)
    page = auditor.get("/registrations").text
    assert "陈示例" in page and "/accept" not in page
    assert "企业注册 1" in auditor.get("/audit/sightings").text


def test_the_mails_hold_what_was_typed_as_text(house: House) -> None:
    now = SystemClock().now()
    row = Registration(
        **{"token_digest": "", "uscc": CODE, "name": "<b>甲</b>", "kind": "企业", "county": "longhai", "contact": "乙"},
        **{"email": "a@example.invalid", "password_hash": "", "requested_at": now, "expires_at": now},
        reason="<i>理由</i>",
    )
    for template in (registration_mail.LINK, registration_mail.ACCEPTANCE, registration_mail.REFUSAL):
        letter = registration_mail.letter(house.settings, now, row, template, "/signin")
        assert "<b>甲" not in letter.html and "&lt;b&gt;甲" in letter.html and "<b>甲</b>" in letter.text
        assert letter.subject and "【需要您做的】" in letter.text
    assert "&lt;i&gt;理由" in letter.html
