"""查重认定: a former name is entered where it is seen, and who may be linked is told to who decides."""

from collections.abc import Callable

import pytest
from sqlmodel import col, select

from models import Application, ApplicationStatus, Enterprise, Finding, FindingVerdict, FormerName, LedgerEntry, Role
from services.grants import findings
from tests.web.conftest import House, send, shown

Open = Callable[[str | None], House]
OLD = "漳州旧名示例有限公司"


def renamed(house: House) -> int:
    """A finding whose ledger has another name."""
    with house.session() as session:
        finding = session.exec(select(Finding).where(col(Finding.ledger_entry_id).is_not(None))).first()
        assert finding is not None
        session.get_one(LedgerEntry, finding.ledger_entry_id).enterprise = OLD
        session.commit()
        return finding.id or 0


def test_the_ledgers_name_is_entered_as_a_former_one(house_at: Open) -> None:
    house = house_at(None)
    number, operator = renamed(house), house.as_role(Role.OPERATOR)
    assert "登记为曾用名" in operator.get(f"/findings/{number}").text
    assert send(operator, f"/findings/{number}/former-name").status_code == 303
    with house.session() as session:
        found = session.exec(select(FormerName).where(FormerName.name == OLD)).one()
        applicant = session.get_one(Application, session.get_one(Finding, number).application_id).enterprise_id
        assert (found.enterprise_id, found.source) == (applicant, "经办人登记")
    assert "登记为曾用名" not in operator.get(f"/findings/{number}").text
    assert send(operator, f"/findings/{number}/former-name").status_code == 422


def test_who_only_reads_enters_no_name(house_at: Open) -> None:
    house = house_at(None)
    number, auditor = renamed(house), house.as_role(Role.AUDITOR)
    assert "登记为曾用名" not in auditor.get(f"/findings/{number}").text
    assert send(auditor, f"/findings/{number}/former-name").status_code == 403


def undecided(house: House, number: int) -> list[int]:
    """The ids of so many findings, which wait for a decision."""
    with house.session() as session:
        found = session.exec(select(Finding).order_by(col(Finding.id)).limit(number)).all()
        for each in session.exec(select(Finding)):
            each.verdict, each.decided_by, each.decided_at = FindingVerdict.DISTINCT, None, None
        for each in found:
            each.verdict, each.reason = FindingVerdict.OPEN, ""
        session.commit()
        return [each.id or 0 for each in found]


def test_the_second_of_two_operators_does_not_replace_a_verdict_that_she_has_not_seen(house_at: Open) -> None:
    house = house_at("computation")
    number, further = undecided(house, 2)
    first, second = house.as_role(Role.OPERATOR), house.as_role(Role.OPERATOR)
    mark = shown(second.get(f"/findings/{number}").text)
    decided = {"verdict": "distinct", "reason": "合同不同"}
    answer = send(first, f"/findings/{number}/decide", shown=mark, **decided)
    assert (answer.status_code, answer.headers["location"]) == (303, f"/findings/{further}")
    hers = {"verdict": "duplicate", "reason": "同一张发票"}
    for stale in (mark, ""):
        refused = send(second, f"/findings/{number}/decide", shown=stale, **hers)
        assert refused.status_code == 422 and "认定有了变动" in refused.text
        assert "合同不同" in refused.text and ">同一张发票</textarea>" in refused.text
        assert f'<a href="/findings/{further}">看下一条' in refused.text
    with house.session() as session:
        assert session.get_one(Finding, number).verdict is FindingVerdict.DISTINCT
    assert send(second, f"/findings/{number}/decide", shown=shown(refused.text), **hers).status_code == 303
    with house.session() as session:
        assert session.get_one(Finding, number).verdict is FindingVerdict.DUPLICATE


