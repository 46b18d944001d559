"""A list is frozen once as it is; whatever differs makes a new version."""

import pytest
from sqlalchemy.exc import DatabaseError
from sqlmodel import select

from models import Award, AwardList, AwardListEntry, ComputationRun, Enterprise, Objection, ObjectionStatus, Outcome
from services.award import computation, lists, public_notices
from services.errors import NotFoundError, StateError
from tests.services.documents.small_cycle import ITEMS
from tests.services.filled_record import Record, changed, compute, stand_at


def freeze(record: Record, who: str = "jing") -> AwardList:
    return lists.freeze(record.session, record.clock, record.actors[who], cycle_id=record.cycle_id)


def test_every_outcome_is_on_the_list_with_its_county(record: Record) -> None:
    frozen = freeze(record)
    lines = lists.entries(record.session, frozen.id or 0)
    assert [(line.outcome, line.amount_fen, line.county) for line in lines] == [
        (item.outcome, item.fen, item.county) for item in ITEMS
    ]
    assert (frozen.version, frozen.total_fen) == (1, sum(item.fen for item in ITEMS))


def test_freezing_the_same_computation_again_makes_no_new_version(record: Record) -> None:
    first = freeze(record)
    assert freeze(record).id == first.id
    assert len(record.session.exec(select(AwardListEntry)).all()) == len(ITEMS)


def test_a_list_points_to_the_computation_that_it_stands_on_though_its_amounts_are_the_same(record: Record) -> None:
    first = freeze(record)
    compute(record, ITEMS)
    second = freeze(record)
    run = computation.latest_run(record.session, record.cycle_id)
    assert run is not None and run.id == second.run_id != first.run_id
    assert (second.version, second.digest) == (2, first.digest)
    explained = [record.session.get_one(Award, line.award_id) for line in lists.entries(record.session, second.id or 0)]
    assert {award.run_id for award in explained} == {run.id}


def test_one_fen_makes_a_new_version_with_another_digest(record: Record) -> None:
    first = freeze(record)
    compute(record, changed(ITEMS, 2, ITEMS[1].fen + 1))
    second = freeze(record)
    assert (second.version, second.total_fen) == (2, first.total_fen + 1)
    assert second.digest != first.digest
    assert lists.current_list(record.session, record.cycle).id == second.id


def test_another_reason_makes_a_new_version(record: Record) -> None:
    freeze(record)
    compute(record, ITEMS, reason="换一个理由")
    assert freeze(record).version == 2


def test_the_digest_can_be_made_again_from_the_stored_lines_in_any_order(record: Record) -> None:
    frozen = freeze(record)
    lines = lists.entries(record.session, frozen.id or 0)
    reasons = lists.reasons_of(record.session.exec(select(Award)))
    run = record.session.get_one(ComputationRun, frozen.run_id)
    assert lists.digest_of(run.policy_sha256, reversed(lines), reasons) == frozen.digest
    assert lists.digest_of("0" * 64, lines, reasons) != frozen.digest


def test_an_upheld_objection_leads_to_a_new_version_even_of_the_same_content(record: Record) -> None:
    first = freeze(record)
    stand_at(record, "public_notice")
    notice = public_notices.publish(
        record.session, record.clock, record.system, settings=record.settings, cycle_id=record.cycle_id
    )
    record.session.add(
        Objection(
            number="YY2025-001",
            notice_id=notice.id or 0,
            raised_by="某人",
            contact="0596-2000000",
            grounds="理由",
            received_at=record.clock.now(),
            status=ObjectionStatus.UPHELD,
            answer="成立",
        )
    )
    record.session.commit()
    stand_at(record, "freeze")
    second = freeze(record)
    assert (second.version, second.digest) == (2, first.digest)
    assert freeze(record).id == second.id


@pytest.mark.parametrize("stage", ["approval", "public_notice", "objections", "funds", "payment"])
def test_a_list_that_is_out_cannot_be_replaced_by_hand(record: Record, stage: str) -> None:
    first = freeze(record)
    compute(record, changed(ITEMS, 1, 1))
    stand_at(record, stage)
    with pytest.raises(StateError, match="已经提交审批"):
        lists.freeze(record.session, record.clock, record.actors["jing"], cycle_id=record.cycle_id)
    with pytest.raises(StateError, match="已经提交审批"):
        computation.compute(record.session, record.clock, record.actors["jing"], cycle_id=record.cycle_id)
    assert lists.current_list(record.session, record.cycle).id == first.id


def test_a_line_keeps_the_county_that_its_application_was_reviewed_in(record: Record) -> None:
    application = record.application(1)
    kept = application.county
    enterprise = record.session.get_one(Enterprise, application.enterprise_id)
    enterprise.county = "elsewhere"
    record.session.commit()
    line = lists.entries(record.session, freeze(record).id or 0)[0]
    assert (line.application_id, line.county) == (application.id, kept)
    assert kept != "elsewhere"


def test_nothing_can_be_frozen_before_the_computation(record: Record) -> None:
    with pytest.raises(StateError, match="还没有固化"):
        lists.current_list(record.session, record.cycle)


def test_the_system_prepares_a_list_in_the_name_of_who_opened_the_cycle(record: Record) -> None:
    frozen = lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    assert frozen.prepared_by == record.cycle.opened_by


def test_a_frozen_line_cannot_be_changed(record: Record) -> None:
    line = lists.entries(record.session, freeze(record).id or 0)[0]
    line.amount_fen += 1
    with pytest.raises(DatabaseError, match="append-only"):
        record.session.flush()


def test_diff_names_what_changed_and_nothing_else(record: Record) -> None:
    freeze(record)
    compute(record, changed(ITEMS, 1, 1))
    freeze(record)
    assert lists.diff(record.session, record.cycle_id, 1, 2) == [
        lists.Change("SB2025-00001", ITEMS[0].name, "computing", Outcome.AWARD, ITEMS[0].fen, Outcome.AWARD, 1)
    ]
    with pytest.raises(NotFoundError, match="没有第 3 版"):
        lists.diff(record.session, record.cycle_id, 1, 3)
