"""Who may not apply is told so when drafting and submitting, in an import, and at the latest before the computation."""

from datetime import date, timedelta
from pathlib import Path

import pytest
from sqlmodel import col, select

from models import (
    ApplicationStatus,
    Award,
    Ban,
    Barring,
    Message,
    Outcome,
    ReviewerKind,
    Role,
    Supplement,
    User,
    VisitResult,
)
from services.access import people
from services.access.actors import find_actor
from services.after_payment import bans
from services.application import applications, drafts
from services.application.applications import get_application
from services.award import computation
from services.cycle import cancelling, cycles, extensions, overview, reminders
from services.cycle.deadlines import due_day
from services.errors import InputError, NotAllowedError, StateError
from services.grants import overlaps
from services.law import policies
from services.review import reviews
from tests.desk import AFTER_INTAKE, CODE, OTHER_CODE, Desk

TOLD = r"很抱歉，贵单位自 2026-01-01 至 2027-12-31 不得申报奖补。原因：列入失信名单（依据：信用条例第八条）。"
_CLAUSE = "信用条例第八条"


def ban(desk: Desk, uscc: str = CODE, until: date = date(2027, 12, 31), name: str = "某公司") -> Ban:
    return bans.impose(
        *desk.at,
        desk.operator,
        uscc=uscc,
        name=name,
        starts_on=date(2026, 1, 1),
        until=until,
        reason="列入失信名单",
        clause=_CLAUSE,
    )


def test_an_enterprise_that_is_banned_neither_drafts_nor_submits(desk: Desk) -> None:
    desk.open_intake()
    application = get_application(desk.session, desk.submit())
    people.add_user(
        *desk.at, desk.operator, login="qi", name="企业", role=Role.APPLICANT, enterprise_id=application.enterprise_id
    )
    applicant = find_actor(desk.session, "qi")
    assert ban(desk, name="").name == application.enterprise_name
    with pytest.raises(StateError) as refused:
        drafts.begin(*desk.at, applicant, cycle_id=desk.cycle_id, measure_id="compute-purchase")
    assert str(refused.value).startswith(TOLD)
    with pytest.raises(StateError) as refused:
        desk.submit(invoices="25352000000000000018")
    assert str(refused.value).startswith(TOLD)


def test_a_row_of_a_banned_enterprise_is_listed_and_the_others_go_on(desk: Desk, tmp_path: Path) -> None:
    desk.open_intake()
    ban(desk)
    table = tmp_path / "表.csv"
    heads = "措施,企业名称,统一社会信用代码,单位类型,县区,项目名称,当年实际支付的算力服务费,事项发生日期,省级未予补助,"
    rows = [
        f"购买算力服务补助,{name},{code},企业,芗城区,算力,150000,2025-06-30,否,林,13000000001,a@example.invalid,行,62,是,是"
        for name, code in (("甲公司", CODE), ("乙公司", OTHER_CODE))
    ]
    table.write_text("\n".join([heads + "联系人,手机,邮箱,开户银行,银行账号,承诺书,材料齐全", *rows]), encoding="utf-8")
    record = applications.import_applications(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, path=table
    )
    problems = [each["cause"] for each in record.problems]
    assert problems == [f"该单位自 2026-01-01 至 2027-12-31 不得申报：列入失信名单（依据：{_CLAUSE}）"]
    assert (record.rows_added, record.rows_known) == (1, 0)


def test_who_was_banned_after_submitting_is_refused_at_the_completeness_check(desk: Desk) -> None:
    desk.open_intake()
    ids = [desk.submit(), desk.submit(uscc=OTHER_CODE)]
    ban(desk)
    ban(desk, uscc=OTHER_CODE, until=date(2026, 1, 31))  # over by now
    assert desk.examine() == {"accepted": 1, "asked": 0, "lapsed": 0, "barred": 1}
    barred, accepted = (get_application(desk.session, each) for each in ids)
    assert (barred.status, accepted.status) == (ApplicationStatus.BARRED, ApplicationStatus.ACCEPTED)
    assert (barred.status_reason, barred.status_clause) == (
        "自 2026-01-01 至 2027-12-31 不得申报：列入失信名单",
        _CLAUSE,
    )


def test_who_was_banned_after_acceptance_is_rejected_by_the_bans_clause(desk: Desk) -> None:
    desk.open_intake()
    ids = [desk.submit(), desk.submit(uscc=OTHER_CODE)]
    desk.to_matching()
    banned = ban(desk, until=date(2026, 12, 31))
    run = computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    found = {each.application_id: each for each in desk.session.exec(select(Award).where(Award.run_id == run.id))}
    assert (found[ids[0]].outcome, found[ids[1]].outcome) == (Outcome.REJECTION, Outcome.AWARD)
    assert found[ids[0]].clause == _CLAUSE
    assert found[ids[0]].reason == "禁止申报：自 2026-01-01 至 2026-12-31 不得申报：列入失信名单"
    kept = computation.kept_inputs(desk.session, run)
    assert kept is not None and kept.digest == run.inputs_digest and kept.ended[0][3] == _CLAUSE
    assert banned.lifted_at is None


