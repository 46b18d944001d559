"""Workbooks: exact text of typed cells, error values, merged cells, headers below titles, runaway sheets."""

import datetime as dt
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import xlsxwriter

from services.tables import ROW, TableError, Workbook, read_workbook
from services.tables.reading import read_bytes

FIXTURES = Path(__file__).parent / "fixtures"
Fill = Callable[[xlsxwriter.Workbook, xlsxwriter.worksheet.Worksheet], object]
Read = Callable[..., Workbook]
HEADINGS = ["企业名称", "统一社会信用代码", "金额", "日期"]


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(fill: Fill, known: tuple[str, ...] = ()) -> Workbook:
        path = tmp_path / "申报.xlsx"
        with xlsxwriter.Workbook(path) as book:
            fill(book, book.add_worksheet("申报表"))
        return read_workbook(path, known)

    return write_and_read


def causes(workbook: Workbook) -> list[tuple[int, str, str]]:
    return [(problem.row, problem.column, problem.cause) for problem in workbook.problems]


def column(workbook: Workbook, name: str) -> list[str]:
    return workbook.table().frame[name].to_list()


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (100000, "100000"),
        (1e15 / 10, "100000000000000"),
        (0.1 + 0.2, "0.3"),  # Excel's 15 digits, not the float's 17
        (3702.2999999999997, "3702.3"),
        (1.5e-7, "0.00000015"),
        (-5.25, "-5.25"),
        (99999.99, "99999.99"),
        (True, "TRUE"),
        ("  0012 ", "0012"),
    ],
)
def test_cells_become_the_text_that_excel_shows(read: Read, value: object, text: str) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "值"])
        sheet.write(1, 0, "甲")
        sheet.write(1, 1, value)

    assert column(read(fill), "值") == [text]


def test_characters_that_are_not_seen_are_left_out(read: Read) -> None:
    workbook = read(lambda _, sheet: sheet.write_column(0, 0, ["\ufeff代码", "\u200b 91\u200b35", "0017"]))
    assert column(workbook, "代码") == ["9135", "0017"]


def test_dates_and_times_are_iso(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "值"])
        formats = ["yyyy-mm-dd", 'yyyy"年"m"月"d"日"', "yyyy/m/d h:mm"]
        days = [dt.datetime(2025, 3, 1), dt.datetime(2025, 12, 31), dt.datetime(2025, 3, 1, 10, 30)]  # noqa: DTZ001
        for row, (day, shown) in enumerate(zip(days, formats, strict=True), start=1):
            sheet.write(row, 0, "甲")
            sheet.write_datetime(row, 1, day, book.add_format({"num_format": shown}))

    assert column(read(fill), "值") == ["2025-03-01", "2025-12-31", "2025-03-01 10:30:00"]


def test_a_long_code_typed_as_a_number_is_flagged_not_guessed(read: Read) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "发票号码"])
        sheet.write_row(1, 0, ["甲", 24352000000012345678])
        sheet.write_row(2, 0, ["乙", "24352000000012345678"])

    workbook = read(fill)
    assert column(workbook, "发票号码") == ["24352000000012345678"]
    assert causes(workbook) == [(2, "发票号码", "是按数字存放的长号码，Excel 只保留前 15 位，后面的数字已经丢失")]


def test_error_values_and_uncalculated_formulas_are_listed(read: Read, tmp_path: Path) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "金额"])
        for row, (formula, value) in enumerate([("=#REF!", "#REF!"), ("=1+1", 2), ("=A9/0", "#DIV/0!")], start=1):
            sheet.write(row, 0, f"企业{row}")
            sheet.write_formula(row, 1, formula, value=value)
        sheet.write_row(4, 0, ["企业4", "未算"])

    workbook = read(fill)
    assert [problem.value for problem in workbook.problems] == ["#REF!", "#DIV/0!"]
    assert workbook.table().frame.rows() == [("企业2", "2", 3), ("企业4", "未算", 5)]
    path = uncalculated(tmp_path / "申报.xlsx")
    assert (3, "金额", "有公式但没有保存计算结果") in causes(read_workbook(path))


def uncalculated(path: Path) -> Path:
    """A copy whose formulas carry no results, as some programs write them."""
    copy = path.with_name("未计算.xlsx")
    with zipfile.ZipFile(path) as source, zipfile.ZipFile(copy, "w") as target:
        for name in source.namelist():
            target.writestr(name, source.read(name).replace(b"<v>2</v>", b""))
    return copy


