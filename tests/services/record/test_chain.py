"""What was done to the audit chain behind the system's back, and what its check says of it."""

import json
from collections.abc import Callable

import pytest
from sqlalchemy import text
from sqlmodel import Session, col, select

from models import AuditEntry
from services.record import chain
from services.record.chain import Anchor
from tests.desk import Desk


@pytest.fixture
def chained(desk: Desk) -> Session:
    """The session of a bureau whose chain stands open to whoever can change the database."""
    desk.session.rollback()
    for action in ("update", "delete"):
        desk.session.execute(text(f"DROP TRIGGER auditentry_no_{action}"))
    assert chain.length(desk.session) > 12
    return desk.session


def test_it_tells_no_address_of_a_user(desk: Desk) -> None:
    told = [str(each.changes) for each in desk.session.exec(select(AuditEntry)) if each.operation == "user.add"]
    assert told and [each for each in told if "@" in each or "（不记录）" not in each] == []


def do(session: Session, *statements: str) -> None:
    for statement in statements:
        session.execute(text(statement))
    session.expire_all()


def shift(session: Session, start: int, by: int) -> None:
    """Give everything from a number on other numbers, by way of numbers that nobody has."""
    for change in (f"seq + {100000 + by} WHERE seq >= {start}", "seq - 100000 WHERE seq > 50000"):
        do(session, f"UPDATE auditentry SET seq = {change}")


def forge(session: Session, start: int) -> None:
    """Make every hash from a number on anew, as somebody who knows how would."""
    previous = session.exec(select(AuditEntry.hash).where(AuditEntry.seq == start - 1)).first() or chain.GENESIS
    for entry in session.exec(select(AuditEntry).where(col(AuditEntry.seq) >= start).order_by(col(AuditEntry.seq))):
        entry.previous = previous
        entry.hash = previous = chain.digest(entry)
    session.flush()
    session.expire_all()


def insert(session: Session, seq: int, previous: str) -> AuditEntry:
    like = session.get_one(AuditEntry, 2)
    row = AuditEntry(
        seq=seq, at=like.at, actor="x", operation="user.add", changes=[{"x": 1}], previous=previous, hash=""
    )
    row.hash = chain.digest(row)
    session.add(row)
    session.flush()
    return row


def test_a_whole_chain_is_whole(chained: Session) -> None:
    last = chain.head(chained)
    assert last is not None
    assert (
        chain.verify(chained, [Anchor(last.seq, last.hash, "校验单"), Anchor(3, hash_of(chained, 3), "校验单")]) == []
    )
    assert chain.verify(chained, after=5) == []


def hash_of(session: Session, seq: int) -> str:
    return session.exec(select(AuditEntry.hash).where(AuditEntry.seq == seq)).one()


@pytest.mark.parametrize(
    "column", ["actor = 'x'", "operation = 'gate.approve'", "at = '2020-01-01 00:00:00'", "changes = '[]'"]
)
def test_a_changed_entry_is_named(chained: Session, column: str) -> None:
    do(chained, f"UPDATE auditentry SET {column} WHERE seq = 5")
    (said,) = chain.verify(chained)
    assert said.startswith("审计记录第 5 号（") and "内容被改动" in said


def test_a_changed_entry_with_its_own_hash_made_anew_is_named(chained: Session) -> None:
    entry = chained.get_one(AuditEntry, 5)
    entry.actor = "x"
    entry.hash = chain.digest(entry)
    chained.flush()
    (said,) = chain.verify(chained)
    assert "第 6 号与前一条不衔接" in said and "核对第 5 号" in said


def test_a_removed_entry_is_named(chained: Session) -> None:
    do(chained, "DELETE FROM auditentry WHERE seq IN (4, 5)")
    assert chain.verify(chained) == ["审计记录第 4 号至第 5 号缺失；请从备份核对。"]


def test_a_removed_entry_whose_gap_was_closed_is_named(chained: Session) -> None:
    last = chain.length(chained)
    do(chained, "DELETE FROM auditentry WHERE seq = 4")
    shift(chained, 5, -1)
    assert chain.verify(chained) == [
        "审计记录第 4 号缺失；请从备份核对。",
        f"审计记录第 4 号至第 {last - 1} 号的编号被改，原来是第 5 号至第 {last} 号；请从备份核对。",
    ]


def test_the_first_entries_cannot_be_removed_unseen(chained: Session) -> None:
    do(chained, "DELETE FROM auditentry WHERE seq = 1")
    assert chain.verify(chained) == ["审计记录第 1 号缺失；请从备份核对。"]
    shift(chained, 2, -1)
    assert "审计记录第 1 号缺失" in chain.verify(chained)[0]


