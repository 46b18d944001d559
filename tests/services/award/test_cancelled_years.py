"""A year that was cancelled after money went out: what was paid counts in later years, what was not never will."""

import pytest

from models import Cycle, PaymentStatus
from services.award import computation
from services.cycle import cancelling, waiting
from services.law import policies
from tests.services.filled_record import Record, approve_funds
from tests.services.paid_year import all_payments, next_year, pay


def cancel(record: Record) -> Cycle:
    """End the year, and open the next."""
    given = {"settings": record.settings, "cycle_id": record.cycle_id, "reason": "单位注销，款项退回"}
    cancelling.cancel(record.session, record.clock, record.actors["jing"], **given)
    return next_year(record)


def granted(record: Record, cycle: Cycle) -> dict[str, int]:
    """Fen granted before, by the last two digits of the code, where it is anything."""
    rows = computation.history(record.session, cycle, policies.policy_of(record.session, cycle))
    return {row["uscc"][-2:]: row["amount_fen"] for row in rows if row["amount_fen"]}


@pytest.fixture
def partly(record: Record) -> Record:
    """The county's share of the first award failed, and nothing of the second was paid."""
    pay(record, but=("BF-SB2025-00001-1X", "BF-SB2025-00002-1S", "BF-SB2025-00002-1X"))
    for payment in all_payments(record):
        if payment.status is PaymentStatus.PENDING:
            payment.status, payment.failure = PaymentStatus.FAILED, "单位注销"
    record.session.commit()
    return record


def test_what_was_paid_before_the_year_was_cancelled_is_what_was_granted(partly: Record) -> None:
    following = cancel(partly)
    assert granted(partly, following) == {"01": 4500000, "03": 20000001}
    assert computation.unsettled_years(partly.session, following) == []


def test_leaders_compare_with_what_was_paid(partly: Record) -> None:
    assert waiting.last_year(partly.session, cancel(partly)) == {"computing": 4500000, "vouchers": 20000001}


def test_a_year_that_was_cancelled_before_its_money_was_ordered_granted_nothing(record: Record) -> None:
    approve_funds(record)
    following = cancel(record)
    assert granted(record, following) == {}
    assert waiting.last_year(record.session, following) is None
