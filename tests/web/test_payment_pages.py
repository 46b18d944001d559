"""Treasuries in the console: their orders, lists to take away, results reported singly and by file."""

import hashlib
import io
import re
from collections.abc import Callable
from datetime import timedelta

import pytest
from fastapi.testclient import TestClient
from python_calamine import CalamineWorkbook
from sqlmodel import col, select

from models import (
    Application,
    AwardListEntry,
    Clawback,
    ClawbackGround,
    Credential,
    Message,
    Payment,
    PaymentOrder,
    PaymentStatus,
    Role,
    User,
)
from services.access.actors import system_actor
from services.clock import today
from services.cycle import cycles
from services.documents import write
from services.payment import payment_overview, payments
from tests.web.conftest import House, send

HOSTILE = "<script>alert(1)</script>"


@pytest.fixture
def house(house_at: Callable[[str | None], House]) -> House:
    """The money was just ordered, and the list written."""
    made = house_at("payment")
    with made.session() as session:
        payments.order(session, made.clock, system_actor(session), cycle_id=1)
        write(session, made.clock, system_actor(session), made.settings, cycles.get_cycle(session, 1), "payment_list")
    return made


def of_county(house: House, county: str) -> TestClient:
    """The browser of a county's treasury."""
    with house.session() as session:
        secret = session.exec(select(Credential)).first()
        assert secret is not None
        user = User(login=f"finance-{county}", name="县区财政示例", role=Role.FINANCE, county=county)
        session.add(user)
        session.flush()
        session.add(
            Credential(
                user_id=user.id or 0, password_hash=secret.password_hash, set_at=secret.set_at, set_by=user.id or 0
            )
        )
        session.commit()
    return house.signed_in(f"finance-{county}")


def payments_of(house: House, county: str) -> list[Payment]:
    """The payments ordered from a county."""
    with house.session() as session:
        query = select(Payment).join(PaymentOrder).where(PaymentOrder.county == county).order_by(col(Payment.id))
        return list(session.exec(query))


def get(house: House, payment: Payment) -> Payment:
    """The payment as it stands now."""
    with house.session() as session:
        return session.get_one(Payment, payment.id)


def upload(browser: TestClient, data: bytes, name: str = "结果.csv"):  # type: ignore[no-untyped-def]
    """Post a file of results."""
    key = browser.cookies.get("duixian_form", "")
    return browser.post("/payments/1/results", data={"form_key": key}, files={"file": (name, data)})


def test_before_the_order_the_page_says_so(house_at: Callable[[str | None], House]) -> None:
    browser = house_at("verification").as_role(Role.FINANCE)
    assert "资金还没有下达" in browser.get("/payments").text
    assert browser.get("/payments/1/export.xlsx").status_code == 404
    assert browser.get("/payments/999").status_code == 404


def test_the_page_adds_up_by_county_and_bearer(house: House) -> None:
    page = house.as_role(Role.FINANCE).get("/payments").text
    with house.session() as session:
        whole = sum(each.amount_fen for each in session.exec(select(Payment)))
        city = sum(each.amount_fen for each in session.exec(select(Payment).where(Payment.bearer == "city")))
    for fen in (whole, city, whole - city):
        assert f"{fen // 100:,}.{fen % 100:02d}" in page
    assert "肆仟伍佰陆拾肆万" in page and "芗城区" in page
    assert "不一致" not in page


