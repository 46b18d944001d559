"""追回: proposed by one, decided by another, never more than was paid; every fen stays in the year's double entry."""

import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import DatabaseError
from sqlmodel import Session, select

from config.settings import Settings
from models import (
    AwardListEntry,
    Ban,
    Clawback,
    ClawbackGround,
    ClawbackReceipt,
    ClawbackShare,
    ClawbackState,
    Cycle,
    Enterprise,
    FactKind,
    FactValue,
    MessageAction,
    MessageChange,
    MessageStatus,
    Payment,
    PaymentStatus,
    User,
)
from policy.schema import HistoryRule, Measure
from services.access.actors import actor_of
from services.after_payment import clawbacks, inspections, letter, overview
from services.after_payment.clawbacks import Receipt, allot
from services.after_payment.inspections import Look
from services.after_payment.overview import Standing
from services.award import computation
from services.clock import FixedClock
from services.cycle import desk_reminders
from services.enterprise import eligibility
from services.errors import InputError, NotAllowedError, NotFoundError, ServiceError, StateError
from services.law import policies
from services.notices.deadline_entry import entry
from services.notices.kinds import KINDS
from services.payment import payments
from services.record.database import engine_of, session_of
from tests.services.filled_record import Record, build
from tests.services.paid_year import (
    PAID_ON,
    all_payments,
    claim,
    decide,
    next_year,
    pay,
    propose,
    receive,
    report,
    revoke,
)
from tests.services.payment.test_payments import MANY


@pytest.fixture
def paid(record: Record) -> Record:
    return pay(record)


def shown(record: Record, case: Clawback, who: str = "jing") -> overview.Case:
    return overview.case(record.session, record.clock, record.actors[who], case.id or 0)


def test_a_decided_case_says_what_comes_back_by_whom_until_when(paid: Record) -> None:
    paid.days(29)
    case = claim(paid, ban=(date(2026, 4, 1), date(2029, 3, 31)))
    assert (case.number, case.state, case.due_on) == ("ZH-SB2025-00001-1", ClawbackState.OWED, date(2026, 4, 15))
    found = shown(paid, case)
    # 45,000 and 30,000 yuan × 3.65% ÷ 365 × 29 days
    assert [(each.bearer, each.amount_fen, each.interest_fen) for each in found.shares] == [
        ("市级", 4500000, 13050),
        ("东区", 3000000, 8700),
    ]
    assert (found.standing, found.owed_fen, found.left_fen) == (Standing.OWED, 7521750, 7521750)
    (ban,) = paid.session.exec(select(Ban)).all()
    assert (ban.uscc, ban.starts_on, ban.until, ban.reason) == (
        "91350600MA00000001",
        date(2026, 4, 1),
        date(2029, 3, 31),
        "重复列支发票",
    )
    (told,) = paid.messages("clawback_decided")
    assert told.recipient == "unit1@example.invalid" and told.context["due"] == "2026-04-15"
    assert "75" not in str(told.context)
    made = letter.letter_of(paid.session, paid.actors["jing"], case.id or 0)
    assert (made.enterprise, made.uscc, made.measure, made.clause, made.award_fen, made.paid_on) == (
        "漳州云帆智能科技有限公司",
        "91350600MA00000001",
        "算力服务补助",
        "二（一）",
        7500000,
        PAID_ON,
    )
    assert (made.amount_fen, made.interest_fen, made.owed_fen, made.due_on) == (7500000, 21750, 7521750, case.due_on)
    assert made.interest_steps[-1] == ("利息合计", "217.50")


def test_who_proposes_never_decides_and_only_a_leader_does(paid: Record) -> None:
    case = propose(paid)
    for who in ("jing", "ke", "cai"):
        with pytest.raises(NotAllowedError):
            decide(paid, case, who)
    leader = paid.actors["fen"]
    paid.session.get_one(Clawback, case.id).proposed_by = leader.user_id
    paid.session.commit()
    with pytest.raises(NotAllowedError, match="是您提出的"):
        decide(paid, case)
    with pytest.raises(StateError, match="没有决定追回"):
        letter.letter_of(paid.session, paid.actors["jing"], case.id or 0)


