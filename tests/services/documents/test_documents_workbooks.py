"""Workbooks hold the figures of the record, exactly, and nothing that somebody typed as a formula."""

import io
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from zipfile import ZipFile

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook
from read_back import column, fen, parts, table_of, written
from small_cycle import INJECTION, NOW, Item, SmallCycle
from sqlmodel import col, select

from models import (
    Application,
    AwardList,
    AwardListEntry,
    FactKind,
    FactValue,
    FindingVerdict,
    ImportKind,
    Outcome,
    Payment,
    PaymentStatus,
)
from services.application.state_names import APPLICATION_STATES, IMPORTS, OUTCOMES, VERDICTS
from services.documents import KINDS
from services.documents.content import Book, CellKind, Column, Sheet
from services.documents.render import filling, xlsx
from services.documents.render.cells import height, lines_of
from services.documents.render.xlsx import to_xlsx
from services.documents.rows import Cell
from services.money import capitals, decimal_yuan, yuan

BOOKS = [kind.id for kind in KINDS.values() if kind.formats == ("xlsx",)]


def book(*rows: tuple[object, ...], kind: CellKind = CellKind.MONEY, name: str = "表") -> Book:
    sheet = Sheet(name=name, heading="标题", columns=(Column("甲", kind),), rows=rows)  # type: ignore[arg-type]
    return Book("题", "单位", date(2026, 1, 5), (sheet,))


def cells(made: Book) -> list[object]:
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(made)))
    return [row[0] for row in workbook.get_sheet_by_index(0).to_python()[2:]]


def test_the_calculation_has_every_award_and_every_step(small: SmallCycle) -> None:
    path = written(small, "calculation")["xlsx"]
    results = table_of(path, "测算结果", "受理编号")
    expected = {entry.number: entry for entry in small.entries}
    numbers = column(results, "受理编号")[:-1]
    amounts = column(results, "奖补金额（元）")
    assert {number: fen(amount) for number, amount in zip(numbers, amounts, strict=False)} == {
        number: entry.amount_fen for number, entry in expected.items()
    }
    assert fen(amounts[-1]) == sum(entry.amount_fen for entry in small.entries)
    assert dict(zip(numbers, column(results, "测算结果"), strict=False)) == {
        number: OUTCOMES[entry.outcome] for number, entry in expected.items()
    }
    trail = table_of(path, "计算过程", "步骤")
    assert len(trail) - 1 == 2 * len(small.entries)
    assert set(column(trail, "内容")) == {"当年比例", "按比例计算"}
    facts = table_of(path, "申报与核定数据", "数据")
    assert set(column(facts, "核定值")) == {"187,500.00 元"}
    by_measure = table_of(path, "按事项汇总", "测算数")
    assert column(by_measure, "测算数") == [4, 1, 5]


def test_what_was_verified_anew_after_a_computation_is_not_shown_beside_its_results(small: SmallCycle) -> None:
    for application in small.session.exec(select(Application)).all():
        later = {"application_id": application.id or 0, "user_id": 1, "recorded_at": NOW + timedelta(minutes=1)}
        small.session.add(FactValue(**later, kind=FactKind.VERIFIED, fact="fee", seq=9, value="1.00", reason="再核"))
    small.session.commit()
    facts = table_of(written(small, "calculation")["xlsx"], "申报与核定数据", "数据")
    assert set(column(facts, "核定值")) == {"187,500.00 元"}


def test_the_payment_list_is_split_by_county_and_adds_up(small: SmallCycle) -> None:
    path = written(small, "payment_list")["xlsx"]
    total = sum(entry.amount_fen for entry in small.entries)
    totals = table_of(path, "合计", "笔数")
    assert column(totals, "县（区）") == ["东区", "西区", "合计"]
    sums = [fen(value) for value in column(totals, "合计（元）")]
    assert sums[-1] == sum(sums[:-1]) == total
    assert column(totals, "合计（大写）") == [capitals(value) for value in sums]
    assert fen(column(totals, "市级承担（元）")[0]) == 7500000 * 6 // 10 + 1234567 * 6 // 10
    paid = 0
    for county, name in (("east", "东区"), ("west", "西区")):
        rows = table_of(path, name, "拨付编号")
        amounts = [fen(value) for value in column(rows, "金额（元）")]
        assert sum(amounts) == sum(entry.amount_fen for entry in small.entries if entry.county == county)
        assert set(column(rows, "银行账号")) == {"6222021001116245702"}
        paid += sum(amounts)
    assert paid == total


