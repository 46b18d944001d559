"""What was computed in earlier years (months granted so far) counts in later ones, where it was granted."""

from dataclasses import replace

import policy
from services.award import computation
from tests.services.documents.small_cycle import ITEMS, POLICY
from tests.services.filled_record import Record, compute
from tests.services.paid_year import claim, next_year, pay

ADDS_UP = """
      - name: months_before
        label: 以前已补月数
        type: integer
        source: history
        history: {aggregate: sum, of: months_paid}
    parameters:
"""
STEP = "    steps:\n      - {name: months_paid, label: 可补月数, expression: 24 - months_before}\n"
LAW = policy.parse(POLICY.replace("\n    parameters:\n", ADDS_UP, 1).replace("    steps:\n", STEP, 1), "law")


def computed(record: Record, *months: str) -> None:
    """Compute the applications, in their order, with so many months."""
    written = [
        {"name": "months_paid", "label": "可补月数", "quote": "", "clause": ""} | {"value": each} for each in months
    ]
    compute(record, tuple(replace(item, steps=(step,)) for item, step in zip(ITEMS, written, strict=True)))


def months(record: Record) -> dict[str, int | None]:
    """By the last two digits of the code."""
    rows = computation.history(record.session, next_year(record), LAW)
    return {row["uscc"][-2:]: row.get("months_paid") for row in rows}


def test_the_steps_of_what_was_granted_are_in_the_history(record: Record) -> None:
    computed(record, "11", "7", "3", "2", "5")
    pay(record)
    assert months(record) == {"01": 11, "02": 7, "03": 3, "04": None, "05": None}


def test_the_steps_of_what_was_claimed_back_are_not(record: Record) -> None:
    computed(record, "11", "7", "3", "2", "5")
    claim(pay(record))
    assert months(record) == {"01": None, "02": 7, "03": 3, "04": None, "05": None}
