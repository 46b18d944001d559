"""Gates: the chain in order, one exact subject, never the preparer, never one person twice; deadlines and overrides."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlmodel import select

from models import (
    Decision,
    DecisionKind,
    RequestStatus,
    ReviewerKind,
    Role,
    StageVisit,
    Supplement,
    VerificationRequest,
    VisitResult,
)
from services.access import people
from services.access.actors import find_actor
from services.application import completeness
from services.cycle import cycles, extensions, gates, guide
from services.cycle.deadlines import due_day
from services.errors import NotAllowedError, StateError
from tests.desk import AFTER_INTAKE, Desk


def _ready(desk: Desk) -> str:
    """The guide is drafted and waits for the chain."""
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})
    return guide.digest(desk.session, desk.cycle)


def _approve(desk: Desk, actor: gates.Actor, digest: str) -> Decision:
    return gates.approve(*desk.at, actor, plan=desk.plan, cycle_id=desk.cycle_id, digest=digest)


def test_the_gate_opens_only_when_the_whole_chain_approved(desk: Desk) -> None:
    digest = _ready(desk)
    assert [wait.who for wait in desk.pass_gate().waits] == ["科室负责人"]
    _approve(desk, desk.section_head, digest)
    assert [wait.who for wait in desk.pass_gate().waits] == ["分管领导"]
    _approve(desk, desk.leader, digest)
    assert desk.pass_gate().open
    assert desk.cycle.stage == "publication"


def test_the_chain_keeps_its_order(desk: Desk) -> None:
    digest = _ready(desk)
    with pytest.raises(NotAllowedError, match="现在应由科室负责人审批"):
        _approve(desk, desk.leader, digest)


def test_another_digest_is_not_approved(desk: Desk) -> None:
    _ready(desk)
    with pytest.raises(StateError, match="所批内容已经变化"):
        _approve(desk, desk.section_head, "0" * 64)


def test_nothing_is_approved_before_it_is_ready(desk: Desk) -> None:
    with pytest.raises(StateError, match="还在准备中"):
        _approve(desk, desk.section_head, guide.digest(desk.session, desk.cycle))


def test_the_preparer_never_approves(desk: Desk) -> None:
    digest = _ready(desk)
    user = desk.session.get_one(gates.cycles.Cycle, desk.cycle_id).opened_by
    both = gates.Actor(user, "operator", "operator", Role.SECTION_HEAD)
    with pytest.raises(NotAllowedError, match="编制人不能审批"):
        _approve(desk, both, digest)


def test_one_person_never_takes_two_steps(desk: Desk) -> None:
    digest = _ready(desk)
    _approve(desk, desk.section_head, digest)
    promoted = gates.Actor(desk.section_head.user_id, "head", "head", Role.BUREAU_LEADER)
    with pytest.raises(NotAllowedError, match="两个环节"):
        _approve(desk, promoted, digest)


def test_when_the_subject_changes_old_approvals_do_not_carry_over(desk: Desk) -> None:
    _approve(desk, desk.section_head, _ready(desk))
    cycle = desk.cycle
    cycle.overrides = {"compute-purchase": {"rates": "1=40%"}}
    desk.session.commit()
    assert [wait.who for wait in desk.pass_gate().waits] == ["科室负责人"]


def test_a_return_leads_back_and_asks_for_new_approvals(desk: Desk) -> None:
    digest = _ready(desk)
    _approve(desk, desk.section_head, digest)
    gates.send_back(*desk.at, desk.leader, plan=desk.plan, cycle_id=desk.cycle_id, digest=digest, reason="材料清单不全")
    gate = desk.pass_gate()
    assert (gate.result, gate.target) == (VisitResult.RETURNED, "guide")
    visits = desk.session.exec(select(StageVisit).where(StageVisit.stage == "guide")).all()
    assert [visit.number for visit in visits] == [1, 2]
    assert [wait.who for wait in desk.pass_gate().waits] == ["科室负责人"]


def test_a_deadline_opens_at_the_end_of_its_day_in_china(desk: Desk) -> None:
    desk.open_intake()
    visit = cycles.current_visit(desk.session, desk.cycle)
    assert visit.due_at is not None
    assert due_day(visit.due_at).isoformat() == "2026-03-30"
    desk.clock.instant = datetime(2026, 3, 30, 15, 59, 59, tzinfo=UTC)
    assert not desk.pass_gate().open
    desk.clock.instant = datetime(2026, 3, 30, 16, 0, tzinfo=UTC)
    assert desk.pass_gate().open


def test_an_extension_puts_the_deadline_off_by_working_days_for_a_reason(desk: Desk) -> None:
    desk.open_intake()
    due = extensions.extend(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, working_days=5, reason="系统检修"
    )
    assert due_day(due).isoformat() == "2026-04-07"  # 4 to 6 April is 清明节
    kinds = [decision.kind for decision in desk.session.exec(select(Decision))]
    assert kinds.count(DecisionKind.EXTEND) == 1


def test_an_override_is_reasoned_and_settles_what_was_open(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    desk.pass_gate()
    assert [wait.who for wait in gates.read_gate(*desk.at, desk.plan, desk.cycle).waits] == ["系统"]
    with pytest.raises(StateError, match="还没有发出全部审核事项"):
        gates.override(*desk.at, desk.operator, plan=desk.plan, cycle_id=desk.cycle_id, reason="赶时间")
    desk.request(ReviewerKind.COUNTY)
    assert [wait.who for wait in desk.pass_gate().waits] == ["芗城区"]
    gates.override(*desk.at, desk.operator, plan=desk.plan, cycle_id=desk.cycle_id, reason="两次催办未回复")
    assert desk.pass_gate().open
    states = [each.status for each in desk.session.exec(select(VerificationRequest))]
    assert states == [RequestStatus.OVERRIDDEN]


def test_an_extension_gives_those_who_were_asked_as_much_longer(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    lacking = desk.submit(project="缺承诺书", invoices="25352000000000000018", pledged=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    extend = {"settings": desk.settings, "cycle_id": desk.cycle_id, "working_days": 3, "reason": "台风"}
    asked = desk.session.exec(select(Supplement)).one()
    before = due_day(asked.due_at)
    extensions.extend(*desk.at, desk.operator, **extend)
    assert desk.calendar.working_days_between(before, due_day(asked.due_at)) == 3
    desk.clock.instant = asked.due_at - timedelta(seconds=1)
    assert desk.examine()["lapsed"] == 0
    completeness.answer_supplement(
        *desk.at, desk.operator, settings=desk.settings, application_id=lacking, answer="已补", pledged=True
    )
    desk.examine()
    desk.pass_gate()
    desk.request(ReviewerKind.COUNTY)
    dues = {due_day(each.due_at) for each in desk.session.exec(select(VerificationRequest))}
    extensions.extend(*desk.at, desk.operator, **extend)
    later = {due_day(each.due_at) for each in desk.session.exec(select(VerificationRequest))}
    assert desk.calendar.working_days_between(min(dues), min(later)) == 3


def test_an_approval_gate_cannot_be_overridden(desk: Desk) -> None:
    _ready(desk)
    with pytest.raises(NotAllowedError, match="不能由经办人放行"):
        gates.override(*desk.at, desk.operator, plan=desk.plan, cycle_id=desk.cycle_id, reason="赶时间")


def test_a_late_run_of_an_earlier_stage_does_not_leave_the_present_one(desk: Desk) -> None:
    desk.open_intake()
    desk.clock.advance(timedelta(days=60))
    gates.pass_gate(
        *desk.at, desk.system, plan=desk.plan, calendar=desk.calendar, cycle_id=desk.cycle_id, stage="publication"
    )
    assert desk.cycle.stage == "intake"


def test_a_second_approver_of_the_same_role_finds_the_step_taken(desk: Desk) -> None:
    people.add_user(*desk.at, desk.system, login="head2", name="head2", role=Role.SECTION_HEAD)
    digest = _ready(desk)
    _approve(desk, desk.section_head, digest)
    with pytest.raises(NotAllowedError, match="现在应由分管领导"):
        _approve(desk, find_actor(desk.session, "head2"), digest)
