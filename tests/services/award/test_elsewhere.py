"""Two policies that run side by side and one invoice: who approves the later list is told which award it is."""

import re
from typing import Any

import pytest
from sqlmodel import select

from models import Application, ApplicationStatus, Cycle, Finding, FindingVerdict, PaymentOrder
from services.award import elsewhere, lists
from services.award.elsewhere import Elsewhere
from services.cycle import cycles
from services.grants import findings
from tests.desk import Desk
from tests.services.paid_desk import again, another_year, apply, award, find, order

OTHER_INVOICE = "25352000000000000099"


def told(desk: Desk, cycle_id: int) -> list[Elsewhere]:
    cycle = cycles.get_cycle(desk.session, cycle_id)
    return list(elsewhere.since_search(desk.session, cycle, lists.current_list(desk.session, cycle)))


def listed(desk: Desk, cycle_id: int, stage: str = "approval") -> None:
    """The year computed and its list handed in for approval."""
    award(desk, cycle_id)
    lists.freeze(*desk.at, desk.system, cycle_id=cycle_id)
    cycle = desk.session.get_one(Cycle, cycle_id)
    cycle.stage = stage
    desk.session.commit()


def side_by_side(desk: Desk, **changes: Any) -> tuple[int, int]:
    """A year of two policies, both searched before either has a list."""
    apply(desk)
    year = another_year(desk, desk.cycle.year, "another-policy")
    again(desk, year, **changes)
    assert (find(desk, desk.cycle_id), find(desk, year)) == (0, 0)
    return desk.cycle_id, year


@pytest.mark.parametrize("stage", ["approval", "public_notice", "funds"])
def test_of_two_lists_that_are_out_each_is_told_of_the_other(either: Desk, stage: str) -> None:
    desk = either
    one, other = side_by_side(desk)
    listed(desk, one, stage)
    assert told(desk, one) == [], "the other one has no list yet"
    listed(desk, other)
    (here,), (there,) = told(desk, one), told(desk, other)
    numbers = {each.cycle_id: each.number for each in desk.session.exec(select(Application))}
    for each, number in ((here, numbers[other]), (there, numbers[one])):
        assert re.fullmatch(f"《.+》2025 年度申报 {number}，名单正在报批，漳州示例云帆科技有限公司", each.other)
    assert "发票" in here.evidence and here.application_id != there.application_id


def test_what_was_ordered_since_is_told_with_its_amount(desk: Desk) -> None:
    one, other = side_by_side(desk)
    listed(desk, other)
    (line,) = order(desk, one)
    (found,) = told(desk, other)
    assert f"{line.number}，已奖补 100,000.00 元，漳州示例" in found.other


def test_what_the_search_found_is_not_told_again(desk: Desk) -> None:
    one, other = side_by_side(desk)
    order(desk, one)
    assert find(desk, other) == 1
    listed(desk, other)
    assert told(desk, other) == []


def test_a_pair_that_a_person_took_for_distinct_is_not_told_when_the_year_orders_more(desk: Desk) -> None:
    one, other = side_by_side(desk)
    (line,) = order(desk, one)
    find(desk, other)
    pair = desk.session.exec(select(Finding).where(Finding.cycle_id == other)).one()
    reason = "发票拆分报销，各报一半"
    findings.decide(*desk.at, desk.operator, finding_id=pair.id or 0, verdict=FindingVerdict.DISTINCT, reason=reason)
    listed(desk, other)
    more = PaymentOrder(cycle_id=one, list_id=line.list_id, county="longwen", ordered_at=desk.clock.now())
    desk.session.add(more)
    desk.session.commit()
    assert told(desk, other) == []


@pytest.mark.parametrize("change", [{"invoices": OTHER_INVOICE}, {"invoices": ""}])
def test_another_invoice_or_none_is_nothing_to_tell(desk: Desk, change: dict[str, str]) -> None:
    one, other = side_by_side(desk, **change)
    listed(desk, one)
    listed(desk, other)
    assert (told(desk, one), told(desk, other)) == ([], [])


def test_what_got_nothing_on_one_side_is_nothing_to_tell(desk: Desk) -> None:
    one, other = side_by_side(desk)
    listed(desk, one)
    refused = desk.session.exec(select(Application).where(Application.cycle_id == other)).one()
    refused.status = ApplicationStatus.REFUSED
    desk.session.commit()
    listed(desk, other)
    assert (told(desk, one), told(desk, other)) == ([], [])
