"""查重 and what our own other years paid: one invoice is paid for once, and what comes every year by right is paid."""

from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

import matching
from models import (
    Application,
    Award,
    Certainty,
    Cycle,
    CycleStatus,
    Enterprise,
    Finding,
    FindingVerdict,
    LedgerLevel,
    Payment,
    PaymentStatus,
    VisitResult,
)
from services.application import dossier
from services.award import caseload
from services.cycle import gates
from services.grants import findings, ledger
from services.tables import write_csv
from tests.desk import CODE, OTHER_CODE, Desk
from tests.services.paid_desk import again, another_year, apply, award, claim_back, find, order

INVOICE = "25352000000000000017"
BASE: dict[str, Any] = {
    "measure": "annotation-base",
    "project": "数据标注基地",
    "declared": {"level": "省级", "item_date": "2025-06-30"},
}


def of(desk: Desk, cycle_id: int) -> list[Finding]:
    return list(desk.session.exec(select(Finding).where(Finding.cycle_id == cycle_id).order_by(col(Finding.id))))


def test_an_invoice_for_which_our_own_earlier_year_paid_is_found_and_nothing_is_paid_again(either: Desk) -> None:
    desk = either
    apply(desk)
    find(desk, desk.cycle_id)
    (line,) = order(desk, desk.cycle_id)
    year = another_year(desk)
    again(desk, year, project="换了名称")
    assert (line.amount_fen, find(desk, year)) == (100_000_00, 1)
    (found,) = of(desk, year)
    assert (found.certainty, found.verdict) == (Certainty.CERTAIN, FindingVerdict.DUPLICATE)
    assert found.other_application_id == line.application_id and INVOICE in found.evidence
    assert award(desk, year) == {"换了名称": 0}  # 200,000 × 40 % − 100,000
    told = desk.session.exec(select(Award.reason).where(Award.application_id == found.application_id)).one()
    assert "已获资助 100000" in told
    assert find(desk, year) == 0


@pytest.mark.parametrize("invoices", ["", "25352000000000000099"])
def test_what_comes_every_year_by_right_is_not_found(desk: Desk, invoices: str) -> None:
    apply(desk, {"contracts": "HT-2024-001"})
    order(desk, desk.cycle_id)
    year = another_year(desk)
    again(desk, year, invoices=invoices)
    assert (find(desk, year), award(desk, year)) == (0, {"示例算力": 80_000_00})


def test_what_was_claimed_back_is_not_granted(desk: Desk) -> None:
    apply(desk)
    (line,) = order(desk, desk.cycle_id)
    year = another_year(desk)
    again(desk, year)
    find(desk, year)
    claim_back(desk, line, 70_000_00)
    assert award(desk, year) == {"示例算力": 50_000_00}  # 40 % − (100,000 − 70,000)
    shown = caseload.pair(desk.session, of(desk, year)[0].id or 0).theirs
    assert shown.title.endswith("，已奖补 100,000.00 元，其中决定追回 70,000.00 元")


def test_what_was_wholly_claimed_back_is_as_if_it_had_never_been(desk: Desk) -> None:
    apply(desk)
    (line,) = order(desk, desk.cycle_id)
    claim_back(desk, line, line.amount_fen)
    year = another_year(desk)
    again(desk, year)
    find(desk, year)
    assert award(desk, year) == {"示例算力": 100_000_00}  # the first year of benefit


def test_a_year_of_another_policy_counts_as_well_and_is_named(desk: Desk) -> None:
    other = another_year(desk, 2025, "another-policy")
    apply(desk)
    again(desk, other, facts={"service_fee": "120000.00"})
    (line,) = order(desk, other)
    assert find(desk, desk.cycle_id) == 1
    assert award(desk, desk.cycle_id) == {"示例算力": 40_000_00}
    pair = caseload.pair(desk.session, of(desk, desk.cycle_id)[0].id or 0)
    law = "《漳州市培育扶持人工智能产业若干措施》"
    assert pair.theirs.title == f"{law}2025 年度申报 {line.number}，已奖补 60,000.00 元"
    assert (pair.shared, pair.other_name) == ({INVOICE}, "")


def test_both_applications_tell_of_one_another(desk: Desk) -> None:
    apply(desk)
    (line,) = order(desk, desk.cycle_id)
    year = another_year(desk)
    key = again(desk, year)
    find(desk, year)
    number = desk.session.get_one(Application, key).number
    ours, theirs = (
        dossier.case(desk.session, desk.clock, desk.operator, each).suspicions[0] for each in (key, line.application_id)
    )
    assert ours.counterpart.startswith(f"2025 年度申报 {line.number}，已奖补 100,000.00 元（")
    assert theirs.counterpart.startswith(f"2026 年度申报 {number}（")


