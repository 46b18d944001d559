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
from services import audit, lists
from tests.year import make_world, run_year

pytestmark = pytest.mark.xdist_group("sample year")  # one worker runs the year


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The year, run to its end."""
    world = make_world(tmp_path_factory.mktemp("year"))
    run_year(world)
    return world


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
    assert audit.verify(year.session) == []
