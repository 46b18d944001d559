"""Delimited text: encodings, delimiters, ragged rows and quotes, and damage that Excel leaves in an export."""

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.tables import ROW, TableError, Workbook, duplicate_rows, plain_text, read_workbook
from services.tables.plain_text import plain_cells
from services.tables.raw import rows_of
from services.tables.text import carefully

Read = Callable[[bytes | str], Workbook]
TABLE = "企业名称,金额,备注\r\n漳州示例科技有限公司,1234.50,〇喆\r\n"


@pytest.fixture
def read(tmp_path: Path) -> Read:
    def write_and_read(content: bytes | str) -> Workbook:
        path = tmp_path / "申报.csv"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return read_workbook(path)

    return write_and_read


def only_rows(workbook: Workbook) -> list[tuple[object, ...]]:
    return workbook.table().frame.rows()


def sentences(workbook: Workbook) -> list[str]:
    return [problem.sentence() for problem in workbook.problems]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "utf-16-be"])
def test_every_usual_encoding_gives_the_same_text(read: Read, encoding: str) -> None:
    workbook = read(TABLE.encode(encoding))
    assert only_rows(workbook) == [("漳州示例科技有限公司", "1234.50", "〇喆", 2)]
    assert workbook.table().columns == ["企业名称", "金额", "备注"]


def test_gbk_from_excel_is_read(read: Read) -> None:
    assert only_rows(read("企业,金额\n漳州龙头，公司,5\n".encode("gbk"))) == [("漳州龙头，公司", "5", 2)]


def test_bytes_in_no_encoding_are_refused_with_their_line_and_never_patched(read: Read) -> None:
    with pytest.raises(TableError, match="第 2 行附近的文字编码无法识别"):
        read("企业,金额\n".encode("gbk") + b"\xff\xfe\xff,5\n")


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|"])
def test_the_delimiter_is_found(read: Read, delimiter: str) -> None:
    assert only_rows(read(f"企业{delimiter}金额\n甲{delimiter}5\n")) == [("甲", "5", 2)]


def test_quoted_amounts_with_commas_do_not_cut_a_text_of_tabs(read: Read) -> None:
    """As Excel writes “Unicode 文本”."""
    text = '编号\t企业\t金额\nQ1\t甲\t"100,000.00"\nQ2\t乙\t"1,200,000.00"\n'
    assert only_rows(read(text.encode("utf-16"))) == [("Q1", "甲", "100,000.00", 2), ("Q2", "乙", "1,200,000.00", 3)]


def test_tabs_before_codes_do_not_cut_a_text_of_commas(read: Read) -> None:
    assert only_rows(read("编号,代码\nA1,\t0017\nA2,\t0018\n"))[0] == ("A1", "0017", 2)


@pytest.mark.parametrize("mark", ["\u200b", "\ufeff", "\u202d", "\u00ad"])
def test_characters_that_are_not_seen_are_left_out_of_cells_and_headings(read: Read, mark: str) -> None:
    workbook = read(f'{mark}企业,代码\n甲,{mark} 91{mark}35\n乙,"{mark}"\n')
    assert workbook.table().columns == ["企业", "代码"]
    assert only_rows(workbook) == [("甲", "9135", 2), ("乙", "", 3)]


def test_semicolons_inside_cells_do_not_make_columns(read: Read) -> None:
    assert only_rows(read("编号,发票\nA1,1;2;3\nA2,4;5;6\n"))[0] == ("A1", "1;2;3", 2)


def test_ragged_rows_are_listed_with_their_excel_row_and_the_others_go_on(read: Read) -> None:
    workbook = read("企业,金额,备注\n甲,1,\n乙,2\n\n丙,3,x,多\n丁,4,\n")
    assert [row[0] for row in only_rows(workbook)] == ["甲", "丁"]
    assert [row[-1] for row in only_rows(workbook)] == [2, 6]
    assert [problem.row for problem in workbook.problems] == [3, 5]
    assert "只有 2 格，比表头的 3 列少" in sentences(workbook)[0]
    assert "有 4 格，比表头的 3 列多" in sentences(workbook)[1]


def test_trailing_commas_are_no_fault(read: Read) -> None:
    workbook = read("企业,金额,,\n甲,1,,\n")
    assert only_rows(workbook) == [("甲", "1", 2)]
    assert workbook.problems == []


def test_a_forgotten_quote_swallows_no_later_row(read: Read) -> None:
    rows = "".join(f"企业{n},{n}\n" for n in range(3, 200))
    workbook = read(f'企业,金额\n"英寸,2\n{rows}')
    assert [row[0] for row in only_rows(workbook)] == [f"企业{n}" for n in range(3, 200)]
    assert [row[-1] for row in only_rows(workbook)] == list(range(3, 200))
    assert [problem.row for problem in workbook.problems] == [2]
    assert "引号不成对" in sentences(workbook)[0]