def test_what_is_decided_is_decided_once_and_declining_says_why(paid: Record) -> None:
    case = propose(paid)
    with pytest.raises(InputError, match="必须写明理由"):
        decide(paid, case, agree=False)
    decide(paid, case, agree=False, opinion="事实不清")
    assert shown(paid, case).standing is Standing.DECLINED
    with pytest.raises(StateError, match="已经办理过"):
        decide(paid, case)
    assert paid.session.exec(select(ClawbackShare)).all() == []
    assert claim(paid).state is ClawbackState.OWED  # what was declined does not stand in the way


def test_never_more_is_claimed_than_was_paid(make_record: Callable[..., Record]) -> None:
    record = pay(make_record(), but=("BF-SB2025-00001-1X",))
    with pytest.raises(InputError, match=r"超过可以追回的 45,000\.00 元（已拨付 45,000\.00 元"):
        propose(record, amount_fen=4500001)
    case = propose(record, amount_fen=4000000)
    for _ in ("proposed", "decided"):
        with pytest.raises(InputError, match=r"超过可以追回的 5,000\.00 元"):
            propose(record, amount_fen=500001)
        if case.state is ClawbackState.PROPOSED:
            decide(record, case)
    for number, told in ((4, "没有受理编号"), (99, "没有受理编号")):
        with pytest.raises(InputError, match=told):
            propose(record, number, amount_fen=1)
    for wrong in ({"reason": " "}, {"clause": ""}, {"amount_fen": 0}, {"ban": (date(2027, 1, 1), date(2026, 1, 1))}):
        with pytest.raises(InputError):
            propose(record, **{"amount_fen": 1, **wrong})


def faults(record: Record) -> tuple[str, ...]:
    found = overview.balances(record.session, record.actors["jing"], record.cycle_id)
    assert found is not None
    return found.faults


def test_a_payment_that_is_not_what_the_list_says_is_shown_with_its_place(paid: Record) -> None:
    assert faults(paid) == ()
    paid.session.get_one(Payment, all_payments(paid)[0].id).amount_fen -= 12345
    paid.session.commit()
    assert faults(paid) == ("SB2025-00001（算力服务补助，市级承担）：名单 45,000.00 元，拨付单 44,876.55 元",)
    found = overview.balances(paid.session, paid.actors["jing"], paid.cycle_id)
    assert found is not None and not found.whole.balanced
    assert [row.name for row in found.rows if not row.balanced] == ["东区（市级承担）"]


def test_an_award_that_was_ordered_without_any_payment_is_shown(paid: Record) -> None:
    first = all_payments(paid)[0].entry_id
    lost = [payment for payment in all_payments(paid) if payment.entry_id == first]
    for payment in lost:
        paid.session.delete(payment)
    paid.session.commit()
    assert [each.split("：")[1] for each in faults(paid)] == [
        "名单 45,000.00 元，拨付单 0.00 元",
        "名单 30,000.00 元，拨付单 0.00 元",
    ]


def test_a_payment_for_what_the_list_does_not_award_is_shown(paid: Record) -> None:
    refused = paid.session.exec(select(AwardListEntry).where(AwardListEntry.amount_fen == 0)).first()
    assert refused is not None
    payment = paid.session.get_one(Payment, all_payments(paid)[0].id)
    payment.entry_id = refused.id or 0
    paid.session.commit()
    assert [each.split("：")[1] for each in faults(paid) if each.startswith(refused.number)] == [
        "名单 0.00 元，拨付单 45,000.00 元"
    ]


def test_a_decision_that_is_not_what_its_shares_come_to_is_shown(paid: Record) -> None:
    case = claim(paid, amount_fen=1000)
    paid.session.get_one(Clawback, case.id).amount_fen = 1500
    paid.session.commit()
    assert faults(paid) == ("ZH-SB2025-00001-1：决定追回 15.00 元，各承担方合计 10.00 元",)
    paid.session.get_one(Clawback, case.id).amount_fen = 1000
    payment = all_payments(paid)[0]
    payment.status, payment.paid_on = PaymentStatus.PENDING, None
    paid.session.commit()
    assert faults(paid) == (f"{payment.number}：已拨付 0.00 元，决定追回 6.00 元",)


