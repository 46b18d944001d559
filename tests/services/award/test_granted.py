"""What was granted before is deducted once, however many applications it was for."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlmodel import col, select

import policy
from models import Cycle, Finding, FindingVerdict, LedgerLevel
from services.award import backtest
from services.award.granted import granted_before, shares
from services.grants import findings, ledger
from services.law import policies
from services.tables import write_csv
from tests.desk import CODE, OTHER_CODE, Desk
from tests.services.paid_desk import again, another_year, apply, award, claim_back, find, order

HEADINGS = ["台账编号", "企业名称", "统一社会信用代码", "项目名称", "发票号码", "金额（元）", "年度"]
NAME = "漳州示例云帆科技有限公司"
FIRST, SECOND = "25352000000000000017", "25352000000000000018"


def purchase(project: str, fee: str, invoices: str) -> dict[str, Any]:
    declared = {"service_fee": fee, "item_date": "2025-06-30", "province_refused": "否"}
    return {"project": project, "invoices": invoices, "declared": declared}


def bring(desk: Desk, folder: Path, invoices: str, yuan: str) -> None:
    path = folder / "省级.csv"
    write_csv(path, HEADINGS, [["P1", NAME, CODE, "算力补助", invoices, yuan, "2025"]])
    ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.PROVINCE)
    find(desk, desk.cycle_id)


def settle(desk: Desk, **overrides: dict[str, str]) -> None:
    desk.session.get_one(Cycle, desk.cycle_id).overrides = overrides
    desk.session.commit()


@pytest.mark.parametrize(
    ("fees", "fen"),
    [
        (("100000", "100000"), {"甲": 10_000_00, "乙": 50_000_00}),
        (("20000", "180000"), {"甲": 0, "乙": 60_000_00}),
        (("180000", "20000"), {"甲": 50_000_00, "乙": 10_000_00}),
    ],
)
def test_one_grant_for_two_applications_is_deducted_once(
    either: Desk, tmp_path: Path, fees: tuple[str, str], fen: dict[str, int]
) -> None:
    """Filed as one application: 200,000 × 50 % − 40,000."""
    apply(either, purchase("甲", fees[0], FIRST), purchase("乙", fees[1], SECOND))
    bring(either, tmp_path, f"{FIRST};{SECOND}", "40000")
    assert award(either, either.cycle_id) == fen
    (proof,) = backtest.backtest(either.session, either.cycle)
    assert proof.is_same


@pytest.mark.parametrize(
    ("grant", "fen"),
    [
        ("500000", {"上半年": 300_000_00, "下半年": 200_000_00}),
        ("900000", {"上半年": 0, "下半年": 100_000_00}),
        ("1000000", {"上半年": 0, "下半年": 0}),
    ],
)
def test_what_a_grant_takes_off_one_half_of_a_year_frees_nothing_for_the_other(
    desk: Desk, tmp_path: Path, grant: str, fen: dict[str, int]
) -> None:
    """Filed as one application: at most 1,000,000 a year, less the grant."""
    apply(desk, half("上半年", "2025-01-01", "2025-06-30", FIRST), half("下半年", "2025-07-01", "2025-12-31", SECOND))
    bring(desk, tmp_path, f"{FIRST};{SECOND}", grant)
    assert award(desk, desk.cycle_id) == fen


def half(project: str, first: str, last: str, invoice: str) -> dict[str, Any]:
    days = {"operation_start": "2025-01-01", "period_from": first, "period_to": last}
    declared = {"turnover": "8000000", **days}
    return {"measure": "annotation-operation", "project": project, "invoices": invoice, "declared": declared}


def test_two_applications_for_one_item_both_count_the_grant_and_the_higher_is_paid(desk: Desk, tmp_path: Path) -> None:
    apply(desk, purchase("高", "150000", FIRST), purchase("低", "100000", FIRST))
    bring(desk, tmp_path, FIRST, "40000")
    assert award(desk, desk.cycle_id) == {"高": 35_000_00, "低": 0}


def test_where_any_grant_excludes_it_excludes_each(desk: Desk, tmp_path: Path) -> None:
    settle(desk, policy={"overlap": "不再补"})
    apply(desk, purchase("甲", "100000", FIRST), purchase("乙", "100000", SECOND))
    bring(desk, tmp_path, f"{FIRST};{SECOND}", "40000")
    assert award(desk, desk.cycle_id) == {"甲": 0, "乙": 0}


def test_the_shares_are_of_what_they_would_get_before_the_budget_is_cut(desk: Desk, tmp_path: Path) -> None:
    settle(desk, **{"compute-purchase": {"budget": "30000", "when_short": "按比例"}})
    apply(desk, purchase("甲", "100000", FIRST), purchase("乙", "100000", SECOND))
    bring(desk, tmp_path, f"{FIRST};{SECOND}", "40000")
    assert award(desk, desk.cycle_id) == {"甲": 5_000_00, "乙": 25_000_00}


def test_an_application_that_ended_takes_no_share(desk: Desk, tmp_path: Path) -> None:
    apply(desk, purchase("甲", "100000", FIRST), purchase("乙", "100000", SECOND))
    bring(desk, tmp_path, f"{FIRST};{SECOND}", "40000")
    (first, _) = desk.session.exec(select(Finding).order_by(col(Finding.application_id))).all()
    first.verdict = FindingVerdict.DISTINCT
    desk.session.commit()
    assert award(desk, desk.cycle_id) == {"甲": 50_000_00, "乙": 10_000_00}


def test_an_award_of_another_year_for_two_applications_is_deducted_once(desk: Desk) -> None:
    apply(desk, purchase("甲", "200000", f"{FIRST};{SECOND}"))
    order(desk, desk.cycle_id)
    year = another_year(desk)
    for project, invoice in (("乙", FIRST), ("丙", SECOND)):
        again(desk, year, facts={"service_fee": "145000"}, project=project, invoices=invoice)
    assert find(desk, year) == 2
    assert award(desk, year) == {"乙": 0, "丙": 16_000_00}  # 290,000 × 40 % − 100,000


BASE = {
    "measure": "annotation-base",
    "project": "国家级数据标注试点",
    "declared": {"level": "国家级", "item_date": "2025-06-30"},
}


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="the history has it, and the measure takes it off itself"),
        pytest.param({"统一社会信用代码": ""}, id="without a code the history does not have it"),
        pytest.param({"统一社会信用代码": OTHER_CODE}, id="of another code"),
        pytest.param({"措施编号": "compute-purchase"}, id="the measure reads its own awards only"),
        pytest.param({"年度": "2026"}, id="no earlier award"),
        pytest.param({"政策编号": "zhangzhou-robots-2023"}, id="another policy"),
    ],
)
def test_an_earlier_award_that_the_citys_ledger_has_is_deducted_once(
    either: Desk, tmp_path: Path, changes: dict[str, str]
) -> None:
    """300万 for 国家级, of which 100万 was paid for 省级 the year before."""
    row = dict(zip(HEADINGS, ["Z1", NAME, CODE, "省级数据标注试点", FIRST, "1000000", "2024"], strict=True))
    row |= {"政策编号": either.cycle.policy_id, "措施编号": "annotation-base"} | changes
    apply(either, BASE)
    path = tmp_path / "市级.csv"
    write_csv(path, list(row), [list(row.values())])
    ledger.import_ledger(*either.at, either.operator, path=path, level=LedgerLevel.CITY)
    find(either, either.cycle_id)
    (found,) = either.session.exec(select(Finding)).all()
    findings.decide(
        *either.at, either.operator, finding_id=found.id or 0, verdict=FindingVerdict.DUPLICATE, reason="同一基地"
    )
    assert award(either, either.cycle_id) == {"国家级数据标注试点": 2_000_000_00}


SUM = "history: {aggregate: sum, measures: [annotation-base], years: ever}"


@pytest.mark.parametrize(("level", "deducted"), [("国家级", 0), ("省级", 1_000_000_00)])
def test_what_the_history_has_of_another_item_is_deducted(
    desk: Desk, tmp_path: Path, level: str, deducted: int
) -> None:
    """A measure that takes off what was paid for the same item only has not taken off what was paid for another."""
    text = policies.policy_of(desk.session, desk.cycle).text
    law = policy.parse(text.replace(SUM, SUM.replace("years: ever", "years: ever, per: level")), "law")
    row = dict(zip(HEADINGS, ["Z1", NAME, CODE, "数据标注试点", FIRST, "1000000", "2024"], strict=True))
    row |= {"政策编号": desk.cycle.policy_id, "措施编号": "annotation-base"}
    apply(desk, BASE)
    write_csv(tmp_path / "市级.csv", list(row), [list(row.values())])
    ledger.import_ledger(*desk.at, desk.operator, path=tmp_path / "市级.csv", level=LedgerLevel.CITY)
    find(desk, desk.cycle_id)
    (found,) = desk.session.exec(select(Finding)).all()
    decided = {"finding_id": found.id or 0, "verdict": FindingVerdict.DUPLICATE, "reason": "同一基地"}
    findings.decide(*desk.at, desk.operator, **decided)
    history = [{"uscc": CODE, "measure": "annotation-base", "year": 2024, "amount_fen": 1_000_000_00, "level": level}]
    assert sum(granted_before(desk.session, desk.cycle, law, history).alone.values()) == deducted


@pytest.mark.parametrize(
    ("claimed", "fen"),
    [
        pytest.param(0, 2_000_000_00, id="paid"),
        pytest.param(400_000_00, 2_400_000_00, id="claimed back in part"),
        pytest.param(1_000_000_00, 3_000_000_00, id="claimed back whole: nothing remains granted"),
    ],
)
def test_the_citys_ledger_lists_an_award_of_ours_that_was_claimed_back(
    desk: Desk, tmp_path: Path, claimed: int, fen: int
) -> None:
    apply(desk, BASE | {"declared": {"level": "省级", "item_date": "2025-06-30"}})
    (line,) = order(desk, desk.cycle_id)
    if claimed:
        claim_back(desk, line, claimed)
    assert _after_the_ledger(desk, tmp_path) == {"国家级数据标注试点": fen}


def test_what_we_refused_and_the_citys_ledger_has_was_granted(desk: Desk, tmp_path: Path) -> None:
    """The history has a line of our year without an amount; nobody takes the ledger's award off but 查重."""
    apply(desk, BASE | {"declared": {"level": "省级", "item_date": "2023-06-30"}})
    assert order(desk, desk.cycle_id) == []
    assert _after_the_ledger(desk, tmp_path) == {"国家级数据标注试点": 2_000_000_00}


