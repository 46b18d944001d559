"""A whole year by its people in real browsers, with a real Prefect server, worker, mailbox and console behind it."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import TypeVar

import pytest
from playwright.sync_api import Page
from python_calamine import CalamineWorkbook
from sqlmodel import Session, col, select

from cli.parts import Parts
from models import (
    AuditEntry,
    Cycle,
    CycleLease,
    CycleStatus,
    Message,
    MessageStatus,
    Payment,
    PaymentStatus,
    Role,
)
from services.access import credentials, people
from services.access.actors import find_actor, system_actor
from services.clock import SystemClock
from services.cycle import cycles
from services.record import chain
from services.record.database import engine_of
from tests.browser.people import (
    Administrator,
    Approver,
    Enterprise,
    Operator,
    Person,
    Reviewer,
    Treasurer,
    texts_of,
)
from tests.engine_parts import clock_of_parts, wait_until

pytestmark = [pytest.mark.engine, pytest.mark.long, pytest.mark.timeout(900)]

POLICY, YEAR, MEASURE = "zhangzhou-ai-2024", 2025, "compute-purchase"
FIRST = "a first pass phrase"
CODE = "91350699MA7XW0001X"
FACTS = {"fact_service_fee": "20万", "fact_item_date": "2025-06-30"}
EVIDENCE = ["算力服务合同", "发票", "付款凭证", "省级不予补助的通知"]
TOLD = {"receipt", "supplement_request", "review_request", "notice_started", "objection_received"}
TOLD |= {"objection_answered", "result_award", "payment_made"}
STAFF = (
    ("jing", "经办人甲", "经办人", ""),
    ("ke", "科长乙", "科室负责人", ""),
    ("fen", "分管丙", "分管领导", ""),
    ("ban", "办公会丁", "局长办公会", ""),
    ("fu", "府办戊", "市政府办公室", ""),
    ("cai", "财政己", "财政", ""),
    ("xian", "县区庚", "县区审核人", "芗城区"),
    ("gong", "工信辛", "部门核验人", "市工信局"),
    ("zheng", "财政壬", "部门核验人", "市财政局"),
    ("fa", "发改癸", "部门核验人", "市发改委"),
)


P = TypeVar("P", bound=Person)


class Year:
    """The year as it is recorded, and somebody's browser when one is needed."""

    def __init__(self, parts: Parts, address: str, window: Callable[..., Page]) -> None:
        self.parts, self.address, self._window = parts, address, window
        self.clock, self._engine = clock_of_parts(parts.settings), engine_of(parts.settings)

    def session(self) -> Session:
        """A session on the record."""
        return Session(self._engine, expire_on_commit=False)

    def person(self, kind: type[P], login: str = "", size: str = "desktop", *, scripts: bool = False) -> P:
        """Somebody, signed in when a login is given. Most browsers run no scripts: no form needs them."""
        found = kind(self._window(size, scripts=scripts), self.address)
        if login:
            found.sign_in(login)
        return found

    def until(self, stage: str) -> None:
        """Wait until the run has come to a stage, done its work there, and let go of the year."""

        def there() -> bool:
            with self.session() as session:
                cycle = session.exec(select(Cycle)).one()
                if cycle.status is not CycleStatus.OPEN or cycle.stage != stage:
                    return cycle.status is CycleStatus.CLOSED and stage == "closed"
                worked = cycles.current_visit(session, cycle).work_done_at is not None
                return worked and session.exec(select(CycleLease)).first() is None

        wait_until(self.parts, there, 180)

    def pass_due_day(self) -> None:
        """Move the clock past the present stage's due day."""
        with self.session() as session:
            due = cycles.current_visit(session, session.exec(select(Cycle)).one()).due_at
        assert due is not None
        self.clock.set(due + timedelta(hours=9))


@pytest.fixture
def year(parts: Parts, open_page: Callable[..., Page]) -> Iterator[Year]:
    """An empty installation with an administrator, its console running as a process of its own."""
    settings = parts.settings
    with Session(engine_of(settings), expire_on_commit=False) as session:
        clock, system = clock_of_parts(settings), system_actor(session)
        people.add_user(session, clock, system, login="guan", name="管理员", role=Role.ADMINISTRATOR)
        user_id = find_actor(session, "guan").user_id
        credentials.set_password(session, SystemClock(), system, user_id=user_id, password=FIRST)
    address = f"http://127.0.0.1:{settings.console_port}"
    with subprocess.Popen([sys.executable, "-m", "web"], env={**os.environ, **parts.environ}) as console:
        opened = Year(parts, address, open_page)
        page = open_page()
        wait_until(parts, lambda: _answers(page, address))
        yield opened
        console.terminate()


