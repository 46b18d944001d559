"""A returned list: the year waits until it is put right, what was verified can be verified again, and all is anew."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    AwardList,
    Message,
    Opinion,
    PublicNotice,
    ReviewerKind,
    StageVisit,
    VisitResult,
)
from services.award import lists, public_notices
from services.cycle import cancelling, cycles, desk_reminders, gates
from services.errors import InputError, NotAllowedError, StateError
from services.review import reviews
from tests.desk import Desk


@pytest.fixture
def waiting(desk: Desk) -> Desk:
    """The list of one purchase waits for approval."""
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    desk.to_approval()
    return desk


@pytest.fixture
def returned(waiting: Desk) -> Desk:
    """It was returned, and the year has gone back."""
    waiting.return_list(waiting.section_head, "服务费没有扣退款")
    gate = waiting.pass_gate()
    assert (gate.result, waiting.cycle.stage) == (VisitResult.RETURNED, "verification")
    return waiting


def _application(desk: Desk) -> Application:
    return desk.session.exec(select(Application)).one()


def test_a_returned_list_waits_for_the_operator_to_put_it_right(returned: Desk) -> None:
    gate = returned.pass_gate()
    assert not gate.open
    assert [(wait.who, wait.what) for wait in gate.waits] == [("经办人", "名单被退回，待按退回意见改正")]
    with pytest.raises(InputError, match="必须写明理由"):
        returned.correct(" ")
    with pytest.raises(NotAllowedError):
        gates.corrected(
            *returned.at, returned.section_head, plan=returned.plan, cycle_id=returned.cycle_id, reason="好了"
        )
    returned.correct()
    assert (returned.pass_gate().result, returned.cycle.stage) == (VisitResult.PASSED, "matching")


def test_the_operator_is_told_of_it_by_mail_once_a_day_and_nobody_why(returned: Desk) -> None:
    def remind() -> list[Message]:
        desk_reminders.remind(*returned.at, returned.system, settings=returned.settings)
        return list(returned.session.exec(select(Message).where(Message.kind == desk_reminders.KIND)))

    (mail,) = remind()
    assert [each["title"] for each in mail.context["matters"]] == ["2025年度名单被退回，待改正"]
    assert remind() == [mail]
    returned.correct()
    returned.clock.instant += timedelta(days=1)
    assert remind() == [mail]


def test_it_is_put_right_once_and_only_where_it_was_returned_to(waiting: Desk) -> None:
    with pytest.raises(StateError, match="没有待改正的退回意见"):
        waiting.correct()
    waiting.return_list(waiting.section_head, "再核")
    with pytest.raises(StateError, match="没有待改正的退回意见"):
        waiting.correct()
    waiting.pass_gate()
    waiting.correct()
    with pytest.raises(StateError, match="没有待改正的退回意见"):
        waiting.correct()


def test_what_was_verified_wrongly_is_verified_again_and_makes_another_list(returned: Desk) -> None:
    key = _application(returned).id or 0
    before = lists.current_list(returned.session, returned.cycle)
    reviews.verify_again(*returned.at, returned.operator, application_id=key, reason="退款没有扣")
    assert _application(returned).status is ApplicationStatus.COUNTY_PASSED
    returned.correct("请工信局重新核定服务费")
    assert returned.request(ReviewerKind.BUREAU) == 3
    assert not returned.pass_gate().open
    asked = {each.reviewer: each.id or 0 for each in reviews.open_requests(returned.session, returned.cycle_id)}
    reviews.reply(
        *returned.at,
        returned.bureaus["gxj"],
        request_id=asked["gxj"],
        opinion=Opinion.AGREE,
        values={"service_fee": "100000"},
        reasons={"service_fee": "扣除退款"},
    )
    returned.agree_all(ReviewerKind.BUREAU)
    returned.pass_gate()
    returned.to_approval()
    after = lists.current_list(returned.session, returned.cycle)
    assert (after.version, before.total_fen, after.total_fen) == (2, 100_000_00, 50_000_00)


def test_the_operators_correction_is_waited_for_again_after_a_way_round(returned: Desk) -> None:
    """As when a ban was lifted meanwhile, and the year goes back further still."""
    visit = cycles.current_visit(returned.session, returned.cycle)
    plan = returned.plan
    cycles.leave(
        returned.session,
        returned.clock,
        returned.calendar,
        plan,
        returned.cycle,
        VisitResult.REOPENED,
        plan.stage("completeness"),
    )
    returned.session.commit()
    for stage in ("county_review", "verification"):
        returned.pass_gate()
        assert returned.cycle.stage == stage
    last = returned.session.exec(select(StageVisit).order_by(col(StageVisit.id).desc())).first()
    assert last is not None and last.stage == visit.stage and last.id != visit.id
    assert [wait.who for wait in returned.pass_gate().waits] == ["经办人"]


def test_a_return_of_a_year_that_was_opened_again_is_not_put_right_any_more(waiting: Desk) -> None:
    waiting.return_list(waiting.section_head, "再核")
    cancelling.cancel(
        *waiting.at, waiting.operator, settings=waiting.settings, cycle_id=waiting.cycle_id, reason="重来"
    )
    waiting.clock.instant = waiting.clock.instant.replace(month=waiting.clock.instant.month + 1)
    cycles.open_cycle(
        *waiting.at,
        waiting.operator,
        settings=waiting.settings,
        plan=waiting.plan,
        policy_id=waiting.cycle.policy_id,
        year=waiting.cycle.year,
    )
    cycle = waiting.cycle
    cycle.stage = cycles.current_visit(waiting.session, cycle).stage = "verification"
    waiting.session.commit()
    assert gates.to_correct(waiting.session, waiting.plan, waiting.cycle) is None


def test_nothing_is_verified_again_outside_of_the_stage_or_without_a_reason(waiting: Desk) -> None:
    key = _application(waiting).id or 0
    with pytest.raises(StateError, match="现在不是部门联审阶段"):
        reviews.verify_again(*waiting.at, waiting.operator, application_id=key, reason="再看")
    waiting.return_list(waiting.section_head, "再核")
    waiting.pass_gate()
    with pytest.raises(InputError, match="必须写明理由"):
        reviews.verify_again(*waiting.at, waiting.operator, application_id=key, reason="")
    reviews.verify_again(*waiting.at, waiting.operator, application_id=key, reason="再看")
    with pytest.raises(StateError, match="不能办理“重新核验”"):
        reviews.verify_again(*waiting.at, waiting.operator, application_id=key, reason="再看")


def test_a_list_whose_funds_were_returned_is_published_anew_for_as_long_although_it_says_the_same(
    waiting: Desk,
) -> None:
    waiting.approve(waiting.section_head, waiting.leader, waiting.meeting)
    waiting.pass_gate()
    published = {"settings": waiting.settings, "cycle_id": waiting.cycle_id}
    first = public_notices.publish(*waiting.at, waiting.system, **published)
    waiting.clock.instant = waiting.clock.instant.replace(month=waiting.clock.instant.month + 1)
    for stage in ("objections", "funds"):
        waiting.pass_gate()
        assert waiting.cycle.stage == stage
    cycles.finish_work(*waiting.at, waiting.system, cycle_id=waiting.cycle_id, summary={})
    waiting.return_list(waiting.government, "请说明资金来源")
    waiting.pass_gate()
    waiting.correct("资金来源已在请示中写明")
    waiting.pass_gate()
    waiting.to_approval()
    waiting.approve(waiting.section_head, waiting.leader, waiting.meeting)
    waiting.pass_gate()
    second = public_notices.publish(*waiting.at, waiting.system, **published)
    versions = waiting.session.exec(select(AwardList).order_by(col(AwardList.version))).all()
    assert len({each.digest for each in versions}) == 1 and len(versions) == 2
    assert len(waiting.session.exec(select(PublicNotice)).all()) == 2
    assert second.starts_on > first.ends_on
    assert public_notices.publish(*waiting.at, waiting.system, **published).id == second.id
