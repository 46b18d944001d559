"""Closing the intake early: which stage, which day, and what the gate says then."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import select

from models import Decision, DecisionKind
from services.cycle import cycles, early_close
from services.cycle.deadlines import due_day
from services.errors import InputError, NotAllowedError, StateError
from tests.desk import Desk


def close(desk: Desk, **changes: Any) -> datetime:
    """Close the intake on a Friday, three weeks before its day."""
    given = {"cycle_id": desk.cycle_id, "last_day": date(2026, 3, 6), "reason": "申报已齐", **changes}
    actor = given.pop("actor", desk.operator)
    return early_close.close_early(*desk.at, actor, settings=desk.settings, plan=desk.plan, **given)


def test_the_intake_ends_with_the_chosen_day(desk: Desk) -> None:
    desk.open_intake()
    assert close(desk) == datetime(2026, 3, 6, 16, tzinfo=UTC)
    decision = desk.session.exec(select(Decision).where(Decision.kind == DecisionKind.CLOSE_EARLY)).one()
    assert (decision.reason, decision.user_id) == ("申报已齐", desk.operator.user_id)
    desk.clock.instant = datetime(2026, 3, 6, 15, 59, 59, tzinfo=UTC)
    assert not desk.pass_gate().open
    desk.clock.instant = datetime(2026, 3, 6, 16, tzinfo=UTC)
    assert desk.pass_gate().open


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"last_day": date(2026, 3, 1)}, "已经过去"),
        ({"last_day": date(2026, 3, 7)}, "2026-03-07 不是工作日"),
        ({"last_day": date(2026, 3, 30)}, "不早于现在的期限 2026-03-30"),
        ({"last_day": date(2999, 1, 4)}, "不早于现在的期限"),
        ({"reason": " "}, "必须写明理由"),
    ],
)
def test_a_day_that_closes_nothing_and_a_missing_reason_are_refused(
    desk: Desk, changes: dict[str, Any], told: str
) -> None:
    desk.open_intake()
    with pytest.raises(InputError, match=told):
        close(desk, **changes)
    due = cycles.current_visit(desk.session, desk.cycle).due_at
    assert due is not None and due_day(due) == date(2026, 3, 30)


def test_only_the_intake_is_closed_early_and_only_by_the_operator(desk: Desk) -> None:
    with pytest.raises(StateError, match="现在是“指南编制”，只有申报受理可以提前截止"):
        close(desk)
    desk.open_intake()
    with pytest.raises(NotAllowedError):
        close(desk, actor=desk.leader)


def test_a_public_notice_stays_open_for_all_its_working_days(desk: Desk) -> None:
    stage = desk.plan.stage("public_notice")
    assert not early_close.can_close(stage)
    assert early_close.refusal(stage) == (
        f"“名单公示”不得少于规定的 {stage.working_days} 个工作日，不能提前截止；确需延长的可以延长期限。"
    )