def _answers(page: Page, address: str) -> bool:
    return page.context.request.get(address, fail_on_status_code=False).ok if _listens(address) else False


def _listens(address: str) -> bool:
    import socket

    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", int(address.rsplit(":", 1)[1]))) == 0


def test_the_people_carry_a_year_from_registration_to_the_payment_list(year: Year, tmp_path: Path) -> None:
    _let_in(year, STAFF)
    operator = _opened(year)
    enterprise, number = _applied(year)
    operator.ask_supplement(number, "请说明付款凭证的编号")
    enterprise.answer_supplement(number, "请说明付款凭证的编号", "编号为 示例-001")
    year.pass_due_day()
    operator.move_on()
    year.until("county_review")

    assert year.person(Reviewer, "xian").agree() == 1
    year.until("verification")
    assert [year.person(Reviewer, login).agree() for login in ("gong", "zheng", "fa")] == [1, 1, 1]
    year.until("approval")
    assert len({year.person(Approver, login, size="phone").approve() for login in ("ke", "fen", "ban")}) == 1
    year.until("public_notice")

    visitor = year.person(Person)
    visitor.open("/")
    visitor.follow("查看公示名单")
    visitor.shows("漳州示例云帆科技有限公司")
    _object(visitor)
    year.pass_due_day()
    operator.move_on()
    year.until("objections")
    operator.dismiss_objection("YY2025-001", "经核查，核定无误")
    year.until("funds")
    year.person(Approver, "fu").approve("同意下达")
    year.until("payment")

    treasurer = year.person(Treasurer, "cai")
    book = CalamineWorkbook.from_path(treasurer.payment_list(tmp_path))
    cells = [str(cell) for name in book.sheet_names for row in book.get_sheet_by_name(name).to_python() for cell in row]
    assert "漳州示例云帆科技有限公司" in cells and any(cell in ("100000.0", "100000") for cell in cells)
    treasurer.pay([cell for cell in cells if cell.startswith("BF-")], _day(year))
    year.until("closed")
    enterprise.look(number)
    enterprise.says("100,000.00 元")
    enterprise.says("已拨付")
    enterprise.picture("result")
    _check_the_record(year)


def _opened(year: Year) -> Operator:
    """The operator opens the year, and its guide is approved."""
    operator = year.person(Operator, "jing")
    operator.open_year(POLICY, YEAR)
    year.until("guide")
    assert len({year.person(Approver, login).approve() for login in ("ke", "fen")}) == 1
    year.until("intake")
    return operator


def _applied(year: Year) -> tuple[Enterprise, str]:
    """An enterprise registers, sees what it may get, and applies for it."""
    enterprise = year.person(Enterprise, scripts=True)
    enterprise.register(CODE, "漳州示例云帆科技有限公司", lambda: texts_of(year.parts.mailbox))
    enterprise.estimate(MEASURE, FACTS)
    enterprise.says("100,000.00 元")
    enterprise.apply(MEASURE, "示例算力", FACTS, EVIDENCE)
    return enterprise, enterprise.number()


def _let_in(year: Year, staff: Sequence[tuple[str, str, str, str]]) -> None:
    """The administrator adds people and hands out first passwords; each sets one of their own."""
    _come_in(year, "guan", FIRST)
    administrator = year.person(Administrator, "guan")
    for login, name, role, place in staff:
        _come_in(year, login, administrator.add(login, name, role, place))


def _come_in(year: Year, login: str, first: str) -> None:
    newcomer = year.person(Person)
    newcomer.sign_in(login, first)
    newcomer.change_password(first)


def _object(visitor: Person) -> None:
    visitor.open("/")
    visitor.follow("提出异议")
    texts = {"raised_by": "某示例单位", "contact": "who@example.invalid", "grounds": "请核实其算力费用"}
    for field, text in texts.items():
        visitor.page.locator(f"#{field}").fill(text)
    visitor.press("提交异议")
    visitor.says("YY2025-001")


def _day(year: Year) -> date:
    return year.clock.now().date()


def _check_the_record(year: Year) -> None:
    """Paid once, told once, and every step by somebody of their own is in a whole chain."""
    with year.session() as session:
        payment = session.exec(select(Payment)).one()
        assert (payment.amount_fen, payment.status) == (100_000_00, PaymentStatus.PAID)
        assert chain.verify(session) == []
        acted = set(session.exec(select(AuditEntry.actor).order_by(col(AuditEntry.seq))))
        messages = session.exec(select(Message)).all()
    assert {login for login, *_ in STAFF} | {CODE, "guan"} <= acted
    assert {each.kind for each in messages} >= TOLD
    assert {each.status for each in messages} == {MessageStatus.SENT}
    assert len(texts_of(year.parts.mailbox)) == len(messages) + 1  # and the link that confirms the registration