def test_one_award_claimed_back_fen_by_fen_is_claimed_back_whole_of_each_bearer(paid: Record) -> None:
    for amount in (1, 1, 1, 1234564):
        claim(paid, 2, amount_fen=amount)
    found = overview.balances(paid.session, paid.actors["jing"], paid.cycle_id)
    assert found is not None and found.whole.balanced and all(row.balanced for row in found.rows)
    back: Counter[int] = Counter()
    for share in paid.session.exec(select(ClawbackShare)):
        back[share.payment_id] += share.amount_fen
    assert sorted(back.values()) == [493826, 740741]


def test_instalments_come_in_until_all_is_back_and_a_wrong_one_is_replaced_by_a_row(paid: Record) -> None:
    paid.days(29)
    case = claim(paid)
    assert shown(paid, case).standing is Standing.OWED
    first = receive(paid, case, 5000000, after=29)
    assert shown(paid, case).standing is Standing.PARTLY
    with pytest.raises(InputError, match=r"超过还应退的 25,217\.50 元"):
        receive(paid, case, 2521751, after=29)
    for on in (30, -1):
        with pytest.raises(InputError, match="收款日期"):
            receive(paid, case, 1, after=on)
    with pytest.raises(InputError, match="大于零"):
        receive(paid, case, 0)
    fix = Receipt(PAID_ON + timedelta(days=29), 4000000, "凭-2", "误记")
    at = (paid.session, paid.clock, paid.actors["cai"])
    with pytest.raises(InputError, match="必须写明原因"):
        clawbacks.correct(*at, clawback_id=case.id or 0, receipt_id=first, receipt=replace(fix, note=""))
    clawbacks.correct(*at, clawback_id=case.id or 0, receipt_id=first, receipt=fix)
    with pytest.raises(StateError, match="已经更正过"):
        clawbacks.correct(*at, clawback_id=case.id or 0, receipt_id=first, receipt=fix)
    assert shown(paid, case).received_fen == 4000000
    receive(paid, case, 3521750, after=29)
    found = shown(paid, case)
    assert (found.standing, found.left_fen, len(found.receipts)) == (Standing.RETURNED, 0, 3)
    with pytest.raises(DatabaseError, match="append-only"):
        row = paid.session.exec(select(ClawbackReceipt)).first()
        assert row is not None
        row.amount_fen = 1
        paid.session.commit()
    paid.session.rollback()


def test_a_decision_is_revoked_by_leaders_while_nothing_came_back_and_its_ban_ends(paid: Record) -> None:
    case = claim(paid, ban=(date(2026, 3, 2), date(2027, 3, 2)))
    at = (paid.session, paid.clock)
    with pytest.raises(NotAllowedError, match="由作决定的负责人撤销"):
        revoke(paid, case, "复核", "jing")
    row = receive(paid, case, 100)
    with pytest.raises(StateError, match=r"已收到退款 1\.00 元"):
        revoke(paid, case, "复核", "fen")
    clawbacks.correct(
        *at, paid.actors["cai"], clawback_id=case.id or 0, receipt_id=row, receipt=Receipt(PAID_ON, 0, note="没有到账")
    )
    with pytest.raises(InputError, match="必须写明理由"):
        revoke(paid, case, " ", "fen")
    revoke(paid, case, "复核无误", "fen")
    assert shown(paid, case).standing is Standing.REVOKED
    (ban,) = paid.session.exec(select(Ban)).all()
    assert ban.lift_reason == "追回决定撤销：复核无误"
    found = overview.balances(paid.session, paid.actors["jing"], paid.cycle_id)
    assert found is not None and found.whole.claimed_fen == 0
    with pytest.raises(StateError):
        receive(paid, case, 100)
    own = propose(paid)
    revoke(paid, own, "重复提请", "jing")
    assert shown(paid, own).standing is Standing.REVOKED