def test_every_county_sheet_says_its_total_in_capitals(small: SmallCycle) -> None:
    path = written(small, "payment_list")["xlsx"]
    sheet = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("西区").to_python()
    assert "合计 200,000.01 元，大写：贰拾万元零壹分" in str(sheet[1][0])


def test_results_of_payment_are_chosen_from_a_list(small: SmallCycle) -> None:
    xml = parts(written(small, "payment_list")["xlsx"])["xl/worksheets/sheet2.xml"]
    assert "已拨付,拨付失败" in xml


def test_the_application_summary_has_every_application_and_typed_values(small: SmallCycle) -> None:
    path = written(small, "application_summary")["xlsx"]
    rows = table_of(path, "申报汇总", "受理编号")
    assert sorted(map(str, column(rows, "受理编号"))) == [entry.number for entry in small.entries]
    assert column(rows, "提交日期") == [date(2026, 3, 2)] * 5
    declared = table_of(path, "算力服务补助", "受理编号")
    assert [fen(value) for value in column(declared, "当年实际服务费（元）")] == [20000000] * 4


def test_what_an_applicant_typed_is_never_a_formula(small: SmallCycle) -> None:
    seen = 0
    for kind in BOOKS:
        path = written(small, kind)["xlsx"]
        seen += sum(xml.count("=HYPERLINK(") for name, xml in parts(path).items() if "worksheets" in name)
        assert not [name for name, xml in parts(path).items() if "<f>" in xml or "<f " in xml or "<hyperlink" in xml]
    assert seen == 3
    rows = table_of(written(small, "application_summary")["xlsx"], "申报汇总", "受理编号")
    assert INJECTION in column(rows, "项目名称")


def test_the_verification_summary_shows_replies_and_changed_values(small: SmallCycle) -> None:
    path = written(small, "verification_summary")["xlsx"]
    opinions = table_of(path, "联审意见", "审核单位")
    assert set(column(opinions, "意见")) == {"同意"}
    assert set(column(opinions, "审核单位")) == {"市工信局"}
    changed = table_of(path, "核定差异", "申报值")
    assert set(zip(column(changed, "申报值"), column(changed, "核定值"), column(changed, "核定理由"), strict=True)) == {
        ("200,000.00 元", "187,500.00 元", "扣除退款")
    }
    assert table_of(path, "办理统计", "送审数")[-1][:3] == ["合计", 5, 5]


def test_only_the_newest_values_are_compared(small: SmallCycle) -> None:
    def changed() -> dict[str, tuple[str, str]]:
        rows = table_of(written(small, "verification_summary")["xlsx"], "核定差异", "申报值")
        numbers = column(rows, "受理编号")
        assert numbers == sorted(numbers)
        return dict(zip(numbers, zip(column(rows, "核定值"), column(rows, "核定理由"), strict=True), strict=True))

    def say(number: str, kind: FactKind, value: str | None) -> None:
        application = small.session.exec(select(Application).where(Application.number == number)).one()
        known = {"application_id": application.id or 0, "fact": "fee", "user_id": 1, "recorded_at": NOW}
        small.session.add(FactValue(**known, kind=kind, seq=2, value=value, reason="再核"))

    before = changed()
    first, second, third, *others = before
    say(first, FactKind.VERIFIED, "200000.00")  # as declared, after all
    say(second, FactKind.DECLARED, "187500.00")  # as was verified
    say(third, FactKind.VERIFIED, None)
    small.session.commit()
    assert changed() == {third: ("未填", "再核")} | {number: before[number] for number in others}


def test_the_import_report_lists_every_row_that_was_not_taken(small: SmallCycle) -> None:
    rows = table_of(written(small, "import_report")["xlsx"], "未采用的数据", "看到的值")
    assert rows[1:] == [["applications.xlsx", "算力", 7, "金额", "-5", "金额不得为负", "请核对"]]


@pytest.mark.parametrize("kind", BOOKS)
def test_sheets_have_frozen_heads_filters_and_paper(small: SmallCycle, kind: str) -> None:
    xml = parts(written(small, kind)["xlsx"])
    for name, sheet in xml.items():
        if name.startswith("xl/worksheets/sheet"):
            assert 'state="frozen"' in sheet
            assert 'orientation="landscape"' in sheet and 'paperSize="9"' in sheet and 'fitToHeight="0"' in sheet
    assert "Print_Titles" in xml["xl/workbook.xml"]