def test_the_header_is_found_below_titles_and_captions(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write(0, 0, "附件2")
        sheet.merge_range(1, 0, 1, 3, "2025年度人工智能产业奖补资金申报汇总表")
        sheet.write_row(2, 0, ["填报单位：某区工信局", "", "", "单位：元"])
        sheet.write_row(4, 0, HEADINGS)
        sheet.write_row(5, 0, ["甲", "91350600MA0000001H", 5, "2025-01-01"])

    sheet = read(fill).table()
    assert (sheet.header_row, sheet.columns) == (5, HEADINGS)
    assert sheet.frame[ROW].to_list() == [6]


def test_merged_two_row_headers_are_joined(read: Read) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.merge_range(0, 0, 0, 4, "汇总表")
        sheet.merge_range(1, 0, 2, 0, "序号")
        sheet.merge_range(1, 1, 1, 2, "企业\n信息")
        sheet.merge_range(1, 3, 1, 4, "金额（元）")
        sheet.write_row(2, 1, ["名称", "信用代码", "申报", "核定"])
        sheet.write_row(3, 0, [1, "甲", "x", 5, 4])

    sheet = read(fill).table()
    assert sheet.columns == ["序号", "企业信息-名称", "企业信息-信用代码", "金额（元）-申报", "金额（元）-核定"]
    assert sheet.frame.rows() == [("1", "甲", "x", "5", "4", 4)]


def test_cells_merged_over_rows_are_listed_because_their_value_has_no_single_row(read: Read) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "项目", "金额"])
        sheet.merge_range(1, 0, 2, 0, "甲")
        sheet.write_row(1, 1, ["一", 1])
        sheet.write_row(2, 1, ["二", 2])
        sheet.write_row(3, 0, ["乙", "三", 3])

    workbook = read(fill)
    assert column(workbook, "企业名称") == ["乙"]
    assert [problem.row for problem in workbook.problems] == [2, 3]
    assert all("跨行合并" in problem.cause for problem in workbook.problems)


def test_a_hidden_sheet_with_cells_is_a_problem_and_an_empty_one_is_none(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["a", "b"])
        sheet.write_row(1, 0, ["1", "2"])
        book.add_worksheet("空")
        book.add_worksheet("空的").hide()
        for name in ("2024", "WpsReserved_CellImgList"):
            hidden = book.add_worksheet(name)
            hidden.write(0, 0, "x")
            hidden.hide()

    workbook = read(fill)
    assert [sheet.name for sheet in workbook.sheets] == ["申报表"]
    (problem,) = workbook.problems
    assert "工作表「2024」第 1 行：这张工作表是隐藏的，没有读取；如应读取，请" in problem.sentence()


def test_a_workbook_of_hidden_sheets_alone_says_so(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, _: xlsxwriter.worksheet.Worksheet) -> None:
        hidden = book.add_worksheet("2024")
        hidden.write(0, 0, "x")
        hidden.hide()

    with pytest.raises(TableError, match="只有隐藏的工作表（「2024」）有数据"):
        read(fill)


def test_the_sheet_with_the_known_headings_is_taken(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["说明", "内容"])
        sheet.write_row(1, 0, ["一", "请逐项填写"])
        data = book.add_worksheet("数据")
        data.write_row(0, 0, HEADINGS)
        data.write_row(1, 0, ["甲", "x", 1, "y"])

    assert read(fill).table(HEADINGS).name == "数据"
    with pytest.raises(TableError, match="有 2 个工作表（「申报表」、「数据」）"):
        read(fill).table()


def test_a_far_stray_cell_is_refused_before_it_takes_all_memory(read: Read) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write(0, 0, "a")
        sheet.write(1048575, 16383, "z")

    with pytest.raises(TableError, match="1,048,576 行 × 16,384 列"):
        read(fill)


def test_a_workbook_that_would_take_all_memory_is_refused_and_this_process_lives(read: Read, tmp_path: Path) -> None:
    read(lambda _, sheet: sheet.write_row(0, 0, ["a", "b"]))
    path = tmp_path / "炸弹.xlsx"
    with zipfile.ZipFile(tmp_path / "申报.xlsx") as source, zipfile.ZipFile(path, "w") as target:
        for name in source.namelist():
            target.writestr(name, re.sub(rb'ount="\d+"', b'ount="99999999999"', source.read(name)))
    with pytest.raises(TableError, match="已损坏"):
        read_workbook(path)


def test_xls_is_read_with_dates_and_error_cells() -> None:
    """fixtures/errors.xls was written by xlwt: a title, a number and a date, #N/A, a number of 20 digits."""
    workbook = read_workbook(FIXTURES / "errors.xls")
    assert workbook.table().frame.rows() == [("示例甲公司", "1234.5", "2025-03-01", "", 3)]
    assert [(p.row, p.column, p.value) for p in workbook.problems] == [
        (4, "金额", "#N/A"),
        (5, "金额", "24352000000012300000"),
    ]


def test_a_percentage_is_read_as_it_is_shown(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["企业名称", "增速"])
        formats = ["0.0%", "0%", 10, "0.00%;[Red]-0.00%", '0.0"%"', "0.000"]
        for row, code in enumerate(formats, start=1):
            shown = book.add_format({"num_format": code})
            sheet.write(row, 0, "甲")
            sheet.write_number(row, 1, 0.085, shown)
        sheet.write_row(7, 0, ["甲", "8.5%"])
        sheet.write(8, 0, "乙")
        sheet.write_formula(8, 1, "=0.07", book.add_format({"num_format": 9}), 0.07)
        sheet.write(9, 0, "丙")
        sheet.write_blank(9, 1, None, book.add_format({"num_format": 9}))

    assert column(read(fill), "增速") == ["8.5%"] * 4 + ["0.085", "0.085", "8.5%", "7%", ""]


