"""The line of the year says what each stage dealt with, in the record's own counts."""

from pathlib import Path

import pytest

from services import overview
from tests.year import make_world, run_year


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, str]]:
    """What the board shows on entering 形式审查, on entering 名单审批, and at the end."""
    world = make_world(tmp_path_factory.mktemp("year"))
    found = []
    for until in ("completeness", "approval", None):
        run_year(world, until=until)
        shown = overview.stages(world.session, world.clock, world.plan, world.cycle)
        found.append({stage.id: stage.counts for stage in shown})
    world.session.close()
    return found


def test_a_stage_that_is_to_come_says_nothing(lines: list[dict[str, str]]) -> None:
    early = lines[0]
    assert early["intake"] == "收件 75 件" and early["completeness"] == "已审 0／75 件"
    assert not any(early[stage] for stage in ("county_review", "computation", "payment", "results"))


def test_a_stage_says_how_far_it_is(lines: list[dict[str, str]]) -> None:
    middle = lines[1]
    print(middle)
    assert middle["payment"] == ""


def test_the_end_agrees_with_the_sample(lines: list[dict[str, str]]) -> None:
    print(lines[2])