@pytest.mark.parametrize("kind", ["calculation", "payment_list"])
def test_a_workbook_of_a_list_names_its_digest(small: SmallCycle, kind: str) -> None:
    digest = small.session.get_one(AwardList, small.entries[0].list_id).digest
    xml = parts(written(small, kind)["xlsx"])
    assert digest in xml["docProps/custom.xml"] and digest in xml["docProps/core.xml"]
    assert digest[:16] in xml["xl/worksheets/sheet1.xml"]


@settings(deadline=None)
@given(st.lists(st.integers(min_value=0, max_value=10**15 - 1), min_size=1, max_size=20))
def test_money_of_fifteen_digits_is_a_number_to_the_fen(fens: list[int]) -> None:
    assert [fen(value) for value in cells(book(*((value,) for value in fens)))] == fens


def test_longer_money_is_text_rather_than_wrong() -> None:
    assert cells(book((10**15 + 1,))) == ["10,000,000,000,000.01"]


def test_a_cell_that_is_too_long_says_so() -> None:
    (text,) = cells(book(("长" * 40000,), kind=CellKind.TEXT))
    assert len(str(text)) == 32767 and str(text).endswith("（过长，全文见系统）")


def test_names_of_sheets_are_made_valid_and_different() -> None:
    sheet = book().sheets[0]
    names = ("甲/乙[丙]", "甲/乙[丙]", "长" * 40)
    made = Book("题", "单位", date(2026, 1, 5), tuple(Sheet(name, "标题", sheet.columns, ()) for name in names))
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(made)))
    assert workbook.sheet_names == ["甲－乙－丙－", "甲－乙－丙－(2)", "长" * 31]


def test_rows_beyond_what_a_sheet_holds_stand_on_further_sheets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 3)
    rows = tuple((f"第{number}行",) for number in range(7))
    sheet = replace(book(*rows, kind=CellKind.TEXT).sheets[0], total=("合计",), new_pages=(2, 4))
    made = Book("题", "单位", date(2026, 1, 5), (sheet,))
    workbook = CalamineWorkbook.from_filelike(io.BytesIO(to_xlsx(made)))
    assert workbook.sheet_names == ["表", "表(2)", "表(3)"]
    told = [[row[0] for row in workbook.get_sheet_by_name(name).to_python()[2:]] for name in workbook.sheet_names]
    assert told == [["第0行", "第1行", "第2行"], ["第3行", "第4行", "第5行"], ["第6行", "合计"]]


TEXTS = st.text(st.sampled_from("甲乙é a&<>\"'\n\t\r\x00\x0b\x1f\ufffe_x0041😀"), max_size=30)
CELLS = {
    CellKind.TEXT: TEXTS | st.none(),
    CellKind.MONEY: st.integers(-(10**16), 10**18) | st.none() | TEXTS,
    CellKind.INTEGER: st.integers(-(10**16), 10**16) | st.none(),
    CellKind.NUMBER: st.decimals(-(10**9), 10**9, places=4) | st.none() | TEXTS,
    CellKind.DATE: st.dates(date(1901, 1, 1), date(2199, 1, 1)) | st.none() | TEXTS,
}


@settings(max_examples=60)
@given(st.lists(st.tuples(*CELLS.values()), min_size=1, max_size=5), st.integers(2, 40))
def test_rows_are_spelled_as_xlsxwriter_spells_them(rows: list[tuple[Cell, ...]], width: int) -> None:
    columns = tuple(Column(kind, kind, width) for kind in CELLS)
    ours = rows_of(to_xlsx(Book("题", "单位", date(2026, 1, 5), (Sheet("表", "标题", columns, tuple(rows)),))))
    assert ours == rows_of(by_xlsxwriter(columns, rows))


def by_xlsxwriter(columns: tuple[Column, ...], rows: list[tuple[Cell, ...]]) -> bytes:
    """The rows as the library's own methods write them, where the tables of our workbooks have them."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"constant_memory": True, "strings_to_formulas": False})
    sheet, style = book.add_worksheet(), book.add_format({"bold": True})
    for number, row in enumerate(rows, 2):
        lines = [1]
        for place, (cell, told) in enumerate(zip(row, columns, strict=True)):
            money = told.kind is CellKind.MONEY and isinstance(cell, int)
            if cell is None or cell == "":
                sheet.write_blank(number, place, None, style)
            elif isinstance(cell, date):
                sheet.write_datetime(number, place, datetime.combine(cell, time()), style)
            elif not isinstance(cell, str) and kept(exact := decimal_yuan(int(cell)) if money else Decimal(cell)):
                sheet.write_number(number, place, exact, style)
            else:
                text = cell if isinstance(cell, str) else yuan(int(cell)) if money else str(cell)
                sheet.write_string(number, place, text, style)
                lines.append(lines_of(text, told.width))
        sheet.set_row(number, height(max(lines)))
    book.close()
    return out.getvalue()


def kept(number: Decimal) -> bool:
    """Whether Excel keeps each digit."""
    return abs(number) < 10**15 and Decimal(f"{number:.15g}") == number


def rows_of(workbook: bytes) -> list[str]:
    """The rows of the first sheet's table, without the numbers of their styles."""
    with ZipFile(io.BytesIO(workbook)) as zipped:
        sheet = zipped.read("xl/worksheets/sheet1.xml").decode()
    return re.findall(r'<row r="(?!1"|2").*?</row>', re.sub(r' s="\d+"', "", sheet), re.DOTALL)


