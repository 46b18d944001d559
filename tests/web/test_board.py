"""The board: what it shows of a year, and what the operator decides there."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    Cycle,
    CycleStatus,
    Decision,
    DecisionKind,
    RequestStatus,
    ReviewerKind,
    Role,
    StageVisit,
    VerificationRequest,
)
from services.access.actors import system_actor
from services.cycle import gates
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_day
from services.cycle.stages import load_plan
from tests.web.conftest import House, ask, decide, return_list, send, shown
from web.app import create_app

Open = Callable[[str | None], House]


def test_the_board_shows_where_the_year_stands(house_at: Open) -> None:
    page = house_at("verification").as_role(Role.OPERATOR).get("/board").text
    assert '<li class="is-now" aria-current="step">\n    <b>部门联审</b>' in page
    assert page.count('class="is-done"') == 5
    assert page.count('class="is-to-come"') == 11
    assert "本阶段的工作还没有做完" in page
    assert "购买算力服务补助" in page


def test_an_ended_year_shows_its_money_and_offers_no_decision(house_at: Open) -> None:
    page = house_at(None).as_role(Role.OPERATOR).get("/board").text
    assert "已归档" in page
    assert page.count('class="is-done"') == 17
    assert "4,564.1568" in page
    assert "/extend" not in page


def test_only_the_operator_is_offered_decisions(house_at: Open) -> None:
    house = house_at("verification")
    assert "/board/1/extend" in house.as_role(Role.OPERATOR).get("/board").text
    for role in (Role.AUDITOR, Role.BUREAU_LEADER):
        page = house.as_role(role).get("/board").text
        assert "部门联审" in page
        assert "/board/1/" not in page


def test_a_due_day_is_put_off_for_a_reason(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    refused = decide(browser, "/board/1/extend", days="3", reason=" ")
    assert refused.status_code == 422
    assert "写明" in refused.text
    assert 'value="3"' in refused.text
    answer = decide(browser, "/board/1/extend", days="3", reason="部门人手不足")
    assert answer.status_code == 303
    with house.session() as session:
        visit = session.exec(select(StageVisit).where(col(StageVisit.left_at).is_(None))).one()
        assert visit.due_at is not None
        assert str(due_day(visit.due_at)) == "2026-05-29"
        decision = session.exec(select(Decision).where(Decision.kind == DecisionKind.EXTEND)).one()
        assert decision.reason == "部门人手不足"
    assert "2026-05-29" in browser.get("/board").text


def test_the_intake_is_closed_early_on_a_working_day_for_a_reason(house_at: Open) -> None:
    house = house_at("intake")
    browser = house.as_role(Role.OPERATOR)
    page = browser.get("/board").text
    assert "/board/1/close-window" in page
    first, due = page.split('min="')[1][:10], page.split('max="')[1][:10]
    for day, told in (
        (due, "不早于现在的期限"),
        ("2026-01-05", "已经过去"),
        ("明天", "看到的是“明天”"),
        ("", "截止日要写成"),
    ):
        answer = decide(browser, "/board/1/close-window", last_day=day, reason="申报已齐")
        assert answer.status_code == 422 and told in answer.text and "申报已齐" in answer.text
    assert decide(browser, "/board/1/close-window", last_day=first, reason=" ").status_code == 422
    assert decide(browser, "/board/1/close-window", last_day=first, reason="申报已齐").status_code == 303
    with house.session() as session:
        decision = session.exec(select(Decision).where(Decision.kind == DecisionKind.CLOSE_EARLY)).one()
        assert decision.reason == "申报已齐"
    page = browser.get("/board").text
    assert f"期限 {first}" in page


def test_a_public_notice_is_not_cut_short(house_at: Open) -> None:
    browser = house_at("public_notice").as_role(Role.OPERATOR)
    assert "/board/1/close-window" not in browser.get("/board").text
    answer = decide(browser, "/board/1/close-window", last_day="2026-12-31", reason="急")
    assert answer.status_code == 422 and "不得少于规定的 5 个工作日" in answer.text


def test_days_that_are_no_number_are_refused_with_what_was_typed(house_at: Open) -> None:
    browser = house_at("verification").as_role(Role.OPERATOR)
    for typed in ("三", "-1", "1.5", "99999"):
        answer = decide(browser, "/board/1/extend", days=typed, reason="<script>x</script>")
        assert answer.status_code == 422
        assert "工作日数要填整数" in answer.text
        assert "&lt;script&gt;x&lt;/script&gt;" in answer.text
        assert "<script>x" not in answer.text


def test_a_gate_is_overridden_only_for_a_reason(house_at: Open) -> None:
    house = house_at("county_review")
    browser = house.as_role(Role.OPERATOR)
    early = decide(browser, "/board/1/override", reason="已电话核实")
    assert early.status_code == 422 and "还没有发出全部审核事项" in early.text
    ask(house, ReviewerKind.COUNTY)
    assert decide(browser, "/board/1/override", reason="").status_code == 422
    assert decide(browser, "/board/1/override", reason="已电话核实").status_code == 303
    with house.session() as session:
        decision = session.exec(select(Decision).where(Decision.kind == DecisionKind.OVERRIDE)).one()
        assert decision.reason == "已电话核实"
        open_ones = select(VerificationRequest).where(VerificationRequest.status == RequestStatus.OPEN)
        assert session.exec(open_ones).first() is None


def test_a_returned_list_is_put_right_where_its_reason_is_read(house_at: Open) -> None:
    house = house_at("approval")
    operator, head = house.as_role(Role.OPERATOR), house.as_role(Role.SECTION_HEAD)
    assert "按退回意见改正" not in operator.get("/board").text
    early = decide(operator, "/board/1/corrected", reason="好了")
    assert early.status_code == 422 and "没有待改正的退回意见" in early.text
    return_list(house, "服务费<b>没有扣退款")
    with house.session() as session:
        key = session.exec(select(Application.id).where(Application.status == ApplicationStatus.VERIFIED)).first()
    assert "/board/1/corrected" not in head.get("/board").text
    page = operator.get("/board").text
    assert "服务费&lt;b&gt;没有扣退款" in page and "名单被退回，待按退回意见改正" in page
    assert "重新核验" not in head.get(f"/applications/{key}").text
    assert "/verify-again" in operator.get(f"/applications/{key}").text
    assert send(operator, f"/applications/{key}/verify-again", reason=" ").status_code == 422
    assert send(head, f"/applications/{key}/verify-again", reason="扣退款").status_code == 403
    assert send(operator, f"/applications/{key}/verify-again", reason="扣退款").status_code == 303
    assert "/verify-again" not in operator.get(f"/applications/{key}").text
    assert decide(operator, "/board/1/corrected", reason="").status_code == 422
    assert send(head, "/board/1/corrected", reason="好了").status_code == 403
    assert decide(operator, "/board/1/corrected", reason="已请重新核定").status_code == 303
    page = operator.get("/board").text
    assert "/board/1/corrected" not in page and "1 件待发出审核" in page


def moved_on(house: House) -> tuple[TestClient, str]:
    """A browser with the board open in 县区初审, and the mark of that page; by now the bureaus were asked."""
    ask(house, ReviewerKind.COUNTY)
    browser = house.as_role(Role.OPERATOR)
    mark = shown(browser.get("/board").text)
    colleague = house.as_role(Role.OPERATOR)
    assert decide(colleague, "/board/1/override", reason="已电话核实").status_code == 303
    with house.session() as session:
        plan, calendar = load_plan(house.settings.cycle_file), Calendar(house.settings.calendar_dir)
        at = session, house.clock, system_actor(session)
        gates.pass_gate(*at, plan=plan, calendar=calendar, cycle_id=1, stage="county_review")
    ask(house)
    return browser, mark


def untouched(house: House) -> bool:
    """Whether in 部门联审 nothing was decided yet and everybody is still asked, until the day that was set."""
    with house.session() as session:
        visit = session.exec(select(StageVisit).where(col(StageVisit.left_at).is_(None))).one()
        asked = select(VerificationRequest.status).where(VerificationRequest.kind == ReviewerKind.BUREAU)
        assert (visit.stage, set(session.exec(asked))) == ("verification", {RequestStatus.OPEN})
        decided = session.exec(select(Decision).where(Decision.visit_id == visit.id)).first()
        return decided is None and session.get_one(Cycle, 1).status is CycleStatus.OPEN


@pytest.mark.parametrize(
    ("act", "fields"),
    [
        ("override", {"reason": "芗城区两次催办未回复"}),
        ("extend", {"reason": "芗城区人手不足", "days": "3"}),
        ("corrected", {"reason": "芗城区已改正"}),
        ("cancel", {"reason": "芗城区没有申报", "sure": "yes"}),
        ("close-window", {"reason": "芗城区已报齐", "last_day": "2026-05-18"}),
        ("standards", {}),
    ],
)
def test_what_was_meant_for_one_stage_is_not_done_to_the_next(house_at: Open, act: str, fields: dict[str, str]) -> None:
    house = house_at("county_review")
    browser, mark = moved_on(house)
    for stale in (mark, ""):
        answer = send(browser, f"/board/1/{act}", shown=stale, **fields)
        assert answer.status_code == 422 and "页面已过时" in answer.text
        assert untouched(house)
    if act in ("override", "extend", "cancel"):
        assert f">{fields['reason']}</textarea>" in answer.text
    assert shown(answer.text) == shown(browser.get("/board").text) != mark


def test_a_form_that_was_refused_for_something_else_stays_stale(house_at: Open) -> None:
    house = house_at("county_review")
    browser, mark = moved_on(house)
    for typed, told in (("三", "工作日数要填整数"), ("3", "页面已过时"), ("3", "")):
        answer = send(browser, "/board/1/extend", days=typed, reason="人手不足", shown=mark)
        assert told in answer.text and untouched(house) == bool(told)
        mark = shown(answer.text.partition('/board/1/extend"')[2]) if told else ""


def test_two_who_put_off_the_same_day_put_it_off_once(house_at: Open) -> None:
    house = house_at("verification")
    ask(house)
    first, second = house.as_role(Role.OPERATOR), house.as_role(Role.OPERATOR)
    mark = shown(second.get("/board").text)
    assert decide(first, "/board/1/extend", days="3", reason="部门人手不足").status_code == 303
    answer = send(second, "/board/1/extend", days="3", reason="部门来电要求", shown=mark)
    assert answer.status_code == 422 and "页面已过时" in answer.text and "部门来电要求" in answer.text
    with house.session() as session:
        assert len(session.exec(select(Decision).where(Decision.kind == DecisionKind.EXTEND)).all()) == 1


def test_what_only_a_bureau_knows_is_not_overridden_in_bulk(house_at: Open) -> None:
    house = house_at("verification")
    ask(house)
    answer = decide(house.as_role(Role.OPERATOR), "/board/1/override", reason="已电话核实")
    assert answer.status_code == 422 and "请逐件放行并填写核定值" in answer.text
    with house.session() as session:
        states = set(
            session.exec(select(VerificationRequest.status).where(VerificationRequest.kind == ReviewerKind.BUREAU))
        )
    assert states == {RequestStatus.OPEN}


def test_an_approval_cannot_be_overridden(house_at: Open) -> None:
    house = house_at("approval")
    browser = house.as_role(Role.OPERATOR)
    assert "说明理由放行" not in browser.get("/board").text
    assert decide(browser, "/board/1/override", reason="急").status_code == 422
    with house.session() as session:
        assert session.exec(select(Decision).where(Decision.kind == DecisionKind.OVERRIDE)).first() is None


def test_a_year_is_ended_early_only_when_that_is_confirmed(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    refused = decide(browser, "/board/1/cancel", reason="政策废止")
    assert refused.status_code == 422
    assert "政策废止" in refused.text
    assert decide(browser, "/board/1/cancel", reason="政策废止", sure="yes").status_code == 303
    with house.session() as session:
        assert session.get_one(Cycle, 1).status is CycleStatus.CANCELLED
    page = browser.get("/board").text
    assert "已终止" in page
    assert "政策废止" in page


def test_waking_without_the_engine_says_so_and_keeps_the_page(house_at: Open) -> None:
    browser = house_at("verification").as_role(Role.OPERATOR)
    for path, fields in (("/board/1/wake", {}), ("/board/1/run", {"name": "reminders"})):
        answer = send(browser, path, **fields)
        assert answer.status_code == 409
        assert "连不上调度服务" in answer.text
        assert "部门联审" in answer.text
    assert send(browser, "/board/1/run", name="anything").status_code == 422


def test_the_failure_of_the_last_run_is_shown_as_text(house_at: Open) -> None:
    house = house_at("verification")
    with house.session() as session:
        cycle = session.get_one(Cycle, 1)
        cycle.failure, cycle.flow_run_id = "<script>alert(1)</script>", "0190-a"
        session.add(cycle)
        session.commit()
    page = house.as_role(Role.OPERATOR).get("/board").text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "http://127.0.0.1:9/runs/flow-run/0190-a" in page
    assert ">重试<" in page


def test_a_year_is_opened_with_its_own_standards(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    form = browser.get("/board/new?policy_id=zhangzhou-ai-2024&year=2026").text
    assert "dataset-trade.rate" in form
    given = {
        "policy_id": "zhangzhou-ai-2024",
        "year": "2026",
        "setting": ["dataset-trade.rate", "ai-event.rate"],
        "value": ["25%", ""],
        "county": ["longhai"],
        "share": ["40%"],
    }
    assert send(browser, "/board/new", **given).status_code == 303
    with house.session() as session:
        cycle = session.exec(select(Cycle).where(Cycle.year == 2026)).one()
        assert cycle.overrides == {"dataset-trade": {"rate": "25%"}}
        assert cycle.cost_sharing == {"longhai": "40%"}
    again = send(browser, "/board/new", **given)
    assert again.status_code == 422
    assert "已经开立" in again.text


def test_a_policy_with_errors_is_told_and_hides_no_other(house_at: Open, tmp_path: Path) -> None:
    house = house_at("verification")
    shelf = shutil.copytree(house.settings.policies_dir, tmp_path / "policies")
    (shelf / "broken").mkdir()
    (shelf / "broken" / "policy.yaml").write_text("id: broken\n")
    settings = house.settings.model_copy(update={"policies_dir": shelf})
    browser = House(settings, house.clock, create_app(settings)).as_role(Role.OPERATOR)
    page = browser.get("/board/new").text
    assert "政策 broken 的文件有误" in page
    assert '<option value="zhangzhou-ai-2024"' in page and '<option value="broken"' not in page
    assert browser.get("/policies/broken").status_code == 200
    assert send(browser, "/board/new", policy_id="broken", year="2026").status_code == 422


def test_a_standard_beyond_the_law_is_refused_and_kept(house_at: Open) -> None:
    house = house_at("verification")
    browser = house.as_role(Role.OPERATOR)
    given = {"policy_id": "zhangzhou-ai-2024", "year": "2026", "setting": ["dataset-trade.rate"], "value": ["90%"]}
    refused = send(browser, "/board/new", **given)
    assert refused.status_code == 422
    assert 'value="90%"' in refused.text
    assert send(browser, "/board/new", policy_id="../../etc", year="2026").status_code == 422
    assert send(browser, "/board/new", policy_id="zhangzhou-ai-2024", year="二〇").status_code == 422
    with house.session() as session:
        assert len(session.exec(select(Cycle)).all()) == 1


def test_an_unknown_year_is_not_found(house_at: Open) -> None:
    browser = house_at("verification").as_role(Role.OPERATOR)
    assert browser.get("/board?cycle_id=99").status_code == 404
    assert send(browser, "/board/99/wake").status_code == 404


def test_the_standards_are_corrected_while_the_guide_is_prepared(house_at: Open) -> None:
    house = house_at("guide")
    browser = house.as_role(Role.OPERATOR)
    assert "/board/1/standards" in browser.get("/board").text
    page = browser.get("/board/1/standards").text
    assert "保存并重写指南" in page
    assert 'value="不再补"' in page and 'value="不看"' not in page and 'value="进位"' not in page
    beyond = decide(browser, "/board/1/standards", setting=["policy.overlap"], value=["不看"])
    assert beyond.status_code == 422 and "只能是：补差、不再补" in beyond.text
    assert "不按这里的比例：市级人工智能典型应用场景奖励由市级负担 100%。" in page
    typed = {"setting": ["dataset-trade.rate"], "value": ["90%"], "county": ["longhai"], "share": ["30%"]}
    refused = decide(browser, "/board/1/standards", **typed)
    assert refused.status_code == 422
    assert 'value="90%"' in refused.text and 'value="30%"' in refused.text
    assert decide(browser, "/board/1/standards", **(typed | {"value": ["20%"]})).status_code == 303
    with house.session() as session:
        cycle = session.get_one(Cycle, 1)
    assert (cycle.overrides, cycle.cost_sharing) == ({"dataset-trade": {"rate": "20%"}}, {"longhai": "30%"})


def test_the_standards_stay_once_the_guide_is_approved(house_at: Open) -> None:
    browser = house_at("verification").as_role(Role.OPERATOR)
    assert "/board/1/standards" not in browser.get("/board").text
    answer = decide(browser, "/board/1/standards")
    assert answer.status_code == 422 and "已经批准" in answer.text


def test_a_colleagues_standards_are_not_undone_from_an_older_page(house_at: Open) -> None:
    house = house_at("guide")
    first, second = house.as_role(Role.OPERATOR), house.as_role(Role.OPERATOR)
    mark = shown(second.get("/board/1/standards").text)
    rate = {"setting": ["dataset-trade.rate"], "value": ["20%"]}
    assert decide(first, "/board/1/standards", **rate).status_code == 303
    share = {"county": ["longhai"], "share": ["30%"]}
    refused = send(second, "/board/1/standards", **share, shown=mark)
    assert refused.status_code == 422 and "页面已过时" in refused.text and 'value="30%"' in refused.text
    with house.session() as session:
        cycle = session.get_one(Cycle, 1)
        assert (cycle.overrides, cycle.cost_sharing) == ({"dataset-trade": {"rate": "20%"}}, {})
    assert send(second, "/board/1/standards", **rate, **share, shown=shown(refused.text)).status_code == 303
