"""Opening a cycle: what is refused before anything begins."""

from typing import Any

import pytest
from sqlmodel import select

from models import Application, ApplicationStatus, Award, CycleStatus
from services.award import computation, lists
from services.cycle import cycles, gates
from services.cycle.stages import Subject
from services.errors import InputError, StateError
from services.law import policies
from tests.desk import POLICY, Desk


def _open(desk: Desk, **changes: Any) -> cycles.Cycle:
    given: dict[str, Any] = {"policy_id": POLICY, "year": 2026, **changes}
    return cycles.open_cycle(*desk.at, desk.operator, settings=desk.settings, plan=desk.plan, **given)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"year": 2025}, "已经开立"),
        ({"year": 2023}, "只适用于 2024—2026 统计年度，看到 2023"),
        ({"year": 2027}, "只适用于 2024—2026 统计年度，看到 2027"),
        ({"overrides": {"compute-purchase": {"rates": "1=60%"}}}, "60%"),
        ({"cost_sharing": {"nowhere": "40%"}}, "“nowhere”不是本政策的县区"),
        ({"cost_sharing": {"longhai": "140%"}}, "负担比例“140%”"),
    ],
)
def test_a_cycle_that_the_policy_does_not_allow_is_refused(desk: Desk, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        _open(desk, **changes)


def test_rates_may_be_set_lower_than_the_law_says(desk: Desk) -> None:
    assert _open(desk, overrides={"compute-purchase": {"rates": "1=45%"}}).year == 2026


def test_a_cancelled_cycle_takes_nothing_more(desk: Desk) -> None:
    cycles.cancel(*desk.at, desk.operator, cycle_id=desk.cycle_id, reason="政策暂停执行")
    with pytest.raises(StateError, match="已经结束"):
        cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})


def test_the_yearly_settings_may_be_corrected_until_the_guide_is_approved(desk: Desk) -> None:
    desk.approve(desk.section_head)
    before = gates.subject_digest(desk.session, desk.cycle, Subject.GUIDE)
    _adjust(desk, {"compute-purchase": {"rates": "1=45%"}})
    assert desk.cycle.overrides == {"compute-purchase": {"rates": "1=45%"}}
    with pytest.raises(StateError, match="还在准备中"):  # until the guide was written anew
        gates.approve(*desk.at, desk.leader, plan=desk.plan, cycle_id=desk.cycle_id, digest=before)
    with pytest.raises(InputError, match="60%"):
        _adjust(desk, {"compute-purchase": {"rates": "1=60%"}})
    assert desk.cycle.overrides == {"compute-purchase": {"rates": "1=45%"}}
    desk.approve(desk.section_head, desk.leader)  # both steps again, of the new guide
    desk.pass_gate()
    with pytest.raises(StateError, match="已经批准"):
        _adjust(desk, {})


def _adjust(desk: Desk, overrides: dict[str, dict[str, str]]) -> None:
    cycles.adjust(
        *desk.at,
        desk.operator,
        settings=desk.settings,
        plan=desk.plan,
        cycle_id=desk.cycle_id,
        overrides=overrides,
        cost_sharing={},
    )


def test_a_cancelled_year_is_opened_again_with_what_was_filed_in_it(desk: Desk) -> None:
    desk.open_intake()
    filed = desk.submit()
    cycles.cancel(*desk.at, desk.operator, cycle_id=desk.cycle_id, reason="标准写错")
    again = _open(desk, year=2025, overrides={"compute-purchase": {"rates": "1=45%"}})
    assert (again.id, again.stage, again.overrides) == (
        desk.cycle_id,
        "guide",
        {"compute-purchase": {"rates": "1=45%"}},
    )
    desk.open_intake()
    assert desk.cycle.stage == "intake"
    desk.to_matching()
    run = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    award = desk.session.exec(select(Award).where(Award.run_id == run.id)).one()
    assert (award.application_id, award.amount_fen) == (filed, 90_000_00)


def test_awards_wait_for_an_earlier_year_that_may_still_change(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    earlier = _open(desk, year=2024)
    with pytest.raises(StateError, match="2024 年度还没有下达资金"):
        computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    cycles.cancel(*desk.at, desk.operator, cycle_id=earlier.id or 0, reason="不办了")
    assert computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id).number == 1


def test_no_application_drops_out_of_the_computation_unseen(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    application = desk.session.exec(select(Application)).one()
    application.status = ApplicationStatus.COUNTY_PASSED
    desk.session.commit()
    with pytest.raises(StateError, match=f"1 件申报没有审核完，不能测算：{application.number}"):
        computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)


def test_what_rules_read_of_earlier_years_comes_from_our_own_cycles_too(desk: Desk) -> None:
    period = {"period_from": "2025-01-01", "period_to": "2025-12-31"}
    declared = {"turnover": "4000000", "operation_start": "2024-06-01", "item_date": "2025-12-31", **period}
    desk.open_intake()
    desk.submit(measure="annotation-operation", project="标注平台", declared=declared)
    desk.to_matching()
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    lists.freeze(*desk.at, desk.system, cycle_id=desk.cycle_id)
    desk.cycle.status = CycleStatus.CLOSED
    desk.session.commit()
    following = _open(desk, year=2026)
    (row,) = computation.history(desk.session, following, policies.policy_of(desk.session, following))
    assert (row["measure"], row["amount_fen"]) == ("annotation-operation", 400_000_00)
    assert (str(row["period_from"]), str(row["period_to"])) == tuple(period.values())
