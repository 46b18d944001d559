"""Reviews: who is asked what, whose answer counts, and what needs a reason."""

from datetime import timedelta

import pytest
from sqlmodel import col, select

from models import (
    Application,
    ApplicationStatus,
    FactKind,
    FactValue,
    Message,
    Opinion,
    ReviewerKind,
    Role,
    VerificationRequest,
)
from services.access import people
from services.access.actors import find_actor
from services.application import facts
from services.cycle import cancelling, cycles, extensions, gates
from services.cycle.calendar import Calendar
from services.cycle.deadlines import due_after, due_day
from services.errors import InputError, NotAllowedError, StateError
from services.review import reviews
from tests.desk import Desk


@pytest.fixture
def asked(desk: Desk) -> Desk:
    """One purchase of computing services, in front of its bureaus."""
    desk.open_intake()
    desk.submit()
    desk.to_bureaus()
    return desk


def _request(desk: Desk, bureau: str) -> int:
    found = [each for each in reviews.open_requests(desk.session, desk.cycle_id) if each.reviewer == bureau]
    return found[0].id or 0


def _application(desk: Desk) -> Application:
    return desk.session.exec(select(Application)).one()


def test_each_fact_goes_to_the_bureau_that_verifies_it_and_every_bureau_is_asked(asked: Desk) -> None:
    requests = reviews.open_requests(asked.session, asked.cycle_id, ReviewerKind.BUREAU)
    assert {each.reviewer: set(each.facts) for each in requests} == {
        "gxj": {"service_fee", "province_refused", "item_date"},
        "czj": set(),
        "fgw": {"serious_violation"},
    }
    assert len({each.due_at for each in requests}) == 1


def test_only_the_role_that_was_asked_answers(asked: Desk) -> None:
    people.add_user(
        *asked.at, asked.system, login="both", name="both", role=Role.COUNTY_REVIEWER, county="xiangcheng", bureau="fgw"
    )
    both = find_actor(asked.session, "both")
    with pytest.raises(NotAllowedError, match="发给本单位"):
        reviews.reply(*asked.at, both, request_id=_request(asked, "fgw"), opinion=Opinion.AGREE)


def test_nothing_is_answered_in_a_cancelled_year(asked: Desk) -> None:
    request = _request(asked, "czj")
    cancelling.cancel(*asked.at, asked.operator, settings=asked.settings, cycle_id=asked.cycle_id, reason="开错了")
    with pytest.raises(StateError):
        reviews.reply(*asked.at, asked.bureaus["czj"], request_id=request, opinion=Opinion.AGREE)
    assert _application(asked).status is ApplicationStatus.COUNTY_PASSED


def test_asking_again_asks_nobody_twice(asked: Desk) -> None:
    assert asked.request(ReviewerKind.BUREAU) == 0
    assert len(asked.session.exec(select(Message).where(Message.kind == "review_request")).all()) == 4


def _told(desk: Desk, bureau: str) -> list[tuple[int, str]]:
    """How many requests and which day each mail to a bureau speaks of."""
    name = desk.bureaus[bureau].name
    mails = select(Message).where(Message.kind == "review_request", Message.recipient_name == name)
    return [(mail.context["count"], mail.context["due"]) for mail in desk.session.exec(mails.order_by(col(Message.id)))]


def test_what_is_asked_again_on_the_same_day_is_told_again(asked: Desk) -> None:
    (first,) = _told(asked, "gxj")
    asked.agree_all(ReviewerKind.BUREAU)
    asked.clock.instant += timedelta(hours=3)
    key = _application(asked).id or 0
    reviews.verify_again(*asked.at, asked.operator, application_id=key, reason="服务费没有扣退款")
    assert asked.request(ReviewerKind.BUREAU) == 3
    assert _told(asked, "gxj") == [first, first]
    asked.request(ReviewerKind.BUREAU)
    assert len(_told(asked, "gxj")) == 2


@pytest.fixture
def two(desk: Desk) -> Desk:
    """Two in front of their bureaus, which have agreed to the later one."""
    desk.open_intake()
    for project in ("示例算力一", "示例算力二"):
        desk.submit(project=project)
    desk.to_bureaus()
    for asked in reviews.open_requests(desk.session, desk.cycle_id):
        if asked.application_id == _later(desk):
            answer = {"request_id": asked.id or 0, "opinion": Opinion.AGREE}
            reviews.reply(*desk.at, desk.bureaus[asked.reviewer], **answer)
    return desk


def _later(desk: Desk) -> int:
    return max(key for key in desk.session.exec(select(Application.id)) if key)