def test_a_lifted_ban_holds_no_more(desk: Desk) -> None:
    desk.open_intake()
    banned = ban(desk)
    with pytest.raises(NotAllowedError):
        bans.lift(*desk.at, desk.operator, ban_id=banned.id or 0, reason="已移出名单")
    with pytest.raises(InputError, match="必须写明理由"):
        bans.lift(*desk.at, desk.section_head, ban_id=banned.id or 0, reason="")
    bans.lift(*desk.at, desk.section_head, ban_id=banned.id or 0, reason="已移出名单")
    with pytest.raises(StateError, match="已经解除"):
        bans.lift(*desk.at, desk.leader, ban_id=banned.id or 0, reason="已移出名单")
    (shown,) = bans.shown(desk.session, desk.clock, CODE)
    assert (shown.holds, shown.lifted_by, shown.ban.lift_reason) == (False, "head", "已移出名单")
    assert desk.submit()


def lift(desk: Desk, banned: Ban) -> None:
    bans.lift(*desk.at, desk.section_head, ban_id=banned.id or 0, reason="登记有误")


def status(desk: Desk, application_id: int) -> ApplicationStatus:
    desk.session.rollback()
    return get_application(desk.session, application_id).status


def test_an_application_that_was_barred_goes_on_once_its_ban_is_lifted(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit()
    first, second = ban(desk), ban(desk, until=date(2028, 12, 31))
    desk.examine()
    lift(desk, second)
    assert status(desk, key) is ApplicationStatus.BARRED  # the other still holds
    lift(desk, first)
    application = get_application(desk.session, key)
    assert (application.status, application.status_reason, application.status_clause) == (
        ApplicationStatus.SUBMITTED,
        "",
        "",
    )
    assert desk.examine() == {"accepted": 1, "asked": 0, "lapsed": 0, "barred": 0}


def test_who_was_to_supplement_when_barred_gets_new_days(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit(pledged=False)
    desk.examine()
    banned = ban(desk)
    desk.examine()
    desk.clock.instant = AFTER_INTAKE
    lift(desk, banned)
    assert desk.examine() == {"accepted": 0, "asked": 1, "lapsed": 0, "barred": 0}
    assert status(desk, key) is ApplicationStatus.SUPPLEMENT


def test_of_who_was_asked_again_after_a_ban_only_the_last_request_waits(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit(pledged=False)
    desk.clock.instant = AFTER_INTAKE
    while desk.cycle.stage != "completeness":
        desk.pass_gate()
    desk.examine()
    banned = ban(desk)
    desk.examine()
    desk.clock.instant += timedelta(days=6)
    lift(desk, banned)
    desk.examine()
    first, second = desk.session.exec(
        select(Supplement).where(Supplement.application_id == key).order_by(col(Supplement.round))
    )
    before = first.due_at, second.due_at
    assert first.answered_at is None and before[0] < before[1]
    extensions.extend(
        *desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, working_days=3, reason="系统升级"
    )
    assert (first.due_at, second.due_at > before[1]) == (before[0], True)
    desk.clock.instant = second.due_at - timedelta(days=1)
    law = policies.policy_of(desk.session, desk.cycle)
    assert overview.late(desk.session, desk.clock, law, desk.cycle_id) == []
    reminders.remind(*desk.at, desk.system, settings=desk.settings, plan=desk.plan, cycle_id=desk.cycle_id)
    told = desk.session.exec(select(Message).where(Message.kind == "supplement_reminder")).all()
    assert [each.context["due"] for each in told] == [due_day(second.due_at).isoformat()]
    desk.clock.instant = second.due_at
    assert [each.count for each in overview.late(desk.session, desk.clock, law, desk.cycle_id)] == [1]


def test_a_ban_that_ran_out_or_another_ones_end_releases_nothing(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit()
    ban(desk, until=date(2026, 3, 31))
    desk.examine()
    desk.clock.instant = AFTER_INTAKE
    lift(desk, ban(desk))
    assert status(desk, key) is ApplicationStatus.BARRED


def test_a_cycle_goes_back_to_examine_what_came_back(desk: Desk) -> None:
    desk.open_intake()
    key, other = desk.submit(), desk.submit(uscc=OTHER_CODE)
    banned = ban(desk)
    desk.to_matching()
    assert (status(desk, key), status(desk, other)) == (ApplicationStatus.BARRED, ApplicationStatus.VERIFIED)
    lift(desk, banned)
    gate = desk.pass_gate()
    assert (gate.result, gate.target) == (VisitResult.REOPENED, "completeness")
    assert [(wait.who, wait.count) for wait in desk.pass_gate().waits] == [("经办人", 1)]
    desk.examine()
    desk.pass_gate()
    for kind in (ReviewerKind.COUNTY, ReviewerKind.BUREAU):
        assert desk.request(kind)
        desk.agree_all(kind)
        assert desk.pass_gate().result is VisitResult.PASSED
    assert status(desk, key) is ApplicationStatus.VERIFIED


def submit_another(desk: Desk) -> int:
    """What another enterprise applies for, alike in nothing."""
    return desk.submit(
        uscc=OTHER_CODE, enterprise="漳州示例启明数据有限公司", project="别的", invoices="25352000000000000099"
    )


@pytest.mark.parametrize(("early", "stage"), [(True, "completeness"), (False, "verification")])
def test_what_is_lifted_once_the_list_is_out_comes_back_when_it_is_returned(
    desk: Desk, early: bool, stage: str
) -> None:
    desk.open_intake()
    key = desk.submit()
    submit_another(desk)
    banned = ban(desk) if early else None
    desk.to_matching()
    banned = banned or ban(desk)
    desk.to_approval()
    lift(desk, banned)
    assert status(desk, key) is ApplicationStatus.BARRED  # the list that is being approved stays as it is
    desk.return_list(desk.section_head, "漏了一件")
    desk.pass_gate()
    assert status(desk, key) is (ApplicationStatus.SUBMITTED if early else ApplicationStatus.VERIFIED)
    if early:
        desk.pass_gate()
    assert desk.cycle.stage == stage


def test_what_comes_back_once_all_was_matched_is_matched_before_it_is_computed(desk: Desk) -> None:
    desk.open_intake()
    key, _ = desk.submit(), submit_another(desk)
    desk.to_matching()
    banned = ban(desk)
    desk.to_approval()
    desk.return_list(desk.section_head, "再核")
    desk.pass_gate()
    desk.correct()
    for stage in ("matching", "panel"):
        desk.pass_gate()
        overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
        assert desk.cycle.stage == stage
    lift(desk, banned)
    assert status(desk, key) is ApplicationStatus.VERIFIED
    gate = desk.pass_gate()
    assert (gate.result, gate.target) == (VisitResult.REOPENED, "matching")
    overlaps.find(*desk.at, desk.system, cycle_id=desk.cycle_id)
    assert [desk.pass_gate().target for _ in range(2)] == ["panel", "computation"]


def test_what_was_lifted_while_the_year_was_cancelled_goes_on_when_it_is_opened_again(desk: Desk) -> None:
    desk.open_intake()
    key = desk.submit()
    banned = ban(desk)
    desk.examine()
    cancelling.cancel(*desk.at, desk.operator, settings=desk.settings, cycle_id=desk.cycle_id, reason="重来")
    lift(desk, banned)
    again = {"settings": desk.settings, "plan": desk.plan, "policy_id": desk.cycle.policy_id, "year": desk.cycle.year}
    cycles.open_cycle(*desk.at, desk.operator, **again)
    assert status(desk, key) is ApplicationStatus.BARRED
    desk.open_intake()
    assert status(desk, key) is ApplicationStatus.SUBMITTED


def test_an_upheld_objection_skips_no_examination(desk: Desk) -> None:
    desk.open_intake()
    early, late = desk.submit(), desk.submit(uscc=OTHER_CODE)
    ban(desk)
    desk.to_matching()
    ban(desk, uscc=OTHER_CODE)
    computation.compute(*desk.at, desk.system, cycle_id=desk.cycle_id)
    assert [each.stood_at for each in desk.session.exec(select(Barring))] == [
        ApplicationStatus.SUBMITTED,
        ApplicationStatus.VERIFIED,
    ]
    for key, expected in ((early, ApplicationStatus.SUBMITTED), (late, ApplicationStatus.COUNTY_PASSED)):
        reviews.reopen(*desk.at, desk.operator, application_id=key)
        assert status(desk, key) is expected


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"uscc": "123"}, "请按营业执照核对"),
        ({"name": " "}, "还没有申报过，请同时写明单位名称"),
        ({"until": date(2025, 12, 31)}, "早于起始日"),
        ({"reason": ""}, "必须写明原因和依据"),
        ({"clause": " "}, "必须写明原因和依据"),
    ],
)
def test_a_ban_that_cannot_be_is_refused(desk: Desk, changes: dict[str, object], told: str) -> None:
    usual = {
        "uscc": CODE,
        "name": "某公司",
        "starts_on": date(2026, 1, 1),
        "until": date(2027, 1, 1),
        "reason": "失信",
        "clause": _CLAUSE,
    }
    with pytest.raises(InputError, match=told):
        bans.impose(*desk.at, desk.operator, **(usual | changes))  # type: ignore[arg-type]
    assert desk.session.exec(select(User.id).where(User.login == "qi")).first() is None