def test_the_invoice_of_another_enterprise_waits_for_a_person_whose_decision_holds_for_that_award(desk: Desk) -> None:
    apply(desk)
    order(desk, desk.cycle_id)
    stranger = Enterprise(uscc=OTHER_CODE, name="漳州另一示例有限公司", kind="企业", county="xiangcheng")
    desk.session.add(stranger)
    desk.session.flush()
    values = {"enterprise_id": stranger.id, "enterprise_name": stranger.name, "project": "别家"}
    year, later = another_year(desk), another_year(desk, 2027)
    again(desk, year, **values)
    assert find(desk, year) == 1
    (found,) = of(desk, year)
    assert found.verdict is FindingVerdict.OPEN
    findings.decide(
        *desk.at, desk.operator, finding_id=found.id or 0, verdict=FindingVerdict.DISTINCT, reason="号码误录"
    )
    again(desk, later, **values)
    assert find(desk, later) == 1
    (carried,) = of(desk, later)
    assert (carried.verdict, carried.carried_from) == (FindingVerdict.DISTINCT, found.id)


def test_an_order_that_was_made_after_the_search_leads_back_to_it(desk: Desk) -> None:
    apply(desk)
    year = another_year(desk, 2025, "another-policy")
    again(desk, year)
    assert find(desk, desk.cycle_id) == 0
    gate = gates.read_gate(desk.session, desk.clock, desk.plan, desk.cycle)
    assert gate.leads_on
    cycle = desk.session.get_one(Cycle, desk.cycle_id)
    cycle.stage = "computation"
    desk.session.commit()
    order(desk, year)
    back = gates.read_gate(desk.session, desk.clock, desk.plan, cycle)
    assert (back.result, back.target) == (VisitResult.REOPENED, "matching")
    assert find(desk, desk.cycle_id) == 1
    assert gates.read_gate(desk.session, desk.clock, desk.plan, cycle).leads_on


def test_of_a_cancelled_year_only_what_was_paid_counts(desk: Desk) -> None:
    other = another_year(desk, 2025, "another-policy")
    apply(desk)
    again(desk, other)
    order(desk, other)
    desk.session.get_one(Cycle, other).status = CycleStatus.CANCELLED
    desk.session.commit()
    assert find(desk, desk.cycle_id) == 0
    payment = desk.session.exec(select(Payment)).one()
    payment.status, payment.paid_on = PaymentStatus.PAID, desk.clock.now().date()
    again(desk, desk.cycle_id, project="又一件", invoices=INVOICE)
    assert find(desk, desk.cycle_id) == 3  # each with the award, and with one another


def test_what_the_measure_reads_of_its_own_earlier_awards_is_not_deducted_twice(either: Desk) -> None:
    desk = either
    apply(desk, BASE)
    assert [each.amount_fen for each in order(desk, desk.cycle_id)] == [1_000_000_00]
    year = another_year(desk)
    again(desk, year, facts={"level": "国家级", "item_date": "2026-06-30"})
    assert find(desk, year) == 1
    assert award(desk, year) == {"数据标注基地": 2_000_000_00}


@pytest.mark.parametrize(
    ("named", "year", "yuan", "fen"),
    [
        pytest.param(True, "2025", "100000", 16_000_00, id="by policy and year"),
        pytest.param(True, "2025", "60000", 16_000_00, id="as much of it as the city bore"),
        pytest.param(False, "2025", "100000", 16_000_00, id="by year and amount, where no policy is named"),
        pytest.param(False, "2025", "10000", 6_000_00, id="of another amount it is another grant"),
        pytest.param(False, "2024", "10000", 6_000_00, id="and of another year"),
    ],
)
def test_an_award_of_ours_that_the_citys_ledger_has_too_is_one_award(
    either: Desk, tmp_path: Path, named: bool, year: str, yuan: str, fen: int
) -> None:
    desk = either
    apply(desk)
    order(desk, desk.cycle_id)
    path = tmp_path / "city.csv"
    headings = ["台账编号", "企业名称", "统一社会信用代码", "项目名称", "发票号码", "金额（元）", "年度"]
    row = ["Z1", "漳州示例云帆科技有限公司", CODE, "示例算力", INVOICE, yuan, year]
    policy = [desk.cycle.policy_id, "compute-purchase"] if named else ["", ""]
    write_csv(path, [*headings, "政策编号", "措施编号"], [[*row, *policy]])
    ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.CITY)
    following = another_year(desk)
    again(desk, following, facts={"service_fee": "290000.00"})
    assert find(desk, following) == 2
    assert award(desk, following) == {"示例算力": fen}  # 290,000 × 40 % − 100,000, and what else was granted


def test_without_other_years_nothing_more_is_compared(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching, "again", None)
    apply(desk)
    assert find(desk, desk.cycle_id) == 0
