"""试算 of the sample's year: beside what was computed, to the fen, and nothing of the record is touched."""

import hashlib

import pytest
from sqlmodel import Session, SQLModel, col, select

from cli.demo.acting import World
from models import Application, Award, AwardList, ComputationRun, Cycle
from policy import InputError
from services.cycle import cycles
from services.documents.content import CellKind
from services.documents.render.xlsx import to_xlsx
from services.errors import InputError as ServiceInputError
from services.law import simulation
from services.law.comparison import NO_COUNTY, Comparison, Effect, Material
from services.law.simulation_book import book_of
from services.law.simulation_chart import chart_of
from services.money import yuan
from tests.desk import Desk

RATE, CAP = "dataset-trade.rate", "dataset-trade.maximum"


@pytest.fixture
def material(year: World) -> Material:
    """Its applications."""
    return simulation.of_cycle(year.session, year.session.get_one(Cycle, year.cycle_id))


def dump(session: Session) -> str:
    """A digest of every row of every table."""
    digest = hashlib.sha256()
    for table in SQLModel.metadata.sorted_tables:
        for row in session.connection().execute(table.select().order_by(*table.primary_key.columns)):
            digest.update(repr(tuple(row)).encode())
    return digest.hexdigest()


def test_nothing_of_the_record_is_changed(year: World) -> None:
    before = dump(year.session)
    material = simulation.of_cycle(year.session, year.session.get_one(Cycle, year.cycle_id))
    found = simulation.compare(material, {RATE: "20%"}, {CAP: "50万:100万:10万"})
    book_of(found, organisation="示例", dated=year.clock.now().date()), chart_of(found)
    assert not (year.session.new or year.session.dirty or year.session.deleted)
    assert dump(year.session) == before


def test_the_law_as_it_is_gives_the_amounts_of_the_newest_list(year: World, material: Material) -> None:
    found = simulation.compare(material, {RATE: "30%"}, {})
    listed = year.session.exec(select(AwardList).order_by(col(AwardList.version).desc())).first()
    assert listed is not None
    assert found.total.fen_before == found.total.fen_after == listed.total_fen
    assert found.lines == ()
    assert sum(each.fen_before for each in found.measures) == sum(each.fen_before for each in found.counties)
    assert found.total.applications == sum(len(frame) for frame in material.facts.values())


def test_who_loses_and_who_drops_out_is_told_with_the_reason(year: World, material: Material) -> None:
    found = simulation.compare(material, {"compute-purchase.minimum_fee": "15万元", RATE: "25%"}, {})
    run = year.session.exec(select(ComputationRun).order_by(col(ComputationRun.number).desc())).first()
    assert run is not None
    stored = dict(
        year.session.exec(
            select(Application.number, Award.amount_fen)
            .join(Award, col(Award.application_id) == Application.id)
            .where(Award.run_id == run.id)
        ).all()
    )
    assert all(line.before.fen == stored[line.number] for line in found.lines)
    assert found.total.gain_fen == sum(line.gain_fen for line in found.lines) < 0
    dropped = [line for line in found.lines if line.effect is Effect.DROPPED]
    assert dropped and {line.measure for line in dropped} == {"购买算力服务补助"}
    assert all("不足 150000.00元" in line.after.why and line.after.fen == 0 for line in dropped)
    assert all(line.applicant.enterprise and line.applicant.county != NO_COUNTY for line in found.lines)
    assert [(each.title, each.before, each.after) for each in found.changes] == [
        ("购买算力服务补助：起补服务费", "10万元", "15万元"),
        ("人工智能数据集交易奖励：奖励比例", "30%", "25%"),
    ]
    assert found.enterprises[Effect.MORE] == 0 < found.enterprises[Effect.LESS] <= len(found.lines)


def test_who_newly_comes_in(material: Material) -> None:
    found = simulation.compare(material, {"compute-purchase.minimum_fee": "1元"}, {})
    entered = [line for line in found.lines if line.effect is Effect.ENTERED]
    assert entered and all(line.before.fen == 0 < line.after.fen for line in entered)
    assert all("不足" in line.before.why for line in entered)


def test_each_value_of_a_range_is_what_the_value_alone_gives(material: Material) -> None:
    found = simulation.compare(material, {}, {RATE: "10%:30%:10%", CAP: "50万:100万:50万"})
    assert len(found.points) == 6 and found.at_end_of_ranges
    for point in found.points:
        texts = [each.changes[place].text for each, place in zip(found.ranges, point.places, strict=True)]
        alone = simulation.compare(material, dict(zip((RATE, CAP), texts, strict=True)), {})
        assert point.tally.amount_fen == alone.total.fen_after
        assert point.tally.awards == alone.total.awards_after
        assert point.tally.gained_fen - point.tally.lost_fen == alone.total.gain_fen
        assert point.tally.less == alone.total.effects[Effect.LESS]


