"""查重 and 测算 over the record: what counts by rule, what waits for a person, and what it does to the money."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event
from sqlmodel import Session, select

from matching import uscc
from models import (
    Application,
    Award,
    Cycle,
    Finding,
    FindingKind,
    FindingVerdict,
    ImportKind,
    LedgerEntry,
    LedgerLevel,
    Outcome,
    ReviewerKind,
    VisitResult,
)
from services.award import computation, lists
from services.award.inputs import Inputs
from services.errors import InputError, StateError
from services.files import imports
from services.grants import findings, ledger, overlaps
from services.review import panel, reviews
from services.tables import write_csv
from tests.desk import CODE, OTHER_CODE, Desk

HEADINGS = ["台账编号", "企业名称", "统一社会信用代码", "项目名称", "发票号码", "金额（元）", "年度", "级别"]
NAME = "漳州示例云帆科技有限公司"
INVOICE = "25352000000000000017"


def _ledger(desk: Desk, folder: Path, *rows: tuple[str, ...], level: LedgerLevel = LedgerLevel.PROVINCE) -> None:
    path = folder / f"{level.value}-{len(rows)}.csv"
    write_csv(path, HEADINGS, rows)
    ledger.import_ledger(*desk.at, desk.operator, path=path, level=level)


def _find(desk: Desk) -> list[Finding]:
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    return list(desk.session.exec(select(Finding)).all())


def _awards(desk: Desk) -> dict[str, tuple[Outcome, int]]:
    run = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    rows = desk.session.exec(
        select(Application.project, Award.outcome, Award.amount_fen)
        .join(Award, Award.application_id == Application.id)  # type: ignore[arg-type]
        .where(Award.run_id == run.id)
    )
    return {project: (outcome, amount) for project, outcome, amount in rows}


def _submitted(desk: Desk, *changes: dict[str, object]) -> Desk:
    desk.open_intake()
    for change in changes or ({},):
        desk.submit(**change)
    desk.to_matching()
    return desk


def test_the_same_invoice_at_the_province_counts_by_rule_and_is_topped_up(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "别的题名", INVOICE, "30000", "2025", "省级"))
    found = _find(desk)
    assert [each.verdict for each in found] == [FindingVerdict.DUPLICATE]
    assert INVOICE in found[0].evidence
    assert _awards(desk) == {"示例算力": (Outcome.AWARD, 70_000_00)}  # 200,000 × 50 % − 30,000


def test_what_was_granted_is_read_at_once_and_adds_up(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    rows = [
        (f"S{number}", NAME, CODE, "示例算力", INVOICE, f"{number}000.01", "2025", "省级") for number in range(1, 5)
    ]
    _ledger(desk, tmp_path, *rows)
    assert len([finding for finding in _find(desk) if finding.verdict is FindingVerdict.DUPLICATE]) == 4
    desk.session.expunge_all()
    loaded: list[object] = []

    def note(row: object, _context: object) -> None:
        loaded.append(row)

    event.listen(LedgerEntry, "load", note)
    (row,) = computation.gather(desk.session, desk.cycle).rows["compute-purchase"]
    event.remove(LedgerEntry, "load", note)
    assert (row["granted_above"], loaded) == (1_000_004, [])


def test_the_same_enterprise_alone_is_never_a_duplicate(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "厂房建设", "", "30000", "2025", "省级"))
    found = _find(desk)
    assert [(each.kind, each.verdict) for each in found] == [(FindingKind.SAME_ENTERPRISE, FindingVerdict.DISTINCT)]
    assert _awards(desk) == {"示例算力": (Outcome.AWARD, 100_000_00)}


def test_the_same_invoice_of_another_enterprise_waits_for_a_person(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    _ledger(desk, tmp_path, ("P1", "漳州另一示例有限公司", OTHER_CODE, "", INVOICE, "30000", "2025", "省级"))
    found = _find(desk)
    assert [each.verdict for each in found] == [FindingVerdict.OPEN]
    assert [wait.what for wait in desk.pass_gate().waits] == ["1 条疑似重复待认定"]
    with pytest.raises(InputError, match="写明理由"):
        findings.decide(
            *desk.at, desk.operator, finding_id=found[0].id or 0, verdict=FindingVerdict.DISTINCT, reason=" "
        )
    findings.decide(
        *desk.at, desk.operator, finding_id=found[0].id or 0, verdict=FindingVerdict.DUPLICATE, reason="发票同一张"
    )
    assert desk.pass_gate().open
    assert _awards(desk) == {"示例算力": (Outcome.AWARD, 70_000_00)}


def test_finding_again_finds_nothing_new_and_keeps_the_decision(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    _ledger(desk, tmp_path, ("P1", "漳州另一示例有限公司", OTHER_CODE, "", INVOICE, "30000", "2025", "省级"))
    found = _find(desk)
    findings.decide(
        *desk.at, desk.operator, finding_id=found[0].id or 0, verdict=FindingVerdict.DISTINCT, reason="号码误录"
    )
    assert overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id) == 0
    assert [each.reason for each in desk.session.exec(select(Finding))] == ["号码误录"]


def test_of_two_applications_for_one_invoice_only_the_higher_is_paid(desk: Desk) -> None:
    facts = {"item_date": "2025-06-30", "province_refused": "否"}
    _submitted(
        desk,
        {"project": "低", "declared": facts | {"service_fee": "100000.00"}},
        {"project": "高", "uscc": OTHER_CODE, "enterprise": "漳州另一示例有限公司"},
    )
    for each in _find(desk):
        findings.decide(
            *desk.at, desk.operator, finding_id=each.id or 0, verdict=FindingVerdict.DUPLICATE, reason="同一张发票"
        )
    assert _awards(desk) == {"低": (Outcome.REJECTION, 0), "高": (Outcome.AWARD, 100_000_00)}


def test_the_year_of_benefit_comes_from_the_citys_ledger(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    path = tmp_path / "city.csv"
    row = ("Z1", NAME, CODE, "上年算力", "", "60000", "2024", "市级", "zhangzhou-ai-2024", "compute-purchase")
    write_csv(path, [*HEADINGS, "政策编号", "措施编号"], [row])
    ledger.import_ledger(*desk.at, desk.operator, path=path, level=LedgerLevel.CITY)
    _find(desk)
    assert _awards(desk) == {"示例算力": (Outcome.AWARD, 80_000_00)}  # 40 % in the second year


def test_the_same_inputs_give_the_same_run_and_a_changed_one_a_new_run(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    first = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    assert computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id).id == first.id
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "别的题名", INVOICE, "30000", "2025", "省级"))
    _find(desk)
    second = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    assert (second.number, second.inputs_digest == first.inputs_digest) == (2, False)


def test_an_award_keeps_its_steps_with_the_clause_they_carry_out(desk: Desk) -> None:
    _submitted(desk)
    _awards(desk)
    award = desk.session.exec(select(Award)).one()
    assert award.clause == "一（二）"
    named = {step["name"]: step for step in award.steps}
    assert named["rounded"]["value"].startswith("100000.00")
    assert all(step["quote"] for step in award.steps if step["name"] in ("rate", "subsidy"))


def test_a_case_by_case_application_waits_for_the_panel(desk: Desk) -> None:
    _submitted(
        desk,
        {
            "measure": "compute-voucher",
            "project": "大模型",
            "declared": {"item_date": "2025-06-30", "large_model": "是"},
        },
    )
    assert [each.project for each in panel.undecided(desk.session, desk.cycle)] == ["大模型"]
    application = desk.session.exec(select(Application)).one()
    panel.decide(*desk.at, desk.operator, application_id=application.id or 0, amount_fen=12_345_67, reason="按评审意见")
    assert panel.undecided(desk.session, desk.cycle) == []
    assert _awards(desk) == {"大模型": (Outcome.AWARD, 12_345_00)}


def test_for_who_waits_for_the_panel_only_its_measures_are_evaluated(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = {"measure": "compute-voucher", "declared": {"item_date": "2025-06-30", "large_model": "是"}}
    _submitted(desk, large | {"project": "甲模型"}, large | {"project": "乙模型"}, {"project": "机房"})
    done: list[Inputs] = []
    evaluate = computation.evaluate
    monkeypatch.setattr(computation, "evaluate", lambda inputs: done.append(inputs) or evaluate(inputs))
    first, second = panel.undecided(desk.session, desk.cycle)
    assert [first.project, second.project] == ["甲模型", "乙模型"]
    assert [{measure: len(rows) for measure, rows in inputs.rows.items()} for inputs in done] == [
        {"compute-voucher": 2}
    ]
    panel.decide(*desk.at, desk.operator, application_id=first.id or 0, amount_fen=100_00, reason="按评审意见")
    assert [each.project for each in panel.undecided(desk.session, desk.cycle)] == ["乙模型"]
    panel.decide(*desk.at, desk.operator, application_id=second.id or 0, amount_fen=100_00, reason="按评审意见")
    done.clear()
    assert panel.undecided(desk.session, desk.cycle) == [] and done == []


def test_the_panel_has_no_say_in_other_measures(desk: Desk) -> None:
    _submitted(desk)
    application = desk.session.exec(select(Application)).one()
    with pytest.raises(StateError, match="不是一事一议"):
        panel.decide(*desk.at, desk.operator, application_id=application.id or 0, amount_fen=1, reason="x")


def test_a_refused_application_is_rejected_with_the_refusers_reason(desk: Desk) -> None:
    _submitted(desk)
    application = desk.session.exec(select(Application)).one()
    reviews.reopen(*desk.at, desk.operator, application_id=application.id or 0)
    desk.request(ReviewerKind.BUREAU)
    for asked in reviews.open_requests(desk.session, desk.cycle_id):
        reviews.reply(
            *desk.at,
            desk.bureaus[asked.reviewer],
            request_id=asked.id or 0,
            opinion=reviews.Opinion.REFUSE,
            reason="材料不实",
        )
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    award = desk.session.exec(select(Award)).one()
    assert award.outcome is Outcome.REJECTION
    assert award.reason.startswith("部门联审不通过：市工信局：材料不实")


def test_a_chain_of_duplicates_is_settled_from_its_highest(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """A and B share an item, B and C another: B gets nothing for A's sake, so that C loses nothing to B."""
    fees = {"A": "280000.00", "B": "200000.00", "C": "150000.00"}
    codes = [CODE, OTHER_CODE, "91350699MA7XW00034"]
    assert not uscc.fault(codes[2])
    changes = [
        {
            "project": project,
            "uscc": code,
            "enterprise": f"漳州示例{project}公司",
            "invoices": f"2535200000000000001{place}",
            "declared": {"service_fee": fee, "item_date": "2025-06-30", "province_refused": "否"},
        }
        for place, ((project, fee), code) in enumerate(zip(fees.items(), codes, strict=True))
    ]
    _submitted(desk, *changes)
    number = {each.project: each.number for each in desk.session.exec(select(Application))}
    gather = computation.gather

    def paired(session: Session, cycle: Cycle) -> Inputs:
        return replace(gather(session, cycle), pairs=[(number["A"], number["B"]), (number["B"], number["C"])])

    monkeypatch.setattr(computation, "gather", paired)
    awards = _awards(desk)
    assert awards["A"] == (Outcome.AWARD, 140_000_00)
    assert awards["B"][1] == 0
    assert awards["C"] == (Outcome.AWARD, 75_000_00)