def test_a_new_request_is_told_with_its_own_day_beside_one_that_is_overdue(two: Desk) -> None:
    (first,) = _told(two, "gxj")
    two.clock.instant += timedelta(days=30)
    reviews.verify_again(*two.at, two.operator, application_id=_later(two), reason="服务费没有扣退款")
    two.request(ReviewerKind.BUREAU)
    due = due_after(two.clock, Calendar(two.settings.calendar_dir), 10)
    assert _told(two, "gxj") == [first, (1, due_day(due).isoformat())]


def test_an_extension_is_no_new_request(two: Desk) -> None:
    two.clock.instant += timedelta(days=1)
    who = {"settings": two.settings, "cycle_id": two.cycle_id}
    extensions.extend(*two.at, two.operator, **who, working_days=2, reason="系统维护")
    two.request(ReviewerKind.BUREAU)
    assert len(_told(two, "gxj")) == 1


def test_another_bureaus_request_cannot_be_answered(asked: Desk) -> None:
    with pytest.raises(NotAllowedError, match="发给本单位"):
        reviews.reply(*asked.at, asked.bureaus["kjj"], request_id=_request(asked, "czj"), opinion=Opinion.AGREE)


def test_a_changed_value_needs_a_reason_and_is_kept_beside_the_declared_one(asked: Desk) -> None:
    reply = {"request_id": _request(asked, "gxj"), "opinion": Opinion.AGREE, "values": {"service_fee": "180000"}}
    with pytest.raises(InputError, match="核定值与申报值不同"):
        reviews.reply(*asked.at, asked.bureaus["gxj"], **reply)
    reviews.reply(*asked.at, asked.bureaus["gxj"], **reply, reasons={"service_fee": "扣除退款"})
    key = _application(asked).id or 0
    assert facts.newest(asked.session, [key], FactKind.DECLARED)[key]["service_fee"] == "200000.00"
    assert facts.newest(asked.session, [key], FactKind.VERIFIED)[key]["service_fee"] == "180000.00"
    row = asked.session.exec(
        select(FactValue).where(FactValue.kind == FactKind.VERIFIED, FactValue.fact == "service_fee")
    ).one()
    assert (row.reason, row.bureau, row.user_id) == ("扣除退款", "gxj", asked.bureaus["gxj"].user_id)


def test_values_and_reasons_may_be_given_under_chinese_names(asked: Desk) -> None:
    label = "当年实际支付的算力服务费"
    reply = {"request_id": _request(asked, "gxj"), "opinion": Opinion.AGREE}
    with pytest.raises(InputError, match=rf"“服务费用”不是请本单位核验的内容；请核验的是：.*{label}（service_fee）"):
        reviews.reply(*asked.at, asked.bureaus["gxj"], **reply, values={"服务费用": "180000"})
    given = {"values": {label: "180000"}, "reasons": {label: "扣除退款"}}
    reviews.reply(*asked.at, asked.bureaus["gxj"], **reply, **given)
    key = _application(asked).id or 0
    assert facts.newest(asked.session, [key], FactKind.VERIFIED)[key]["service_fee"] == "180000.00"


def test_a_refusal_needs_a_reason_and_refuses_once_all_have_replied(asked: Desk) -> None:
    request_id = _request(asked, "czj")
    with pytest.raises(InputError, match="不同意必须写明理由"):
        reviews.reply(*asked.at, asked.bureaus["czj"], request_id=request_id, opinion=Opinion.REFUSE)
    reviews.reply(*asked.at, asked.bureaus["czj"], request_id=request_id, opinion=Opinion.REFUSE, reason="无预算科目")
    assert _application(asked).status is ApplicationStatus.COUNTY_PASSED
    asked.agree_all(ReviewerKind.BUREAU)
    assert _application(asked).status is ApplicationStatus.REFUSED
    assert _application(asked).status_reason == "市财政局：无预算科目"


def test_a_request_is_answered_once(asked: Desk) -> None:
    request_id = _request(asked, "czj")
    reviews.reply(*asked.at, asked.bureaus["czj"], request_id=request_id, opinion=Opinion.AGREE)
    with pytest.raises(StateError, match="已经回复"):
        reviews.reply(*asked.at, asked.bureaus["czj"], request_id=request_id, opinion=Opinion.AGREE)


