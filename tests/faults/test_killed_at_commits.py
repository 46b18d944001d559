"""A stage whose process dies at any of its commits ends as if nothing had happened. All of them: `make faults`."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.dying import Leg, continued_to_the_end, differences, killed_and_continued, record_of, undisturbed

SEED, CASES = 20261126, 8


@pytest.fixture(scope="module")
def legs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Leg]]:
    """The undisturbed year."""
    yield undisturbed(tmp_path_factory.mktemp("undisturbed"))


def test_a_stage_killed_at_a_commit_is_gone_on_with(legs: list[Leg], tmp_path: Path) -> None:
    chance = random.Random(SEED)
    chosen = chance.sample(legs, CASES)
    for leg in chosen:
        at = chance.randint(1, leg.commits)
        found = differences(record_of(leg.after), killed_and_continued(leg, tmp_path / "year", at))
        assert found == [], f"{leg.name}, killed at commit {at} of {leg.commits}"


def test_the_year_that_was_killed_ends_as_worked_out_by_hand(legs: list[Leg], tmp_path: Path) -> None:
    leg = legs[-3]  # the payment, which is the last in which money moves
    killed_and_continued(leg, tmp_path / "year", random.Random(SEED).randint(1, leg.commits))
    assert continued_to_the_end(tmp_path / "year") == []


def test_what_was_lost_or_done_twice_is_seen(legs: list[Leg]) -> None:
    first, last = record_of(legs[0].after), record_of(legs[-1].after)
    told = differences(first, last)
    assert any(line.startswith("award has more") for line in told)
    assert any(line.startswith("award lost") for line in differences(last, first))
    assert differences(last, last) == []
