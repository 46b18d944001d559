"""The line of the year says what each stage dealt with, in the record's own counts."""

import pytest

from config.sample.generator import load
from services import overview
from services.money import wan
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
    early, middle, _ = lines
    assert early["intake"] == "收件 98 件" and early["completeness"] == "已审 0／98 件"
    assert not any(early[stage] for stage in ("county_review", "computation", "payment", "results"))
    assert not any(middle[stage] for stage in ("public_notice", "funds", "payment", "results"))


def test_a_stage_says_how_far_it_is(lines: list[dict[str, str]]) -> None:
    middle = lines[1]
    assert middle["completeness"] == "已审 98／98 件"
    assert middle["county_review"] == "初审 97／97 项" and middle["verification"] == "核验 311／311 项"
    assert middle["matching"] == "认定 46／46 条" and middle["panel"] == "核定 3 件"
    assert middle["freeze"] == "第 1 版 60 件 4,576.1568 万元"


def test_the_end_agrees_with_what_was_worked_out_by_hand(lines: list[dict[str, str]]) -> None:
    end, expected = lines[2], load("expected")
    awards = [each for each in expected["applications"] if each["amount"]]
    whole = f"{len(awards)} 件 {wan(expected['total'] * 100)} 万元"
    assert end["computation"] == end["approval"] == end["funds"] == whole
    assert end["freeze"] == f"第 2 版 {whole}"
    assert end["public_notice"] == "收到异议 2 件" and end["objections"] == "答复 2／2 件"
    assert end["payment"] == f"已付 67／67 笔 {wan(expected['total'] * 100)} 万元"
    assert end["results"] == "通知 98 封"
