"""Reading values: what is meant is taken with a note, what could be misread is refused with a sentence."""

import datetime
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from policy import Fact, Value, ValueProblem, read_value
from policy.facts import fact_type
from policy.reading import read_columns

MONEY = Fact(name="x", label="金额", type="money", unit="元")
PRICE = Fact(name="x", label="月租金单价", type="money", unit="元/平方米")
INTEGER = Fact(name="x", label="家数", type="integer", unit="家", max="1000")
DECIMAL = Fact(name="x", label="面积", type="decimal", unit="平方米", decimals=2)
PERCENT = Fact(name="x", label="增速", type="decimal", unit="%", decimals=2, min="-100")
DAY = Fact(name="x", label="日期", type="date")
BOOLEAN = Fact(name="x", label="是否", type="boolean")
CHOICE = Fact(name="x", label="级别", type="choice", choices=["国家级", "省级（示范）"])
LIST = Fact(name="x", label="企业", type="list")
TEXT = Fact(name="x", label="说明", type="text")
ALL = [MONEY, INTEGER, DECIMAL, PERCENT, DAY, BOOLEAN, CHOICE, LIST, TEXT]


@pytest.mark.parametrize(
    ("fact", "text", "value"),
    [
        (MONEY, "99999.99", 9_999_999),
        (MONEY, "0", 0),
        (MONEY, "1000000000000", 10**14),
        (INTEGER, "20", 20),
        (DECIMAL, "399.99", Decimal("399.99")),
        (PERCENT, "8.5", Decimal("8.5")),
        (PERCENT, "8.5%", Decimal("8.5")),
        (PERCENT, "-3", Decimal("-3")),
        (DAY, "2024-02-29", datetime.date(2024, 2, 29)),
        (BOOLEAN, "是", True),
        (BOOLEAN, "false", False),
        (CHOICE, "国家级", "国家级"),
        (TEXT, "无", "无"),
        (LIST, "甲; 乙；甲", ("甲", "乙", "甲")),
        (MONEY, "  ", None),
    ],
)
def test_plain_writing_is_read_without_a_note(fact: Fact, text: str, value: object) -> None:
    assert read_value(fact, text) == Value(value)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "text", "value", "note"),
    [
        (MONEY, "12万", 12_000_000, "“12万”读作 120000.00 元"),
        (PRICE, "25元/平方米", 2500, "“25元/平方米”读作 25.00 元"),
        (PRICE, "25.5 元／平方米", 2550, "“25.5 元／平方米”读作 25.50 元"),
        (MONEY, "12.5万元", 12_500_000, "“12.5万元”读作 125000.00 元"),
        (MONEY, "1.2亿", 12_000_000_000, "“1.2亿”读作 120000000.00 元"),
        (MONEY, "1,234.50", 123_450, "“1,234.50”读作 1234.50 元"),
        (MONEY, "１２３", 12_300, "“１２３”读作 123.00 元"),
        (MONEY, "￥123", 12_300, "“￥123”读作 123.00 元"),
        (MONEY, " 123", 12_300, "“ 123”读作 123.00 元"),
        (INTEGER, "20家", 20, "“20家”读作 20"),
        (INTEGER, "20.0", 20, "“20.0”读作 20"),
        (DAY, "2025年6月3日", datetime.date(2025, 6, 3), "“2025年6月3日”读作 2025-06-03"),
        (DAY, "20250603", datetime.date(2025, 6, 3), "“20250603”读作 2025-06-03"),
        (DAY, "2025/6/3", datetime.date(2025, 6, 3), "“2025/6/3”读作 2025-06-03"),
        (DAY, "2025-06-03 00:00:00", datetime.date(2025, 6, 3), "“2025-06-03 00:00:00”读作 2025-06-03"),
    ],
)
def test_other_writing_is_read_with_a_note(fact: Fact, text: str, value: object, note: str) -> None:
    assert read_value(fact, text) == Value(value, note)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fact", "text", "message"),
    [
        (MONEY, "-1", "“-1”是负数，请核对"),
        (MONEY, "12,34.50", "“12,34.50”的千分位逗号位置不对，请去掉逗号或改正"),
        (MONEY, "1e5", "“1e5”是科学记数法，数字可能已丢失，请写出全部数字"),
        (MONEY, "十万", "“十万”不是数字，请只填阿拉伯数字"),
        (MONEY, "0.001", "“0.001”不足一分的部分无法入账，请精确到分"),
        (MONEY, "99999999999999", "“99999999999999”超过 1 万亿元，请核对单位"),
        (MONEY, "-+5", "“-+5”不是数字，请只填阿拉伯数字"),
        (MONEY, "٣", "“٣”不是数字，请只填阿拉伯数字"),
        (MONEY, "1 000", "“1 000”不是数字，请只填阿拉伯数字"),
        (INTEGER, "20.5", "“20.5”不是整数"),
        (INTEGER, "1001", "“1001”不在 0 至 1000 之间，请核对数值和单位"),
        (DECIMAL, "1.234", "“1.234”的小数位数超过 2 位"),
        (PERCENT, "-101", "“-101”不在 -100% 至 10000% 之间，请核对数值和单位"),
        (DAY, "2025-02-29", "“2025-02-29”不是存在的日期"),
        (DAY, "45678", "“45678”像是 Excel 的日期序号，请把单元格改为日期格式"),
        (DAY, "0205-06-03", "“0205-06-03”不在 1949-10-01 至 2199-12-31 之间，请核对年份"),
        (BOOLEAN, "也许", "“也许”不是“是”或“否”"),
        (CHOICE, "省级", "“省级”不在选项之中，只能是：国家级、省级（示范），是否想写“省级（示范）”"),
    ],
)
def test_what_could_be_misread_is_refused(fact: Fact, text: str, message: str) -> None:
    assert read_value(fact, text) == ValueProblem(message)


def test_choice_written_in_other_width_is_the_same_choice() -> None:
    assert read_value(CHOICE, "省级(示范)") == Value("省级（示范）")


CELLS = st.one_of(
    st.text(alphabet="0123456789.,-%万元亿年月日/;； 是否true国家级Ａ１ \t", max_size=12),
    st.integers(-5, 10**13).map(str),
    st.decimals(0, 10**6, places=2).map(str),
    st.dates(datetime.date(1900, 1, 1), datetime.date(2300, 1, 1)).map(str),
    st.sampled_from(
        ["", "是", "国家级", "12万", "1,000", "007", "8.5%", "0.50", "1.", ".5", "+5", "-+5", "٣", "²", "甲;;乙 ; "]
    ),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(CELLS, min_size=1, max_size=12))
def test_whole_columns_read_exactly_as_single_cells(texts: list[str]) -> None:
    for fact in ALL:
        table = pl.DataFrame({"_row": range(len(texts)), "格": texts}, schema={"_row": pl.Int64, "格": pl.String})
        read = read_columns(table, [fact], {"x": "格"}, "_row")
        single = [read_value(fact, text) for text in texts]
        wanted = [None if isinstance(each, ValueProblem) else each.value for each in single]
        plain = [list(value) if isinstance(value, tuple) else value for value in wanted]
        assert read.frame["x"].to_list() == plain, fact.type
        assert read.frame.schema["x"] == fact_type(fact)
        problems = {row: each.message for row, each in enumerate(single) if isinstance(each, ValueProblem)}
        assert {each.row: each.message for each in read.problems} == problems
        notes = {row: each.note for row, each in enumerate(single) if isinstance(each, Value) and each.note}
        assert {each.row: each.message for each in read.notices} == notes