def test_many_payments_are_leafed_through_county_by_county(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(payment_overview, "SHOWN", 2)
    browser = house.as_role(Role.FINANCE)
    whole = browser.get("/payments/1").text
    for county in ("xiangcheng", "longhai"):
        own, seen, address = payments_of(house, county), list[str](), f"/payments/1?county={county}"
        while address:
            page = browser.get(address).text
            part = page[page.index(f'id="county-{county}"') :].partition("</section>")[0]
            assert "<details open>" in part and f"逐笔查看 {len(own)} 笔" in part and f"逐笔查看 {len(own)} 笔" in whole
            seen += re.findall(r'href="/payments/items/(\d+)"', part)
            further = re.search(rf'href="([^"#]+)#county-{county}" rel="next"', part)
            address = further[1].replace("&amp;", "&") if further else ""
        assert seen == [str(each.id) for each in sorted(own, key=lambda each: each.number)]
    assert any(len(payments_of(house, county)) > 4 for county in ("xiangcheng", "longhai"))
    for each in payments_of(house, "longhai")[:3]:
        assert send(browser, f"/payments/items/{each.id}", result="failed", failure="账号错").status_code == 303
    page = browser.get("/payments/1").text
    assert "<dd>3 笔</dd>" in page and "共 3 笔，这里只列前 2 笔" in page


def test_the_list_is_the_document_that_was_written(house: House) -> None:
    browser = house.as_role(Role.AUDITOR)
    data = browser.get("/payments/1/list.xlsx").content
    assert CalamineWorkbook.from_filelike(io.BytesIO(data)).sheet_names[0] == "合计"
    assert "导入拨付结果" not in browser.get("/payments").text


def test_a_county_sees_and_takes_away_its_own_only(house: House) -> None:
    browser = of_county(house, "longhai")
    page = browser.get("/payments").text
    assert "龙海区" in page and "芗城区" not in page
    assert browser.get("/payments/1/list.xlsx").status_code == 404
    book = CalamineWorkbook.from_filelike(io.BytesIO(browser.get("/payments/1/export.xlsx").content))
    rows = book.get_sheet_by_index(0).to_python()
    assert [row[0] for row in rows[1:]] == sorted(each.number for each in payments_of(house, "longhai"))
    other = payments_of(house, "xiangcheng")[0]
    assert browser.get(f"/payments/items/{other.id}").status_code == 404
    assert send(browser, f"/payments/items/{other.id}", result="failed", failure="账号错").status_code == 404
    assert get(house, other).status is PaymentStatus.PENDING


def test_a_result_is_reported_and_a_refused_form_keeps_what_was_typed(house: House) -> None:
    browser, payment = house.as_role(Role.FINANCE), payments_of(house, "longhai")[0]
    path = f"/payments/items/{payment.id}"
    refused = send(browser, path, result="failed", reference=HOSTILE, failure="账号错误")
    assert refused.status_code == 422
    assert 'value="账号错误"' in refused.text and "&lt;script&gt;" in refused.text and HOSTILE not in refused.text
    assert "没有选择拨付结果" in send(browser, path).text
    assert "不是日期" in send(browser, path, result="paid", on="昨天").text
    late = (today(house.clock) + timedelta(days=9)).isoformat()
    assert "不在下达之日" in send(browser, path, result="paid", on=late).text
    assert send(browser, path, result="failed", failure="账号错误").status_code == 303
    assert "账号错误" in browser.get("/payments").text
    day = today(house.clock)
    assert send(browser, path, result="paid", on=day.isoformat(), reference="PZ1").status_code == 303
    now = get(house, payment)
    assert (now.status, now.paid_on, now.reference, now.failure) == (PaymentStatus.PAID, day, "PZ1", "")


def save(browser: TestClient, data: bytes) -> str:
    """Confirm the file that was looked at; the page of what was taken in."""
    answer = send(browser, "/payments/1/results/save", sha256=hashlib.sha256(data).hexdigest())
    assert answer.status_code == 303, answer.text
    return str(browser.get(answer.headers["location"]).text)


def test_a_file_of_results_is_told_row_by_row_before_anything_is_saved(house: House) -> None:
    browser = house.as_role(Role.FINANCE)
    first, second, third = payments_of(house, "longhai")[:3]
    rows = [
        "拨付编号,拨付结果,拨付日期,凭证号,失败原因",
        f"{first.number},已拨付,{today(house.clock)},PZ1,",
        f"{second.number},拨付失败,,,",
        f"{third.number},拨付失败,,,账号{HOSTILE}",
        "BF-9,已拨付,2026-06-01,PZ2,",
    ]
    data = "\n".join(rows).encode()

    def states() -> list[PaymentStatus]:
        return [get(house, each).status for each in (first, second, third)]

    page = re.sub(r"<[^>]+>", "", upload(browser, data).text)
    assert "新登记 2 笔，其中已拨付 1 笔" in page and "2 处有问题" in page
    assert "拨付失败没有写明原因" in page and "没有这个拨付编号" in page
    assert HOSTILE not in upload(browser, data).text
    assert states() == [PaymentStatus.PENDING] * 3
    with house.session() as session:
        assert session.exec(select(Message).where(Message.kind == "payment_made")).first() is None
    told = save(browser, data)
    assert "新登记 2 笔" in told and "没有这个拨付编号" in told and HOSTILE not in told
    assert states() == [PaymentStatus.PAID, PaymentStatus.PENDING, PaymentStatus.FAILED]
    assert send(browser, "/payments/1/results/save", sha256=hashlib.sha256(data).hexdigest()).status_code == 422
    again = re.sub(r"<[^>]+>", "", upload(browser, data).text)
    assert "新登记 0 笔" in again and "与已有登记相同 2 笔" in again, "what was refused is looked at again"
    right = "\n".join([*rows[:2], rows[3]]).encode()
    assert "新登记 0 笔" in re.sub(r"<[^>]+>", "", upload(browser, right).text)
    assert send(browser, "/payments/1/results/save", sha256=hashlib.sha256(right).hexdigest()).status_code == 303
    assert "导入过，没有新的登记" in upload(browser, right).text
    assert upload(browser, b"1,2\n3,4\n", "x.csv").status_code == 422
    assert upload(browser, b"", "x.csv").status_code == 422


def test_a_county_sees_the_files_of_its_own_treasury_only(house: House) -> None:
    payment = payments_of(house, "longhai")[0]
    data = f"拨付编号,拨付结果,拨付日期\n{payment.number},已拨付,{today(house.clock)}\n".encode()
    own, other = of_county(house, "longhai"), of_county(house, "xiangcheng")
    heading, wrong = "拨付编号,金额（元）,拨付结果,拨付日期", f"1.00,已拨付,{today(house.clock)}"
    told = [
        re.sub(r"<[^>]+>", "", upload(other, f"{heading}\n{number},{wrong}\n".encode()).text)
        for number in (payment.number, "BF-9")
    ]
    assert "没有这个拨付编号" in told[0] and told[0].replace(payment.number, "BF-9") == told[1], "as if there were none"
    assert "确认登记 1 笔" in upload(own, data).text
    page = send(own, "/payments/1/results/save", sha256=hashlib.sha256(data).hexdigest()).headers["location"]
    assert [browser.get(page).status_code for browser in (own, house.as_role(Role.AUDITOR), other)] == [200, 200, 404]
    assert page in own.get("/payments").text and page not in other.get("/payments").text


def test_an_exported_table_comes_back_with_its_results(house: House) -> None:
    browser, payment = house.as_role(Role.FINANCE), payments_of(house, "longhai")[0]
    send(browser, f"/payments/items/{payment.id}", result="failed", failure="账号错误")
    answer = upload(browser, browser.get("/payments/1/export.xlsx").content, "明细.xlsx")
    assert answer.status_code == 200
    assert "与已有登记相同 1 笔" in answer.text


def test_the_enterprise_reads_why_its_money_could_not_be_paid_and_where_to_correct_the_account(house: House) -> None:
    with house.session() as session:
        query = select(Payment, Application).join(AwardListEntry, AwardListEntry.id == Payment.entry_id)
        payment, application = session.exec(query.join(Application)).first() or (None, None)
        assert payment is not None and application is not None
        account = session.exec(select(User).where(User.login == "applicant")).one()
        account.enterprise_id, key, item = application.enterprise_id, application.id, payment.id
        session.add(account)
        session.commit()
    browser = house.signed_in("applicant")
    assert "没有拨付成功" not in browser.get("/my").text + browser.get(f"/my/{key}").text
    said = send(house.as_role(Role.FINANCE), f"/payments/items/{item}", result="failed", failure="户名与账号不符")
    assert said.status_code == 303, said.text
    assert "资金没有拨付成功，请核对收款账户" in browser.get("/my").text
    page = browser.get(f"/my/{key}").text
    assert "户名与账号不符" in page and 'class="panel panel--decide" id="account"' in page and "正在测算" not in page


def test_a_payment_that_came_back_is_noted_told_and_paid_again(house: House) -> None:
    browser, payment = house.as_role(Role.FINANCE), payments_of(house, "longhai")[0]
    address, day = f"/payments/items/{payment.id}", str(today(house.clock))
    assert "登记退回或更正" not in browser.get(address).text
    send(browser, address, result="paid", on=day, reference="凭-1")
    page = browser.get(address).text
    assert "登记退回或更正" in page and "<details open>" not in page
    for said, sentence in (
        ({"reason": HOSTILE}, "没有选择情形"),
        ({"what": "returned", "reason": HOSTILE}, "没有填写退回日期"),
        ({"what": "mistake", "on": day, "reason": HOSTILE}, "不填退回日期"),
        ({"what": "returned", "on": "昨天", "reason": HOSTILE}, "退回日期“昨天”不是日期"),
    ):
        answer = send(browser, f"{address}/returned", **said)
        assert answer.status_code == 422 and sentence in answer.text and HOSTILE not in answer.text
        assert "<details open>" in answer.text and "&lt;script&gt;" in answer.text
    assert send(browser, f"{address}/returned", what="returned", on=day, reason="账户已销户").status_code == 303
    assert get(house, payment).status is PaymentStatus.FAILED
    page = browser.get(address).text
    assert f"{day} 银行退回：账户已销户" in page and "凭证号 凭-1" in page and "登记拨付结果" in page
    assert "不能照原样再登记" in send(browser, address, result="paid", on=day, reference="凭-1").text
    assert "恢复原来的登记" in page and send(browser, f"{address}/stands").status_code == 303
    assert "原来的登记已恢复" in browser.get(address).text and get(house, payment).status is PaymentStatus.PAID
    assert "没有登记退回" in send(browser, f"{address}/stands").text
    assert send(browser, f"{address}/returned", what="returned", on=day, reason="账户已销户").status_code == 303
    assert send(browser, address, result="paid", on=day, reference="凭-2").status_code == 303


def test_who_is_to_pay_the_rest_of_an_award_that_is_claimed_back_is_told_so(house: House) -> None:
    browser, payment = house.as_role(Role.FINANCE), payments_of(house, "longhai")[0]
    address = f"/payments/items/{payment.id}"
    assert "正在追回" not in browser.get(address).text
    with house.session() as session:
        operator = session.exec(select(User).where(User.role == Role.OPERATOR)).first()
        assert operator is not None
        case = Clawback(
            cycle_id=session.get_one(PaymentOrder, payment.order_id).cycle_id,
            entry_id=payment.entry_id,
            number="ZH-1",
            ground=ClawbackGround.AUDIT,
            reason="虚报",
            clause="一",
            amount_fen=1,
            proposed_by=operator.id or 0,
            proposed_at=house.clock.now(),
        )
        session.add(case)
        session.commit()
    assert "正在追回（ZH-1）" in browser.get(address).text
    send(browser, address, result="paid", on=str(today(house.clock)), reference="凭-1")
    assert "拨付前请与经办人核实" not in browser.get(address).text


def test_counties_bureaus_and_auditors_report_nothing(house: House) -> None:
    payment = payments_of(house, "longhai")[0]
    for role in (Role.AUDITOR, Role.COUNTY_REVIEWER, Role.BUREAU_VERIFIER, Role.BUREAU_LEADER):
        browser = house.as_role(role)
        assert send(browser, f"/payments/items/{payment.id}", result="failed", failure="x").status_code == 403
        returned = {"what": "mistake", "reason": "x"}
        assert send(browser, f"/payments/items/{payment.id}/returned", **returned).status_code == 403
        assert send(browser, f"/payments/items/{payment.id}/stands").status_code == 403
    assert get(house, payment).status is PaymentStatus.PENDING