@pytest.mark.parametrize(
    ("own", "measure", "fen"),
    [
        pytest.param("99999.99", "compute-purchase", 80_000_00, id="the second year of benefit, at 40 %"),
        pytest.param("200000.00", "compute-purchase", 80_000_00, id="our own award, listed again, is one year"),
        pytest.param("99999.99", "compute-voucher", 100_000_00, id="another measure's"),
    ],
)
def test_an_award_of_our_own_year_that_none_of_our_lists_has_counts_by_the_citys_ledger(
    desk: Desk, tmp_path: Path, own: str, measure: str, fen: int
) -> None:
    apply(desk, purchase("上年", own, ""))
    order(desk, desk.cycle_id)
    row = dict(zip(HEADINGS, ["Z1", NAME, CODE, "复议后补发", "", "100000", "2025"], strict=True))
    row |= {"政策编号": desk.cycle.policy_id, "措施编号": measure}
    write_csv(tmp_path / "市级.csv", list(row), [list(row.values())])
    ledger.import_ledger(*desk.at, desk.operator, path=tmp_path / "市级.csv", level=LedgerLevel.CITY)
    year = another_year(desk)
    again(desk, year, facts={"service_fee": "200000.00"}, project="今年")
    assert award(desk, year) == {"今年": fen}


