"""Asking many applications, and reading the gate of many requests, takes what it must and no more."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import event
from sqlmodel import select

from models import Message, ReviewerKind, VerificationRequest
from services.cycle import gates
from services.review import reviews
from tests.desk import AFTER_INTAKE, Desk

_MANY = 60


@contextmanager
def reads(desk: Desk) -> Iterator[list[str]]:
    """The SELECT statements that are sent."""
    sent: list[str] = []

    def note(*said: object) -> None:
        if str(said[2]).startswith("SELECT"):
            sent.append(str(said[2]))

    event.listen(desk.engine, "before_cursor_execute", note)
    yield sent
    event.remove(desk.engine, "before_cursor_execute", note)


@contextmanager
def loaded() -> Iterator[list[object]]:
    """The requests that are read from the record as objects."""
    found: list[object] = []

    def note(row: object, _context: object) -> None:
        found.append(row)

    event.listen(VerificationRequest, "load", note)
    yield found
    event.remove(VerificationRequest, "load", note)


def accepted(desk: Desk) -> list[int]:
    """So many accepted applications, in front of their county."""
    desk.open_intake()
    ids = [desk.submit(project=f"示例算力{number:03d}") for number in range(_MANY)]
    desk.clock.instant = AFTER_INTAKE
    desk.pass_gate()
    desk.examine()
    desk.pass_gate()
    desk.session.expunge_all()
    return ids


def ask(desk: Desk, ids: list[int]) -> int:
    """Ask the counties about some."""
    return reviews.request(
        *desk.at,
        desk.system,
        settings=desk.settings,
        plan=desk.plan,
        cycle_id=desk.cycle_id,
        kind=ReviewerKind.COUNTY,
        application_ids=ids,
    )


def tell(desk: Desk) -> int:
    """Tell the counties what they were asked."""
    return reviews.tell(*desk.at, desk.system, settings=desk.settings, cycle_id=desk.cycle_id, kind=ReviewerKind.COUNTY)


def test_the_queries_do_not_grow_with_the_applications_asked(desk: Desk) -> None:
    ids = accepted(desk)
    with reads(desk) as few:
        assert ask(desk, ids[:2]) == 2
    desk.session.expunge_all()
    with reads(desk) as many:
        assert ask(desk, ids[2:]) == _MANY - 2
    assert len(many) == len(few)


def test_a_chunk_reads_no_request_of_the_chunks_before(desk: Desk) -> None:
    ids = accepted(desk)
    ask(desk, ids[:50])
    desk.session.expunge_all()
    with loaded() as found:
        assert ask(desk, ids[50:]) == 10
    assert found == []


def test_a_county_is_told_once_however_many_chunks_were_asked(desk: Desk) -> None:
    ids = accepted(desk)
    ask(desk, ids[:50])
    desk.clock.instant += timedelta(minutes=1)
    ask(desk, ids[50:])
    for new in (1, 0):
        assert tell(desk) == new
    (notice,) = desk.session.exec(select(Message).where(Message.kind == "review_request")).all()
    assert notice.context["count"] == _MANY


def test_telling_reads_no_request_and_needs_no_more_queries_for_many(desk: Desk) -> None:
    ids = accepted(desk)
    ask(desk, ids[:1])
    with reads(desk) as few:
        tell(desk)
    ask(desk, ids[1:])
    desk.session.expunge_all()
    with reads(desk) as many, loaded() as found:
        assert tell(desk) == 1
    assert (len(many), found) == (len(few), [])


def test_the_gate_counts_what_is_open_without_reading_the_requests(desk: Desk) -> None:
    ids = accepted(desk)
    ask(desk, ids)
    desk.session.expunge_all()
    with loaded() as found:
        (wait,) = gates.read_gate(*desk.at, desk.plan, desk.cycle).waits
    assert (wait.count, wait.what) == (_MANY, f"{_MANY} 件待回复")
    assert found == []