def test_a_ledger_file_imported_twice_adds_nothing(desk: Desk, tmp_path: Path) -> None:
    row = ("P1", NAME, CODE, "题名", INVOICE, "30000", "2025", "省级")
    _ledger(desk, tmp_path, row, ("P2", NAME, CODE, "题名", "", "约三万", "2025", "省级"))
    _ledger(desk, tmp_path, row, ("P2", NAME, CODE, "题名", "", "约三万", "2025", "省级"))
    assert [entry.ledger_id for entry in desk.session.exec(select(LedgerEntry))] == ["P1"]
    record = desk.session.exec(select(imports.ImportFile)).one()
    assert (record.kind, record.rows_added) == (ImportKind.LEDGER, 1)
    assert any("约三万" in each["value"] for each in record.problems)


def test_inputs_that_return_to_an_earlier_state_are_a_new_run(desk: Desk, tmp_path: Path) -> None:
    _submitted(desk)
    first = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "别的题名", INVOICE, "30000", "2025", "省级"))
    found = _find(desk)
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    findings.decide(
        *desk.at, desk.operator, finding_id=found[0].id or 0, verdict=FindingVerdict.DISTINCT, reason="号码误录"
    )
    third = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    assert (third.number, third.inputs_digest) == (3, first.inputs_digest)
    assert computation.latest_run(desk.session, desk.cycle_id) == third


