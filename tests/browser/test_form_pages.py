"""Pages that answer a form, and an installation without any year: whole and accessible at both widths."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page
from sqlmodel import Session, col, select

from config.settings import Settings
from models import (
    Application,
    ApplicationStatus,
    AwardListEntry,
    Payment,
    PaymentStatus,
    RequestStatus,
    Role,
    StageVisit,
    User,
    VerificationRequest,
)
from services.access.actors import actor_of, system_actor
from services.application import completeness
from services.clock import CHINA, FileClock, SystemClock, today
from services.payment import payments
from services.record.database import engine_of
from services.record.schema import migrate
from tests.browser.conftest import Site, look, served, sign_in
from tests.web.conftest import House, ask, equip, return_list
from web.app import create_app

LEDGER = """台账编号,企业名称,统一社会信用代码,项目名称,发票号码,金额（元）,年度,级别
L1,漳州示例科技有限公司,91350600MA0000001H,视觉质检,24352000000012345678,12万,2024,市级
L2,漳州示例科技有限公司,91350600MA0000001K,算力采购,见附件,120000.00,2024,市级
L3,漳州示例科技有限公司,91350600MA0000001H,标注平台,,约十万,2024,县级
"""
PDF = b"%PDF-1.4\n%%EOF\n"
HOLIDAYS = "year: 2027\nsource: 示例通知\nprovisional: false\nholidays:\n  2027-01-01: 元旦\nworkdays: {}\n"


def test_reports_on_imports(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("intake"), open_page()
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/ledger")
    page.get_by_label("市级").check()
    _hand_in(page, LEDGER)
    assert "确认后新增" in page.inner_text("main")
    troubles = look(page, "form-ledger-report")
    page.goto(f"{site.address}/applications/import?cycle_id=1")
    _hand_in(page, "企业名称,措施\n漳州示例科技有限公司,没有这条措施\n")
    troubles += look(page, "form-import-report")
    assert troubles == []


def test_a_refused_form_and_an_estimate(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("intake"), open_page()
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/board")
    page.locator("summary", has_text="延长").click()
    page.locator("#days").fill("三")
    page.locator("#extend-reason").fill("部门人手不足")
    page.get_by_role("button", name="延长期限").click()
    assert "工作日数要填整数" in page.inner_text("main")
    troubles = look(page, "form-refused")
    page = open_page()
    sign_in(page, site, "applicant")
    page.goto(f"{site.address}/my/eligibility/compute-purchase")
    page.locator("#fact_service_fee").fill("20万")
    page.get_by_role("button", name="估算").click()
    assert "100,000.00" in page.inner_text("main")
    troubles += look(page, "form-estimate")
    assert troubles == []


def test_a_report_on_payments(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("payment"), open_page()
    with site.house.session() as session:
        payments.order(session, site.house.clock, system_actor(session), cycle_id=1)
        first, second = session.exec(select(Payment).order_by(col(Payment.id)).limit(2)).all()
    sign_in(page, site, "finance")
    page.goto(f"{site.address}/payments")
    day = today(site.house.clock)
    _hand_in(page, f"拨付编号,拨付结果,拨付日期\n{first.number},已拨付,{day}\n{second.number},拨付失败,\n")
    assert "确认后新登记 1 笔" in page.inner_text("main")
    assert look(page, "form-payment-report") == []


def test_a_returned_list_is_put_right(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("approval"), open_page()
    return_list(site.house, "云帆公司第四季度有退款，服务费没有扣除，请工信局重新核定。")
    sign_in(page, site, "operator")
    troubles = look(page, "form-returned-list")
    with site.house.session() as session:
        wanted = Application.measure == "compute-purchase", Application.status == ApplicationStatus.VERIFIED
        key = session.exec(select(Application.id).where(*wanted).order_by(col(Application.id))).first()
    page.goto(f"{site.address}/applications/{key}")
    page.locator("summary", has_text="重新核验").click()
    troubles += look(page, "form-verify-again")
    page.locator("#again-reason").fill("退款没有扣除")
    page.get_by_role("button", name="重新核验").click()
    assert "已转各部门重新核验" in page.inner_text("main")
    ask(site.house)
    with site.house.session() as session:
        asked = VerificationRequest.reviewer == "gxj", VerificationRequest.status == RequestStatus.OPEN
        request = session.exec(select(VerificationRequest).where(*asked)).one()
    page = open_page()
    sign_in(page, site, "bureau-gxj")
    page.goto(f"{site.address}/requests/{request.id}")
    assert "上次核定" in page.inner_text("main")
    troubles += look(page, "form-asked-again")
    page.goto(f"{site.address}/requests/table?group=1.compute-purchase.{'-'.join(request.facts)}")
    troubles += look(page, "form-asked-again-table")
    assert troubles == []


def test_an_account_is_corrected_by_the_enterprise_and_by_the_operator(
    site_at: Callable[[str | None], Site], open_page: Callable[..., Page]
) -> None:
    site, page = site_at("verification"), open_page()
    with site.house.session() as session:
        unit = session.exec(select(User.enterprise_id).where(User.login == "applicant")).one()
        own = Application.enterprise_id == unit, Application.measure == "compute-purchase"
        application = session.exec(select(Application).where(*own)).first()
        assert application is not None
        application.bank_account, key = "", application.id
        session.commit()
    sign_in(page, site, "applicant")
    page.goto(f"{site.address}/my/{key}")
    page.locator("#own_bank_name").fill("示例银行")
    page.locator("#own_bank_account").fill(" ")
    page.locator("#account").get_by_role("button", name="保存").click()
    assert "没有填写银行账号" in page.inner_text("#account")
    troubles = look(page, "form-own-account")
    page = open_page()
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/applications/{key}")
    page.locator("summary", has_text="更正收款账户").click()
    troubles += look(page, "form-account")
    page.locator("#own-bank-name").fill("示例银行")
    page.locator("#own-bank-account").fill("6200000000000000009")
    page.get_by_role("button", name="更正收款账户").click()
    assert "收款账户已更正" in page.inner_text("main")
    assert troubles == []


def test_money_that_could_not_be_paid_and_a_form_that_is_out_of_date(
    site_at: Callable[[str | None], Site], open_page: Callable[..., Page]
) -> None:
    site, page = site_at("payment"), open_page()
    with site.house.session() as session:
        payments.order(session, site.house.clock, system_actor(session), cycle_id=1)
        own = select(Payment, Application).join(AwardListEntry, col(AwardListEntry.id) == Payment.entry_id)
        own = own.join(Application, col(Application.id) == AwardListEntry.application_id)
        payment, application = session.exec(own.order_by(col(Payment.id)).limit(1)).one()
        session.exec(select(User).where(User.login == "applicant")).one().enterprise_id = application.enterprise_id
        key, item = application.id, payment.id
        payment.status, payment.failure = PaymentStatus.FAILED, "户名与账号不符"
        payment.reported_at = site.house.clock.now()
        session.commit()
    sign_in(page, site, "applicant")
    page.goto(f"{site.address}/my/{key}")
    page.get_by_role("link", name="资金没有拨付成功").click()
    assert "户名与账号不符" in page.inner_text("#account")
    troubles = look(page, "form-payment-failed")
    page = open_page()
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/payments/items/{item}")
    page.get_by_role("radio", name="已拨付").check()
    page.locator("#on").fill(str(today(site.house.clock)))
    page.get_by_role("button", name="登记").click()
    page.goto(f"{site.address}/payments/items/{item}")
    page.locator("summary", has_text="登记退回或更正").click()
    page.get_by_role("radio", name="登记有误").check()
    page.locator("#returned-on").fill(str(today(site.house.clock)))
    page.locator("#reason").fill("账户已销户")
    page.get_by_role("button", name="登记退回").click()
    assert "不填退回日期" in page.inner_text("main")
    troubles += look(page, "form-returned")
    page.get_by_role("radio", name="银行退回").check()
    page.get_by_role("button", name="登记退回").click()
    assert "待重新拨付" in page.inner_text("main")
    troubles += look(page, "form-payment-returned")
    page.goto(f"{site.address}/board")
    with site.house.session() as session:
        visit = session.exec(select(StageVisit).order_by(col(StageVisit.id).desc())).first()
        assert visit is not None and visit.due_at is not None
        visit.due_at += timedelta(days=1)
        session.commit()
    page.locator("summary", has_text="延长").click()
    page.locator("#days").fill("3")
    page.locator("#extend-reason").fill("财政系统检修")
    page.get_by_role("button", name="延长期限").click()
    assert "页面已过时" in page.inner_text("main")
    troubles += look(page, "form-out-of-date")
    assert troubles == []


def test_files_of_a_supplement_another_name_and_too_large_a_file(
    site_at: Callable[[str | None], Site], open_page: Callable[..., Page], tmp_path: Path
) -> None:
    site, page = site_at("completeness"), open_page()
    house = site.house
    with house.session() as session:
        unit = session.exec(select(User.enterprise_id).where(User.login == "applicant")).one()
        application = session.exec(select(Application).where(Application.enterprise_id == unit)).first()
        assert application is not None
        key = application.id or 0
        completeness.request_supplement(
            session,
            house.clock,
            actor_of(session.exec(select(User).where(User.login == "operator")).one()),
            settings=house.settings,
            application_id=key,
            remarks="请补充服务合同的签章页。",
        )
    sign_in(page, site, "applicant")
    page.goto(f"{site.address}/my/{key}")
    files = page.locator("form", has_text="提交补正").locator("input[type=file]").last
    files.set_input_files(files=[{"name": "签章页.pdf", "mimeType": "application/pdf", "buffer": PDF}])
    page.get_by_role("button", name="只上传所选文件").click()
    assert "签章页.pdf" in page.inner_text("main")
    troubles = look(page, "form-supplement-files")
    page = open_page()
    sign_in(page, site, "operator")
    page.goto(f"{site.address}/applications/{key}")
    page.locator("summary", has_text="更正单位名称").click()
    page.locator("#own-name").fill(" ")
    page.get_by_role("button", name="更正名称").click()
    assert "名称" in page.inner_text("[role=alert]")
    troubles += look(page, "form-name")
    page.goto(f"{site.address}/ledger")
    page.get_by_label("市级").check()
    large = tmp_path / "台账.xlsx"
    with large.open("wb") as file:
        file.truncate(60 * 1024 * 1024)
    page.locator("#file").set_input_files(large)
    page.get_by_role("button", name="上传并检查").click()
    assert "超过一次 50 兆字节的上限" in page.inner_text("main")
    troubles += look(page, "form-too-large")
    assert troubles == []


def test_a_calendar_that_is_looked_at(site_at: Callable[[str | None], Site], open_page: Callable[..., Page]) -> None:
    site, page = site_at("intake"), open_page()
    sign_in(page, site, "administrator")
    page.goto(f"{site.address}/settings/calendar")
    page.locator("#text").fill(HOLIDAYS)
    page.get_by_role("button", name="检查").click()
    assert "还没有保存" in page.inner_text("main")
    assert look(page, "form-calendar") == []


FIRST_PAGES = {None: ("/", "/register"), Role.OPERATOR: ("/board", "/reviews"), Role.AUDITOR: ("/duties",)}


def test_before_the_first_year(tmp_path: Path, open_page: Callable[..., Page]) -> None:
    settings = Settings(_env_file=None, data_dir=tmp_path, clock_file=tmp_path / "clock", engine_port=9)
    engine = engine_of(settings)
    migrate(engine)
    with Session(engine) as session:
        session.add(User(login="operator", name="经办人示例", role=Role.OPERATOR))
        equip(session)
    clock = FileClock(tmp_path / "clock")
    clock.set(SystemClock().now().astimezone(CHINA))
    with served(House(settings, clock, create_app(settings))) as site:
        for role, paths in FIRST_PAGES.items():
            page = open_page()
            if role is not None:
                sign_in(page, site, role.value)
            for path in paths:
                answer = page.goto(site.address + path)
                assert answer is not None and answer.status == 200, path
                assert look(page, f"first{path.replace('/', '-')}") == [], path


def _hand_in(page: Page, table: str) -> None:
    page.locator("#file").set_input_files({"name": "表.csv", "mimeType": "text/csv", "buffer": table.encode()})
    page.get_by_role("button", name="上传并检查").click()
    page.wait_for_load_state()
