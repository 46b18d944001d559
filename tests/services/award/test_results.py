"""Every applicant on the list is told what became of its application, once."""

import pytest

from models import Outcome
from services.award import lists, results
from services.errors import NotAllowedError, StateError
from services.notices.rendering import Letters
from tests.services.documents.small_cycle import ITEMS, Item
from tests.services.filled_record import Record, compute, stand_at


def notify(record: Record, who: str = "jing") -> int:
    return results.notify(
        record.session, record.clock, record.actors[who], settings=record.settings, cycle_id=record.cycle_id
    )


def freeze(record: Record) -> None:
    lists.freeze(record.session, record.clock, record.system, cycle_id=record.cycle_id)
    stand_at(record, "results")


def test_each_outcome_has_its_own_letter_and_none_names_an_amount(record: Record) -> None:
    freeze(record)
    assert notify(record) == len(ITEMS)
    told = record.messages()
    assert [(message.kind, message.recipient) for message in told] == [
        ("result_award", "unit1@example.invalid"),
        ("result_award", "unit2@example.invalid"),
        ("result_award", "unit3@example.invalid"),
        ("result_referral", "unit4@example.invalid"),
        ("result_rejection", "unit5@example.invalid"),
    ]
    letters = Letters(record.settings)
    for message, item in zip(told, ITEMS, strict=True):
        letter = letters.render(message.kind, message.context, message.recipient_name, record.clock.now().date())
        assert "一（二）" in letter.text and message.context["number"] in letter.text
        assert not item.fen or str(item.fen // 100) not in letter.text.replace(",", "")
    assert told[3].context["referral_to"] == "省级算力补助"
    assert told[4].context["reason"] == f"{Outcome.REJECTION} 的理由"


def test_a_second_run_tells_nobody_again(record: Record) -> None:
    freeze(record)
    notify(record)
    record.days(1)
    assert notify(record) == 0


def test_the_newest_version_counts(record: Record) -> None:
    freeze(record)
    stand_at(record, "freeze")
    compute(record, (Item(ITEMS[0].name, "east", "computing", Outcome.REJECTION, 0), *ITEMS[1:]))
    freeze(record)
    notify(record)
    assert record.messages()[0].kind == "result_rejection"


@pytest.mark.parametrize(("fen", "kind"), [(0, "result_case_by_case"), (1, "result_award")])
def test_a_case_by_case_award_with_a_figure_is_an_award(record: Record, fen: int, kind: str) -> None:
    compute(record, (*ITEMS[:2], Item(ITEMS[2].name, "west", "vouchers", Outcome.CASE_BY_CASE, fen), *ITEMS[3:]))
    freeze(record)
    notify(record)
    assert record.messages()[2].kind == kind


def test_nothing_is_told_before_a_list_is_frozen_nor_by_others(record: Record) -> None:
    with pytest.raises(StateError, match="还没有固化"):
        notify(record)
    with pytest.raises(NotAllowedError):
        notify(record, "he")
    assert not record.messages()