def test_two_entries_in_each_others_place_are_named(chained: Session) -> None:
    for change in ("90000 WHERE seq = 5", "5 WHERE seq = 9", "9 WHERE seq = 90000"):
        do(chained, f"UPDATE auditentry SET seq = {change}")
    assert chain.verify(chained) == [
        "审计记录第 5 号的编号被改，原来是第 9 号；请从备份核对。",
        "审计记录第 9 号的编号被改，原来是第 5 号；请从备份核对。",
    ]


def test_an_inserted_entry_is_named(chained: Session) -> None:
    last = chain.length(chained)
    shift(chained, 6, 1)
    insert(chained, 6, hash_of(chained, 5))
    assert chain.verify(chained) == [
        f"审计记录第 7 号至第 {last + 1} 号的编号被改，原来是第 6 号至第 {last} 号；请从备份核对。",
        "审计记录第 6 号（user.add）是插入的，原来没有这一条；请从备份核对。",
    ]


def test_an_entry_before_the_first_is_named(chained: Session) -> None:
    insert(chained, 0, chain.GENESIS)
    assert chain.verify(chained) == ["审计记录第 0 号（user.add）是插入的，原来没有这一条；请从备份核对。"]


def test_an_entry_put_after_the_last_without_its_link_is_named(chained: Session) -> None:
    last = chain.length(chained)
    insert(chained, last + 1, hash_of(chained, last - 1))
    (said,) = chain.verify(chained)
    assert f"第 {last + 1} 号与前一条不衔接" in said


def test_a_chain_made_anew_holds_by_itself_and_not_against_anchors(chained: Session) -> None:
    anchors = [Anchor(seq, hash_of(chained, seq), f"第 {seq} 号的校验单") for seq in (3, 7, 10)]
    do(chained, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    forge(chained, 5)
    assert chain.verify(chained) == []
    said = chain.verify(chained, anchors)
    assert len(said) == 2
    assert said[0].startswith("审计记录第 7 号的校验值") and "第 7 号的校验单" in said[0]
    assert "第 4 号至第 7 号中有记录被改动" in said[0]


def test_an_end_that_was_cut_off_is_seen_by_anchors_only(chained: Session) -> None:
    last = chain.length(chained)
    anchor = Anchor(last, hash_of(chained, last), "6月1日的校验单")
    do(chained, f"DELETE FROM auditentry WHERE seq > {last - 3}")
    assert chain.verify(chained) == []
    assert chain.verify(chained, [anchor]) == [
        f"6月1日的校验单记到第 {last} 号，现在没有这一号：记录被删去；请从备份核对。"
    ]


def test_only_the_newest_entries_can_be_read(chained: Session) -> None:
    do(chained, "UPDATE auditentry SET actor = 'x' WHERE seq = 5")
    assert chain.verify(chained, after=6) == []
    assert "第 5 号" in chain.verify(chained, after=4)[0]


def test_postgresql_tells_the_same(pg: Desk) -> None:
    session = pg.session
    session.rollback()
    do(session, "ALTER TABLE auditentry DISABLE TRIGGER USER")
    last, anchor = chain.length(session), Anchor(7, hash_of(session, 7), "校验单")
    assert chain.verify(session, [anchor]) == []
    do(session, "DELETE FROM auditentry WHERE seq = 4", "UPDATE auditentry SET actor = 'x' WHERE seq = 9")
    shift(session, 5, -1)
    assert [said.partition("；")[0] for said in chain.verify(session)] == [
        "审计记录第 4 号缺失",
        f"审计记录第 4 号至第 {last - 1} 号的编号被改，原来是第 5 号至第 {last} 号",
        "审计记录第 8 号（user.add）内容被改动",
    ]
    forge(session, 1)
    assert chain.verify(session) == []
    assert "第 1 号至第 7 号中有记录被改动" in chain.verify(session, [anchor])[0]


@pytest.mark.parametrize("manipulation", ["change", "remove", "swap", "insert"])
def test_the_database_itself_refuses(desk: Desk, manipulation: str) -> None:
    statements: dict[str, Callable[[], str]] = {
        "change": lambda: "UPDATE auditentry SET actor = 'x'",
        "remove": lambda: "DELETE FROM auditentry",
        "swap": lambda: "UPDATE auditentry SET seq = seq + 1",
        "insert": lambda: "INSERT INTO auditentry SELECT * FROM auditentry WHERE seq = 1",
    }
    with pytest.raises(Exception, match=r"append-only|UNIQUE"):
        do(desk.session, statements[manipulation]())


def test_equal_values_have_one_spelling() -> None:
    assert chain.canonical({"b": 1, "a": "甲"}) == json.dumps({"a": "甲", "b": 1}, ensure_ascii=False).replace(" ", "")
