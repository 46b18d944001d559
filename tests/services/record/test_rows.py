"""Rows that one statement inserts are in the record, and in its chain, as records that are added one by one."""

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from typing import Any

import pytest
from sqlmodel import SQLModel, col, select

from models import AuditAnchor, Ban, Role, User
from services.errors import InputError
from services.record import audit
from services.record.rows import add_rows
from tests.desk import CODE, Desk

AT = datetime(2026, 4, 9, 1, 30, tzinfo=UTC)
BAN = {"uscc": CODE, "name": "示例", "starts_on": date(2026, 1, 1), "until": date(2026, 12, 31), "clause": "十"}
Add = Callable[[Desk, Any, Sequence[dict[str, Any]]], None]


def users(_desk: Desk) -> list[dict[str, Any]]:
    """With what the chain does not tell, with defaults, and with values that are not the defaults."""
    return [
        {"login": "first", "name": "甲", "role": Role.OPERATOR, "email": "jia@example.invalid"},
        {"login": "second", "name": "乙", "role": Role.COUNTY_REVIEWER, "county": "芗城区", "active": False},
        {"login": "third", "name": "丙", "role": Role.FINANCE, "email": None},
    ]


def bans(desk: Desk) -> list[dict[str, Any]]:
    """With days, moments, and texts that the chain keeps by digest."""
    by = {"imposed_by": desk.operator.user_id, "imposed_at": AT}
    return [{**BAN, **by, "reason": reason} for reason in ("短", "长" * 400, "长" * 300)]


def as_records(desk: Desk, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    for row in rows:
        desk.session.add(model(**row))
        desk.session.flush()


def as_rows(desk: Desk, model: type[SQLModel], rows: Sequence[dict[str, Any]]) -> None:
    add_rows(desk.session, model, rows)


def outcome(desk: Desk, add: Add, model: Any, rows: Sequence[dict[str, Any]]) -> tuple[Any, Any]:
    """What is told, and what is there; nothing of it stays. Ids are counted from the first new one."""
    last = max([0, *desk.session.exec(select(model.id))])
    audit.start(desk.session)
    add(desk, model, rows)
    told = desk.session.info.pop("changes").told()
    desk.session.expire_all()
    kept = [row.model_dump() for row in desk.session.exec(select(model).where(col(model.id) > last).order_by(model.id))]
    desk.session.rollback()
    for row in (*kept, *(each["values"] for each in told if "values" in each)):
        row["id"] -= last
    for each in told:
        each["key"] = [number - last for number in each.get("key", [])]
    return told, kept


@pytest.mark.parametrize(("model", "rows"), [(User, users), (Ban, bans)])
@pytest.mark.parametrize("most", [audit.MOST_ROWS, 2])
def test_they_are_told_and_kept_as_records_are(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, model: type[SQLModel], rows: Callable[[Desk], Any], most: int
) -> None:
    monkeypatch.setattr(audit, "MOST_ROWS", most)
    told, kept = outcome(desk, as_records, model, rows(desk))
    assert len(kept) == 3 and len(told) == (3 if most > 2 else 1)
    assert outcome(desk, as_rows, model, rows(desk)) == (told, kept)


@pytest.mark.parametrize(
    ("name", "trouble"), [("甲" * 65, "“姓名”最多 64 个字，现在是 65 个"), ("甲\0", "U\\+0000")], ids=["long", "unseen"]
)
@pytest.mark.parametrize("add", [as_records, as_rows])
def test_what_does_not_fit_is_refused_as_of_a_record(desk: Desk, add: Add, name: str, trouble: str) -> None:
    with pytest.raises(InputError, match=trouble):
        outcome(desk, add, User, [*users(desk), {"login": "fourth", "name": name, "role": Role.FINANCE}])


def test_of_none_and_of_what_the_chain_does_not_follow_nothing_is_told(desk: Desk) -> None:
    anchor = {"day": AT.date(), "seq": 1, "hash": "0" * 64, "entries": 1, "taken_at": AT}
    assert outcome(desk, as_rows, User, []) == ([], [])
    told, kept = outcome(desk, as_rows, AuditAnchor, [anchor])
    assert told == [] and kept == [{"id": 1, "problems": [], **anchor}]


def test_ids_are_in_the_order_of_the_rows_on_either_database(either: Desk) -> None:
    session, by = either.session, {"imposed_by": either.operator.user_id, "imposed_at": AT, "reason": "短"}
    rows = [{**BAN, **by, "uscc": f"{number:018}"} for number in range(2500)]
    ids: list[int] = []
    for some in (rows[:1500], rows[1500:]):  # more than one statement of PostgreSQL takes
        audit.start(session)
        add_rows(session, Ban, some)
        told = session.info.pop("changes").told()
        by_id = {each["values"]["id"]: each["values"]["uscc"] for each in told}
        assert [each["key"] for each in told] == [[key] for key in by_id]
        assert list(by_id.values()) == [row["uscc"] for row in some]
        kept = session.exec(select(Ban.id, Ban.uscc).where(col(Ban.id).in_(by_id))).all()
        assert dict(kept) == by_id
        ids += by_id
    session.add(after := Ban(**BAN, **by))
    session.flush()
    assert ids == sorted(set(ids)) and (after.id or 0) > ids[-1]