@pytest.mark.parametrize(
    ("verdict", "led_back", "fen"),
    [(FindingVerdict.DISTINCT, True, [60_000_00, 100_000_00]), (FindingVerdict.DUPLICATE, False, [60_000_00])],
)
def test_what_is_decided_after_the_computation_is_on_the_list_that_is_approved(
    desk: Desk, tmp_path: Path, verdict: FindingVerdict, led_back: bool, fen: list[int]
) -> None:
    _submitted(desk)
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "算力", INVOICE, "40000", "2025", "省级"))
    (found,) = _find(desk)
    for _ in ("matching", "panel"):
        desk.pass_gate()
    _awards(desk)
    desk.clock.instant += timedelta(minutes=1)
    findings.decide(*desk.at, desk.operator, finding_id=found.id or 0, verdict=verdict, reason="核对过原件")
    desk.pass_gate()
    frozen = [lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id).total_fen]
    if led_back:
        back = desk.pass_gate()
        assert (back.result, back.target) == (VisitResult.REOPENED, "computation")
        _awards(desk)
        desk.pass_gate()
        frozen.append(lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id).total_fen)
    assert desk.pass_gate().leads_on and desk.cycle.stage == "approval"
    assert frozen == fen


def test_one_look_answers_for_all_applications_of_a_unit_that_nothing_tells_apart(desk: Desk) -> None:
    desk.open_intake()
    untold = {"project": "", "invoices": "", "contracts": ""}
    other = {"uscc": OTHER_CODE, "enterprise": "漳州示例大模型有限公司"}
    for unit, fees in (({}, (110, 120, 130, 140)), (other, (150, 160))):
        for fee in fees:
            declared = {"service_fee": f"{fee}000.00", "item_date": "2025-06-30", "province_refused": "否"}
            desk.submit(**untold, **unit, declared=declared)
    desk.submit(project="有名称", invoices=INVOICE)
    desk.to_matching()
    first, *others = _find(desk)
    assert len(others) == 6  # four of one unit are six pairs, two of another one, and who is told is asked nothing
    assert len(findings.alike(desk.session, first)) == 5
    reason = "四次采购，已看合同原件"
    given: dict[str, Any] = {"verdict": FindingVerdict.DISTINCT, "reason": reason, "with_alike": True}
    findings.decide(*desk.at, desk.operator, finding_id=first.id or 0, **given)
    (left,) = findings.open_findings(desk.session, desk.cycle_id)
    assert desk.session.get_one(Application, left.application_id).enterprise_name == other["enterprise"]
    assert {each.reason for each in others if each is not left} == {reason}


def test_one_that_got_its_title_later_is_looked_at_by_itself(desk: Desk) -> None:
    desk.open_intake()
    for fee in ("110000.00", "120000.00", "130000.00"):
        declared = {"service_fee": fee, "item_date": "2025-06-30", "province_refused": "否"}
        desk.submit(project="", invoices="", contracts="", declared=declared)
    desk.to_matching()
    found = _find(desk)
    assert [len(findings.alike(desk.session, each)) for each in found] == [2, 2, 2]
    desk.session.get_one(Application, found[0].application_id).project = "示例算力"
    desk.session.commit()
    assert [findings.alike(desk.session, each) for each in found] == [[]] * 3


def test_with_a_finding_of_another_kind_nothing_else_is_decided(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    _ledger(desk, tmp_path, ("P1", NAME, CODE, "示例算力", "", "1", "2025", "省级"))
    (found,) = _find(desk)
    assert findings.alike(desk.session, found) == []