def _after_the_ledger(desk: Desk, folder: Path) -> dict[str, int]:
    """What 国家级 of the next year gets, with 100万 of this year in the city's ledger, decided to be the same base."""
    row = dict(zip(HEADINGS, ["Z1", NAME, CODE, "国家级数据标注试点", "", "1000000", "2025"], strict=True))
    row |= {"政策编号": desk.cycle.policy_id, "措施编号": "annotation-base"}
    write_csv(folder / "市级.csv", list(row), [list(row.values())])
    ledger.import_ledger(*desk.at, desk.operator, path=folder / "市级.csv", level=LedgerLevel.CITY)
    year = another_year(desk)
    again(desk, year, facts={"level": "国家级", "item_date": "2026-06-30"}, invoices="")
    find(desk, year)
    (found,) = desk.session.exec(select(Finding).where(Finding.cycle_id == year)).all()
    assert found.ledger_entry_id
    findings.decide(
        *desk.at, desk.operator, finding_id=found.id or 0, verdict=FindingVerdict.DUPLICATE, reason="同一基地"
    )
    return award(desk, year)


def test_what_a_group_takes_off_itself_is_not_deducted_again(desk: Desk, tmp_path: Path) -> None:
    """35万 for 新增, of which 25万 was paid for 新上规模 in an earlier batch of the same year."""
    declared = {"item_date": "2025-06-30"}
    apply(desk, {"measure": "new-enterprise", "project": "新增企业", "invoices": "", "declared": declared})
    row = dict(zip(HEADINGS, ["Z1", NAME, CODE, "新增企业", "", "250000", "2025"], strict=True))
    row |= {"政策编号": desk.cycle.policy_id, "措施编号": "above-scale"}
    write_csv(tmp_path / "市级.csv", list(row), [list(row.values())])
    ledger.import_ledger(*desk.at, desk.operator, path=tmp_path / "市级.csv", level=LedgerLevel.CITY)
    assert award(desk, desk.cycle_id) == {"新增企业": 100_000_00}
    find(desk, desk.cycle_id)
    (found,) = desk.session.exec(select(Finding)).all()
    findings.decide(
        *desk.at, desk.operator, finding_id=found.id or 0, verdict=FindingVerdict.DUPLICATE, reason="同一企业入规"
    )
    assert award(desk, desk.cycle_id) == {"新增企业": 100_000_00}


amounts = st.dictionaries(st.sampled_from("ABCDEF"), st.integers(0, 10**9), min_size=1)


@given(amounts, st.lists(st.integers(0, 10**10), min_size=1, max_size=4))
def test_to_the_fen_every_grant_is_deducted_once_in_all(amounts: dict[str, int], grants: list[int]) -> None:
    numbers = sorted(amounts)
    counted = shares([(fen, numbers) for fen in grants], amounts)
    left = sum(max(fen - counted[number], 0) for number, fen in amounts.items())
    assert left == max(sum(amounts.values()) - sum(grants), 0)
    assert all(counted[number] >= max(grants) for number in numbers if not amounts[number])
