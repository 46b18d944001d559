"""The lease: one live run a cycle; a dead one's is taken over only after it has run out."""

from datetime import timedelta

from services.cycle import lease
from tests.desk import Desk


def _take(desk: Desk, holder: str) -> bool:
    return lease.acquire(desk.session, desk.clock, cycle_id=desk.cycle_id, holder=holder, seconds=60)


def test_a_second_run_is_refused_while_the_first_lives(desk: Desk) -> None:
    assert _take(desk, "first")
    assert not _take(desk, "second")
    assert lease.holder(desk.session, desk.clock, desk.cycle_id) == "first"


def test_a_heartbeat_keeps_it(desk: Desk) -> None:
    _take(desk, "first")
    desk.clock.advance(timedelta(seconds=50))
    assert _take(desk, "first")
    desk.clock.advance(timedelta(seconds=50))
    assert not _take(desk, "second")


def test_a_dead_holders_lease_is_taken_over_when_it_has_run_out(desk: Desk) -> None:
    _take(desk, "first")
    desk.clock.advance(timedelta(seconds=61))
    assert lease.holder(desk.session, desk.clock, desk.cycle_id) is None
    assert _take(desk, "second")
    assert not _take(desk, "first")


def test_only_the_holder_gives_it_back(desk: Desk) -> None:
    _take(desk, "first")
    lease.release(desk.session, cycle_id=desk.cycle_id, holder="second")
    assert not _take(desk, "second")
    lease.release(desk.session, cycle_id=desk.cycle_id, holder="first")
    assert _take(desk, "second")


def test_a_clock_that_is_set_back_leaves_it_with_its_holder_and_for_no_longer(desk: Desk) -> None:
    _take(desk, "first")
    desk.clock.advance(-timedelta(hours=1))
    assert not _take(desk, "second")
    assert _take(desk, "first"), "the next heartbeat, by the new time"
    desk.clock.advance(timedelta(seconds=61))
    assert _take(desk, "second")