def test_a_budget_that_is_short_is_told_with_what_is_needed(material: Material) -> None:
    settings = {"dataset-trade.budget": "100万元", "dataset-trade.when_short": "按比例"}
    found = simulation.compare(material, settings, {})
    (fund,) = found.funds
    assert (fund.title, fund.before, fund.after) == ("人工智能数据集交易奖励：年度预算", None, 100_000_000)
    trade = next(each for each in found.measures if each.title == "人工智能数据集交易奖励")
    assert trade.fen_after == 100_000_000 < fund.needed_after == fund.needed_before == trade.fen_before
    assert (trade.needed_before, trade.needed_after) == (fund.needed_before, fund.needed_after)
    assert found.total.needed_after == found.total.needed_before > found.total.fen_after
    assert any("已按比例分配" in note for note in found.notes)


def test_of_a_list_that_is_out_the_inputs_of_then_are_used(year: World) -> None:
    cycle = year.session.get_one(Cycle, year.cycle_id)
    application = year.session.exec(select(Application)).first()
    assert application is not None
    before = simulation.of_cycle(year.session, cycle)
    application.enterprise_name = "示例改名有限公司"
    year.session.flush()
    after = simulation.of_cycle(year.session, cycle)
    assert before.source == after.source == "2025 年度第 2 次测算留存的依据"
    assert all(after.facts[name].equals(frame) for name, frame in before.facts.items())


def test_what_is_not_reviewed_yet_is_said(desk: Desk) -> None:
    desk.open_intake()
    desk.submit()
    material = simulation.of_cycle(desk.session, desk.cycle)
    assert material.source == "2025 年度现在的核定数据"
    assert material.notes == ("还有 1 件没有审核完，没有算入",)
    found = simulation.compare(material, {RATE: "20%"}, {})
    assert found.total.applications == 0 and found.lines == ()


def test_an_earlier_year_that_is_not_settled_is_said(desk: Desk) -> None:
    opened = {"settings": desk.settings, "plan": desk.plan, "policy_id": desk.cycle.policy_id, "year": 2024}
    cycles.open_cycle(*desk.at, desk.operator, **opened)
    material = simulation.of_cycle(desk.session, desk.cycle)
    assert material.notes == ("2024 年度还没有下达资金，它的结果没有算进历年记录",)


@pytest.mark.parametrize(
    ("settings", "ranges", "sentence"),
    [
        ({}, {}, "请写明要改什么"),
        ({}, {RATE: "20%:40%"}, "范围要写成 从:到:步长"),
        ({}, {RATE: "40%:20%:1%"}, "步长要大于零，从要不大于到"),
        ({}, {RATE: "1%:100%:0.01%"}, "一共要试 9,901 种取值，超过一次 5,000 种的上限"),
        ({}, {RATE: "1%:100%:1%", CAP: "1万:100万:1万"}, "一共要试 10,000 种取值"),
        ({}, {"policy.overlap": "1:2:1"}, "不是一个数，不能从小到大试；请用 --set 逐个试"),
        ({}, {"compute-purchase.rates": "1%:2%:1%"}, "请写明档"),
        ({"dataset-trade.when_short": "按排名"}, {}, "这样改以后，政策不能计算"),
        ({"policy.rounding_unit": "0元"}, {}, "这样改以后，政策不能计算"),
    ],
)
def test_what_cannot_be_tried_is_told(
    material: Material, settings: dict[str, str], ranges: dict[str, str], sentence: str
) -> None:
    with pytest.raises((InputError, ServiceInputError)) as told:
        simulation.compare(material, settings, ranges)
    assert sentence in str(told.value)


def comparison(material: Material) -> Comparison:
    return simulation.compare(material, {"compute-purchase.minimum_fee": "15万元"}, {RATE: "10%:40%:10%"})


def test_the_workbook_has_all_sheets_with_typed_cells(material: Material, year: World) -> None:
    found = comparison(material)
    book = book_of(found, organisation="示例", dated=year.clock.now().date())
    assert [sheet.name for sheet in book.sheets] == ["汇总", "分措施", "分县区", "得失明细", "曲线"]
    for sheet in book.sheets:
        for row in (*sheet.rows, *([sheet.total] if sheet.total else [])):
            for cell, column in zip(row, sheet.columns, strict=True):
                typed = {CellKind.MONEY: int, CellKind.INTEGER: int}.get(column.kind, object)
                assert cell in (None, "") or isinstance(cell, typed), (sheet.name, column.title, cell)
    assert [row[0] for row in book.sheets[4].rows] == [10, 20, 30, 40]
    assert to_xlsx(book, {"汇总": chart_of(found)}) == to_xlsx(book, {"汇总": chart_of(found)})


def test_the_picture_is_a_png_and_of_more_than_two_ranges_there_is_none(material: Material) -> None:
    found = comparison(material)
    assert chart_of(found).startswith(b"\x89PNG")
    assert chart_of(found) == chart_of(found)
    three = {RATE: "10%:20%:10%", CAP: "1万:2万:1万", "compute-purchase.rates.1": "10%:20%:10%"}
    with pytest.raises(ServiceInputError, match="最多画两个范围"):
        chart_of(simulation.compare(material, {}, three))


def test_amounts_are_told_to_the_fen(material: Material) -> None:
    found = simulation.compare(material, {"policy.rounding_unit": "1分"}, {})
    assert yuan(found.total.fen_after).split(".")[1] != "00"