@pytest.mark.parametrize("line", ['"英寸,2', '"乙"x,2'])
def test_a_wrong_quote_in_a_short_file_is_listed_not_mended(read: Read, line: str) -> None:
    workbook = read(f"企业,金额\n甲,1\n{line}\n丙,3\n")
    assert only_rows(workbook) == [("甲", "1", 2), ("丙", "3", 4)]
    assert [(problem.row, problem.value) for problem in workbook.problems] == [(3, line)]


def test_a_quoted_cell_may_hold_commas_quotes_and_lines(read: Read) -> None:
    workbook = read('企业,备注\n甲,"一,二\n三""四"""\n乙,\n')
    assert only_rows(workbook) == [("甲", '一,二\n三"四"', 2), ("乙", "", 3)]


@pytest.mark.parametrize(
    ("cell", "cause"),
    [
        ("#REF!", "公式错误值"),
        ("########", "列宽不够"),
        ("2.4352E+19", "科学记数法"),
        ("漳州\ufffd公司", "乱码字符"),
    ],
)
def test_damage_done_before_is_listed_not_read(read: Read, cell: str, cause: str) -> None:
    workbook = read(f"企业,发票\n甲,{cell}\n乙,1\n")
    assert [row[0] for row in only_rows(workbook)] == ["乙"]
    (problem,) = workbook.problems
    assert (problem.row, problem.column, problem.value) == (2, "发票", cell)
    assert cause in problem.cause
    assert problem.sentence().startswith(f"「申报.csv」第 2 行「发票」列的值“{cell}”：")


def test_text_is_kept_as_written_but_for_spaces_around_it(read: Read) -> None:
    workbook = read('编号,金额\n　００１ , "\u00a01,234"\n')
    assert only_rows(workbook) == [("００１", "1,234", 2)]


@pytest.mark.parametrize(
    ("content", "cause"),
    [
        (b"", "是空文件"),
        (b"\xef\xbb\xbf\r\n", "是空文件"),
        (b",,,\n,,,\n", "没有任何数据"),
        (b"%PDF-1.7 ...", "是 PDF 文件"),
        (b"\x89PNG\r\n", "是图片"),
        (b"<html><table>", "网页"),
        (b"PK\x03\x04broken", "已损坏"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "打开密码"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "WordDocument".encode("utf-16-le"), "Word 文档"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "Workbook".encode("utf-16-le"), "已损坏"),
        (b"a,b\n\x00\x01\x02,\xff\x00\n" * 3, "二进制|编码"),
    ],
)
def test_what_is_no_table_is_refused_by_content_not_by_suffix(read: Read, content: bytes, cause: str) -> None:
    with pytest.raises(TableError, match=cause) as refusal:
        read(content)
    assert str(refusal.value).startswith("「申报.csv」")
    assert str(refusal.value).endswith("。")


def test_a_missing_file_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(TableError, match=r"「没有\.csv」无法打开"):
        read_workbook(tmp_path / "没有.csv")


def test_duplicate_rows_name_the_first(read: Read) -> None:
    frame = read("编号,金额\nA,1\nB,1\nA,2\n,3\n,3\nA,1\n").table().frame
    assert duplicate_rows(frame, ["编号"]).select(ROW, "_first_row").rows() == [(4, 2), (7, 2)]
    assert duplicate_rows(frame, ["编号", "金额"]).select(ROW, "_first_row").rows() == [(6, 5), (7, 2)]


def test_the_digest_tells_files_apart(read: Read) -> None:
    assert read("a,b\n1,2\n").sha256 == read("a,b\n1,2\n").sha256 != read("a,b\n1,3\n").sha256


PIECES = [
    "a,",
    "a",
    ",",
    "b,c\n",
    ",\n",
    "\n",
    "\r\n",
    "\r",
    "中",
    " ",
    "\u3000",
    "\x1f",
    "\t",
    ";",
    '"',
    '"a,b",',
    '""',
]
TEXTS = st.lists(st.sampled_from(PIECES[:8]) | st.sampled_from(PIECES), max_size=30).map("".join)


@given(TEXTS, st.sampled_from([",", ";", "\t"]))
def test_a_text_read_at_once_is_read_as_it_is_record_by_record(text: str, delimiter: str) -> None:
    at_once = plain_cells(text.encode(), delimiter)
    careful, faults = carefully(text, delimiter)
    if at_once is not None:
        assert not faults
        assert [row for row in rows_of(at_once) if any(row)] == [row for row in rows_of(careful) if any(row)]
        places = [index for index, row in enumerate(rows_of(careful)) if any(row)]
        assert places == [index for index, row in enumerate(rows_of(at_once)) if any(row)]


def test_texts_of_many_slices_keep_every_row(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plain_text, "_SLICE", 7)
    lines = [f'{number},"有,逗号",第{number}行' if number % 3 else f"{number},,x" for number in range(50)]
    found = plain_cells(("\r\n".join(lines) + "\r\n").encode(), ",")
    assert found is not None and found.height == 50
    assert found.row(49) == ("49", "有,逗号", "第49行") and found.row(48) == ("48", "", "x")
