"""Opening a cycle: what is refused before anything begins."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    Award,
    CycleStatus,
    Message,
    Opinion,
    RequestStatus,
    ReviewerKind,
    Role,
    Supplement,
    User,
)
from services.application import applications, completeness
from services.award import computation, lists
from services.cycle import cancelling, cycles, gates, guide, publication, stage_counts
from services.cycle.stages import Subject
from services.documents import write
from services.documents.contents import guide as guide_page
from services.documents.record import Record
from services.errors import InputError, NotFoundError, StateError
from services.law import policies
from services.review import reviews
from tests.desk import AFTER_INTAKE, POLICY, Desk


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
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="政策暂停执行")
    with pytest.raises(StateError, match="已经结束（已终止）"):
        cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})


def test_who_waits_for_an_outcome_is_told_that_the_year_ends(desk: Desk) -> None:
    desk.open_intake()
    kept, withdrawn = desk.submit(), desk.submit(project="另一项目")
    applications.withdraw(*desk.at, desk.operator, application_id=withdrawn, reason="重报")
    cancelling.cancel(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="内部原因：标准写错"
    )
    told = desk.session.exec(select(Message).where(Message.kind == "cycle_cancelled")).all()
    number = desk.session.get_one(Application, kept).number
    assert [each.context["number"] for each in told] == [number]
    assert "标准写错" not in str(told[0].context)


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
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="标准写错")
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


def _begin_anew(desk: Desk) -> None:
    """Cancel the year, open it again a month later, and bring it to its intake."""
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="标准写错")
    desk.clock.advance(timedelta(days=31))
    _open(desk, year=2025)
    desk.open_intake()


def test_what_was_to_be_supplied_is_asked_for_anew_in_a_year_that_was_opened_again(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit(pledged=False)
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    first = desk.session.exec(select(Supplement)).one()
    _begin_anew(desk)
    assert first.due_at < desk.clock.now() and first.answered_at is None
    assert desk.session.get_one(Application, key).status is ApplicationStatus.SUBMITTED
    desk.clock.advance(timedelta(days=31))
    desk.pass_gate()
    assert desk.examine() == {"accepted": 0, "asked": 1, "lapsed": 0, "barred": 0}
    again = desk.session.exec(select(Supplement).where(Supplement.round == 2)).one()
    assert again.due_at > desk.clock.now()
    mails = desk.session.exec(select(Message).where(Message.kind == "supplement_request")).all()
    assert len(mails) == 2
    completeness.answer_supplement(
        *desk.at, desk.operator, settings=desk.settings, application_id=key, answer="已补签", pledged=True
    )
    assert desk.examine()["accepted"] == 1


def test_a_year_that_was_opened_again_has_no_guide_until_it_is_approved_and_tells_its_own_days(desk: Desk) -> None:
    def guides() -> list[tuple[date | None, date | None]]:
        return [(each.opens, each.closes) for each in publication.guides(desk.session)]

    def told() -> tuple[date | None, date | None]:
        record = Record(desk.session, desk.settings, desk.cycle, desk.clock, desk.system)
        data = guide_page.build(record).data
        return data["intake_from"], data["intake_to"]

    desk.open_intake()
    first = (date(2026, 3, 2), date(2026, 3, 30))
    assert guides() == [first] and told() == first
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="标准写错")
    desk.clock.instant = datetime(2026, 6, 1, 1, tzinfo=UTC)
    _open(desk, year=2025, overrides={"compute-purchase": {"rates": "1=45%"}})
    write(*desk.at, desk.operator, desk.settings, desk.cycle, "guide")
    assert guides() == [] and told() == (None, None)
    with pytest.raises(NotFoundError):
        publication.file(desk.session, desk.clock, desk.settings, desk.cycle_id, "guide", "html")
    desk.approve(desk.section_head, desk.leader)
    desk.pass_gate()
    desk.session.add(User(login="unit", name="申报单位示例", role=Role.APPLICANT, email="unit@example.invalid"))
    desk.session.commit()
    assert guide.publish(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id) == 1
    assert desk.cycle.stage == "publication" and guides() == [(None, None)]
    desk.pass_gate()
    again = (date(2026, 6, 1), date(2026, 6, 30))
    assert guides() == [again] and told() == again
    mail = desk.session.exec(select(Message).where(Message.kind == "guide_published")).one()
    assert (mail.context["starts"], mail.context["ends"]) == ("2026-06-01", "2026-06-30")


def test_each_opening_of_a_year_is_announced_once_with_its_own_days(desk: Desk) -> None:
    def publish() -> int:
        desk.approve(desk.section_head, desk.leader)
        desk.pass_gate()
        new = guide.publish(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id)
        assert guide.publish(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id) == 0
        return new

    desk.session.add(User(login="unit", name="申报单位示例", role=Role.APPLICANT, email="unit@example.invalid"))
    desk.session.commit()
    assert publish() == 1
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="申报时间另定")
    desk.clock.instant = datetime(2026, 6, 1, 1, tzinfo=UTC)
    _open(desk, year=2025)
    assert publish() == 1
    mails = desk.session.exec(select(Message).where(Message.kind == "guide_published").order_by(col(Message.id)))
    assert [(each.context["starts"], each.context["ends"]) for each in mails] == [
        ("2026-03-02", "2026-03-30"),
        ("2026-06-01", "2026-06-30"),
    ]
    assert stage_counts.of_stage(desk.session, desk.cycle, "publication") == "告知 1 家"


@pytest.mark.parametrize("kind", ReviewerKind)
def test_reviewers_are_asked_anew_in_a_year_that_was_opened_again(desk: Desk, kind: ReviewerKind) -> None:
    desk.open_intake()
    key = desk.submit()
    if kind is ReviewerKind.BUREAU:
        desk.to_bureaus()
        first = reviews.open_requests(desk.session, desk.cycle_id, kind)[0]
        reviews.reply(*desk.at, desk.bureaus[first.reviewer], request_id=first.id or 0, opinion=Opinion.AGREE)
    else:
        desk.clock.instant = AFTER_INTAKE
        desk.pass_gate()
        desk.examine()
        desk.pass_gate()
        desk.request(kind)
    before = reviews.open_requests(desk.session, desk.cycle_id, kind)
    assert before
    _begin_anew(desk)
    assert {each.status for each in before} == {RequestStatus.CANCELLED}
    desk.clock.advance(timedelta(days=31))
    desk.pass_gate()  # the intake
    desk.examine()
    desk.pass_gate()
    if kind is ReviewerKind.BUREAU:
        desk.pass_gate()
    desk.request(kind)
    asked = reviews.open_requests(desk.session, desk.cycle_id, kind)
    assert {each.round for each in asked} == {2} and all(each.due_at > desk.clock.now() for each in asked)
    desk.agree_all(kind)
    wanted = ApplicationStatus.COUNTY_PASSED if kind is ReviewerKind.COUNTY else ApplicationStatus.VERIFIED
    assert desk.session.get_one(Application, key).status is wanted


def test_awards_wait_for_an_earlier_year_that_may_still_change(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    desk.to_matching()
    earlier = _open(desk, year=2024)
    with pytest.raises(StateError, match="2024 年度还没有下达资金"):
        computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=earlier.id or 0, reason="不办了")
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