def test_percentages_of_an_xls_and_an_ods_are_read_as_they_are_shown(tmp_path: Path) -> None:
    """fixtures/percents.xls was written by xlwt: 0.085 in the formats 0.0%, 0%, 0.000, then twice in one row."""
    assert column(read_workbook(FIXTURES / "percents.xls"), "增速") == ["8.5%", "8.5%", "0.085", "8.5%"]
    assert column(read_workbook(FIXTURES / "percents.xls"), "行业") == ["", "", "", "12%"]
    workbook = read_workbook(ods(tmp_path / "申报.ods", "甲", "0.085", kind="percentage"))
    assert workbook.table().frame.rows() == [("甲", "8.5%", 2)]


def test_ods_is_read(tmp_path: Path) -> None:
    workbook = read_workbook(ods(tmp_path / "申报.ods", "甲", "1234.5"))
    assert workbook.table().frame.rows() == [("甲", "1234.5", 2)]


def ods(path: Path, name: str, amount: str, kind: str = "float") -> Path:
    """The smallest OpenDocument spreadsheet with one row."""
    spaces = "".join(
        f' xmlns:{prefix}="urn:oasis:names:tc:opendocument:xmlns:{prefix}:1.0"'
        for prefix in ("office", "table", "text")
    )
    cells = [
        [f'<table:table-cell office:value-type="string"><text:p>{text}</text:p></table:table-cell>' for text in row]
        for row in (["企业", "金额"], [name])
    ]
    cells[1].append(f'<table:table-cell office:value-type="{kind}" office:value="{amount}"/>')
    rows = "".join(f"<table:table-row>{''.join(row)}</table:table-row>" for row in cells)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr(
            "META-INF/manifest.xml",
            '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>',
        )
        archive.writestr(
            "content.xml",
            f"<office:document-content{spaces}><office:body><office:spreadsheet>"
            f'<table:table table:name="表">{rows}</table:table>'
            "</office:spreadsheet></office:body></office:document-content>",
        )
    return path


def test_a_word_document_under_another_suffix_is_named(tmp_path: Path) -> None:
    path = tmp_path / "申报.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("word/document.xml", "<w/>")
    with pytest.raises(TableError, match="是 Word 文档"):
        read_workbook(path)


def test_a_workbook_cut_short_is_refused(read: Read, tmp_path: Path) -> None:
    read(lambda _, sheet: sheet.write_row(0, 0, ["a", "b"]))
    path = tmp_path / "申报.xlsx"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(TableError, match="已损坏"):
        read_workbook(path)


def test_a_workbook_whose_styles_are_not_what_their_checksum_says_is_refused(tmp_path: Path) -> None:
    """Found by fuzzing: calamine does not look at the checksum, the reading of percentages does."""
    whole, path = tmp_path / "whole.xlsx", tmp_path / "book.xlsx"
    with xlsxwriter.Workbook(str(whole)) as book:
        book.add_worksheet().write_row(0, 0, ["企业名称", "比例"])
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as stored:
        for name in source.namelist():
            stored.writestr(name, source.read(name))
    changed = path.read_bytes().replace(b"<cellXfs count", b"<cellXfs Count")
    with pytest.raises(TableError, match="已损坏，无法读取工作簿的内容"):
        read_bytes(changed, "申报.xlsx", ())


def test_all_text_frames_have_only_strings_and_the_row(read: Read) -> None:
    workbook = read(lambda _, sheet: (sheet.write_row(0, 0, ["企业", "x"]), sheet.write_row(1, 0, ["a", 1.5])))
    assert workbook.table().frame.schema == {"企业": pl.String, "x": pl.String, ROW: pl.Int64}


def test_a_table_that_begins_away_from_the_corner_keeps_its_rows_and_columns(read: Read) -> None:
    def fill(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(4, 2, ["企业名称", "", "增速"])
        sheet.write_row(5, 2, ["甲", "无题", 0.5])
        sheet.write(6, 2, "乙")
        sheet.write_number(6, 4, 0.085, book.add_format({"num_format": 10}))
        sheet.write_row(7, 2, ["丙", "", "#REF!"])

    workbook = read(fill)
    sheet = workbook.table()
    assert (sheet.header_row, sheet.columns) == (5, ["企业名称", "（D 列）", "增速"])
    assert sheet.frame.rows() == [("甲", "无题", "0.5", 6), ("乙", "", "8.5%", 7)]
    assert causes(workbook) == [(8, "增速", "是公式错误值，没有可用的内容")]


def test_a_sheet_longer_than_a_slice_keeps_every_row(read: Read) -> None:
    def fill(_: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet) -> None:
        sheet.write_row(0, 0, ["编号", "金额"])
        for row in range(1, 20_011):
            sheet.write_row(row, 0, [f"A{row}", row if row % 2 else f"{row}.50"])

    frame = read(fill).table().frame
    assert frame.height == 20_010 and frame.row(20_004) == ("A20005", "20005", 20_006)
    assert frame.row(20_005) == ("A20006", "20006.50", 20_007)