def test_cells_have_the_styles_of_their_columns() -> None:
    columns = (
        Column("单位", CellKind.TEXT, 8),
        Column("金额", CellKind.MONEY),
        Column("意见", CellKind.TEXT, choices=("同意", "不同意"), filled_in=True),
        Column("日期", CellKind.DATE, filled_in=True),
    )
    rows = (("甲", 123456, None, date(2026, 1, 5)), ("乙", 10**18, "同意", None))
    sheet = Sheet("表", "标题", columns, rows, notes=("填写说明",), new_pages=(1,), total=("合计", 123457, "", None))
    made = to_xlsx(Book("题", "单位", date(2026, 1, 5), (sheet, replace(sheet, name="又一表"))))
    for name in ("sheet1", "sheet2"):
        xml, styles = parts_of(made, name)
        assert 'ref="A1:D6"' in xml and '<brk id="4"' in xml
        assert re.findall(r'<row r="([0-9]+)"', xml) == list("123456")
        assert [styles[place] for place in ("A4", "B4", "C4", "D4")] == ["General", "#,##0.00", "@ open", DAY + " open"]
        assert [styles[place] for place in ("A5", "B5", "C5", "D5")] == ["General", "General", "@ open", DAY + " open"]
        assert [styles[place] for place in ("A6", "B6", "C6", "D6")] == ["General", "#,##0.00", "General", DAY]


def test_a_sheet_that_may_pass_two_gigabytes_is_packed_so_that_it_can_be_read(monkeypatch: pytest.MonkeyPatch) -> None:
    made = book(("甲",), ("乙",), kind=CellKind.TEXT)
    told = cells(made)
    monkeypatch.setattr(filling, "_LARGE", 1)
    assert cells(made) == told == ["甲", "乙"]
    with ZipFile(io.BytesIO(to_xlsx(made))) as zipped:
        assert zipped.testzip() is None


DAY = "yyyy-mm-dd"


def parts_of(workbook: bytes, sheet: str) -> tuple[str, dict[str, str]]:
    """The sheet, and how each of its cells shows a value and whether people write into it."""
    with ZipFile(io.BytesIO(workbook)) as zipped:
        xml, told = zipped.read(f"xl/worksheets/{sheet}.xml").decode(), zipped.read("xl/styles.xml").decode()
    formats = {"0": "General", "4": "#,##0.00", "49": "@"} | dict(
        re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', told)
    )
    known = [
        formats.get(number, number) + (" open" if 'locked="0"' in rest else "")
        for number, rest in re.findall(r'<xf numFmtId="(\d+)"(.*?)(?=<xf |</cellXfs>)', told.split("<cellXfs")[1])
    ]
    return xml, {place: known[int(style)] for place, style in re.findall(r'<c r="([A-Z]+\d+)" s="(\d+)"', xml)}


def test_every_state_has_a_name() -> None:
    from models import ApplicationStatus, Outcome

    assert set(APPLICATION_STATES) == set(ApplicationStatus)
    assert set(OUTCOMES) == set(Outcome)
    assert set(VERDICTS) == set(FindingVerdict)
    assert set(IMPORTS) == set(ImportKind)


def test_a_thousand_awards_make_correct_workbooks(large: SmallCycle) -> None:
    path: Path = written(large, "calculation")["xlsx"]
    amounts = column(table_of(path, "测算结果", "受理编号"), "奖补金额（元）")
    assert [fen(value) for value in amounts[:-1]] == [entry.amount_fen for entry in large.entries]
    assert fen(amounts[-1]) == sum(entry.amount_fen for entry in large.entries)