def test_what_was_returned_before_the_decision_runs_no_interest_from_then_on(paid: Record) -> None:
    paid.days(121)
    case = propose(paid, ground=ClawbackGround.VOLUNTARY)
    with pytest.raises(InputError, match=r"超过还应退的 75,000\.00 元"):
        receive(paid, case, 7500001, after=10)
    receive(paid, case, 2500000, after=10)
    assert (shown(paid, case).standing, shown(paid, case).left_fen) == (Standing.PROPOSED, 0)
    row = receive(paid, case, 4000000, after=20)
    fix = Receipt(PAID_ON + timedelta(days=10), 5000000, note="误记")
    at = (paid.session, paid.clock)
    clawbacks.correct(*at, paid.actors["cai"], clawback_id=case.id or 0, receipt_id=row, receipt=fix)
    with pytest.raises(StateError, match=r"已收到退款 75,000\.00 元，不能不予追回"):
        decide(paid, case, agree=False, opinion="已退")
    with pytest.raises(StateError, match=r"不能撤销"):
        revoke(paid, case, who="jing")
    decide(paid, case)
    found = shown(paid, case)
    assert (case.interest_fen, found.standing, found.left_fen) == (7500, Standing.PARTLY, 7500)  # 75,000 × 10 days
    assert [(each.bearer, each.interest_fen) for each in found.shares] == [("市级", 4500), ("东区", 3000)]
    made = letter.letter_of(paid.session, paid.actors["jing"], case.id or 0)
    assert (made.returned_fen, made.owed_fen) == (7500000, 7507500)
    receive(paid, case, 7500, after=121)
    assert shown(paid, case).standing is Standing.RETURNED


def test_who_returns_a_part_early_owes_interest_on_the_rest(paid: Record) -> None:
    paid.days(29)
    case = propose(paid, amount_fen=5000000)
    receive(paid, case, 2000000, after=9)
    decide(paid, case)
    assert case.interest_fen == 2000000 * 9 // 10000 + 3000000 * 29 // 10000


def test_money_of_before_the_decision_is_noted_before_it_or_the_decision_is_taken_back(paid: Record) -> None:
    paid.days(29)
    late = propose(paid, amount_fen=3000000)
    early = receive(paid, late, 100, after=3)
    decide(paid, late)
    with pytest.raises(InputError, match="早于作出决定之日 2026-03-31"):
        receive(paid, late, 100, after=28)
    fix = Receipt(PAID_ON, 0, note="没有到账")
    at = (paid.session, paid.clock, paid.actors["cai"])
    for more in (Receipt(PAID_ON + timedelta(days=3), 101, note="误记"), Receipt(PAID_ON, 100, note="误记")):
        with pytest.raises(InputError, match="早于作出决定之日 2026-03-31"):
            clawbacks.correct(*at, clawback_id=late.id or 0, receipt_id=early, receipt=more)
    clawbacks.correct(*at, clawback_id=late.id or 0, receipt_id=early, receipt=fix)
    revoke(paid, late)
    again = propose(paid, amount_fen=3000000)
    receive(paid, again, 100, after=28)
    decide(paid, again)


def test_a_receipt_is_corrected_in_its_own_case_only(paid: Record) -> None:
    first, second = claim(paid, amount_fen=100), claim(paid, amount_fen=200)
    row = receive(paid, first, 50)
    fix = Receipt(PAID_ON, 60, note="误记")
    at = (paid.session, paid.clock, paid.actors["cai"])
    with pytest.raises(NotFoundError, match="ZH-SB2025-00001-2 没有这笔收款登记"):
        clawbacks.correct(*at, clawback_id=second.id or 0, receipt_id=row, receipt=fix)
    clawbacks.correct(*at, clawback_id=first.id or 0, receipt_id=row, receipt=fix)


