"""查重 goes on where it stopped: what is compared again, and what people decided before."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from sqlmodel import Session, col, delete, func, select

import matching
from models import (
    Application,
    ApplicationStatus,
    Cycle,
    Finding,
    FindingKind,
    FindingVerdict,
    LedgerEntry,
    LedgerLevel,
    LedgerSearch,
    VisitResult,
)
from services.enterprise import enterprises
from services.grants import findings, ledger, outdated, overlaps
from services.record import chain
from services.tables import write_csv
from tests.desk import CODE, OTHER_CODE, Desk

HEADINGS = ["台账编号", "企业名称", "统一社会信用代码", "项目名称", "发票号码", "金额（元）", "年度", "级别"]
NAME, OTHER_NAME = "漳州示例云帆科技有限公司", "漳州另一示例有限公司"
INVOICE = "25352000000000000017"
DOUBTFUL = ("P1", OTHER_NAME, OTHER_CODE, "", INVOICE, "30000", "2025", "省级")
UNKNOWN = ("P2", NAME, "", "示例算力", "", "20000", "2024", "省级")
Looked = list[int]


@pytest.fixture
def looked(monkeypatch: pytest.MonkeyPatch) -> Looked:
    """How many rows of ledgers each search looked through."""
    rows: Looked = []
    plain = matching.Search.look_through

    def look_through(self: matching.Search, part: pl.DataFrame) -> None:
        rows.append(part.height)
        plain(self, part)

    monkeypatch.setattr(matching.Search, "look_through", look_through)
    return rows


@pytest.fixture
def bring(desk: Desk, tmp_path: Path) -> Callable[..., None]:
    """Import a province's ledger of these rows."""

    def import_rows(*rows: tuple[str, ...]) -> None:
        path = tmp_path / f"{abs(hash(rows))}.csv"
        write_csv(path, HEADINGS, rows)
        ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.PROVINCE)

    return import_rows


