"""A reviewer's inbox on either database: counted by it, and read a page at a time."""

from datetime import timedelta

import pytest

from services.access.actors import find_actor
from services.cycle.calendar import Calendar
from services.review import review_inbox
from tests.desk import Desk


def test_an_inbox_is_counted_grouped_and_cut_on_either_database(either: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    either.open_intake()
    for number in range(5):
        either.submit(project=f"示例算力{number}")
    either.to_bureaus()
    monkeypatch.setattr(review_inbox, "SHOWN", 2)
    own = either.session, either.clock, Calendar(either.settings.calendar_dir), find_actor(either.session, "bureau-gxj")
    pages = [review_inbox.inbox(*own, page=page) for page in (1, 2, 3)]
    assert [len(page.cut.rows) for page in pages] == [2, 2, 1] and {page.cut.total for page in pages} == {5}
    every = review_inbox.waiting(*own)
    assert [each.id for page in pages for each in page.cut.rows] == [each.id for each in every]
    (group,) = pages[0].groups
    assert (group.key, group.number) == (every[0].group, 5)
    rows, number = review_inbox.in_group(*own, group.key, 3)
    assert [each.id for each in rows] == [each.id for each in every[:3]] and number == 5
    for strange in ("", "1", "1.x.y", "9999999999.compute-purchase.service_fee", f"{group.key}-more"):
        assert review_inbox.in_group(*own, strange, 3) == ([], 0)
    assert review_inbox.waiting_cycles(own[0], own[3]) == {either.cycle_id}
    assert set(review_inbox.waiting_applications(own[0], own[3])) == {each.application.id for each in every}
    assert (pages[0].late, pages[0].with_others) == (0, 0)
    either.clock.instant = every[0].request.due_at + timedelta(seconds=1)
    assert review_inbox.inbox(*own).late == 5