def test_after_a_decision_the_next_one_further_on_is_shown_and_after_the_last_the_first(house_at: Open) -> None:
    house = house_at("computation")
    first, second, third = undecided(house, 3)
    operator = house.as_role(Role.OPERATOR)
    for number, leads_to in ((second, third), (third, first)):
        mark = shown(operator.get(f"/findings/{number}").text)
        fields = {"verdict": "distinct", "reason": "合同不同", "shown": mark}
        answer = send(operator, f"/findings/{number}/decide", **fields)
        assert answer.headers["location"] == f"/findings/{leads_to}"


def test_what_asks_the_same_is_decided_with_it_where_that_is_wanted(house_at: Open) -> None:
    house = house_at("computation")
    numbers = undecided(house, 3)
    with house.session() as session:
        rows = [session.get_one(Finding, number) for number in numbers]
        one = session.get_one(Application, rows[0].application_id)
        own = select(Application).where(Application.cycle_id == one.cycle_id, Application.id != one.id)
        two, three = session.exec(own.limit(2)).all()
        for each in (two, three):
            each.enterprise_id, each.measure = one.enterprise_id, one.measure
        for each in (one, two, three):
            each.project = each.contracts = each.invoices = ""
        for row, (left, right) in zip(rows, ((one, two), (one, three), (two, three)), strict=True):
            row.application_id, row.ledger_entry_id, row.other_application_id = left.id or 0, None, right.id
            row.pair = ""
        session.commit()
    operator = house.as_role(Role.OPERATOR)
    page = operator.get(f"/findings/{numbers[0]}").text
    assert "其余 2 条待认定的，也一并这样认定" in page
    fields = {"verdict": "distinct", "reason": "三次采购", "shown": shown(page), "alike": "1"}
    assert send(operator, f"/findings/{numbers[0]}/decide", **fields).headers["location"].startswith("/findings?")
    with house.session() as session:
        assert {session.get_one(Finding, number).reason for number in numbers} == {"三次采购"}


@pytest.fixture
def linked(house_at: Open) -> tuple[House, Application, Application]:
    """Two applications of two enterprises with one legal person."""
    house = house_at("verification")
    with house.session() as session:
        rows = session.exec(
            select(Application)
            .join(Enterprise, col(Enterprise.id) == Application.enterprise_id)
            .where(Application.status != ApplicationStatus.WITHDRAWN)
            .order_by(col(Application.id))
        ).all()
        one = rows[0]
        other = next(each for each in rows if each.enterprise_id != one.enterprise_id)
        for each in (one, other):
            each.legal_person = "林 示例"
        session.commit()
        return house, one, other


def test_linked_enterprises_are_told_in_the_list_and_on_the_application(
    linked: tuple[House, Application, Application],
) -> None:
    house, one, other = linked
    operator = house.as_role(Role.OPERATOR)
    page = operator.get("/findings?show=linked").text
    assert "法定代表人姓名相同" in page and one.number in page and other.number in page
    told = operator.get(f"/applications/{one.id}").text
    assert "关联提示" in told and f"{other.enterprise_name}（{other.number}）" in told


def test_a_county_is_not_told_of_other_counties_applicants(linked: tuple[House, Application, Application]) -> None:
    house, one, _ = linked
    with house.session() as session:
        county = session.get_one(Application, one.id).county
    page = house.signed_in(f"county-{county}").get(f"/applications/{one.id}")
    assert page.status_code == 200 and "关联提示" not in page.text


def test_the_next_that_waits_is_another_one_and_after_the_last_the_first(house_at: Open) -> None:
    house = house_at("computation")
    first, second, third = undecided(house, 3)
    with house.session() as session:
        assert findings.count_open(session, 1) == 3
        following = {each: findings.next_open(session, 1, each) for each in (first, second, third)}
        assert following == {first: second, second: third, third: first}
        for each in (first, second):
            session.get_one(Finding, each).verdict = FindingVerdict.DISTINCT
        session.commit()
        assert (findings.count_open(session, 1), findings.next_open(session, 1, first)) == (1, third)
        assert findings.next_open(session, 1, third) is None