def ready(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.to_matching()


def find(desk: Desk, cycle_id: int = 0) -> int:
    return overlaps.find(*desk.at, desk.system, cycle_id=cycle_id or desk.cycle_id)


def decide(desk: Desk, verdict: FindingVerdict, reason: str) -> Finding:
    (waiting,) = findings.open_findings(desk.session, desk.cycle_id)
    return findings.decide(*desk.at, desk.operator, finding_id=waiting.id or 0, verdict=verdict, reason=reason)


def next_year(desk: Desk, **changes: str) -> Cycle:
    """The next cycle with the same application again."""
    newest = desk.session.exec(select(Cycle).order_by(col(Cycle.year).desc())).first()
    last = desk.session.exec(select(Application)).first()
    assert newest is not None and last is not None
    cycle = Cycle(**newest.model_dump(exclude={"id", "year"}), year=newest.year + 1)
    desk.session.add(cycle)
    desk.session.flush()
    values = last.model_dump(exclude={"id", "number", "cycle_id"}) | changes
    desk.session.add(Application(**values, number=f"again-{cycle.year}", cycle_id=cycle.id))
    desk.session.commit()
    return cycle


def test_only_what_came_since_the_last_search_is_compared(
    desk: Desk, bring: Callable[..., None], looked: Looked
) -> None:
    ready(desk)
    bring(DOUBTFUL)
    assert (find(desk), looked) == (1, [1])
    assert (find(desk), looked) == (0, [1])  # nothing came
    bring(UNKNOWN)
    assert (find(desk), looked) == (1, [1, 1])  # the new entry alone
    desk.session.exec(delete(LedgerSearch))
    desk.session.commit()
    assert (find(desk), looked) == (0, [1, 1, 2])  # a search of all finds nothing else


@pytest.mark.parametrize("submitted", [True, False])
def test_a_ledger_that_came_or_was_corrected_after_the_search_leads_back_to_it(
    desk: Desk, bring: Callable[..., None], submitted: bool
) -> None:
    desk.open_intake()
    if submitted:
        desk.submit()
    desk.to_matching()
    find(desk)
    assert desk.pass_gate().leads_on
    for yuan in ("20000", "20001"):
        bring(("P3", OTHER_NAME, OTHER_CODE, "另一事项", "", yuan, "2020", "省级"))
        back = desk.pass_gate()
        assert (back.result, back.target) == (VisitResult.REOPENED, "matching")
        find(desk)
        assert desk.pass_gate().leads_on
    assert desk.pass_gate().leads_on and desk.cycle.stage == "computation"


def test_names_are_read_by_the_counties_of_the_cycles_policy(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(("P1", "芗城示例云帆科技有限公司", "", "另一事项", "", "1", "2020", "省级"))
    assert find(desk) == 1
    (found,) = desk.session.exec(select(Finding)).all()
    assert "企业名称除地区和组织形式外相同" in found.evidence


def test_where_nothing_came_nothing_is_compared(
    desk: Desk, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    searches: list[int] = []
    within = matching.within
    monkeypatch.setattr(matching, "within", lambda *a, **b: searches.append(1) or within(*a, **b))
    assert (find(desk), searches) == (0, [])
    desk.session.exec(select(Application)).one().contracts = "ZZ-2025-001"
    desk.session.commit()
    assert (find(desk), searches) == (0, [1])


def test_an_application_that_changed_is_looked_for_everywhere(
    desk: Desk, bring: Callable[..., None], looked: Looked
) -> None:
    ready(desk)
    bring(DOUBTFUL, UNKNOWN)
    find(desk)
    application = desk.session.exec(select(Application)).one()
    application.contracts = "ZZ-2025-001"
    desk.session.commit()
    assert (find(desk), looked) == (0, [2, 2])


def test_an_application_that_was_away_is_looked_for_in_all_that_came_meanwhile(
    desk: Desk, bring: Callable[..., None]
) -> None:
    ready(desk)
    find(desk)
    application = desk.session.exec(select(Application)).one()
    for status, new in ((ApplicationStatus.REFUSED, 0), (ApplicationStatus.VERIFIED, 1)):
        application.status = status
        desk.session.commit()
        bring(DOUBTFUL)
        assert find(desk) == new


OTHER_ITEM = ("P3", NAME, CODE, "别的", "", "10000", "2024", "省级")
CORRECTED = ("P3", NAME, CODE, "示例算力", "", "10000", "2024", "省级")


def test_after_a_correction_all_is_compared_again_and_judged_by_what_it_says_now(
    desk: Desk, bring: Callable[..., None], looked: Looked
) -> None:
    ready(desk)
    bring(UNKNOWN, OTHER_ITEM)
    find(desk)
    before = [each.verdict for each in desk.session.exec(select(Finding).order_by(col(Finding.ledger_entry_id)))]
    assert before == [FindingVerdict.OPEN, FindingVerdict.DISTINCT]
    bring(CORRECTED)
    assert (find(desk), looked) == (0, [2, 2])
    after = desk.session.exec(select(Finding).order_by(col(Finding.ledger_entry_id))).all()
    assert [each.verdict for each in after] == [FindingVerdict.OPEN, FindingVerdict.OPEN]
    assert "项目名称相同" in after[1].evidence


def test_what_a_person_decided_stays_whatever_the_ledger_says_later(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(OTHER_ITEM)
    find(desk)
    (known,) = desk.session.exec(select(Finding))
    findings.decide(
        *desk.at, desk.operator, finding_id=known.id or 0, verdict=FindingVerdict.DISTINCT, reason="合同不同"
    )
    bring(CORRECTED)
    find(desk)
    (kept,) = desk.session.exec(select(Finding))
    assert (kept.verdict, kept.reason) == (FindingVerdict.DISTINCT, "合同不同")


SURE = ("P4", "漳州乙有限公司", CODE, "别的", INVOICE, "10000", "2025", "省级")
OTHER_INVOICE = "25352000000000000099"


def verdicts(desk: Desk) -> list[tuple[FindingVerdict, str]]:
    found = desk.session.exec(select(Finding).order_by(col(Finding.id))).all()
    return [(each.verdict, each.reason) for each in found]


def test_what_is_not_found_again_after_a_correction_is_distinct_until_it_is_found_again(
    desk: Desk, bring: Callable[..., None]
) -> None:
    ready(desk)
    bring(SURE, DOUBTFUL)
    find(desk)
    before = [(FindingVerdict.DUPLICATE, ""), (FindingVerdict.OPEN, "")]
    assert verdicts(desk) == before
    bring((*SURE[:2], OTHER_CODE, "别的", OTHER_INVOICE, *SURE[5:]), (*DOUBTFUL[:4], OTHER_INVOICE, *DOUBTFUL[5:]))
    assert find(desk) == 0
    assert verdicts(desk) == [(FindingVerdict.DISTINCT, outdated.REASON)] * 2
    assert find(desk) == 0 and chain.verify(desk.session) == []
    bring((*SURE[:5], "10001", *SURE[6:]), (*DOUBTFUL[:5], "30001", *DOUBTFUL[6:]))
    assert find(desk) == 0
    assert verdicts(desk) == before


def test_what_a_person_decided_stays_though_it_is_not_found_again(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decide(desk, FindingVerdict.DUPLICATE, "发票同一张")
    bring((*DOUBTFUL[:4], OTHER_INVOICE, *DOUBTFUL[5:]))
    find(desk)
    assert verdicts(desk) == [(FindingVerdict.DUPLICATE, "发票同一张")]


def test_a_decision_that_was_carried_over_ends_with_what_it_was_about(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decide(desk, FindingVerdict.DUPLICATE, "发票同一张")
    cycle = next_year(desk)
    find(desk, cycle.id or 0)
    bring((*DOUBTFUL[:4], OTHER_INVOICE, *DOUBTFUL[5:]))
    find(desk, cycle.id or 0)
    own, (verdict, reason) = verdicts(desk)
    assert own == (FindingVerdict.DUPLICATE, "发票同一张")
    assert (verdict, reason) == (FindingVerdict.DISTINCT, outdated.REASON)


def test_two_applications_that_are_not_found_alike_any_more_are_distinct(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outdated, "_ROWS_AT_ONCE", 1)
    desk.open_intake()
    for project in ("示例算力", "另一算力", "又一算力"):
        desk.submit(project=project)
    desk.to_matching()
    assert find(desk) == 3
    first, second, third = desk.session.exec(select(Application).order_by(col(Application.id))).all()
    first.invoices = OTHER_INVOICE
    third.status = ApplicationStatus.REFUSED  # is not looked for now
    desk.session.commit()
    find(desk)
    gone = desk.session.exec(select(Finding).where(Finding.reason == outdated.REASON)).all()
    assert [(each.application_id, each.other_application_id) for each in gone] == [(first.id, second.id)]


def test_what_came_later_leaves_what_was_found_before(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(SURE, DOUBTFUL)
    find(desk)
    bring(UNKNOWN)
    assert find(desk) == 1
    assert outdated.REASON not in {reason for _, reason in verdicts(desk)}


def test_a_new_name_of_the_enterprise_is_looked_for_in_old_entries(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    old = "漳州旧名数据有限公司"
    bring(("P3", old, "", "示例算力", "", "20000", "2025", "省级"))
    assert find(desk) == 0
    bring(("P4", old, CODE, "别的", "", "20000", "2019", "省级"))
    assert find(desk) == 2
    (learned,) = findings.open_findings(desk.session, desk.cycle_id)
    assert "需核实是否曾用名" in learned.evidence
    known = enterprises.known(desk.session, CODE)
    enterprises.add_former_name(*desk.at, desk.operator, uscc=known.uscc, name=old)
    find(desk)
    assert enterprises.former_names(desk.session, known) == [old]


def test_a_decision_holds_again_next_year_and_nobody_is_asked_twice(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decided = decide(desk, FindingVerdict.DUPLICATE, "发票同一张")
    cycle = next_year(desk)
    assert find(desk, cycle.id or 0) == 1
    (carried,) = desk.session.exec(select(Finding).where(Finding.cycle_id == cycle.id))
    assert (carried.verdict, carried.reason, carried.carried_from) == (
        FindingVerdict.DUPLICATE,
        "沿用 2025 年度对同一对事项的认定：发票同一张",
        decided.id,
    )
    assert carried.decided_by == desk.operator.user_id
    assert findings.open_findings(desk.session, cycle.id or 0) == []
    later = next_year(desk)
    find(desk, later.id or 0)
    (again,) = desk.session.exec(select(Finding).where(Finding.cycle_id == later.id))
    assert (again.reason, again.carried_from) == (carried.reason, decided.id)


def test_a_decision_that_was_carried_over_and_then_changed_is_one_of_its_own_year(
    desk: Desk, bring: Callable[..., None]
) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decide(desk, FindingVerdict.DUPLICATE, "发票同一张")
    following = next_year(desk)
    find(desk, following.id or 0)
    (carried,) = desk.session.exec(select(Finding).where(Finding.cycle_id == following.id))
    findings.decide(
        *desk.at, desk.operator, finding_id=carried.id or 0, verdict=FindingVerdict.DISTINCT, reason="已红冲"
    )
    third = next_year(desk)
    find(desk, third.id or 0)
    (again,) = desk.session.exec(select(Finding).where(Finding.cycle_id == third.id))
    assert (again.verdict, again.reason) == (FindingVerdict.DISTINCT, "沿用 2026 年度对同一对事项的认定：已红冲")
    assert again.carried_from == carried.id


@pytest.mark.parametrize(
    "change", [{"invoices": f"{INVOICE};25352000000000000018"}, {"measure": "industrial-internet"}]
)
def test_another_item_is_asked_about_again(desk: Desk, bring: Callable[..., None], change: dict[str, str]) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decide(desk, FindingVerdict.DUPLICATE, "发票同一张")
    cycle = next_year(desk, **change)
    find(desk, cycle.id or 0)
    assert len(findings.open_findings(desk.session, cycle.id or 0)) == 1


def test_a_corrected_entry_is_asked_about_again(desk: Desk, bring: Callable[..., None]) -> None:
    ready(desk)
    bring(DOUBTFUL)
    find(desk)
    decide(desk, FindingVerdict.DISTINCT, "号码误录")
    bring((*DOUBTFUL[:5], "31000", *DOUBTFUL[6:]))
    cycle = next_year(desk)
    find(desk, cycle.id or 0)
    assert len(findings.open_findings(desk.session, cycle.id or 0)) == 1


def test_what_nothing_tells_apart_is_never_carried_over(desk: Desk, bring: Callable[..., None]) -> None:
    """Without a title and papers, last year's application and this year's are not known to be one item."""
    ready(desk)
    application = desk.session.exec(select(Application)).one()
    application.project, application.invoices = "", ""
    desk.session.commit()
    bring(("P5", NAME, CODE, "", "", "20000", "2025", "省级"))
    find(desk)
    (finding,) = desk.session.exec(select(Finding))
    assert finding.pair == ""


def test_findings_are_kept_some_at_a_time_and_judged_anew_so_too(
    desk: Desk, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlaps, "_AT_ONCE", 2)
    desk.open_intake()
    desk.submit()
    desk.submit(invoices="", project="另一算力项目")
    desk.to_matching()
    bring(*((f"N{number}", NAME, CODE, f"示例{number}", "", "1", "2025", "省级") for number in range(3)), DOUBTFUL)
    assert find(desk) == len(desk.session.exec(select(Finding)).all()) == 7
    bring(("N1", NAME, CODE, "示例一", INVOICE, "30000", "2025", "省级"))
    assert find(desk) == 0
    corrected = desk.session.exec(select(Finding).join(LedgerEntry).where(LedgerEntry.ledger_id == "N1")).all()
    assert {each.kind for each in corrected} == {FindingKind.SAME_ITEM, FindingKind.SAME_ENTERPRISE}


def test_others_may_write_between_the_parts_of_a_search_and_one_that_broke_off_is_made_again(
    desk: Desk, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(overlaps, "_AT_ONCE", 2)
    monkeypatch.setattr(overlaps, "_KEPT_AT_ONCE", 2)
    ready(desk)
    bring(*((f"N{number}", NAME, CODE, f"示例{number}", "", "1", "2025", "省级") for number in range(5)))
    noted, kept, first = overlaps._noted, list[int](), list[int | None]()

    def broken(session: Session, *rest: Any) -> int:
        with Session(desk.engine) as other:
            kept.append(other.exec(select(func.count()).select_from(Finding)).one())
            first[:] = other.exec(select(Finding.id).limit(1))
        if kept == [0, 2]:
            raise KeyboardInterrupt
        return noted(session, *rest)

    monkeypatch.setattr(overlaps, "_noted", broken)
    with pytest.raises(KeyboardInterrupt):
        find(desk)
    desk.session.rollback()
    assert kept == [0, 2]
    monkeypatch.setattr(overlaps, "_noted", noted)
    (key,) = first
    findings.decide(
        *desk.at, desk.operator, finding_id=key or 0, verdict=FindingVerdict.DISTINCT, reason="不是同一个项目"
    )
    assert find(desk) == 3
    found = {each.id: each for each in desk.session.exec(select(Finding))}
    assert len(found) == 5 and found[key].reason == "不是同一个项目"
    assert find(desk) == 0 and chain.verify(desk.session) == []


def test_entries_are_read_in_slices(desk: Desk, bring: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> None:
    ready(desk)
    bring(*((f"N{number}", OTHER_NAME, OTHER_CODE, "", "", "1", "2025", "省级") for number in range(9)), DOUBTFUL)
    monkeypatch.setattr(overlaps, "_ENTRIES_AT_ONCE", 4)
    heights = [part.height for part in overlaps._entries(desk.session, 0)]
    assert heights == [4, 4, 2]
    last = desk.session.exec(select(LedgerEntry).order_by(col(LedgerEntry.id).desc())).first()
    assert last is not None and find(desk) == 1
