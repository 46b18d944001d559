"""What the chain tells of many rows costs no more than it must, and is the same."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models import ApplicationStatus, Opinion, VerificationReply, VerificationRequest
from models.verification import ReviewerKind
from services.record import audit, chain, trail
from tests.desk import Desk

_PLAIN = (
    st.none()
    | st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats(allow_nan=False)
    | st.text(max_size=400)
    | st.datetimes().map(lambda moment: moment.replace(tzinfo=UTC))
)


@example('"' * 160)
@example("\\" * 160)
@example("\n" * 160)
@example("甲" * 298)
@example("甲" * 299)
@given(_PLAIN | st.dates() | st.sampled_from(ApplicationStatus) | st.lists(st.text(max_size=40), max_size=12))
def test_what_is_short_for_certain_is_told_as_if_it_had_been_spelled(value: object) -> None:
    spelled = chain.canonical(value)
    told = audit._short(value)
    if len(spelled) <= 300:
        assert type(told) is type(json.loads(spelled))
        assert told == json.loads(spelled)
    else:
        assert isinstance(told, dict)
        assert told["length"] == len(spelled)


@pytest.mark.parametrize("length", [3, 40], ids=["short", "long"])
def test_a_document_is_told_as_it_is_once_it_was_read_again(length: int) -> None:
    """JSON has no numbers as keys: they are texts then, and stand in another order."""
    value = dict.fromkeys(range(12), "长" * length)
    assert audit._short(value) == audit._short(json.loads(json.dumps(value)))
    assert ("sha256" in audit._short(value)) == (length == 40)  # type: ignore[operator]


def test_the_spelled_values_do_not_grow_with_the_rows(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    spell = chain.canonical
    monkeypatch.setattr(audit, "canonical", lambda value: calls.append(value) or spell(value))

    def tell(rows: int) -> int:
        calls.clear()
        audit.start(desk.session)
        for number in range(rows):
            desk.session.add(
                VerificationReply(
                    request_id=number, opinion=Opinion.REFUSE, reason="不符", user_id=1, replied_at=desk.clock.now()
                )
            )
        audit._collect(desk.session, None)  # type: ignore[arg-type]
        told = desk.session.info["changes"].told()
        assert [change["values"]["reason"] for change in told] == ["不符"] * rows
        desk.session.expunge_all()
        return len(calls)

    assert tell(40) == tell(2) == 0


def test_a_row_is_told_with_its_columns_in_order(desk: Desk) -> None:
    audit.start(desk.session)
    desk.session.add(
        VerificationRequest(
            cycle_id=1,
            application_id=1,
            kind=ReviewerKind.COUNTY,
            reviewer="x",
            facts=["b", "a"],
            sent_at=datetime(2026, 1, 1, tzinfo=UTC),
            due_at=datetime(2026, 1, 2, tzinfo=UTC),
        )
    )
    audit._collect(desk.session, None)  # type: ignore[arg-type]
    (change,) = desk.session.info["changes"].told()
    assert list(change["values"]) == sorted(change["values"])
    assert change["values"]["sent_at"] == "2026-01-01T00:00:00+00:00"
    assert change["values"]["kind"] == "county"
    desk.session.expunge_all()


def _insert(desk: Desk, rows: int) -> None:
    for number in range(rows):
        desk.session.add(
            VerificationReply(request_id=number, opinion=Opinion.AGREE, user_id=1, replied_at=desk.clock.now())
        )
    audit._collect(desk.session, None)  # type: ignore[arg-type]
    desk.session.expunge_all()


def test_of_more_rows_than_an_entry_tells_their_number_and_digest_stay(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    audit.start(desk.session)
    _insert(desk, 6)
    one_by_one = desk.session.info["changes"].told()
    assert [change["action"] for change in one_by_one] == ["insert"] * 6

    monkeypatch.setattr(audit, "MOST_ROWS", 5)
    audit.start(desk.session)
    audit.tell_new(desk.session, "datakey", "before")
    _insert(desk, 4)
    audit.tell_new(desk.session, "datakey", "between")
    _insert(desk, 2)
    before, many, between = desk.session.info["changes"].told()
    assert (before["key"], between["key"]) == (["before"], ["between"])
    assert many["rows"] == 6
    assert many == audit._many("verificationreply", "insert many", 6, [*one_by_one[:4], *one_by_one[:2]])


def test_as_many_rows_as_an_entry_tells_are_told_one_by_one(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "MOST_ROWS", 5)
    audit.start(desk.session)
    _insert(desk, 5)
    assert [change["action"] for change in desk.session.info["changes"].told()] == ["insert"] * 5


def test_an_operation_of_many_rows_leaves_a_whole_chain_that_people_can_read(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit, "MOST_ROWS", 1)
    desk.open_intake()
    desk.submit()
    assert chain.verify(desk.session) == []
    told = trail.entries(desk.session, trail.Wanted(operation="application.submit"), 1).rows[0]
    assert "申报与核定数据 3 条" in told.touched
    (facts,) = [each for each in trail.detail(desk.session, told.seq).changes if each.table == "申报与核定数据"]
    assert (facts.action, facts.values[0]) == ("批量新增", ("条数", "", "3"))