def test_a_reopened_application_is_asked_about_again_in_a_new_round(asked: Desk) -> None:
    asked.agree_all(ReviewerKind.BUREAU)
    reviews.reopen(*asked.at, asked.operator, application_id=_application(asked).id or 0)
    assert asked.request(ReviewerKind.BUREAU) == 3
    rounds = asked.session.exec(
        select(VerificationRequest.round).where(VerificationRequest.kind == ReviewerKind.BUREAU)
    ).all()
    assert sorted(rounds) == [1, 1, 1, 2, 2, 2]


def test_an_unreadable_value_is_refused_with_its_label(asked: Desk) -> None:
    with pytest.raises(InputError, match=r"当年实际支付的算力服务费.*不是数字"):
        reviews.reply(
            *asked.at,
            asked.bureaus["gxj"],
            request_id=_request(asked, "gxj"),
            opinion=Opinion.AGREE,
            values={"service_fee": "约二十万"},
            reasons={"service_fee": "估计"},
        )


def test_what_only_the_silent_bureau_knows_is_given_by_the_operator_with_the_override(desk: Desk) -> None:
    desk.open_intake()
    declared = {"investment": "1000000.00", "item_date": "2025-06-30"}
    desk.submit(measure="industrial-internet", project="产线改造", declared=declared)
    desk.to_bureaus()
    cycles.finish_work(*desk.at, desk.system, cycle_id=desk.cycle_id, summary={})
    with pytest.raises(InputError, match=r"1 件要核定的内容没有申报值可用.*没有核定“应用人工智能技术成效明显”"):
        gates.override(*desk.at, desk.operator, plan=desk.plan, cycle_id=desk.cycle_id, reason="逾期未回复")
    assert len(reviews.open_requests(desk.session, desk.cycle_id)) == 3
    silent = {"request_id": _request(desk, "gxj"), "reason": "现场核查"}
    reviews.override_request(*desk.at, desk.operator, **silent, values={"effective": "是"})
    gates.override(*desk.at, desk.operator, plan=desk.plan, cycle_id=desk.cycle_id, reason="逾期未回复")
    key = _application(desk).id or 0
    verified = facts.newest(desk.session, [key], FactKind.VERIFIED)[key]
    assert (verified["effective"], verified["investment"]) == ("是", "1000000.00")
    assert _application(desk).status is ApplicationStatus.VERIFIED


@pytest.fixture
def corrected(asked: Desk) -> Desk:
    """The fee was verified as 100,000 of 200,000; an objection has it verified again."""
    reviews.reply(
        *asked.at,
        asked.bureaus["gxj"],
        request_id=_request(asked, "gxj"),
        opinion=Opinion.AGREE,
        values={"service_fee": "100000"},
        reasons={"service_fee": "另一半是明年的"},
    )
    asked.agree_all(ReviewerKind.BUREAU)
    reviews.reopen(*asked.at, asked.operator, application_id=_application(asked).id or 0)
    asked.request(ReviewerKind.BUREAU)
    return asked


def _last_fee(desk: Desk) -> tuple[int, str | None, str]:
    query = select(FactValue).where(FactValue.kind == FactKind.VERIFIED, FactValue.fact == "service_fee")
    row = desk.session.exec(query.order_by(col(FactValue.seq).desc())).first()
    assert row is not None
    return row.seq, row.value, row.reason


def test_a_bureau_that_is_silent_the_second_time_has_not_taken_back_what_it_verified(corrected: Desk) -> None:
    request = _request(corrected, "gxj")
    reviews.override_request(*corrected.at, corrected.operator, request_id=request, reason="逾期未回复")
    assert _last_fee(corrected) == (2, "100000.00", "另一半是明年的")


@pytest.mark.parametrize("values", [{}, {"service_fee": "100000"}])
def test_a_bureau_that_agrees_the_second_time_need_not_give_its_reason_again(
    corrected: Desk, values: dict[str, str]
) -> None:
    reply = {"request_id": _request(corrected, "gxj"), "opinion": Opinion.AGREE}
    reviews.reply(*corrected.at, corrected.bureaus["gxj"], **reply, values=values)
    assert _last_fee(corrected) == (2, "100000.00", "另一半是明年的")


def test_a_third_value_needs_a_reason_of_its_own(corrected: Desk) -> None:
    reply = {"request_id": _request(corrected, "gxj"), "opinion": Opinion.AGREE, "values": {"service_fee": "150000"}}
    with pytest.raises(InputError, match="核定值与申报值不同"):
        reviews.reply(*corrected.at, corrected.bureaus["gxj"], **reply)
    reviews.reply(*corrected.at, corrected.bureaus["gxj"], **reply, reasons={"service_fee": "补开了发票"})
    assert _last_fee(corrected) == (2, "150000.00", "补开了发票")