def test_the_public_table_has_the_awards_and_starts_a_page_for_each_measure(small: SmallCycle) -> None:
    path = written(small, "award_list")["xlsx"]
    rows = table_of(path, "公示名单", "单位名称")
    paid = [entry for entry in small.entries if entry.amount_fen]
    assert column(rows, "单位名称")[:-1] == [entry.enterprise_name for entry in paid]
    amounts = [fen(value) for value in column(rows, "奖补金额（元）")]
    assert amounts[:-1] == [entry.amount_fen for entry in paid] and amounts[-1] == sum(amounts[:-1])
    counties = table_of(path, "分县区汇总", "单位数")
    assert [fen(value) for value in column(counties, "奖补金额（元）")] == [8734567, 20000001, amounts[-1]]
    breaks = parts(path)["xl/worksheets/sheet1.xml"]
    assert '<rowBreaks count="1"' in breaks and '<brk id="6"' in breaks  # heading, two notes, head, two of computing


def test_names_of_persons_are_masked_in_the_public_table(make_cycle: Callable[..., SmallCycle]) -> None:
    item = Item("张三（电话13800138000）", "east", "computing", Outcome.AWARD, 100)
    path = written(make_cycle((item,)), "award_list")["xlsx"]
    shown = parts(path)["xl/worksheets/sheet1.xml"]
    assert "张三（电话" in shown and "13800138000" not in shown


def test_differences_tell_what_a_new_version_changed(small: SmallCycle) -> None:
    first = small.session.get_one(AwardList, small.entries[0].list_id)
    second = AwardList(**{**first.model_dump(), "id": None, "version": 2, "digest": "0" * 64})
    small.session.add(second)
    small.session.flush()
    for entry in small.entries:
        more = 100 if entry.number.endswith("1") else 0
        fields = entry.model_dump() | {"id": None, "list_id": second.id, "amount_fen": entry.amount_fen + more}
        small.session.add(AwardListEntry(**fields))
    small.session.commit()
    rows = table_of(written(small, "differences")["xlsx"], "名单差异", "受理编号")
    assert column(rows, "受理编号") == ["SB2025-00001", "合计"]
    assert [fen(value) for value in column(rows, "增减（元）")] == [100, 100]
    assert [fen(value) for value in column(rows, "本版金额（元）")] == [7500100, 7500100]


def test_differences_tell_what_is_not_paid_in_full(small: SmallCycle) -> None:
    payments = list(small.session.exec(select(Payment).order_by(col(Payment.number))))
    city, county = (each for each in payments if "00001" in each.number)
    city.status, city.paid_on = PaymentStatus.PAID, date(2026, 3, 20)
    county.status, county.failure = PaymentStatus.FAILED, "账号有误"
    west = next(each for each in payments if "00003" in each.number)
    west.status, west.paid_on = PaymentStatus.PAID, date(2026, 3, 20)
    small.session.add_all(payments)
    small.session.commit()
    path = written(small, "differences")["xlsx"]
    rows = table_of(path, "拨付差异", "受理编号")
    assert column(rows, "受理编号") == ["SB2025-00001", "SB2025-00002"]  # what is paid in full is no difference
    states = ("名单金额（元）", "已拨付（元）", "待拨付（元）", "拨付失败（元）", "未下达（元）")
    assert [[fen(column(rows, name)[place]) for name in states] for place in (0, 1)] == [
        [7500000, city.amount_fen, 0, county.amount_fen, 0],
        [1234567, 0, 1234567, 0, 0],
    ]
    assert column(rows, "失败原因") == ["账号有误", ""]
    changed = table_of(path, "核定差异", "受理编号")
    assert column(changed, "核定值") == ["187,500.00 元"] * sum(entry.measure == "computing" for entry in small.entries)


def test_only_the_cells_that_people_fill_in_are_open(small: SmallCycle) -> None:
    xml = parts(written(small, "payment_list")["xlsx"])
    totals, east = xml["xl/worksheets/sheet1.xml"], xml["xl/worksheets/sheet2.xml"]
    assert "<sheetProtection" in east and "<sheetProtection" not in totals
    styles = xml["xl/styles.xml"].split("<cellXfs")[1].split("</cellXfs>")[0].split("<xf ")[1:]
    places = re.findall(r'<c r="([A-Z]+)5" s="(\d+)"', east)  # the first payment, under heading, two notes and head
    assert [place for place, style in places if 'locked="0"' in styles[int(style)]] == ["I", "J", "K", "L"]
    assert len(places) == 12
    assert dict(re.findall(r'<dataValidation type="(\w+)"[^>]*sqref="([A-Z])', east)) == {"list": "I", "date": "J"}