def test_a_letter_that_waits_is_called_off_with_its_decision_and_one_that_went_out_is_taken_back(paid: Record) -> None:
    waiting, sent = claim(paid, amount_fen=100), claim(paid, amount_fen=200)
    first, second = paid.messages("clawback_decided")
    second.status = MessageStatus.SENT
    paid.session.commit()
    revoke(paid, waiting)
    assert first.status is MessageStatus.CANCELLED and paid.messages("clawback_revoked") == []
    (change,) = paid.session.exec(select(MessageChange)).all()
    assert (change.message_id, change.action) == (first.id, MessageAction.CANCEL)
    revoke(paid, sent, "发票没有重复列支")
    (told,) = paid.messages("clawback_revoked")
    assert (told.context["clawback"], told.context["reason"]) == ("ZH-SB2025-00001-2", "发票没有重复列支")
    assert told.recipient == second.recipient and second.status is MessageStatus.SENT


def test_a_letter_that_may_have_gone_out_is_called_off_and_taken_back(paid: Record) -> None:
    case = claim(paid)
    (first,) = paid.messages("clawback_decided")
    first.attempts = 1  # the connection broke: nobody knows
    paid.session.commit()
    revoke(paid, case)
    assert first.status is MessageStatus.CANCELLED and len(paid.messages("clawback_revoked")) == 1


def test_what_came_back_came_of_what_was_paid_by_then(make_record: Callable[..., Record]) -> None:
    record = pay(make_record(), but=("BF-SB2025-00001-1X",))
    record.days(10)
    (late,) = [each for each in all_payments(record) if each.number == "BF-SB2025-00001-1X"]
    case = propose(record, amount_fen=4500000)
    receive(record, case, 1000000, after=5)
    payments.report(
        *(record.session, record.clock, record.actors["cai"]),
        **{"payment_id": late.id or 0, "paid": True, "on": PAID_ON + timedelta(days=10)},
    )
    record.days(10)
    decide(record, case)
    early, after = shown(record, case).shares
    assert (early.amount_fen, after.amount_fen) == (2700000, 1800000)
    assert early.interest_fen == (1000000 * 5 + 1700000 * 20) // 10000 and after.interest_fen == 1800000 * 10 // 10000


def test_each_decision_has_its_own_entry_in_a_calendar(paid: Record) -> None:
    claim(paid, amount_fen=100)
    paid.days(10)
    claim(paid, amount_fen=200)
    kind, settings = KINDS["clawback_decided"], paid.settings
    entries = [entry(kind, each.context, settings, paid.clock.now()) for each in paid.messages("clawback_decided")]
    uids = {line for text in entries for line in text.splitlines() if line.startswith("UID:")}
    assert len(uids) == 2 and "退款期限（ZH-SB2025-00001-2）" in entries[1]


def test_a_letter_says_what_was_paid_of_an_award_that_is_not_paid_in_full(make_record: Callable[..., Record]) -> None:
    record = pay(make_record(), but=("BF-SB2025-00001-1X",))
    case = claim(record, amount_fen=4500000)
    made = letter.letter_of(record.session, record.actors["jing"], case.id or 0)
    assert (made.award_fen, made.paid_fen, made.paid_on) == (7500000, 4500000, None)
    record.days(10)
    (late,) = [each for each in all_payments(record) if each.number == "BF-SB2025-00001-1X"]
    report(record, late)
    again = letter.letter_of(record.session, record.actors["jing"], case.id or 0)
    assert (again.paid_fen, again.paid_on) == (4500000, None), "it bears the day of the decision"


def test_another_countys_treasury_sees_and_notes_nothing(paid: Record) -> None:
    east, west = claim(paid), claim(paid, 3, amount_fen=20000001)
    assert [each.clawback.id for each in overview.cases(paid.session, paid.clock, paid.actors["dong"])] == [east.id]
    receive(paid, east, 100, who="dong")
    with pytest.raises(NotFoundError):
        receive(paid, west, 100, who="dong")
    with pytest.raises(NotFoundError):
        shown(paid, west, "dong")


