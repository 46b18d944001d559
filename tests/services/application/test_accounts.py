"""收款账户: asked for when missing, supplied or corrected until the money is paid, and where the money goes then."""

import io
import re
from datetime import date, timedelta

import pytest
from python_calamine import CalamineWorkbook
from sqlmodel import col, select

from models import Application, ApplicationStatus, AuditEntry, Enterprise, Payment, Role
from services.access.actors import Actor
from services.application import accounts
from services.cycle import cancelling, cycles, gates
from services.documents import write
from services.documents.shelf import shelf
from services.errors import InputError, NotAllowedError, StateError
from services.payment import payment_overview, payments
from services.record.chain import verify
from tests.desk import AFTER_INTAKE, Desk
from tests.services.filled_record import Record, approve_funds, finish_work

BANK, ACCOUNT, OLD = "示例银行漳州分行", "6222021009999999999", "6222021001116245702"


@pytest.fixture
def ordered(record: Record) -> Record:
    approve_funds(record)
    payments.order(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    return record


def correct(record: Record, actor: Actor, place: int = 1, name: str = BANK, account: str = ACCOUNT) -> Application:
    key = record.application(place).id or 0
    given = {"application_id": key, "bank_name": name, "bank_account": account}
    return accounts.correct(record.session, record.clock, actor, settings=record.settings, **given)


def enterprise(record: Record, place: int) -> Actor:
    """The enterprise of the application at this place."""
    key = record.application(place).enterprise_id
    return Actor(1, "unit", "申报单位示例", Role.APPLICANT, enterprise_id=key)


def report(record: Record, place: int, failure: str = "") -> None:
    """What the treasury says of the payment at this place, from 0."""
    said = {"paid": not failure, "on": None if failure else date(2026, 3, 2), "failure": failure}
    payment = record.session.exec(select(Payment).order_by(col(Payment.number))).all()[place]
    payments.report(record.session, record.clock, record.actors["cai"], payment_id=payment.id or 0, **said)


def listed(record: Record) -> tuple[str, str]:
    """All cells of the payment list as it is written now, and of the export."""
    (row,) = write(record.session, record.clock, record.system, record.settings, record.cycle, "payment_list")
    lines = payment_overview.lines(record.session, record.actors["cai"], record.cycle)
    return cells((record.settings.output_dir / row.path).read_bytes()), cells(payment_overview.export(lines))


def cells(data: bytes) -> str:
    """All that stands in a workbook."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(data))
    return str([book.get_sheet_by_name(name).to_python() for name in book.sheet_names])


def test_an_account_that_failed_is_corrected_by_the_enterprise_and_paid(ordered: Record) -> None:
    report(ordered, 0, failure="账号与户名不符")
    assert all(ACCOUNT not in text for text in listed(ordered))
    finish_work(ordered)
    correct(ordered, enterprise(ordered, 1))
    assert cycles.current_visit(ordered.session, ordered.cycle).work_done_at is None, "the list is to be written anew"
    assert all(ACCOUNT in text and BANK in text for text in listed(ordered))
    finish_work(ordered)
    for place in range(5):
        report(ordered, place)
    assert gates.read_gate(ordered.session, ordered.clock, ordered.plan, ordered.cycle).target == "results"


def test_the_newest_list_has_the_account_that_was_set_back(ordered: Record) -> None:
    for account in (OLD, ACCOUNT, OLD):
        ordered.clock.advance(timedelta(hours=1))
        correct(ordered, ordered.actors["jing"], name="示例银行", account=account)
        listed(ordered)
    newest = payment_overview.written_list(ordered.session, ordered.actors["cai"], ordered.cycle_id)
    assert newest is not None
    assert ACCOUNT not in cells((ordered.settings.output_dir / newest.path).read_bytes())
    places = shelf(ordered.session, ordered.clock, ordered.actors["jing"], ordered.settings, ordered.cycle)
    (written,) = next(each for each in places if each.kind.id == "payment_list").written
    assert [each.id for each in written.files] == [newest.id] and written.drafts == 2


def test_a_list_written_anew_says_what_is_paid_and_shows_no_other_account_for_it(
    ordered: Record,
) -> None:
    for place in range(4):
        report(ordered, place)
    report(ordered, 4, failure="账号与户名不符")
    for place in (1, 2):
        ordered.application(place).bank_account = ACCOUNT  # corrected before its second share was paid
    correct(ordered, ordered.actors["jing"], 3)
    (row,) = write(ordered.session, ordered.clock, ordered.system, ordered.settings, ordered.cycle, "payment_list")
    path = ordered.settings.output_dir / row.path
    data = path.read_bytes()
    heading = CalamineWorkbook.from_filelike(io.BytesIO(data)).get_sheet_by_name("合计").to_python()[2][0]
    assert "其中已拨付 4 笔 87,345.67 元，待拨付 1 笔 200,000.01 元" in str(heading)
    text = cells(data)
    assert text.count("已拨付'") == 4 and text.count("2026, 3, 2") == 4 and "账号与户名不符" in text
    assert text.count(ACCOUNT) == 1 and OLD not in text
    lines = payment_overview.lines(ordered.session, ordered.actors["cai"], ordered.cycle)
    assert cells(payment_overview.export(lines)).count(ACCOUNT) == 1
    given = {"settings": ordered.settings, "cycle_id": ordered.cycle_id, "path": path}
    taken = payments.import_results(ordered.session, ordered.clock, ordered.actors["cai"], **given)
    assert (taken.rows_added, taken.rows_known, taken.problems) == (0, 5, [])


def test_what_was_missing_is_not_asked_for_again_once_it_is_given(ordered: Record) -> None:
    ordered.application(3).bank_account = " "
    ordered.session.commit()
    correct(ordered, ordered.actors["jing"], 3)
    assert payments.tell(ordered.session, ordered.clock, ordered.settings, ordered.cycle) == 0


def test_an_account_stands_once_all_of_the_money_was_paid(ordered: Record) -> None:
    report(ordered, 0)
    correct(ordered, ordered.actors["jing"])  # the county's share is still to be paid
    report(ordered, 1)
    with pytest.raises(StateError, match="资金已经拨付，不能再更正收款账户"):
        correct(ordered, ordered.actors["jing"], account=OLD)
    assert ordered.application(1).bank_account == ACCOUNT


def test_only_the_operator_and_the_enterprise_itself_correct_an_account(ordered: Record) -> None:
    with pytest.raises(NotAllowedError, match="只能更正本企业"):
        correct(ordered, enterprise(ordered, 2))
    with pytest.raises(NotAllowedError, match="无权办理"):
        correct(ordered, ordered.actors["cai"])


@pytest.mark.parametrize(("name", "account", "missing"), [(" ", ACCOUNT, "开户银行"), (BANK, "", "银行账号")])
def test_half_an_account_is_none(ordered: Record, name: str, account: str, missing: str) -> None:
    with pytest.raises(InputError, match=f"没有填写{missing}；"):
        correct(ordered, ordered.actors["jing"], name=name, account=account)
    assert ordered.application(1).bank_account == OLD


@pytest.mark.parametrize(
    ("account", "told"),
    [
        ("1234567", "有 7 位（应为 8 至 32 位数字）"),
        ("1" * 33, "有 33 位（应为 8 至 32 位数字）"),
        ("622202 1OO1116245702", "有数字以外的字符（应为 8 至 32 位数字，中间可以有空格、短横）"),
        ("示例银行 6222021001116245702", "有数字以外的字符"),
        ("NRA", "有数字以外的字符"),
        ("6222021001116245702;6222021009999999999", "有数字以外的字符"),
    ],
)
def test_what_no_bank_has_as_a_number_is_refused(ordered: Record, account: str, told: str) -> None:
    with pytest.raises(InputError, match=f"^银行账号{re.escape(told)}.*；请更正。$") as refused:
        correct(ordered, ordered.actors["jing"], account=account)
    assert account not in str(refused.value)
    assert ordered.application(1).bank_account == OLD


@pytest.mark.parametrize(
    "account", ["6222 0210 0111 6245 702", "3500-1234-5678", "６２２２０２１００１１１", "FTE 0210 0111 6245"]
)
def test_figures_may_be_set_apart(ordered: Record, account: str) -> None:
    assert correct(ordered, ordered.actors["jing"], account=account).bank_account == account


def test_who_pays_is_told_of_an_odd_account_as_long_as_it_is_to_be_paid(ordered: Record) -> None:
    ordered.application(1).bank_account = "12345"
    ordered.session.commit()
    report(ordered, 0)
    lines = payment_overview.lines(ordered.session, ordered.actors["cai"], ordered.cycle)
    assert [each.account_doubt for each in lines] == ["", "有 5 位（应为 8 至 32 位数字）", "", "", ""]


def test_nothing_is_corrected_where_nothing_is_paid(ordered: Record) -> None:
    ordered.application(5).status = ApplicationStatus.REFUSED
    ordered.session.commit()
    with pytest.raises(StateError, match="部门联审不通过，不能再更正"):
        correct(ordered, ordered.actors["jing"], 5)
    cancelling.cancel(
        ordered.session,
        ordered.clock,
        ordered.actors["jing"],
        settings=ordered.settings,
        cycle_id=ordered.cycle_id,
        reason="停办",
    )
    with pytest.raises(StateError, match="流程已经结束，不能再更正收款账户"):
        correct(ordered, ordered.actors["jing"])


def test_the_chain_says_that_an_account_changed_and_not_what_it_held(ordered: Record) -> None:
    correct(ordered, ordered.actors["jing"])
    entry = ordered.session.exec(select(AuditEntry).order_by(col(AuditEntry.seq).desc())).first()
    assert entry is not None and entry.operation == "application.account"
    assert "bank_account" in str(entry.changes) and ACCOUNT not in str(entry.changes)
    assert verify(ordered.session) == []


# 补正


def test_an_account_is_asked_for_where_money_may_follow(desk: Desk) -> None:
    desk.open_intake()
    lacking = desk.submit(bank_name=" ", bank_account="")
    referral = desk.submit(
        measure="talent", project="", bank_name="", bank_account="", declared={"programme": "职业技能培训"}
    )
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    asked = desk.session.get_one(Application, lacking)
    assert asked.status_reason == "没有填写开户银行，请补填；没有填写银行账号，请补填"
    assert "银行" not in desk.session.get_one(Application, referral).status_reason
    given = {"bank_name": BANK, "bank_account": ACCOUNT}
    with pytest.raises(StateError, match="转报上级，本市不拨付资金"):
        accounts.correct(*desk.at, desk.operator, settings=desk.settings, application_id=referral, **given)


def test_an_account_that_cannot_be_one_is_asked_for_where_money_may_follow(desk: Desk) -> None:
    desk.open_intake()
    odd = desk.submit(bank_account="见附件")
    referral = desk.submit(
        measure="talent", project="", bank_name="", bank_account="无", declared={"programme": "职业技能培训"}
    )
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    asked = desk.session.get_one(Application, odd).status_reason
    assert asked == "银行账号有数字以外的字符（应为 8 至 32 位数字，中间可以有空格、短横），请更正"
    assert "银行" not in desk.session.get_one(Application, referral).status_reason


def test_money_goes_to_the_name_of_today_and_the_list_is_told_too(ordered: Record) -> None:
    report(ordered, 4)
    for place in (1, 3):
        application = ordered.application(place)
        renamed = ordered.session.get_one(Enterprise, application.enterprise_id)
        renamed.name = f"更名{place}示例有限公司"
    ordered.session.commit()
    was = [ordered.application(place).enterprise_name for place in (1, 3)]
    for text in listed(ordered):
        assert text.count(f"更名1示例有限公司（名单所列：{was[0]}）") == 2, "both shares"
        assert "更名3" not in text and was[1] in text, "that is paid"
