"""试算 in the console: what is asked for in the address is compared; the record stays as it was."""

import io
from collections.abc import Callable

from python_calamine import CalamineWorkbook

from models import Role
from tests.services.test_what_if import dump
from tests.web.conftest import House

Open = Callable[[str | None], House]
RATE = "what=dataset-trade.rate&value=20%25"
RANGE = "along=dataset-trade.rate&first=10%25&last=30%25&step=10%25"


def test_the_form_lists_what_can_be_changed_with_what_holds(house_at: Open) -> None:
    page = house_at("approval").as_role(Role.BUREAU_LEADER).get("/simulation").text
    assert '<optgroup label="购买算力服务补助">' in page
    assert "起补服务费（购买算力服务补助，现行 10万元）" in page
    assert "补助比例（1 档）（购买算力服务补助，现行 50%）" in page
    assert "同一事项已获上级资助时（各项措施，现行 补差；可填 补差、不再补、不看）" in page
    assert "<h2>谁得谁失</h2>" not in page


def test_what_is_asked_for_is_compared_and_nothing_is_changed(house_at: Open) -> None:
    house = house_at("approval")
    browser = house.as_role(Role.OPERATOR)
    browser.get(f"/simulation?{RATE}")  # the look itself is kept, once in ten minutes
    with house.session() as session:
        before = dump(session)
    page = browser.get(f"/simulation?{RATE}").text
    assert "人工智能数据集交易奖励：奖励比例由 30% 改为 20%" in page
    assert "漳州星芗数据服务有限公司" in page
    assert "-1,068,025.00" in page
    assert 'value="dataset-trade.rate" selected' in page
    assert "data:image/png;base64," in page
    with house.session() as session:
        assert dump(session) == before


def test_a_range_is_drawn_and_handed_out_as_a_workbook(house_at: Open) -> None:
    browser = house_at("approval").as_role(Role.AUDITOR)
    page = browser.get(f"/simulation?{RANGE}").text
    assert "曲线" in page and "只写了范围" in page
    assert "3 种取值的数字" in page and "-1,068,025.00" in page
    answer = browser.get(f"/simulation.xlsx?cycle=1&{RANGE}")
    assert answer.status_code == 200
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.content))
    assert book.sheet_names == ["汇总", "分措施", "分县区", "得失明细", "曲线"]


def test_what_cannot_be_tried_is_said_and_what_was_typed_stays(house_at: Open) -> None:
    browser = house_at("approval").as_role(Role.OPERATOR)
    for query, sentence in (
        ("what=dataset-trade.rate&value=25", "是 2500%，比例请写成 25% 的样子"),
        ("what=dataset-trade.rat&value=25%25", "是否想写“dataset-trade.rate”？"),
        (f"{RATE}&{RATE}", "选了两次"),
        ("along=dataset-trade.rate&first=10%25", "请填写从、到、步长"),
        ("along=dataset-trade.rate&first=0%25&last=100%25&step=0.1%25", "超过一次 200 种的上限"),
        ("along=policy.overlap&first=1&last=2&step=1", "不能从小到大试"),
    ):
        answer = browser.get(f"/simulation?{query}")
        assert answer.status_code == 422
        assert sentence in answer.text
    assert 'value="25"' in browser.get("/simulation?what=dataset-trade.rate&value=25").text


def test_a_year_without_applications_can_be_looked_at(house_at: Open) -> None:
    answer = house_at("intake").as_role(Role.OPERATOR).get(f"/simulation?{RATE}")
    assert answer.status_code == 200
    assert "没有哪一件改变" in answer.text