def test_the_leader_is_told_what_to_decide_and_the_operator_what_is_overdue(paid: Record) -> None:
    def told(who: str) -> list[str]:
        desk_reminders.remind(paid.session, paid.clock, paid.system, settings=paid.settings)
        mails = [each for each in paid.messages("desk_waiting") if each.recipient == f"{who}@example.invalid"]
        return [matter["title"] for matter in mails[-1].context["matters"]] if mails else []

    case = propose(paid)
    assert told("fen") == ["追回 ZH-SB2025-00001-1（漳州云帆智能科技有限公司）待决定"]
    assert told("jing") == []
    decide(paid, case)
    paid.days(14)  # ten working days: Monday 16 March is the last
    assert not shown(paid, case).overdue and told("jing") == []
    paid.days(1)
    assert shown(paid, case).overdue
    assert told("jing") == ["追回 ZH-SB2025-00001-1（漳州云帆智能科技有限公司）逾期未退清"]


def test_a_clawback_opened_on_an_inspection_closes_it(paid: Record) -> None:
    at = (paid.session, paid.clock, paid.actors["jing"])
    look = Look(inspections.InspectionKind.AUDIT, "市审计局", PAID_ON, "发票重复列支")
    made = inspections.record(
        *at, settings=paid.settings, cycle_id=paid.cycle_id, number="SB2025-00001", look=look, files=[("底稿.pdf", PDF)]
    )
    with pytest.raises(InputError, match="不是对 SB2025-00002 的"):
        propose(paid, 2, amount_fen=1, inspection_id=made.id)
    case = propose(paid, inspection_id=made.id)
    found = inspections.shown(paid.session, made.id or 0)
    assert found.inspection.conclusion == f"提请追回（{case.number}）" and found.closed_by == "经办人甲"
    assert [each.filename for each in found.files] == ["底稿.pdf"]
    with pytest.raises(StateError, match="已经办结"):
        inspections.close(*at, inspection_id=made.id or 0, conclusion="无问题")


@pytest.mark.parametrize("ending", ["declined", "withdrawn", "revoked"])
def test_an_inspection_is_open_again_when_nothing_came_of_its_proposal(paid: Record, ending: str) -> None:
    at = (paid.session, paid.clock, paid.actors["jing"])
    look = Look(inspections.InspectionKind.AUDIT, "市审计局", PAID_ON, "发票重复列支")
    made = inspections.record(*at, settings=paid.settings, cycle_id=paid.cycle_id, number="SB2025-00001", look=look)
    case = propose(paid, inspection_id=made.id)
    if ending == "withdrawn":
        revoke(paid, case, who="jing")
    else:
        decide(paid, case, agree=ending == "revoked", opinion="事实不清")
    if ending == "revoked":
        revoke(paid, case)
    found = inspections.shown(paid.session, made.id or 0)
    assert (found.inspection.closed_at, found.inspection.conclusion, found.closed_by) == (None, "", "")
    assert propose(paid, inspection_id=made.id).number == "ZH-SB2025-00001-2"


PDF = b"%PDF-1.4\n%%EOF\n"


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"on": date(2026, 3, 3)}, "晚于今天"),
        ({"inspector": " "}, "都要填写"),
        ({"finding": ""}, "都要填写"),
    ],
)
def test_an_inspection_says_who_what_and_when(paid: Record, changes: dict[str, object], told: str) -> None:
    look = replace(Look(inspections.InspectionKind.BUREAU, "市工信局", PAID_ON, "未见异常"), **changes)  # type: ignore[arg-type]
    with pytest.raises(InputError, match=told):
        inspections.record(
            paid.session,
            paid.clock,
            paid.actors["jing"],
            settings=paid.settings,
            cycle_id=paid.cycle_id,
            number="SB2025-00001",
            look=look,
        )


# What was claimed back counts as not granted in later years.


def second_year_award(record: Record, cycle: Cycle) -> int:
    """What the first enterprise may expect of 150,000 yuan: 50% in its first year of benefit, 40% in the second."""
    law = policies.policy_of(record.session, cycle)
    measure = law.measure("computing")
    assert measure is not None
    enterprise = record.session.get_one(Enterprise, record.application(1).enterprise_id)
    checked = eligibility.check(record.session, cycle, law, measure, {"fee": "150000"}, enterprise)
    assert checked.estimate is not None, checked
    return checked.estimate.amount_fen


