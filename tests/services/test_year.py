"""The sample's whole year through the services, against the outcomes worked out by hand."""

from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from sqlmodel import col, func, select

from cli.demo.acting import World
from cli.demo.story import key_of
from config.sample.generator import load
from models import Application, AwardList, AwardListEntry, Message, Payment, PaymentStatus, StageVisit
from services.award import lists
from services.money import wan
from services.record import chain


@pytest.fixture
def lines(whole: tuple[World, list[dict[str, str]]]) -> list[dict[str, str]]:
    """What the line of the year said, stage by stage, at the three moments."""
    return whole[1]


def _expected() -> dict[str, Any]:
    found: dict[str, Any] = load("expected")
    return found


def _entries(world: World, version: int) -> dict[tuple[str, str, str], AwardListEntry]:
    rows = world.session.exec(
        select(Application, AwardListEntry)
        .join(AwardListEntry, col(AwardListEntry.application_id) == Application.id)
        .join(AwardList, col(AwardList.id) == AwardListEntry.list_id)
        .where(AwardList.version == version)
    )
    return {key_of(application): entry for application, entry in rows}


def _fen(yuan: Any) -> int:
    return int(Decimal(str(yuan)) * 100)


@pytest.mark.parametrize("row", _expected()["applications"], ids=lambda row: "|".join(row["application"].values()))
def test_every_outcome_is_the_one_worked_out_by_hand(year: World, row: dict[str, Any]) -> None:
    about = row["application"]
    entry = _entries(year, 2)[about["enterprise"], about["measure"], about["project"]]
    outcome = row["outcome"] if row["outcome"] in ("award", "referral") else "rejected"
    assert (entry.outcome.value, entry.amount_fen) == (outcome, _fen(row["amount"]))


def test_every_application_was_expected(year: World) -> None:
    expected = {tuple(row["application"].values()) for row in _expected()["applications"]}
    assert {key_of(each) for each in year.session.exec(select(Application))} == expected


def test_the_upheld_objection_made_a_second_version_with_its_own_digest(year: World) -> None:
    versions = year.session.exec(select(AwardList).order_by(col(AwardList.version))).all()
    assert [each.total_fen for each in versions] == [_fen(_expected()["first_total"]), _fen(_expected()["total"])]
    assert versions[0].digest != versions[1].digest
    changes = lists.diff(year.session, year.cycle_id, 1, 2)
    assert [(change.enterprise_name, change.old_fen - change.new_fen) for change in changes] == [
        ("龙海双糕润食品智造有限公司", 120_000_00)
    ]


def test_the_cycle_went_back_for_the_objection_and_then_on(year: World) -> None:
    visits = Counter(visit.stage for visit in year.session.exec(select(StageVisit)))
    assert {stage for stage, count in visits.items() if count == 2} == {
        "verification",
        "matching",
        "panel",
        "computation",
        "freeze",
        "approval",
        "public_notice",
        "objections",
    }


def test_what_was_awarded_is_what_was_paid_by_whom_it_is_borne(year: World) -> None:
    paid = year.session.exec(select(Payment)).all()
    assert {payment.status for payment in paid} == {PaymentStatus.PAID}
    assert sum(payment.amount_fen for payment in paid) == _fen(_expected()["total"])
    entries = _entries(year, 2)
    for row in _expected()["county_shares"]:
        about = row["application"]
        entry = entries[about["enterprise"], about["measure"], about["project"]]
        shares = {each.bearer == "city": each.amount_fen for each in paid if each.entry_id == entry.id}
        assert shares == {True: _fen(row["city"]), False: _fen(row["county"])}


def test_every_applicant_hears_the_result_once(year: World) -> None:
    results = year.session.exec(
        select(Message.recipient, func.count())
        .where(col(Message.kind).startswith("result_"))
        .group_by(Message.recipient)
    ).all()
    filed = Counter(each.contact_email for each in year.session.exec(select(Application)))
    assert dict(results) == dict(filed)


def test_the_audit_chain_of_the_year_is_whole(year: World) -> None:
    assert chain.verify(year.session) == []


def test_a_stage_that_is_to_come_says_nothing(lines: list[dict[str, str]]) -> None:
    early, middle, _ = lines
    assert early["intake"] == "收件 98 件" and early["completeness"] == "已审 0／98 件"
    assert not any(early[stage] for stage in ("county_review", "computation", "payment", "results"))
    assert not any(middle[stage] for stage in ("public_notice", "funds", "payment", "results"))


def test_a_stage_says_how_far_it_is(lines: list[dict[str, str]]) -> None:
    middle = lines[1]
    assert middle["completeness"] == "已审 98／98 件"
    assert middle["county_review"] == "初审 97／97 项" and middle["verification"] == "核验 311／311 项"
    assert middle["matching"] == "认定 48／48 条" and middle["panel"] == "核定 3 件"
    assert middle["freeze"] == "第 1 版" and middle["approval"] == "60 件 4,576.1568 万元"


def test_the_end_agrees_with_what_was_worked_out_by_hand(lines: list[dict[str, str]]) -> None:
    end, expected = lines[2], load("expected")
    awards = [each for each in expected["applications"] if each["amount"]]
    whole = f"{len(awards)} 件 {wan(expected['total'] * 100)} 万元"
    assert end["computation"] == end["approval"] == end["funds"] == whole
    assert end["freeze"] == "第 2 版"
    assert end["public_notice"] == "收到异议 2 件" and end["objections"] == "答复 2／2 件"
    assert end["payment"] == f"已付 67／67 笔 {wan(expected['total'] * 100)} 万元"
    assert end["results"] == "通知 98 封"