def test_an_award_that_was_claimed_back_was_no_year_of_benefit(paid: Record) -> None:
    cycle = next_year(paid)
    first, second = 7500000, 6000000
    assert second_year_award(paid, cycle) == second
    half = claim(paid, amount_fen=3000000)
    assert second_year_award(paid, cycle) == second  # a part of it stays granted
    rest = propose(paid, amount_fen=4500000)
    assert second_year_award(paid, cycle) == second  # nothing is decided yet
    decide(paid, rest)
    assert second_year_award(paid, cycle) == first
    revoke(paid, half, "复核", "fen")
    assert second_year_award(paid, cycle) == second


def history_row(record: Record, cycle: Cycle, **clawback: object) -> dict[str, Any]:
    """What a rule that reads earlier awards has of the first enterprise's, by the policy with this on clawbacks."""
    law = policies.policy_of(record.session, cycle)
    measure = law.measures[0]
    best = measure.facts[-1].model_copy(update={"name": "best_fee", "history": HistoryRule(aggregate="max", of="fee")})
    wider = Measure.model_validate(measure.model_dump(by_alias=True) | {"facts": [*measure.facts, best]})
    rule = law.provisions.clawback.model_copy(update=clawback)
    provisions = law.provisions.model_copy(update={"clawback": rule})
    changed = law.model_copy(update={"measures": [wider, *law.measures[1:]], "provisions": provisions})
    return computation.history(record.session, cycle, changed, "91350600MA00000001")[0]


def test_the_sum_had_before_falls_by_what_was_claimed_back_unless_the_policy_says_otherwise(paid: Record) -> None:
    cycle = next_year(paid)
    claim(paid, amount_fen=2500000)
    assert history_row(paid, cycle)["amount_fen"] == 5000000
    assert history_row(paid, cycle, history="granted")["amount_fen"] == 7500000


def test_facts_stay_after_a_misuse_and_go_when_they_were_false(paid: Record) -> None:
    cycle, application = next_year(paid), paid.application(1)
    fee = FactValue(
        application_id=application.id or 0,
        kind=FactKind.VERIFIED,
        fact="fee",
        value="150000",
        user_id=cycle.opened_by,
        recorded_at=paid.clock.now(),
    )
    paid.session.add(fee)
    paid.session.commit()
    claim(paid, amount_fen=2500000)
    assert history_row(paid, cycle)["fee"] == 150000
    claim(paid, amount_fen=5000000, untrue=True)
    for reading in ("not_granted", "granted"):
        assert "fee" not in history_row(paid, cycle, history=reading)


# Whatever is proposed, decided, revoked, received and corrected in whatever order, no fen is lost and none appears.


@given(parts=st.lists(st.integers(0, 10**9), min_size=1, max_size=6), share=st.fractions(0, 1))
def test_an_amount_is_allotted_to_the_fen_and_within_each_part(parts: list[int], share: float) -> None:
    amount = int(sum(parts) * share)
    allotted = allot(amount, parts)
    assert sum(allotted) == amount
    assert all(0 <= got <= part for got, part in zip(allotted, parts, strict=True))


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("paid")
    engine = engine_of(Settings(_env_file=None, data_dir=folder))
    with session_of(engine) as session:
        pay(build(session, folder, MANY), but=("BF-SB2025-00002-1X", "BF-SB2025-00005-1S"))
    engine.dispose()
    return folder


AMOUNTS = st.sampled_from([1, 740740, 1234566, 3000000, 7500000, 10**9])
STEPS = st.one_of(
    st.tuples(st.just("claim"), st.integers(1, 2), AMOUNTS),
    st.tuples(st.just("claim"), st.integers(1, 5), AMOUNTS),
    st.tuples(st.just("propose"), st.integers(1, 2), AMOUNTS),
    st.tuples(st.just("decide"), st.integers(0, 3), st.booleans()),
    st.tuples(st.just("revoke"), st.integers(0, 3), st.just(0)),
    st.tuples(st.just("receive"), st.integers(0, 3), st.sampled_from([0, 1, 333, 4500000, 10**8])),
    st.tuples(st.just("correct"), st.integers(0, 3), st.sampled_from([0, 1, 4500000])),
)


@settings(max_examples=20, deadline=None)
@given(steps=st.lists(STEPS, min_size=4, max_size=16))
def test_awarded_is_paid_pending_and_claimed_back_after_any_history(
    template: Path, steps: list[tuple[str, int, int]]
) -> None:
    with TemporaryDirectory() as folder:
        shutil.copytree(template, folder, dirs_exist_ok=True)
        engine = engine_of(Settings(_env_file=None, data_dir=Path(folder)))
        with session_of(engine) as session:
            record = _opened(session, Path(folder))
            for step in steps:
                _try(record, *step)
            _compare(record)
        engine.dispose()


def _opened(session: Session, folder: Path) -> Record:
    cycle = session.exec(select(Cycle)).one()
    actors = {user.login: actor_of(user) for user in session.exec(select(User))}
    clock = FixedClock(cycle.opened_at + timedelta(days=40))
    return Record(session, Settings(_env_file=None, data_dir=folder), clock, None, cycle, actors)  # type: ignore[arg-type]


def _try(record: Record, what: str, place: int, value: int) -> None:
    """Do it if it can be done; what is refused changes nothing, which the comparison would show."""
    case = record.session.exec(select(Clawback).offset(place).limit(1)).first()
    row = record.session.exec(select(ClawbackReceipt).offset(place).limit(1)).first()
    at = (record.session, record.clock)
    try:
        if what == "propose":
            propose(record, place, amount_fen=value)
        elif what == "claim":
            claim(record, place, amount_fen=value)
        elif what == "decide" and case is not None:
            decide(record, case, agree=bool(value), opinion="有据" if value else "无据")
        elif what == "revoke" and case is not None:
            who = "jing" if case.state is ClawbackState.PROPOSED else "fen"
            revoke(record, case, "复核", who)
        elif what == "receive" and case is not None:
            receive(record, case, value, after=1)
        elif what == "correct" and row is not None:
            receipt = Receipt(PAID_ON, value, note="误记")
            clawbacks.correct(
                *at, record.actors["cai"], clawback_id=row.clawback_id, receipt_id=row.id or 0, receipt=receipt
            )
    except ServiceError:
        pass


def _compare(record: Record) -> None:
    """The service's columns with the raw rows, by county and bearer and in all."""
    session = record.session
    found = overview.balances(session, record.actors["jing"], record.cycle_id)
    assert found is not None
    assert all(row.balanced for row in (*found.rows, found.whole)) and not found.faults
    payments = {payment.id: payment for payment in all_payments(record)}
    assert found.whole.awarded_fen == sum(item.fen for item in MANY)
    paid = sum(each.amount_fen for each in payments.values() if each.status is PaymentStatus.PAID)
    assert (found.whole.paid_fen, found.whole.pending_fen) == (paid, found.whole.awarded_fen - paid)
    owed = {case.id: case for case in session.exec(select(Clawback)) if case.state is ClawbackState.OWED}
    assert found.whole.claimed_fen == sum(case.amount_fen for case in owed.values())
    back: Counter[int] = Counter()
    by_case: Counter[int] = Counter()
    for share in session.exec(select(ClawbackShare)):
        if share.clawback_id in owed:
            back[share.payment_id] += share.amount_fen
            by_case[share.clawback_id] += share.amount_fen
    assert by_case == Counter({case.id: case.amount_fen for case in owed.values()})
    for payment_id, amount in back.items():
        payment = session.get_one(Payment, payment_id)
        assert payment.status is PaymentStatus.PAID and amount <= payment.amount_fen
    for case in overview.cases(session, record.clock, record.actors["jing"]):
        assert 0 <= case.received_fen <= max(case.owed_fen, case.clawback.amount_fen) and case.left_fen >= 0
